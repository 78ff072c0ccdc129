/**
 * Every fact that has a name outside this process, in one row: its `FINGERPRINT_*` variable, its OpenTelemetry attribute, where its
 * value comes from, and its unit. The environment of scripts, log fields, JSON log members and attributes follow from the rows.
 * @module
 */
import { toHex } from '../base/bytes.ts'
import { lazy } from '../base/lazy.ts'
import type { Fingerprints } from '../fingerprint/strings.ts'
import { timeToLiveOf } from '../fingerprint/ttl.ts'
import type { Syn } from '../wire/syn.ts'
import { safeParseTcpInfo, TCP_INFO_FIELDS, type TcpInfo } from '../wire/tcp-info.ts'
import type { TcpInfoName } from '../wire/tcp-info-names.ts'
import { DELIVERY_FIELDS, type Delivery } from './delivery.ts'
import type { Fingerprint } from './fingerprint.ts'
import type { SynFacts } from './syn-facts.ts'

/** Which raw dumps go into the environment; both are off by default. */
export interface EnvOptions {
  /** `FINGERPRINT_SAVED_SYN`: the saved SYN in lower-case hex. */
  readonly savedSyn?: boolean | undefined
  /** `FINGERPRINT_TCP_INFO`: `struct tcp_info` as the kernel gave it, in lower-case hex. */
  readonly tcpInfo?: boolean | undefined
}

type Value = string | number | undefined
type Row = Omit<FactRow, 'variable' | 'attribute' | 'read'>

/** One fact. */
export interface FactRow {
  /** Its environment variable and log field; `undefined` where it has none. */
  readonly variable: string | undefined
  /** Its OpenTelemetry attribute; `undefined` where it has none. */
  readonly attribute: string | undefined
  /** Its value; `undefined` where it is absent. */
  readonly read: (fingerprint: Fingerprint) => Value
  /** The same, from the SYN and its strings alone, where that is enough: the same for all requests of a connection. */
  readonly readSyn?: (syn: Syn, strings: Fingerprints) => Value
  /** Unit of the value. Attributes are in seconds. */
  readonly unit?: 'microseconds' | 'milliseconds'
  /** Unit of the variable, where it is another one than the value's. */
  readonly variableUnit?: 'microseconds'
  /** A number as text: JSON log lines print it as a number. */
  readonly number?: boolean
  /** A raw dump, which an option asks for. */
  readonly dump?: keyof EnvOptions
  /** An address or port of the client: personal data. */
  readonly address?: boolean
}

const fact = (
  variable: string | undefined,
  attribute: string | undefined,
  read: FactRow['read'],
  more: Row = {},
): FactRow => ({ ...more, variable, attribute, read })

const synFact = (
  variable: string,
  attribute: string | undefined,
  readSyn: (syn: Syn) => Value,
  more: Row = {},
): FactRow => fact(variable, attribute, ({ syn }) => syn && readSyn(syn), { ...more, readSyn })

const stringFact = (variable: string, attribute: string, name: keyof Fingerprints): FactRow =>
  fact(variable, attribute, ({ fingerprints }) => fingerprints?.[name], { readSyn: (_, strings) => strings[name] })

const NUMBER: Row = { number: true }

/** What `network.*` is about: the connection of the socket, behind a proxy another one than the client's. */
const socket = (fingerprint: Fingerprint): Fingerprint => fingerprint.hop ?? fingerprint

/** Names of the semantic conventions (stable): where the connection comes from and what it is. */
const networkRows = (): readonly FactRow[] => [
  fact(undefined, 'client.address', ({ peer }) => peer?.address, { address: true }),
  fact(undefined, 'client.port', ({ peer }) => peer?.port, { address: true }),
  fact(undefined, 'network.peer.address', (one) => socket(one).peer?.address, { address: true }),
  fact(undefined, 'network.peer.port', (one) => socket(one).peer?.port, { address: true }),
  fact(undefined, 'network.local.port', (one) => socket(one).local?.port),
  fact(undefined, 'network.transport', (one) => transport(socket(one))),
  fact(undefined, 'network.type', (one) => type(socket(one))),
]

