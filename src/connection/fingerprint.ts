/**
 * The fingerprint of a request: what handlers see. Everything that costs is computed when first read.
 * @module
 */
import type { Fingerprints } from '../fingerprint/index.ts'
import type { Label } from '../label/match.ts'
import { unmapAddress } from '../wire/sockaddr.ts'
import type { Syn } from '../wire/syn.ts'
import { decodeTcpInfo, type TcpInfo, tcpInfoOffset } from '../wire/tcp-info.ts'
import type { Connection, Reason } from './connection.ts'
import type { HandshakeRtt } from './handshake-timing.ts'

/** Where the facts come from: the kernel, a trusted header, or nowhere. */
export type Source = 'kernel' | 'header' | 'none'

/** When things happened on the connection. Empty where nothing is known. */
export interface Timing {
  /** SYN-ACK to final ACK, with how it is known. Does not change over the connection. */
  readonly handshakeRtt?: HandshakeRtt | undefined
  /** The kernel's smoothed RTT (`tcpi_rtt`), read for this request; with `tcpInfo: 'connection'` at the connection's first. */
  readonly rtt?: { readonly microseconds: number } | undefined
  /** From handshake completion to the first octets of the client's data, exact to two jiffies. */
  readonly firstDataDelayMilliseconds?: number | undefined
  /** When the handshake completed, ISO 8601, exact to a jiffy. */
  readonly acceptTime?: string | undefined
  /** TTL or hop limit of the segment that completed the handshake. */
  readonly handshakeTimeToLive?: number | undefined
}

/** What is known of the connection a request came over. Absent facts are `undefined`. */
export interface Fingerprint {
  /** Whether anything of the connection was captured: its SYN, its TCP_INFO or both. */
  readonly available: boolean
  readonly source: Source
  /** Why something is missing; `undefined` where nothing is. */
  readonly reason: Reason | undefined
  /** The client as the socket sees it, or as the SYN of a trusted header has it; IPv4-mapped addresses written as IPv4. */
  readonly peer: { readonly address: string; readonly port: number } | undefined
  readonly local: { readonly port: number } | undefined
  /** `cookie`: SO_COOKIE, decimal, never another connection's until the next boot. `request`: counts from 1. */
  readonly connection: { readonly cookie: string; readonly request: number } | undefined
  readonly syn: Syn | undefined
  /** The default fingerprint strings of the SYN. */
  readonly fingerprints: Fingerprints | undefined
  /** What the signature database says of the SYN. */
  readonly label: Label | undefined
  /** TCP_INFO read for this request, under the kernel's names without `tcpi_`. */
  readonly tcpInfo: TcpInfo | undefined
  /** The same TCP_INFO as the kernel gave it. */
  readonly tcpInfoBytes: Uint8Array | undefined
  readonly timing: Timing
  /** The `FINGERPRINT_*` variables, with the raw dumps that the options ask for: computed anew when read. */
  readonly env: Record<string, string>
  /**
   * Where a trusted header speaks for the client: the kernel's own view of the connection from the proxy. `undefined` otherwise,
   * and nothing of it is mixed into the rest.
   */
  readonly hop?: Fingerprint | undefined
  /** The object that the demonstration server answers at `/json`, without `env`: absent facts are absent keys. */
  toJSON(): object
}

/** What a `CapturedFingerprint` needs of the fingerprinter that makes it. */
export interface FingerprintSource {
  /** Whether the SYN is wanted. */
  readonly syn: boolean
  /** Whether TCP_INFO is wanted: read for each request, for the first of a connection, or not. */
  readonly tcpInfo: 'request' | 'connection' | 'off'
  /** TCP_INFO of the connection now, `undefined` where it is gone. */
  readInfo(connection: Connection): Uint8Array | undefined
  /** The default strings of a SYN. */
  fingerprints(syn: Syn): Fingerprints
  /** What the database in use says of a SYN; `undefined` where there is none. */
  label(syn: Syn): Label | undefined
  /** The `FINGERPRINT_*` variables under its options. */
  env(fingerprint: Fingerprint): Record<string, string>
}

