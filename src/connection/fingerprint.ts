/**
 * The fingerprint of a request: what handlers see. Everything that costs is computed when first read.
 * @module
 */
import type { Fingerprints } from '../fingerprint/fingerprints.ts'
import type { Label } from '../label/match.ts'
import { unmapAddress } from '../wire/sockaddr.ts'
import type { Syn } from '../wire/syn.ts'
import { decodeTcpInfo, type TcpInfo, tcpInfoOffset } from '../wire/tcp-info.ts'
import type { Connection, Reason } from './connection.ts'
import type { HandshakeRtt } from './timing.ts'

/** Where the facts come from: the kernel, a trusted header, or nowhere. */
export type Source = 'kernel' | 'header' | 'none'

/** When things happened on the connection. Empty where nothing is known. */
export interface Timing {
  /** SYN-ACK to final ACK, with how it is known. Does not change over the connection. */
  readonly handshakeRtt?: HandshakeRtt | undefined
  /** The kernel's smoothed RTT, read for this request (`tcpi_rtt`). */
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
  /** The client as the socket sees it; IPv4-mapped addresses written as IPv4. */
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
  /** The object of INTERFACE `/json`, without `env`. */
  toJSON(): object
}

/** What a `RequestFingerprint` needs of the fingerprinter that makes it. */
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

/**
 * A `Fingerprint` over a kept connection. Made before its facts are known: whoever finds the connection, at once or when a
 * fact is first read, calls `found` or `missing` on it.
 */
export class RequestFingerprint implements Fingerprint {
  readonly #source: FingerprintSource
  #find: ((fingerprint: RequestFingerprint) => void) | undefined
  #connection: Connection | undefined
  #reason: Reason | undefined
  #peer: Peer | null = null
  #localPort = 0
  #request = 0
  #info: Uint8Array | undefined
  #infoRead = false
  #tcpInfo: TcpInfo | undefined
  #timing: Timing | undefined

  /** `find` is called when a fact is first read, to call `found` or `missing`. */
  constructor(source: FingerprintSource, find: ((fingerprint: RequestFingerprint) => void) | undefined) {
    this.#source = source
    this.#find = find
  }

  /** The request's connection; `info` is a TCP_INFO read on the way. */
  found(connection: Connection, peer: Peer, localPort: number, info: Uint8Array | undefined): void {
    this.#connection = connection
    this.#peer = peer
    this.#localPort = localPort
    this.#request = connection.requests
    if (info !== undefined && this.#source.tcpInfo === 'request') {
      this.#info = info
      this.#infoRead = true
    }
  }

  /** Why there is no connection, and what is known all the same. No reason where the request was not looked at. */
  missing(reason: Reason | undefined, peer: Peer | null, localPort: number | undefined): void {
    this.#reason = reason
    this.#peer = peer
    this.#localPort = localPort ?? 0
  }

  #resolved(): Connection | undefined {
    const find = this.#find
    if (find !== undefined) {
      this.#find = undefined
      find(this)
    }
    return this.#connection
  }

  get available(): boolean {
    return this.source !== 'none'
  }

  get source(): Source {
    return this.#resolved() !== undefined && (this.syn !== undefined || this.tcpInfoBytes !== undefined)
      ? 'kernel'
      : 'none'
  }

  get reason(): Reason | undefined {
    const connection = this.#resolved()
    if (connection === undefined) return this.#reason
    return this.#source.syn ? connection.synReason : undefined
  }

  get peer(): { readonly address: string; readonly port: number } | undefined {
    this.#resolved()
    const peer = this.#peer
    return peer === null ? undefined : { address: unmapAddress(peer.address), port: peer.port }
  }

  get local(): { readonly port: number } | undefined {
    this.#resolved()
    return this.#localPort === 0 ? undefined : { port: this.#localPort }
  }

  get connection(): { readonly cookie: string; readonly request: number } | undefined {
    const connection = this.#resolved()
    return connection && { cookie: connection.cookie, request: this.#request }
  }

  get syn(): Syn | undefined {
    const connection = this.#resolved()
    return this.#source.syn ? connection?.syn : undefined
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
    const connection = this.#resolved()!
    connection.derived ??= { syn }
    return connection.derived as Derived
  }

  get tcpInfoBytes(): Uint8Array | undefined {
    const connection = this.#resolved()
    if (!this.#infoRead) {
      this.#infoRead = true
      const wanted = this.#source.tcpInfo
      if (connection === undefined || wanted === 'off') return undefined
      this.#info = wanted === 'connection' ? connection.firstInfo : this.#source.readInfo(connection)
    }
    return this.#info
  }

  get tcpInfo(): TcpInfo | undefined {
    const bytes = this.tcpInfoBytes
    if (this.#tcpInfo === undefined && bytes !== undefined) this.#tcpInfo = decodeTcpInfo(bytes)
    return this.#tcpInfo
  }

  get timing(): Timing {
    this.#timing ??= this.#readTiming()
    return this.#timing
  }

  #readTiming(): Timing {
    const connection = this.#resolved()
    if (connection === undefined) return {}
    const info = this.tcpInfoBytes
    const rtt =
      info !== undefined && info.length >= RTT + 4 ? new DataView(info.buffer, info.byteOffset).getUint32(RTT, true) : 0
    const first = connection.timing
    const timing: { -readonly [K in keyof Timing]: Timing[K] } = {}
    if (first?.handshakeRtt !== undefined) timing.handshakeRtt = first.handshakeRtt
    if (rtt > 0) timing.rtt = { microseconds: rtt }
    if (first?.firstDataDelayMilliseconds !== undefined)
      timing.firstDataDelayMilliseconds = first.firstDataDelayMilliseconds
    if (first?.acceptTimeMilliseconds !== undefined)
      timing.acceptTime = new Date(first.acceptTimeMilliseconds).toISOString()
    if (connection.handshakeTimeToLive !== undefined) timing.handshakeTimeToLive = connection.handshakeTimeToLive
    return timing
  }

  toJSON(): object {
    const { available, source, reason, peer, local, connection, syn, fingerprints, label, tcpInfo, timing } = this
    return { available, source, reason, peer, local, connection, syn, fingerprints, label, tcpInfo, timing }
  }
}