/** Headers of the SYN. Names of variables: those of mod_tcpfingerprint, and README. Own attributes: the conventions have none. */
const synRows = (): readonly FactRow[] => [
  synFact('FINGERPRINT_IP_TTL', 'tcp.syn.ttl', timeToLiveOf, NUMBER),
  synFact('FINGERPRINT_IP_DF', undefined, ({ ip }) => (ip.version === 4 ? Number(ip.dontFragment) : undefined), NUMBER),
  synFact('FINGERPRINT_IP_ECN', undefined, ({ ip }) => ip.ecn, NUMBER),
  synFact('FINGERPRINT_TCP_WSIZE', 'tcp.syn.window', ({ tcp }) => tcp.window, NUMBER),
  synFact('FINGERPRINT_TCP_WSCALE', 'tcp.syn.window_scale', ({ tcp }) => tcp.windowScale, NUMBER),
  synFact('FINGERPRINT_TCP_MSS', 'tcp.syn.mss', ({ tcp }) => tcp.mss, NUMBER),
  synFact('FINGERPRINT_TCP_OPTIONS', 'tcp.syn.options', ({ tcp }) => tcp.optionKinds.join()),
  synFact('FINGERPRINT_TCP_ECN', undefined, ({ tcp: { flags } }) => Number(flags.ece) + 2 * Number(flags.cwr), NUMBER),
]

/** The connection over time. */
const timingRows = (): readonly FactRow[] => [
  fact(undefined, 'tcp.connection.request', ({ connection }) => connection?.request),
  fact('FINGERPRINT_TCP_RTT', 'tcp.rtt', ({ timing }) => timing.rtt?.microseconds, {
    number: true,
    unit: 'microseconds',
  }),
  fact(undefined, 'tcp.rtt_variation', ({ tcpInfo }) => tcpInfo?.rttvar, { unit: 'microseconds' }),
  fact('FINGERPRINT_ACCEPT_TIME', undefined, acceptTime, {
    number: true,
    unit: 'milliseconds',
    variableUnit: 'microseconds',
  }),
  fact('FINGERPRINT_SAVED_SYN', undefined, ({ syn }) => syn?.hex, { dump: 'savedSyn' }),
  fact('FINGERPRINT_TCP_INFO', undefined, ({ tcpInfoBytes }) => tcpInfoBytes && toHex(tcpInfoBytes), {
    dump: 'tcpInfo',
  }),
  fact('FINGERPRINT_TCP_HANDSHAKE_RTT', 'tcp.handshake_rtt', ({ timing }) => timing.handshakeRtt?.microseconds, {
    number: true,
    unit: 'microseconds',
  }),
  fact(
    'FINGERPRINT_TCP_HANDSHAKE_RTT_SOURCE',
    'tcp.handshake_rtt.provenance',
    ({ timing }) => timing.handshakeRtt?.provenance,
  ),
  fact('FINGERPRINT_FIRST_DATA_DELAY', 'tcp.first_data_delay', ({ timing }) => timing.firstDataDelayMilliseconds, {
    number: true,
    unit: 'milliseconds',
  }),
  fact('FINGERPRINT_TLS_ROUND_TRIP', 'tls.round_trip', ({ timing }) => timing.tlsRoundTripMilliseconds, {
    number: true,
    unit: 'milliseconds',
  }),
  fact(undefined, 'tcp.retransmits', ({ tcpInfo }) => tcpInfo?.total_retrans),
]

/** Strings and names. HAProxy's digits and a label are text also where they look like a number. */
const nameRows = (): readonly FactRow[] => [
  stringFact('FINGERPRINT_P0F', 'tcp.fingerprint.p0f', 'p0f'),
  stringFact('FINGERPRINT_MUONFP', 'tcp.fingerprint.muonfp', 'muonfp'),
  stringFact('FINGERPRINT_HAPROXY', 'tcp.fingerprint.haproxy', 'haproxy'),
  fact('FINGERPRINT_LABEL', 'tcp.fingerprint.label', ({ label }) => label?.name),
  fact('FINGERPRINT_LINK', 'tcp.fingerprint.link', ({ label }) => label?.link),
  fact('FINGERPRINT_DISTANCE', 'tcp.fingerprint.distance', ({ label }) => label?.distance, NUMBER),
]