/** The peer as the runtime gives it. */
export interface Peer {
  readonly address: string
  readonly port: number
}

/** Strings and labels of a connection's SYN, computed once. */
interface Derived {
  readonly syn: Syn
  fingerprints?: Fingerprints
  /** By fingerprinter: each may have a database of its own. */
  labels?: Map<FingerprintSource, Label | undefined>
}

const RTT = tcpInfoOffset('rtt')

/** What is read for one request, when somebody looks. */
interface RequestFacts {
  /** TCP_INFO of this request; `undefined` where there is none. */
  readonly info: Uint8Array | undefined
  tcpInfo?: TcpInfo
  timing?: Timing
}

const NO_FACTS: RequestFacts = { info: undefined, timing: {} }

/** A `Fingerprint` over a kept connection. One is made for every request: it holds as little as it can. */
export class CapturedFingerprint implements Fingerprint {
  readonly #source: FingerprintSource
  readonly #connection: Connection
  readonly #request: number
  #facts: RequestFacts | undefined

  /** `info` is a TCP_INFO that was read for this request while its connection was found. */
  constructor(source: FingerprintSource, connection: Connection, info: Uint8Array | undefined) {
    this.#source = source
    this.#connection = connection
    this.#request = connection.requests
    this.#facts = info === undefined || source.tcpInfo !== 'request' ? undefined : { info }
  }

  get available(): boolean {
    return this.source !== 'none'
  }

  get source(): Source {
    return this.syn !== undefined || this.tcpInfoBytes !== undefined ? 'kernel' : 'none'
  }

  get reason(): Reason | undefined {
    return this.#source.syn ? this.#connection.synReason : undefined
  }

