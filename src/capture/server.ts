/**
 * A server's listener as its requests see it: which connections can be its own, and what they have in common.
 * @module
 */
import { IPPROTO_TCP } from '../../ffi/constants.ts'
import type { Reason } from '../connection/connection.ts'
import {
  type AddressWords,
  createAddressWords,
  isLinkLocal,
  isMapped,
  isUnspecified,
  parseAddress,
  sameAddress,
} from '../wire/sockaddr.ts'
import type { ArmedListener } from './listening-sockets.ts'

/** What the runtime says of a server: enough to tell its connections from all others of the process. */
export interface ServerFacts {
  /** Port it listens on; `undefined` for a unix socket, `ANY_PORT` where the runtime does not say which listener it is. */
  readonly port: number | undefined
  /** Address it is bound to; `undefined` where the runtime does not say. */
  readonly address: string | undefined
  /** Whether it speaks TLS. */
  readonly tls: boolean
}

/** In place of a port: any of the process's TCP listeners may have accepted the connection. */
export const ANY_PORT = 0

/** In place of a port: the server has stopped, and does not say any more where it listened. */
export const STOPPED = -1

/** Where a connection was accepted, as the connection keeps it. */
export interface Place {
  readonly port: number
  /** The listener whose connections are accepted here. */
  readonly owner: Listener
}

/** A server as the capture knows it, looked up once per server object. */
export class Listener implements Place {
  readonly port: number
  readonly owner: Listener = this
  /** The one local address its connections have; `undefined` where there can be several. */
  address: AddressWords | undefined
  readonly tls: boolean
  /**
   * Whether a request's peer address may be that of more than one connection: on several local addresses, or over UDP.
   * A known connection is then believed only on evidence that it is the one that was just read from.
   */
  exposed: boolean
  /** Whether QUIC peers may be among the requests'. */
  readonly udp: boolean
  /** The descriptors that accept for it, as of the last look. */
  armed: readonly ArmedListener[] = []
  /** Ports at which its connections are accepted. */
  ports: readonly number[]
  /** Whether sock_diag finds its connections; `undefined` while that was not tried. */
  kernelTells: boolean | undefined
  #defers = false
  #deferred = false
  /** Local addresses whose connections another listener of the same port gets. */
  #elsewhere: readonly AddressWords[] = []
  #places: Map<number, Place> | undefined

  constructor(facts: ServerFacts & { port: number }, udp: boolean) {
    const words = createAddressWords()
    const parsed = facts.address !== undefined && parseAddress(facts.address, words)
    // A link-local address can be there once on every interface.
    const bound = parsed && !isUnspecified(words) && !isLinkLocal(words)
    this.port = facts.port
    this.address = bound ? words : undefined
    this.tls = facts.tls
    this.udp = udp
    this.exposed = !bound || udp
    this.ports = facts.port === ANY_PORT ? [] : [facts.port]
  }

  /** What was found at the last look for listeners. */
  update(armed: readonly ArmedListener[], addresses: readonly AddressWords[]): void {
    this.armed = armed
    this.#elsewhere = this.address === undefined && armed.some((one) => isUnspecified(one.address)) ? addresses : []
    this.#defers = armed.some((one) => one.deferAccept !== 0)
    this.#deferred = armed.some((one) => one.deferAcceptBefore !== 0)
    if (this.port !== ANY_PORT) return
    this.ports = [...new Set(armed.map(({ port }) => port))]
    const first = armed[0]
    const alone =
      first !== undefined &&
      !isUnspecified(first.address) &&
      !isLinkLocal(first.address) &&
      armed.every((one) => one.port === first.port && sameAddress(one.address, first.address))
    this.address = alone ? first.address : undefined
    this.exposed = !alone
  }

  /** Whether another listener gets the connections to some addresses of its port. */
  get sharesPort(): boolean {
    return this.#elsewhere.length > 0
  }

  /** Whether it accepts connections on this local port. */
  accepts(port: number): boolean {
    return this.port === port || (this.port === ANY_PORT && this.armed.some((one) => one.port === port))
  }

  /** Whether a connection to this local address is one of its own. */
  hasAddress(address: AddressWords): boolean {
    if (this.address !== undefined) return sameAddress(address, this.address)
    return !this.#elsewhere.some((one) => sameAddress(one, address))
  }

  /** What a connection on this local port keeps of the listener. */
  place(port: number): Place {
    if (this.port !== ANY_PORT) return this
    this.#places ??= new Map()
    let place = this.#places.get(port)
    if (place === undefined) {
      place = { port, owner: this }
      this.#places.set(port, place)
    }
    return place
  }

  /** Whether a connection may have been accepted on data only; without a SYN it may be older than the arming. */
  mayHaveDeferred(synSaved: boolean): boolean {
    return this.#defers || (this.#deferred && !synSaved)
  }

  /** Why a connection has no SYN. */
  get synReason(): Reason {
    return this.armed.find((one) => one.reason === 'unsupported' || one.reason === 'denied')?.reason ?? 'not-saved'
  }
}

/** Whether a saved SYN was sent to this listener, without looking further than needed; false where that is not enough. */
export function isFor(syn: Uint8Array, { port, address }: Listener): boolean {
  const version = (syn[0] ?? 0) >> 4
  const tcp = version === 4 ? (syn[0]! & 15) * 4 : version === 6 && syn[6] === IPPROTO_TCP ? 40 : -1
  if (tcp < 0 || syn.length < tcp + 4 || ((syn[tcp + 2]! << 8) | syn[tcp + 3]!) !== port) return false
  if (address === undefined) return true
  const word = (at: number): number =>
    ((syn[at]! << 24) | (syn[at + 1]! << 16) | (syn[at + 2]! << 8) | syn[at + 3]!) >>> 0
  if (version === 4) return isMapped(address) && word(16) === address.w3
  return word(24) === address.w0 && word(28) === address.w1 && word(32) === address.w2 && word(36) === address.w3
}
