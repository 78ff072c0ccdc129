/**
 * A server as its requests see it: which connections can be its own, and what they have in common.
 * @module
 */
import { IPPROTO_TCP } from '../../ffi/constants.ts'
import { u16be, u32be } from '../base/bytes.ts'
import type { Connection, Owner, Reason } from '../connection/connection.ts'
import type { ServerAddress } from '../runtime/types.ts'
import {
  type AddressWords,
  createAddressWords,
  isLinkLocal,
  isMapped,
  isUnspecified,
  parseAddress,
  sameAddress,
} from '../wire/sockaddr.ts'
import type { ListeningSocket } from './listening-sockets.ts'

/** Where a server with TCP connections listens. */
export type TcpServerAddress = Extract<ServerAddress, { readonly kind: 'tcp' | 'unnamed' }>

/** Where a connection was accepted, as the connection keeps it. */
export interface AcceptedOn {
  readonly port: number
  /** The server whose connections are accepted here. */
  readonly owner: Server
}

/** A server as the capture knows it, looked up once per server object. */
export class Server implements AcceptedOn {
  /** 0 where the runtime does not name the server. */
  readonly port: number
  readonly owner: Server = this
  /** True if the runtime does not name the server: any of the process's TCP listeners may have accepted its connections. */
  readonly isUnnamed: boolean
  /** The one local address its connections have; `undefined` where there can be several. */
  address: AddressWords | undefined
  readonly tls: boolean
  /** True if two live connections of the server can have the same peer: on several local addresses, or beside QUIC. */
  peersMayCoincide: boolean
  /** True if requests may have come over QUIC. */
  readonly udp: boolean
  /** The listening sockets that accept for it, as of the last scan. */
  armed: readonly ListeningSocket[] = []
  /** Ports at which its connections are accepted. */
  ports: readonly number[]
  /** True if sock_diag finds its connections; `undefined` while that was not tried, and when it is to be tried again. */
  kernelTells: boolean | undefined
  #defers = false
  #deferred = false
  /** Local addresses whose connections another server of the same port gets. */
  #elsewhere: readonly AddressWords[] = []
  #places: Map<number, AcceptedOn> | undefined
  readonly #details: Owner | undefined

  constructor(where: TcpServerAddress, udp: boolean, details?: Owner) {
    this.#details = details
    const named = where.kind === 'tcp' ? where : undefined
    const words = createAddressWords()
    const parsed = named?.address !== undefined && parseAddress(named.address, words)
    // A link-local address can be there once on every interface.
    const bound = parsed && !isUnspecified(words) && !isLinkLocal(words)
    this.isUnnamed = named === undefined
    this.port = named?.port ?? 0
    this.address = bound ? words : undefined
    this.tls = named?.tls === true
    this.udp = udp
    this.peersMayCoincide = !bound || udp
    this.ports = named === undefined ? [] : [named.port]
  }

  /** Takes over what the last scan for listening sockets found. */
  update(armed: readonly ListeningSocket[], addresses: readonly AddressWords[]): void {
    this.armed = armed
    this.#elsewhere = this.address === undefined && armed.some((one) => isUnspecified(one.address)) ? addresses : []
    this.#defers = armed.some((one) => one.deferAccept !== 0)
    this.#deferred = armed.some((one) => one.deferAcceptBefore !== 0)
    if (!this.isUnnamed) return
    this.ports = [...new Set(armed.map(({ port }) => port))]
    const first = armed[0]
    const alone =
      first !== undefined &&
      !isUnspecified(first.address) &&
      !isLinkLocal(first.address) &&
      armed.every((one) => one.port === first.port && sameAddress(one.address, first.address))
    this.address = alone ? first.address : undefined
    this.peersMayCoincide = !alone
  }

  /** True if another server gets the connections to some addresses of its port. */
  get sharesPort(): boolean {
    return this.#elsewhere.length > 0
  }

  /** True if it accepts connections on this local port. */
  accepts(port: number): boolean {
    return this.port === port || (this.isUnnamed && this.armed.some((one) => one.port === port))
  }

  /** True if a connection to this local address is one of its own. */
  hasAddress(address: AddressWords): boolean {
    if (this.address !== undefined) return sameAddress(address, this.address)
    return !this.#elsewhere.some((one) => sameAddress(one, address))
  }

  /** See `Owner`. */
  complete(connection: Connection): void {
    this.#details?.complete?.(connection)
  }

  /** What a connection on this local port keeps of the server. */
  acceptedOn(port: number): AcceptedOn {
    if (!this.isUnnamed) return this
    this.#places ??= new Map()
    let place = this.#places.get(port)
    if (place === undefined) {
      place = { port, owner: this }
      this.#places.set(port, place)
    }
    return place
  }

  /** True if a connection may have been accepted on data only; without a SYN it may be older than the arming. */
  mayHaveDeferred(synSaved: boolean): boolean {
    return this.#defers || (this.#deferred && !synSaved)
  }

  /** Why a connection has no SYN. */
  get synReason(): Reason {
    return this.armed.find((one) => one.reason === 'unsupported' || one.reason === 'denied')?.reason ?? 'not-saved'
  }
}

/** True if a saved SYN was sent to this server with one listener, without looking further than needed; false where that is not enough. */
export function isFor(syn: Uint8Array, { ports, address }: Server): boolean {
  const version = (syn[0] ?? 0) >> 4
  const tcp = version === 4 ? (syn[0]! & 15) * 4 : version === 6 && syn[6] === IPPROTO_TCP ? 40 : -1
  if (tcp < 0 || syn.length < tcp + 4 || u16be(syn, tcp + 2) !== ports[0]) return false
  if (address === undefined) return true
  if (version === 4) return isMapped(address) && u32be(syn, 16) === address.w3
  const { w0, w1, w2, w3 } = address
  return u32be(syn, 24) === w0 && u32be(syn, 28) === w1 && u32be(syn, 32) === w2 && u32be(syn, 36) === w3
}