  get peer(): Peer {
    return { address: unmapAddress(this.#connection.address), port: this.#connection.port }
  }

  get local(): { readonly port: number } {
    return { port: this.#connection.localPort }
  }

  get connection(): { readonly cookie: string; readonly request: number } {
    return { cookie: this.#connection.cookie, request: this.#request }
  }

  get syn(): Syn | undefined {
    return this.#source.syn ? this.#connection.syn : undefined
  }

  get fingerprints(): Fingerprints | undefined {
    const derived = this.#derived()
    if (derived === undefined) return undefined
    derived.fingerprints ??= this.#source.fingerprints(derived.syn)
    return derived.fingerprints
  }

  get label(): Label | undefined {
    const derived = this.#derived()
    if (derived === undefined) return undefined
    derived.labels ??= new Map()
    if (!derived.labels.has(this.#source)) derived.labels.set(this.#source, this.#source.label(derived.syn))
    return derived.labels.get(this.#source)
  }

  #derived(): Derived | undefined {
    const { syn } = this
    if (syn === undefined) return undefined
    this.#connection.derived ??= { syn }
    return this.#connection.derived as Derived
  }

  #read(): RequestFacts {
    this.#facts ??= this.#readFacts()
    return this.#facts
  }

  #readFacts(): RequestFacts {
    const wanted = this.#source.tcpInfo
    if (wanted === 'off') return NO_FACTS
    return { info: wanted === 'connection' ? this.#connection.firstInfo : this.#source.readInfo(this.#connection) }
  }

  get tcpInfoBytes(): Uint8Array | undefined {
    return this.#read().info
  }

  get tcpInfo(): TcpInfo | undefined {
    const facts = this.#read()
    if (facts.tcpInfo === undefined && facts.info !== undefined) facts.tcpInfo = decodeTcpInfo(facts.info)
    return facts.tcpInfo
  }

  get timing(): Timing {
    const facts = this.#read()
    facts.timing ??= this.#readTiming(facts.info)
    return facts.timing
  }

  #readTiming(info: Uint8Array | undefined): Timing {
    const { timing: first, handshakeTimeToLive } = this.#connection
    const read = info !== undefined && info.length >= RTT + 4
    const rtt = read ? new DataView(info.buffer, info.byteOffset).getUint32(RTT, true) : 0
    const timing: { -readonly [K in keyof Timing]: Timing[K] } = {}
    if (first?.handshakeRtt !== undefined) timing.handshakeRtt = first.handshakeRtt
    if (rtt > 0) timing.rtt = { microseconds: rtt }
    if (first?.firstDataDelayMilliseconds !== undefined) {
      timing.firstDataDelayMilliseconds = first.firstDataDelayMilliseconds
    }
    if (first?.acceptTimeMilliseconds !== undefined) {
      timing.acceptTime = new Date(first.acceptTimeMilliseconds).toISOString()
    }
    if (handshakeTimeToLive !== undefined) timing.handshakeTimeToLive = handshakeTimeToLive
    return timing
  }

  get env(): Record<string, string> {
    return this.#source.env(this)
  }

  toJSON(): object {
    return fingerprintRecord(this)
  }
}

/** A `Fingerprint` with nothing in it but why, and what the runtime says all the same. */
export class MissingFingerprint implements Fingerprint {
  readonly available: boolean = false
  readonly source: Source = 'none'
  readonly connection: undefined
  readonly syn: undefined
  readonly fingerprints: undefined
  readonly label: undefined
  readonly tcpInfo: undefined
  readonly tcpInfoBytes: undefined
  readonly timing: Timing = {}
  readonly reason: Reason | undefined
  readonly peer: Peer | undefined
  readonly local: { readonly port: number } | undefined

  readonly #source: FingerprintSource

  /** No reason where the request was not looked at. */
  constructor(source: FingerprintSource, reason?: Reason, peer?: Peer | null, localPort?: number) {
    this.#source = source
    this.reason = reason
    if (peer) this.peer = { address: unmapAddress(peer.address), port: peer.port }
    if (localPort !== undefined) this.local = { port: localPort }
  }

  get env(): Record<string, string> {
    return this.#source.env(this)
  }

  toJSON(): object {
    return fingerprintRecord(this)
  }
}

/** A `Fingerprint` that is looked for when a fact of it is first read. */
export class LateFingerprint<Subject> implements Fingerprint {
  readonly #subject: Subject
  readonly #find: (subject: Subject) => Fingerprint
  #found: Fingerprint | undefined

  /** `find` is called with `subject`, once, when a fact is first read. */
  constructor(subject: Subject, find: (subject: Subject) => Fingerprint) {
    this.#subject = subject
    this.#find = find
  }

  #get(): Fingerprint {
    this.#found ??= this.#find(this.#subject)
    return this.#found
  }

  get available(): boolean {
    return this.#get().available
  }

  get source(): Source {
    return this.#get().source
  }

  get reason(): Reason | undefined {
    return this.#get().reason
  }

  get peer(): Peer | undefined {
    return this.#get().peer
  }

  get local(): { readonly port: number } | undefined {
    return this.#get().local
  }

  get connection(): { readonly cookie: string; readonly request: number } | undefined {
    return this.#get().connection
  }

  get syn(): Syn | undefined {
    return this.#get().syn
  }

  get fingerprints(): Fingerprints | undefined {
    return this.#get().fingerprints
  }

  get label(): Label | undefined {
    return this.#get().label
  }

  get tcpInfo(): TcpInfo | undefined {
    return this.#get().tcpInfo
  }

  get tcpInfoBytes(): Uint8Array | undefined {
    return this.#get().tcpInfoBytes
  }

  get timing(): Timing {
    return this.#get().timing
  }

  get env(): Record<string, string> {
    return this.#get().env
  }

  get hop(): Fingerprint | undefined {
    return this.#get().hop
  }

  toJSON(): object {
    return fingerprintRecord(this)
  }
}

/** The object that the demonstration server answers at `/json`, without `env`: absent facts are absent keys. */
export function fingerprintRecord(fingerprint: Fingerprint): object {
  const { available, source, reason, peer, local, connection, syn, fingerprints, label, tcpInfo, timing, hop } =
    fingerprint
  const facts = { available, source, reason, peer, local, connection, syn, fingerprints, label, tcpInfo, timing }
  return hop === undefined ? facts : { ...facts, hop: hop.toJSON() }
}
