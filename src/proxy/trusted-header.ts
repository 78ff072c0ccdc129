/**
 * Facts of a client's connection from a header that a proxy sets: which peers are believed, what a value may be, and how it is
 * taken off the request. Decides nothing about sockets; a value is as untrusted as a packet, and read by the same decoders.
 * @module
 */
import { fromHex } from '../base/bytes.ts'
import { type AddressWords, createAddressWords, parseAddress } from '../wire/sockaddr.ts'
import { type Syn, safeParseSyn } from '../wire/syn.ts'
import { AddressBlocks } from './address-blocks.ts'
import { type Forwarded, type ForwardedPeer, readForwarded } from './forwarded.ts'

/** One header that is believed when the socket's own peer is one of `from`. */
export interface TrustedHeader {
  /** Name, in any case. */
  readonly header: string
  /**
   * What the value is: `'syn'` the saved SYN (HAProxy's `fc_saved_syn`, Apache's `FINGERPRINT_SAVED_SYN`), `'tcp-info'` a
   * `struct tcp_info`, `'rtt'` microseconds in decimal (nginx's `$tcpinfo_rtt`), `'address'` the client's address.
   *
   * Of `X-Forwarded-For` (and other names that end in `Forwarded-For`) and `Forwarded` (RFC 7239) the client is the last address
   * that is not in `from`; any other header, such as `X-Real-IP`, holds one address. A port may follow each.
   */
  readonly kind: 'syn' | 'tcp-info' | 'rtt' | 'address'
  /** How octets are written, for `'syn'` and `'tcp-info'`. Default `'hex'`. */
  readonly encoding?: 'hex' | 'base64' | undefined
  /** For `'address'`: the header that holds the client's port in decimal, where the address comes without. */
  readonly portHeader?: string | undefined
  /** Peers that are believed: `'10.0.0.0/8'`, `'2001:db8::/32'`, single addresses, `'unix'` for peers on unix sockets. */
  readonly from: readonly string[]
}

/** What the headers of one request say of the client's connection. */
export interface HeaderFacts {
  readonly syn?: Syn
  readonly tcpInfoBytes?: Uint8Array
  readonly rttMicroseconds?: number
  /** The client's end, where a header names it. For all of its requests: not to be handed out. */
  readonly peer?: ForwardedPeer
  /** Why a value was refused, in words; the fact is absent then. */
  readonly problems: readonly string[]
}

type MutableFacts = { -readonly [Name in keyof HeaderFacts]: HeaderFacts[Name] }

/** Values taken off a request, by the name of their header in lower case. */
export type TakenValues = ReadonlyMap<string, string>

/** Longest values: 256 octets of SYN, 512 of `struct tcp_info`, 2^32-1 microseconds. */
const MOST_OCTETS = { syn: 256, 'tcp-info': 512 } as const
const RTT = /^(?:0|[1-9]\d{0,9})$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/
/** What proxies write where they have no value: nothing, Apache's "(null)", "-". */
const NO_VALUE: ReadonlySet<string> = new Set(['', '-', '(null)'])

/** Values that name clients: so many were read and are remembered, of so many characters at most. A client's requests repeat them. */
const REMEMBERED = 4096
const LONGEST_REMEMBERED = 128

interface Rule {
  readonly name: string
  readonly portName: string | undefined
  readonly kind: TrustedHeader['kind']
  readonly encoding: 'hex' | 'base64'
  readonly from: AddressBlocks
  /** What values of this header, and of that with the port, name. */
  readonly clients: Map<string, Forwarded>
}

/** The trusted headers of one fingerprinter. */
export class TrustedHeaders {
  readonly #rules: readonly Rule[]
  /** Every header that is taken off requests, in lower case. */
  readonly names: readonly string[]
  readonly #words: AddressWords = createAddressWords()

