/**
 * TCP sockets of this network namespace by their addresses (sock_diag(7), linux/inet_diag.h), without privilege and without a
 * descriptor. A lookup by both ends costs 2.1 to 3.6 µs whatever is open; a dump walks the kernel's whole table, 0.14 ms to several.
 * @module
 */
import { type AddressWords, createAddressWords, isMapped } from '../src/wire/sockaddr.ts'
import { STATE } from '../src/wire/tcp-info.ts'
import { AF_INET, AF_INET6, ERRNO, IPPROTO_TCP, NETLINK_SOCK_DIAG } from './constants.ts'
import type { Libc } from './libc.ts'
import { type AnswerEnd, attribute, NetlinkSocket } from './netlink.ts'

const SOCK_DIAG_BY_FAMILY = 20
/** The older request, of which a dump is that of both families at once: each walks the kernel's whole table. */
const TCPDIAG_GETSOCK = 18
const INET_DIAG_INFO = 2
const INET_DIAG_CONG = 4
const INET_DIAG_SKMEMINFO = 7
/** Attribute of a request: a program that the kernel runs for each socket. */
const INET_DIAG_REQ_BYTECODE = 1
/** `INET_DIAG_BC_D_COND`: the peer has this address. */
const PEER_CONDITION = 8
/** In place of a cookie: whatever it is. */
const NO_COOKIE = 0xffff_ffff
/** Bits of the request's extensions. */
const INFO = 1 << (INET_DIAG_INFO - 1)
const MORE = (1 << (INET_DIAG_CONG - 1)) | (1 << (INET_DIAG_SKMEMINFO - 1))
const ALL_STATES = 0xffff_ffff

/** Where things are in `struct inet_diag_req_v2`, after the header. */
const REQUEST = { FAMILY: 16, PROTOCOL: 17, EXTENSIONS: 18, STATES: 20, ID: 24, OCTETS: 72 }
/** The same in `struct inet_diag_req`. */
const DUMP = { FAMILY: 16, EXTENSIONS: 19, ID: 20, STATES: 68, OCTETS: 76 }
/** Where things are in `struct inet_diag_msg`, from its beginning. */
const MESSAGE = { FAMILY: 0, STATE: 1, ID: 4, RECEIVE_QUEUE: 56, UID: 64, INODE: 68, OCTETS: 72 }
/** Where things are in `struct inet_diag_sockid`. */
const ID = { LOCAL_PORT: 0, PEER_PORT: 2, LOCAL: 4, PEER: 20, INTERFACE: 36, COOKIE: 40 }

/** A socket as sock_diag reports it. The same object is used for every answer: copy what is to stay. Views are until the next call. */
export interface DiagSocket {
  /** One of `STATE` (`wire/tcp-info.ts`), as `tcpi_state` has it. */
  state: number
  localPort: number
  peerPort: number
  /** IPv4 addresses are mapped (RFC 4291 section 2.5.5.2). */
  readonly local: AddressWords
  readonly peer: AddressWords
  /** SO_COOKIE as two words, low first. */
  cookieLow: number
  cookieHigh: number
  /** Octets received and not yet read by the process. */
  unread: number
  uid: number
  /** Of the socket; 0 where no process has a descriptor of it: not accepted yet, or closed. */
  inode: number
  /** Name of the congestion control; `undefined` where it was not asked for. */
  readonly congestionControl: string | undefined
  /** `SK_MEMINFO_*` (linux/sock_diag.h), a view over the receive buffer; `undefined` where it was not asked for. */
  readonly memory: DataView | undefined
  /** `struct tcp_info`, a view over the receive buffer until the next call; `undefined` where it was not asked for, or there is none. */
  readonly info: DataView | undefined
}

/** What a dump is to contain. The kernel leaves out everything else. */
export interface DiagFilter {
  /** Port of this machine's end. */
  readonly localPort?: number
  readonly peerPort?: number
  /** Address of the peer; IPv4 mapped. */
  readonly peer?: AddressWords
  /** Those of `STATE`; all where absent. */
  readonly states?: readonly number[]
  /** True if TCP_INFO comes with each. */
  readonly info?: boolean
  /** True if congestion control and memory come with each. */
  readonly more?: boolean
}

