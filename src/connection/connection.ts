/**
 * What is kept for one accepted connection, from its first request to its end.
 * @module
 */
import type { Syn } from '../wire/syn.ts'
import { safeParseSyn } from '../wire/syn.ts'
import { type FirstTiming, firstTiming } from './timing.ts'

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
  /** The connection is known, but the kernel has no SYN of it: SYN cookie, accepted before arming, taken by another reader. */
  | 'not-saved'
  /** This system cannot: no Linux, no libc, a kernel or listener (MPTCP) that refuses the option. */
  | 'unsupported'
  /** Permissions forbid it. */
  | 'denied'

/** One accepted TCP connection. Identity is the socket's cookie; the descriptor number alone is nobody's name. */
export class Connection {
  readonly fd: number
  /** SO_COOKIE as two words, low first. */
  readonly cookieLow: number
  readonly cookieHigh: number
  /** The peer's address as the runtime gives it, `::ffff:` included. */
  readonly address: string
  readonly port: number
  /** Listener the connection was accepted on: its port, and the key of its address. */
  readonly listener: object
  /** Octets of TCP_SAVED_SYN, empty where the kernel had none. */
  readonly synBytes: Uint8Array
  /** Why there is no SYN, `undefined` where there is one. */
  readonly synReason: Reason | undefined
  /** TTL or hop limit of the segment that completed the handshake. */
  readonly handshakeTimeToLive: number | undefined
  /** Requests seen so far. */
  requests = 0
  /** Generation of the descriptor table in which the socket was verified and watched; -1 where it was not. */
  verifiedIn = -1
  /** Octets the process had read from the socket at its last request; -1 where nobody needs to know. */
  consumed = -1
  /** TCP_INFO of the first request, let go of once the timing facts are read off it, unless it is to be kept. */
  #firstInfo: Uint8Array | undefined
  readonly #keepInfo: boolean
  readonly #readAt: number
  readonly #deferAccept: boolean
  #timing: FirstTiming | undefined
  #syn: Syn | undefined | null = null
  /** What is computed from the SYN alone, once per connection: kept by whoever computes it. */
  derived: unknown

  constructor(facts: {
    fd: number
    cookieLow: number
    cookieHigh: number
    address: string
    port: number
    listener: object
    synBytes: Uint8Array
    synReason: Reason | undefined
    handshakeTimeToLive: number | undefined
    firstInfo: Uint8Array | undefined
    keepInfo: boolean
    readAt: number
    deferAccept: boolean
  }) {
    this.fd = facts.fd
    this.cookieLow = facts.cookieLow
    this.cookieHigh = facts.cookieHigh
    this.address = facts.address
    this.port = facts.port
    this.listener = facts.listener
    this.synBytes = facts.synBytes
    this.synReason = facts.synReason
    this.handshakeTimeToLive = facts.handshakeTimeToLive
    this.#firstInfo = facts.firstInfo
    this.#keepInfo = facts.keepInfo
    this.#readAt = facts.readAt
    this.#deferAccept = facts.deferAccept
  }

  /** SO_COOKIE, decimal: unique until the next boot. */
  get cookie(): string {
    return ((BigInt(this.cookieHigh) << 32n) | BigInt(this.cookieLow)).toString()
  }

  /** The decoded SYN, decoded when first asked for. */
  get syn(): Syn | undefined {
    if (this.#syn === null) {
      const decoded = this.synBytes.length > 0 ? safeParseSyn(this.synBytes) : undefined
      this.#syn = decoded?.ok ? decoded.value : undefined
    }
    return this.#syn
  }

  /** TCP_INFO of the first request, where it is kept. */
  get firstInfo(): Uint8Array | undefined {
    return this.#firstInfo
  }

  /** Timing facts of the first TCP_INFO; `undefined` where none was read. */
  get timing(): FirstTiming | undefined {
    const info = this.#firstInfo
    if (info !== undefined && this.#timing === undefined) {
      if (!this.#keepInfo) this.#firstInfo = undefined
      this.#timing = firstTiming(new DataView(info.buffer, info.byteOffset, info.byteLength), {
        synSaved: this.synBytes.length > 0,
        deferAccept: this.#deferAccept,
        readAt: this.#readAt,
      })
    }
    return this.#timing
  }
}