  /** @throws {TypeError} an address block that is none, a name that is none, or two headers of one kind */
  constructor(options: readonly TrustedHeader[]) {
    this.#rules = options.map(({ header, kind, encoding, portHeader, from }) => ({
      name: header.toLowerCase(),
      portName: portHeader?.toLowerCase(),
      kind,
      encoding: encoding ?? 'hex',
      from: new AddressBlocks(from),
      clients: new Map(),
    }))
    this.names = this.#rules.flatMap(({ name, portName }) => (portName === undefined ? [name] : [name, portName]))
    for (const [index, name] of this.names.entries()) {
      if (this.names.indexOf(name) !== index) throw new TypeError(`"${name}" is the second header of its name or kind`)
    }
    for (const [index, { kind, name }] of this.#rules.entries()) {
      const again = this.#rules.findIndex((other) => other.kind === kind)
      if (again !== index) throw new TypeError(`"${name}" is the second header of its name or kind`)
    }
  }

  /** True if one of them names the client. */
  get namesClients(): boolean {
    return this.#rules.some(({ kind }) => kind === 'address')
  }

  /** The values that are on a request, from any peer; `undefined` where there is none at all. */
  values(headers: Headers): TakenValues | undefined {
    let values: Map<string, string> | undefined
    for (const name of this.names) {
      const value = headers.get(name)
      if (value === null) continue
      values ??= new Map()
      values.set(name, value)
    }
    return values
  }

  /**
   * What the values say, as far as this peer is believed; `undefined` where it is not believed at all. `address` is `undefined` for a
   * peer on a unix socket. No value makes it throw.
   */
  read(values: TakenValues | undefined, address: string | undefined): HeaderFacts | undefined {
    const words = this.#words
    if (address !== undefined && !parseAddress(address, words)) return undefined
    let facts: MutableFacts | undefined
    const problems: string[] = []
    for (const rule of this.#rules) {
      if (!(address === undefined ? rule.from.unix : rule.from.has(words))) continue
      facts ??= { problems }
      const text = values?.get(rule.name)?.trim()
      if (text === undefined || NO_VALUE.has(text)) continue
      const problem = rule.kind === 'address' ? readPeer(rule, text, values!, facts) : readValue(rule, text, facts)
      if (problem !== undefined) problems.push(`header "${rule.name}" ${problem}`)
    }
    return facts
  }
}

/** Adds the client's end; what is wrong with the value otherwise. */
function readPeer(
  { name, portName, from, clients }: Rule,
  text: string,
  values: TakenValues,
  facts: MutableFacts,
): string | undefined {
  const given = portName === undefined ? undefined : values.get(portName)?.trim()
  const port = given === undefined || NO_VALUE.has(given) ? undefined : given
  // No value of a header has a line break.
  const key = port === undefined ? text : `${text}\n${port}`
  let found = clients.get(key)
  if (found === undefined) {
    found = readForwarded(name, text, from, port)
    if (clients.size === REMEMBERED) clients.clear()
    if (key.length <= LONGEST_REMEMBERED) clients.set(key, found)
  }
  if (typeof found === 'string') return found
  facts.peer = found
  return undefined
}

/** Adds the fact of one value; what is wrong with it otherwise. */
function readValue(rule: Rule, text: string, facts: MutableFacts): string | undefined {
  // Runtimes join the values of a repeated header, and none of the kinds has a comma.
  if (text.includes(',')) return 'has more than one value'
  if (rule.kind === 'rtt') {
    if (!RTT.test(text) || Number(text) > 0xffff_ffff) return 'is no number of microseconds'
    facts.rttMicroseconds = Number(text)
    return undefined
  }
  const most = MOST_OCTETS[rule.kind as keyof typeof MOST_OCTETS]
  if (text.length > 2 * most) return 'is too long'
  const octets = decode(rule.encoding, text)
  if (octets === undefined) return `is no ${rule.encoding}`
  if (octets.length > most) return 'is too long'
  if (rule.kind === 'tcp-info') {
    facts.tcpInfoBytes = octets
    return undefined
  }
  const syn = safeParseSyn(octets)
  if (!syn.ok) return `is no SYN: ${syn.error.reason} at offset ${syn.error.offset}`
  facts.syn = syn.value
  return undefined
}

function decode(encoding: 'hex' | 'base64', text: string): Uint8Array | undefined {
  if (encoding === 'hex') {
    const read = fromHex(text)
    return read.ok ? read.value : undefined
  }
  if (!BASE64.test(text)) return undefined
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}