/** Asks the kernel about TCP sockets. One per thread. */
export class SockDiag {
  readonly #libc: Libc
  readonly #netlink: NetlinkSocket
  readonly #request = new Uint8Array(new ArrayBuffer(REQUEST.OCTETS))
  readonly #view = new DataView(this.#request.buffer)
  /** The socket of the last lookup that found one. */
  readonly found: DiagSocket
  readonly #answer: AnsweredSocket
  #isFound = false
  readonly #take = (start: number, end: number): boolean => {
    this.#isFound = this.#answer.read(start, end)
    return true
  }

  constructor(libc: Libc) {
    this.#libc = libc
    this.#netlink = new NetlinkSocket(libc, NETLINK_SOCK_DIAG)
    this.found = this.#answer = new AnsweredSocket(this.#netlink.view)
  }

  /**
   * The socket with these ends. 1: it is in `found`. 0: the kernel knows none. -1: it does not say.
   *
   * Where there is no connection the kernel answers with the listener; that counts as none. Beware of kernels without INET_DIAG, which
   * answer ENOENT as if there were no socket: look up a connection that exists first.
   */
  lookup(
    local: AddressWords,
    localPort: number,
    peer: AddressWords,
    peerPort: number,
    options?: { readonly info?: boolean },
  ): 0 | 1 | -1 {
    const isIpv4 = isMapped(peer)
    this.#fill(isIpv4 ? AF_INET : AF_INET6, options?.info === true, ALL_STATES)
    const view = this.#view
    view.setUint16(REQUEST.ID + ID.LOCAL_PORT, localPort)
    view.setUint16(REQUEST.ID + ID.PEER_PORT, peerPort)
    writeAddress(view, REQUEST.ID + ID.LOCAL, local, isIpv4)
    writeAddress(view, REQUEST.ID + ID.PEER, peer, isIpv4)
    this.#isFound = false
    const end = this.#netlink.ask(this.#request, SOCK_DIAG_BY_FAMILY, 2, false, this.#take)
    if (end === 'complete') return this.#isFound && this.found.state !== STATE.LISTEN ? 1 : this.#isFound ? 0 : -1
    return typeof end === 'object' && end.errno === ERRNO.ENOENT ? 0 : -1
  }

  /**
   * Visits the sockets of both families that a filter lets through, until `visit` answers false or `limit` were visited. `complete`
   * where all were.
   */
  dump(filter: DiagFilter, limit: number, visit: (socket: DiagSocket) => boolean | undefined): AnswerEnd {
    const step = this.walk(filter, limit, visit)
    for (;;) {
      const end = step()
      if (end !== undefined) return end
    }
  }

  /**
   * The same in pieces, through a socket of its own: each call visits what one of the kernel's answers holds, some hundred, and gives
   * `undefined` while there are more. To be called until it gives an end, or once more with true, which gives the walk up.
   */
  walk(
    filter: DiagFilter,
    limit: number,
    visit: (socket: DiagSocket) => boolean | undefined,
  ): (isGivenUp?: boolean) => AnswerEnd | undefined {
    const states =
      filter.states === undefined ? ALL_STATES : filter.states.reduce((mask, state) => mask | (1 << state), 0)
    const request = new Uint8Array(new ArrayBuffer(DUMP.OCTETS))
    const view = new DataView(request.buffer)
    view.setUint8(DUMP.FAMILY, AF_INET)
    view.setUint8(DUMP.EXTENSIONS, (filter.info === true ? INFO : 0) | (filter.more === true ? MORE : 0))
    view.setUint16(DUMP.ID + ID.LOCAL_PORT, filter.localPort ?? 0)
    view.setUint16(DUMP.ID + ID.PEER_PORT, filter.peerPort ?? 0)
    view.setUint32(DUMP.STATES, states >>> 0, true)
    const netlink = new NetlinkSocket(this.#libc, NETLINK_SOCK_DIAG)
    const socket = new AnsweredSocket(netlink.view)
    let left = limit
    // An answer of 32 KiB holds some 80 sockets with their attributes; a receive may hold as few as one.
    const step = netlink.walk(
      filter.peer === undefined ? request : withPeer(request, filter.peer),
      TCPDIAG_GETSOCK,
      limit + 2,
      (start, end) => left-- > 0 && socket.read(start, end) && visit(socket),
    )
    return (isGivenUp = false) => {
      const end = isGivenUp ? 'incomplete' : step()
      if (end !== undefined) netlink.close()
      return end
    }
  }

  #fill(family: number, hasInfo: boolean, states: number): void {
    this.#view.setUint8(REQUEST.FAMILY, family)
    this.#view.setUint8(REQUEST.PROTOCOL, IPPROTO_TCP)
    this.#view.setUint8(REQUEST.EXTENSIONS, hasInfo ? INFO : 0)
    this.#view.setUint32(REQUEST.STATES, states, true)
    this.#view.setUint32(REQUEST.ID + ID.COOKIE, NO_COOKIE, true)
    this.#view.setUint32(REQUEST.ID + ID.COOKIE + 4, NO_COOKIE, true)
  }

  /** Opens the socket again where that was refused. */
  retry(): void {
    this.#netlink.retry()
  }

  close(): void {
    this.#netlink.close()
  }
}

