/**
 * From a fingerprint to the row that a store keeps.
 * @module
 */
import { toHex } from '../base/bytes.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { FingerprintView } from '../connection/view.ts'
import { ShapeMemo } from '../fingerprint/shape-memo.ts'
import { makeFingerprints } from '../fingerprint/strings.ts'
import { guessHopDistance, guessInitialTtl, timeToLiveOf } from '../fingerprint/ttl.ts'
import { decodedSyn, type Syn } from '../wire/syn.ts'
import { withoutHosts } from '../wire/without-hosts.ts'
import { placeOf } from './address.ts'
import { keptText } from './text.ts'
import type { Observation, Stack } from './types.ts'

/** What a row has beside the fingerprint. */
export interface ObservationContext {
  readonly boot: string
  readonly host: string
  readonly cookie: string
  /** As it is kept. */
  readonly account: string
  /** Microseconds since 1970. */
  readonly seen: number
  readonly anonymize: boolean
  readonly keepSyn: boolean
}

/** The row of a connection; `undefined` where its peer is not known. */
export function observationOf(fingerprint: Fingerprint, context: ObservationContext): Observation | undefined {
  const { peer, timing } = fingerprint
  const syn = synOf(fingerprint)
  const place = peer && placeOf(peer.address)
  if (place === undefined) return undefined
  const timeToLive = syn && timeToLiveOf(syn)
  return {
    boot: context.boot,
    host: context.host,
    cookie: context.cookie,
    seen: context.seen,
    network: place.network,
    address: context.anonymize ? place.network : place.address,
    port: context.anonymize ? undefined : peer!.port,
    serverPort: fingerprint.local?.port,
    stack: stackOf(fingerprint),
    timeToLive,
    distance: timeToLive === undefined ? undefined : guessHopDistance(timeToLive),
    rtt: timing.handshakeRtt?.microseconds,
    rttProvenance: timing.handshakeRtt?.provenance,
    firstDataDelay: timing.firstDataDelayMilliseconds,
    tlsRoundTrip: timing.tlsRoundTripMilliseconds,
    requests: fingerprint.connection?.request ?? 1,
    account: context.account,
    syn: context.keepSyn ? syn && (context.anonymize ? anonymousHex(syn) : syn.hex) : undefined,
  }
}

/** What stacks of one shape have in common, and the one that was made last. */
interface StackShape {
  readonly facts: Omit<Stack, 'label' | 'family'>
  last: Stack | undefined
}

/** Made with the first SYN. Rows share stacks: a connection that is met leaves little to collect. */
let shapes: ShapeMemo<StackShape> | undefined

/** What the SYN says of the client's system; `undefined` where there is no SYN. */
export function stackOf(fingerprint: Fingerprint): Stack | undefined {
  const syn = synOf(fingerprint)
  if (syn === undefined) return undefined
  const { label } = fingerprint
  const name = label?.name
  const family = label?.family
  shapes ??= new ShapeMemo(stackShapeOf)
  const shape = shapes.of(syn)
  if (shape.last !== undefined && shape.last.label === name && shape.last.family === family) return shape.last
  // Frozen, because a sink has it in its hands.
  shape.last = Object.freeze({
    ...shape.facts,
    label: name === undefined ? undefined : keptText(name),
    family: family === undefined ? undefined : keptText(family),
  })
  return shape.last
}

/** Not the object that a handler has had in its hands, where there is another. */
const synOf = (fingerprint: Fingerprint): Syn | undefined =>
  fingerprint instanceof FingerprintView ? fingerprint.ownSyn : fingerprint.syn && decodedSyn(fingerprint.syn)

function stackShapeOf(syn: Syn): StackShape {
  const { p0f, muonfp, haproxy } = makeFingerprints(syn)
  const { mss, window, windowScale, optionKinds } = syn.tcp
  const initial = guessInitialTtl(timeToLiveOf(syn))
  const facts = {
    stack: p0f.replace(/^(\d:)\d+\+[\d?]+/, (_, version: string) => `${version}${initial}`),
    muonfp,
    haproxy,
    mss,
    window,
    scale: windowScale,
    options: optionKinds.join(','),
  }
  return { facts, last: undefined }
}

/** The SYN in hexadecimal without hosts and source port: `anonymize` never writes the host part. */
function anonymousHex(syn: Syn): string {
  const { octets, tcpAt } = withoutHosts(syn)
  octets.fill(0, tcpAt, tcpAt + 2)
  return toHex(octets)
}