const originRows = (): readonly FactRow[] => [
  fact('FINGERPRINT_SOURCE', 'tcp.fingerprint.source', ({ source }) => source),
  fact('FINGERPRINT_REASON', 'tcp.fingerprint.reason', ({ reason }) => reason),
]

const deliveryRows = (): readonly FactRow[] =>
  DELIVERY_FIELDS.map(([name, attribute, unit]) =>
    fact(undefined, attribute, ({ delivery }) => delivery?.[name], unit === undefined ? {} : { unit }),
  )

/** Facts with a variable, in the order of the environment. */
const variables: () => readonly (FactRow & { readonly variable: string })[] = /* @__PURE__ */ lazy(
  () => [synRows(), timingRows(), nameRows(), originRows()].flat().filter((row) => row.variable !== undefined) as never,
)

/** Facts with an attribute, in the order of the attributes. */
const attributes: () => readonly (FactRow & { readonly attribute: string })[] = /* @__PURE__ */ lazy(
  () =>
    [networkRows(), originRows(), nameRows(), synRows(), timingRows(), deliveryRows()]
      .flat()
      .filter((row) => row.attribute !== undefined) as never,
)

/** The names of all variables, or of those whose rows are wanted. */
export function variableNames(isWanted: (row: FactRow) => boolean = () => true): readonly string[] {
  return variables()
    .filter(isWanted)
    .map((row) => row.variable)
}

/** The variables of raw dumps: `FINGERPRINT_SAVED_SYN`, `FINGERPRINT_TCP_INFO`. */
export const dumpNames = (): readonly string[] => variableNames((row) => row.dump !== undefined)

/** Variables that hold a decimal number, which JSON prints as one. */
export const numberNames: () => ReadonlySet<string> = /* @__PURE__ */ lazy(
  () => new Set(variableNames((row) => row.number === true)),
)

/**
 * The `FINGERPRINT_*` variables of a fingerprint, for the environment of a subprocess.
 *
 * Values are decimal but for text and the dumps, which are hexadecimal; an absent fact is an absent key. No value holds a control
 * character: NUL would make `spawn` throw, and a line break could pass for another variable where the environment is printed.
 *
 * @example
 * Bun.spawn(['./handler'], { env: { PATH: '/usr/bin', ...toEnv(c.var.fingerprint) } })
 */
export function toEnv(fingerprint: Fingerprint, options: EnvOptions = {}): Record<string, string> {
  return textsOf(fingerprint, options, undefined)
}

/** The raw dumps of a fingerprint, whatever the options of the environment say: a log format may name them. */
export function dumpsOf(fingerprint: Pick<Fingerprint, 'syn' | 'tcpInfoBytes'>): Record<string, string> {
  const dumps: Record<string, string> = {}
  for (const row of variables()) {
    if (row.dump === undefined) continue
    const text = textOf(row, row.read(fingerprint as Fingerprint))
    if (text !== undefined) dumps[row.variable] = text
  }
  return dumps
}