/** Reads one `struct inet_diag_msg` at a time; its attributes when they are asked for. */
class AnsweredSocket implements DiagSocket {
  state = 0
  localPort = 0
  peerPort = 0
  readonly local: AddressWords = createAddressWords()
  readonly peer: AddressWords = createAddressWords()
  cookieLow = 0
  cookieHigh = 0
  unread = 0
  uid = 0
  inode = 0
  readonly #view: DataView
  #attributes = 0
  #end = 0

  constructor(view: DataView) {
    this.#view = view
  }

  /** False where it is too short, or of another family. */
  read(start: number, end: number): boolean {
    const view = this.#view
    this.#attributes = this.#end = 0
    if (end - start < MESSAGE.OCTETS) return false
    const family = view.getUint8(start + MESSAGE.FAMILY)
    if (family !== AF_INET && family !== AF_INET6) return false
    const id = start + MESSAGE.ID
    this.state = view.getUint8(start + MESSAGE.STATE)
    this.localPort = view.getUint16(id + ID.LOCAL_PORT)
    this.peerPort = view.getUint16(id + ID.PEER_PORT)
    readAddress(view, id + ID.LOCAL, family, this.local)
    readAddress(view, id + ID.PEER, family, this.peer)
    this.cookieLow = view.getUint32(id + ID.COOKIE, true)
    this.cookieHigh = view.getUint32(id + ID.COOKIE + 4, true)
    this.unread = view.getUint32(start + MESSAGE.RECEIVE_QUEUE, true)
    this.uid = view.getUint32(start + MESSAGE.UID, true)
    this.inode = view.getUint32(start + MESSAGE.INODE, true)
    this.#attributes = start + MESSAGE.OCTETS
    this.#end = end
    return true
  }

  get info(): DataView | undefined {
    return this.#payload(INET_DIAG_INFO, 1)
  }

  get memory(): DataView | undefined {
    return this.#payload(INET_DIAG_SKMEMINFO, 4)
  }

  get congestionControl(): string | undefined {
    const name = this.#payload(INET_DIAG_CONG, 1)
    return name && nameOf(name)
  }

  #payload(type: number, octets: number): DataView | undefined {
    const view = this.#view
    const at = attribute(view, this.#attributes, this.#end, type, octets)
    return at < 0 ? undefined : new DataView(view.buffer, at, view.getUint16(at - 4, true) - 4)
  }
}

/** ASCII text that ends with NUL, of at most 16 characters (`TCP_CA_NAME_MAX`). */
function nameOf(view: DataView): string {
  let name = ''
  for (let i = 0; i < Math.min(16, view.byteLength); i++) {
    const character = view.getUint8(i)
    if (character === 0) break
    name += character > 32 && character < 127 ? String.fromCharCode(character) : '?'
  }
  return name
}

/**
 * A request with a condition on the peer's address (`struct inet_diag_bc_op`, `inet_diag_hostcond`).
 * An IPv4 condition fits mapped addresses of IPv6 sockets, too.
 */
function withPeer(request: Uint8Array, peer: AddressWords): Uint8Array {
  const isIpv4 = isMapped(peer)
  const addressOctets = isIpv4 ? 4 : 16
  const operation = 4 + 8 + addressOctets
  const octets = new Uint8Array(new ArrayBuffer(request.length + 4 + operation))
  octets.set(request)
  const view = new DataView(octets.buffer, request.length)
  view.setUint16(0, 4 + operation, true)
  view.setUint16(2, INET_DIAG_REQ_BYTECODE, true)
  view.setUint8(4, PEER_CONDITION)
  // Where to go on: at the end if it holds, beyond the end if not.
  view.setUint8(5, operation)
  view.setUint16(6, operation + 4, true)
  view.setUint8(8, isIpv4 ? AF_INET : AF_INET6)
  view.setUint8(9, addressOctets * 8)
  // Any port.
  view.setInt32(12, -1, true)
  const words = isIpv4 ? [peer.w3] : [peer.w0, peer.w1, peer.w2, peer.w3]
  for (const [i, word] of words.entries()) view.setUint32(16 + 4 * i, word)
  return octets
}

function writeAddress(view: DataView, at: number, address: AddressWords, isIpv4: boolean): void {
  view.setUint32(at, isIpv4 ? address.w3 : address.w0)
  view.setUint32(at + 4, isIpv4 ? 0 : address.w1)
  view.setUint32(at + 8, isIpv4 ? 0 : address.w2)
  view.setUint32(at + 12, isIpv4 ? 0 : address.w3)
}

/** Reads an address of either family into words, an IPv4 one mapped. */
export function readAddress(view: DataView, at: number, family: number, address: AddressWords): void {
  const isIpv4 = family === AF_INET
  address.w0 = isIpv4 ? 0 : view.getUint32(at)
  address.w1 = isIpv4 ? 0 : view.getUint32(at + 4)
  address.w2 = isIpv4 ? 0xffff : view.getUint32(at + 8)
  address.w3 = view.getUint32(at + (isIpv4 ? 0 : 12))
}
