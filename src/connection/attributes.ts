/**
 * A fingerprint as OpenTelemetry attributes: for spans, log records and metrics of any exporter. Loads no OpenTelemetry package.
 * @module
 */
import type { Fingerprint } from './fingerprint.ts'

/** What an attribute may hold here. */
export type AttributeValue = string | number | boolean

/** Which attributes to make. */
export interface AttributeOptions {
  /** Addresses and ports of the client: personal data where the store is not made for it. Default true. */
  readonly addresses?: boolean | undefined
}

type Value = AttributeValue | undefined

const seconds = (microseconds: number | undefined): number | undefined =>
  microseconds === undefined ? undefined : microseconds / 1_000_000

/** What `network.*` is about: the connection of the socket, behind a proxy another one than the client's. */
const socket = (fingerprint: Fingerprint): Fingerprint => fingerprint.hop ?? fingerprint

/** Names of the semantic conventions (stable): where the connection comes from and what it is. */
const ADDRESSES: readonly (readonly [name: string, read: (fingerprint: Fingerprint) => Value])[] = [
  ['client.address', ({ peer }) => peer?.address],
  ['client.port', ({ peer }) => peer?.port],
  ['network.peer.address', (fingerprint) => socket(fingerprint).peer?.address],
  ['network.peer.port', (fingerprint) => socket(fingerprint).peer?.port],
]

/** The same for what is no address, then own names under `tcp.`: the conventions have none. Durations in seconds. */
const FACTS: readonly (readonly [name: string, read: (fingerprint: Fingerprint) => Value])[] = [
  ['network.local.port', (fingerprint) => socket(fingerprint).local?.port],
  ['network.transport', (fingerprint) => transport(socket(fingerprint))],
  ['network.type', (fingerprint) => type(socket(fingerprint))],
  ['tcp.fingerprint.source', ({ source }) => source],
  ['tcp.fingerprint.reason', ({ reason }) => reason],
  ['tcp.fingerprint.p0f', ({ fingerprints }) => fingerprints?.p0f],
  ['tcp.fingerprint.muonfp', ({ fingerprints }) => fingerprints?.muonfp],
  ['tcp.fingerprint.haproxy', ({ fingerprints }) => fingerprints?.haproxy],
  ['tcp.fingerprint.label', ({ label }) => label?.name],
  ['tcp.fingerprint.link', ({ label }) => label?.link],
  ['tcp.fingerprint.distance', ({ label }) => label?.distance],
  ['tcp.syn.ttl', ({ syn }) => syn && (syn.ip.version === 4 ? syn.ip.timeToLive : syn.ip.hopLimit)],
  ['tcp.syn.window', ({ syn }) => syn?.tcp.window],
  ['tcp.syn.window_scale', ({ syn }) => syn?.tcp.windowScale],
  ['tcp.syn.mss', ({ syn }) => syn?.tcp.mss],
  ['tcp.syn.options', ({ syn }) => syn?.tcp.optionKinds.join()],
  ['tcp.connection.request', ({ connection }) => connection?.request],
  ['tcp.rtt', ({ timing }) => seconds(timing.rtt?.microseconds)],
  ['tcp.rtt_variation', ({ tcpInfo }) => seconds(tcpInfo?.rttvar)],
  ['tcp.handshake_rtt', ({ timing }) => seconds(timing.handshakeRtt?.microseconds)],
  ['tcp.handshake_rtt.provenance', ({ timing }) => timing.handshakeRtt?.provenance],
  [
    'tcp.first_data_delay',
    ({ timing: { firstDataDelayMilliseconds: delay } }) => (delay === undefined ? undefined : delay / 1000),
  ],
  ['tcp.retransmits', ({ tcpInfo }) => tcpInfo?.total_retrans],
]

/**
 * The attributes of a fingerprint; an absent fact is an absent key. Durations are in seconds, as OpenTelemetry wants them.
 *
 * For spans and logs. Most values have far too many possibilities for the label of a metric: use `label?.name`,
 * `timing.handshakeRtt?.provenance` or `source` there.
 *
 * @see {@link https://opentelemetry.io/docs/specs/semconv/registry/attributes/network/ semantic conventions}
 * @example
 * trace.getActiveSpan()?.setAttributes(toAttributes(c.var.fingerprint))
 */
export function toAttributes(fingerprint: Fingerprint, options: AttributeOptions = {}): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {}
  for (const table of options.addresses === false ? [FACTS] : [ADDRESSES, FACTS]) {
    for (const [name, read] of table) {
      const value = read(fingerprint)
      if (value !== undefined && value !== '') attributes[name] = value
    }
  }
  return attributes
}

function transport({ reason, available, peer }: Fingerprint): string | undefined {
  if (reason === 'unix-socket') return 'unix'
  // Without an address it is a virtual machine's socket (Deno), for which the conventions have no value.
  if (reason === 'not-tcp') return peer && 'quic'
  return available ? 'tcp' : undefined
}

function type({ syn, peer }: Fingerprint): string | undefined {
  if (syn !== undefined) return syn.ip.version === 4 ? 'ipv4' : 'ipv6'
  if (peer === undefined) return undefined
  return peer.address.includes(':') ? 'ipv6' : 'ipv4'
}
