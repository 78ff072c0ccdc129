/**
 * From a fingerprint to the row that a store keeps.
 * @module
 */
import { toHex } from '../base/bytes.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { guessHopDistance, guessInitialTtl } from '../fingerprint/ttl.ts'
import type { Syn } from '../wire/syn.ts'
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
  const { peer, syn, timing } = fingerprint
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
    syn: context.keepSyn ? syn && (context.anonymize ? withoutHost(syn) : syn.hex) : undefined,
  }
}

const timeToLiveOf = ({ ip }: Syn): number => (ip.version === 4 ? ip.timeToLive : ip.hopLimit)

/** What the SYN says of the client's system; `undefined` where there is no SYN. */
export function stackOf(fingerprint: Fingerprint): Stack | undefined {
  const { syn, fingerprints, label } = fingerprint
  if (syn === undefined || fingerprints === undefined) return undefined
  return {
    stack: fingerprints.p0f.replace(
      /^(\d:)\d+\+[\d?]+/,
      (_, version: string) => `${version}${guessInitialTtl(timeToLiveOf(syn))}`,
    ),
    muonfp: fingerprints.muonfp,
    haproxy: fingerprints.haproxy,
    mss: syn.tcp.mss,
    window: syn.tcp.window,
    scale: syn.tcp.windowScale,
    options: syn.tcp.optionKinds.join(','),
    label: label?.name === undefined ? undefined : keptText(label.name),
    family: label?.family === undefined ? undefined : keptText(label.family),
  }
}

/**
 * The SYN without what tells the host: addresses, source port and the checksums over them, from which the last octet could be
 * computed. `anonymize` never writes the host part.
 */
function withoutHost({ bytes, ip, ipOffset }: Syn): string {
  const octets = bytes.slice()
  const tcpAt = ipOffset + (ip.version === 4 ? ip.headerLength : 40 + ip.extensionsLength)
  // IPv4: checksum, addresses, and options, which may record a route. RFC 791 section 3.1, RFC 8200 section 3.
  if (ip.version === 4) octets.fill(0, ipOffset + 10, tcpAt)
  else octets.fill(0, ipOffset + 8, ipOffset + 40)
  // RFC 9293 section 3.1: source port, checksum.
  octets.fill(0, tcpAt, tcpAt + 2)
  octets.fill(0, tcpAt + 16, tcpAt + 18)
  return toHex(octets)
}