/** Where single fields are found that log formats name. */
export interface FieldSource {
  /** TCP_INFO of the request. */
  readonly tcpInfo?: TcpInfo | undefined
  readonly delivery?: Delivery | undefined
  /** With `FINGERPRINT_TCP_INFO`, where there is no `tcpInfo`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
}

/** Reads one field. */
export type FieldReader = (source: FieldSource) => number | undefined

/** By the group's name, which is like a variable's: the reader of a field, in any case; `undefined` where there is no such field. */
export const FIELD_READERS: Readonly<Record<string, (field: string) => FieldReader | undefined>> = {
  /** The kernel's names without `tcpi_`. */
  FINGERPRINT_TCP_INFO: tcpInfoReader,
  /** The names of `delivery`. */
  FINGERPRINT_DELIVERY: (field) => {
    const row = DELIVERY_FIELDS.find(([name]) => name.toLowerCase() === field.toLowerCase())
    return row && (({ delivery }) => delivery?.[row[0]])
  },
}

function tcpInfoReader(name: string): FieldReader | undefined {
  const field = name.toLowerCase() as TcpInfoName
  if (!TCP_INFO_FIELDS.some(([known]) => known === field)) return undefined
  return ({ tcpInfo, env }) => {
    if (tcpInfo !== undefined) return tcpInfo[field]
    const dump = env?.FINGERPRINT_TCP_INFO
    const decoded = dump === undefined ? undefined : safeParseTcpInfo(dump)
    return decoded?.ok === true ? decoded.value[field] : undefined
  }
}

/** A fingerprint of this library's own. */
export interface EnvSource extends Fingerprint {
  readonly envOptions: EnvOptions
  /** What follows from its SYN, and is kept for all requests of the connection. */
  readonly synFacts: SynFacts | undefined
}

/** The same as {@link toEnv} under the options that go with it, with what follows from the SYN alone made once per connection. */
export function envOf(fingerprint: EnvSource): Record<string, string> {
  const { synFacts: facts } = fingerprint
  const known = facts?.own && (facts.texts ??= synTexts(facts.own, facts.strings!))
  return textsOf(fingerprint, fingerprint.envOptions, known)
}

function textsOf(
  fingerprint: Fingerprint,
  options: EnvOptions,
  known: readonly (string | undefined)[] | undefined,
): Record<string, string> {
  const env: Record<string, string> = {}
  const rows = variables()
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    if (row.dump !== undefined && options[row.dump] !== true) continue
    const text = known !== undefined && row.readSyn !== undefined ? known[i] : textOf(row, row.read(fingerprint))
    if (text !== undefined) env[row.variable] = text
  }
  return env
}

/** Texts of the rows that the SYN alone gives, at the places of their rows. */
function synTexts(syn: Syn, strings: Fingerprints): readonly (string | undefined)[] {
  return variables().map((row) => row.readSyn && textOf(row, row.readSyn(syn, strings)))
}

function textOf({ unit, variableUnit }: FactRow, value: Value): string | undefined {
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return safeText(value)
  return String(unit === 'milliseconds' && variableUnit === 'microseconds' ? value * 1000 : value)
}

const safeText = (text: string): string => text.replace(/[\u0000-\u001f\u007f]/g, '')

/** What an attribute may hold here. */
export type AttributeValue = string | number | boolean

/** Which attributes to make. */
export interface AttributeOptions {
  /** Addresses and ports of the client: personal data where the store is not made for it. Default true. */
  readonly addresses?: boolean | undefined
}

const PER_SECOND = { microseconds: 1_000_000, milliseconds: 1000 } as const

/**
 * A fingerprint as OpenTelemetry attributes; an absent fact is an absent key.
 * Durations are in seconds, as OpenTelemetry wants them. Loads no OpenTelemetry package.
 *
 * Most values are too many for the label of a metric: use `label?.name`, `timing.handshakeRtt?.provenance` or `source` there.
 *
 * @see {@link https://opentelemetry.io/docs/specs/semconv/registry/attributes/network/ semantic conventions}
 * @example
 * trace.getActiveSpan()?.setAttributes(toAttributes(c.var.fingerprint))
 */
export function toAttributes(fingerprint: Fingerprint, options: AttributeOptions = {}): Record<string, AttributeValue> {
  const made: Record<string, AttributeValue> = {}
  for (const { attribute, read, unit, address } of attributes()) {
    if (address === true && options.addresses === false) continue
    const value = read(fingerprint)
    if (value === undefined || value === '') continue
    made[attribute] = unit === undefined ? value : (value as number) / PER_SECOND[unit]
  }
  return made
}

function acceptTime({ timing }: Fingerprint): number | undefined {
  if (timing.acceptTimeMilliseconds !== undefined) return timing.acceptTimeMilliseconds
  // A fingerprint that came as JSON; what is no time is none.
  return Date.parse(String(timing.acceptTime)) || undefined
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
