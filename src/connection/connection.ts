/**
 * What is kept for one accepted connection, from its first request to its end.
 * @module
 */
import { u64Text } from '../base/bytes.ts'
import { unmapAddress } from '../wire/sockaddr.ts'
import type { DeliveryCounts } from './delivery.ts'
import type { FirstTiming } from './handshake-timing.ts'
import { SynFacts, type SynHolder } from './syn-facts.ts'

/** Why a fact is missing. */
export type Reason =
  /** No server, or the request's connection is no longer known: answered, aborted, upgraded, cloned, `app.request()`. */
  | 'no-connection'
  /** The request came over a unix socket. */
  | 'unix-socket'
  /** The request came over QUIC (HTTP/3). */
  | 'not-tcp'
  /** More than one connection could be the request's. */
  | 'ambiguous'
  /** No descriptor of the process has this peer. */
  | 'not-found'
  /** The connection is known, but the kernel has no SYN of it: SYN cookie, accepted before arming, read before. */
  | 'not-saved'
  /** This system cannot: no Linux, no libc, a kernel or listener (MPTCP) that refuses the option, a SYN that cannot be decoded. */
  | 'unsupported'
  /** Permissions forbid it. */
  | 'denied'

/** What a store has of a connection. Another store, whose object `of` is not, leaves it alone. */
export interface Kept {
  readonly of: object
}

/** Who accepted a connection. */
export interface Owner {
  /** Reads what is to be read on demand. */
  complete?(connection: Connection): void
}

/**
 * One accepted TCP connection. Identity is the socket's cookie; the descriptor number alone names none.
 *
 * There is one for every client: on Bun eighteen members take 160 octets, nineteen 224.
 */
export class Connection {
  readonly fd: number
  /** SO_COOKIE as two words, low first; both 0 where it is not known. */
  cookieLow: number
  cookieHigh: number
  /** The peer's address; `undefined` while a subclass has not looked for it. */
  protected addressText: string | undefined
  readonly port: number
  /** Where it was accepted; `owner` tells servers of one port apart. Another one where a server took the place of another. */
  acceptedOn: { readonly port: number; readonly owner: Owner }
  /** Octets of TCP_SAVED_SYN, empty where the kernel had none. */
  readonly synBytes: Uint8Array
  /** Why there is no SYN, `undefined` where there is one. */
  synReason: Reason | undefined
  /** TTL or hop limit of the segment that completed the handshake; null while that, and the timing, are to be read on demand. */
  handshakeTimeToLive: number | undefined | null
  /** Requests seen so far. */
  requests = 0
  /** The watcher's `changes` when the watched socket was last verified; `undefined` where it is not watched. */
  verifiedAt: number | undefined
  /** The accept epoch in which lookups found it to be the only connection with its peer; 0 for none. */
  onlyIn = 0
  /** Octets that the process had read from it at its last request; `undefined` where that was not counted. */
  octetsRead: number | undefined
  /** What the first TCP_INFO says; `undefined` where none was read. Replaced once, at the first request. */
  timing: FirstTiming | undefined
  /** TCP_INFO of the first request, where it is to be kept. */
  readonly firstInfo: Uint8Array | undefined
  /** What TCP had done at the last request that asked for it; `undefined` while none has. */
  counts: DeliveryCounts | undefined
  /** What the store that recorded it first has of it: a member, because a `WeakMap` costs every request of a connection more. */
  kept: Kept | undefined
  #synFacts: SynFacts | undefined

  constructor(facts: {
    fd: number
    cookieLow: number
    cookieHigh: number
    address: string | undefined
    port: number
    acceptedOn: { readonly port: number; readonly owner: Owner }
    synBytes: Uint8Array
    synReason: Reason | undefined
    handshakeTimeToLive: number | undefined | null
    timing: FirstTiming | undefined
    firstInfo: Uint8Array | undefined
  }) {
    this.fd = facts.fd
    this.cookieLow = facts.cookieLow
    this.cookieHigh = facts.cookieHigh
    this.addressText = facts.address
    this.port = facts.port
    this.acceptedOn = facts.acceptedOn
    this.synBytes = facts.synBytes
    this.synReason = facts.synReason
    this.handshakeTimeToLive = facts.handshakeTimeToLive
    this.timing = facts.timing
    this.firstInfo = facts.firstInfo
  }

  /** The peer's address as the runtime gives it, `::ffff:` included. */
  get address(): string {
    return this.addressText!
  }

  /** See `Known`. */
  complete(): void {
    this.acceptedOn.owner.complete?.(this)
  }

  /** Port it was accepted on. */
  get localPort(): number {
    return this.acceptedOn.port
  }

  /** SO_COOKIE, decimal: unique until the next boot. */
  get cookie(): string | undefined {
    return this.cookieLow === 0 && this.cookieHigh === 0 ? undefined : u64Text(this.cookieLow, this.cookieHigh)
  }

  /** What follows from the SYN; `undefined` where the kernel had none. */
  get syn(): SynFacts | undefined {
    if (this.#synFacts === undefined && this.synBytes.length > 0)
      this.#synFacts = new SynFacts(this.synBytes, undefined, this.synHolder)
    return this.#synFacts
  }

  /** Hears when the facts are forgotten. None where a connection refers to its socket: the ring of decoded SYNs would keep 256 of them. */
  protected get synHolder(): SynHolder | undefined {
    return this
  }

  /** See `SynHolder`. */
  drop(facts: SynFacts): void {
    if (this.#synFacts === facts) this.#synFacts = undefined
  }

  /** The peer, an IPv4-mapped address as IPv4. */
  get peer(): { readonly address: string; readonly port: number } {
    return { address: unmapAddress(this.address), port: this.port }
  }

  get local(): { readonly port: number } {
    return { port: this.acceptedOn.port }
  }

  /** `packet` where the SYN came from the wire, because the kernel had saved none. */
  get source(): 'kernel' | 'packet' {
    return this.synBytes.length === 0 && this.#synFacts !== undefined ? 'packet' : 'kernel'
  }

  /** Takes a SYN from the wire, where the kernel has saved none. */
  takeSyn(octets: Uint8Array): void {
    if (this.syn !== undefined) return
    this.#synFacts = new SynFacts(octets)
    this.synReason = undefined
  }

  /** Nothing keeps its facts from being read. */
  get reason(): undefined {
    return undefined
  }

  /** Only a header gives the RTT as a number. */
  get rttMicroseconds(): undefined {
    return undefined
  }
}
