/**
 * What is kept for a client's connection to the proxy, from its first request to its end.
 * @module
 */
import { u64Text } from '../base/bytes.ts'
import type { Reason } from '../connection/connection.ts'
import type { DeliveryCounts } from '../connection/delivery.ts'
import { type FirstTiming, firstTiming } from '../connection/handshake-timing.ts'
import { SynFacts } from '../connection/syn-facts.ts'
import type { Known } from '../connection/view.ts'
import { type AddressWords, createAddressWords, formatAddress } from '../wire/sockaddr.ts'
import type { Syn } from '../wire/syn.ts'

/** One TCP connection of a client. Identity is the socket's cookie. */
export class ClientConnection implements Known {
  readonly peer: { readonly address: string; readonly port: number }
  /** The end of this machine, as sock_diag knows it; after a redirection it is not where the SYN went. */
  readonly server: AddressWords = createAddressWords()
  readonly local: { readonly port: number }
  readonly cookieLow: number
  readonly cookieHigh: number
  readonly syn: SynFacts | undefined
  readonly synReason: Reason | undefined
  readonly timing: FirstTiming | undefined
  /** TCP_INFO of the first request. */
  readonly firstInfo: Uint8Array | undefined
  /** Requests seen so far. */
  requests = 0
  /** Of the last request that was asked for its delivery. */
  counts: DeliveryCounts | undefined = undefined
  /** When its SYN or its first request, and when its last request was seen; milliseconds of a steady clock. */
  readonly since: number
  lastSeen: number
  /** Until then a request of an earlier connection from the same address and port may come. */
  readonly earlierUntil: number
  #cookie: string | undefined

  constructor(facts: {
    client: AddressWords
    clientPort: number
    server: AddressWords
    serverPort: number
    cookieLow: number
    cookieHigh: number
    syn: { readonly octets: Uint8Array; readonly decoded: Syn } | undefined
    synReason: Reason | undefined
    info: Uint8Array | undefined
    since: number
    now: number
    earlierUntil: number
  }) {
    const { syn, info, server } = facts
    this.peer = { address: formatAddress(facts.client), port: facts.clientPort }
    Object.assign(this.server, server)
    this.local = { port: facts.serverPort }
    this.cookieLow = facts.cookieLow
    this.cookieHigh = facts.cookieHigh
    this.syn = syn && new SynFacts(syn.octets, syn.decoded)
    this.synReason = syn === undefined ? facts.synReason : undefined
    this.firstInfo = info
    this.since = facts.since
    this.lastSeen = facts.now
    this.earlierUntil = facts.earlierUntil
    // What the proxy's listener does is not known: Apache's defers accepting on Linux.
    const circumstances = { synSaved: syn !== undefined, deferAccept: true, readAt: Date.now() }
    this.timing =
      info && firstTiming(new DataView(info.buffer, info.byteOffset, info.length), info.length, circumstances)
  }

  /** True if it is the socket with this cookie. */
  is(cookieLow: number, cookieHigh: number): boolean {
    return this.cookieLow === cookieLow && this.cookieHigh === cookieHigh
  }

  get source(): 'packet' | 'header' {
    return this.syn === undefined ? 'header' : 'packet'
  }

  get reason(): undefined {
    return undefined
  }

  /** SO_COOKIE of the proxy's socket, decimal; `undefined` where sock_diag did not list it. */
  get cookie(): string | undefined {
    if (this.cookieLow === 0 && this.cookieHigh === 0) return undefined
    return (this.#cookie ??= u64Text(this.cookieLow, this.cookieHigh))
  }

  /** sock_diag has it not. */
  get handshakeTimeToLive(): undefined {
    return undefined
  }

  /** It comes with a TCP_INFO. */
  get rttMicroseconds(): undefined {
    return undefined
  }
}
