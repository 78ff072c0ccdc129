/**
 * One system call each, on descriptors of TCP sockets. Results land in buffers that belong to the `Sockets` object and are
 * overwritten by its next call: read them at once, copy what is to stay.
 * @module
 */

import type { AddressWords } from '../src/wire/sockaddr.ts'
import {
  AF_INET,
  AF_INET6,
  AT_FDCWD,
  errnoName,
  FIONREAD,
  IP_MULTICAST_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_MULTICAST_HOPS,
  O_CLOEXEC,
  SO_ACCEPTCONN,
  SO_COOKIE,
  SO_TYPE,
  SOL_SOCKET,
  TCP_DEFER_ACCEPT,
  TCP_INFO,
  TCP_SAVE_SYN,
  TCP_SAVED_SYN,
} from './constants.ts'
import { cString, type Libc } from './libc.ts'
import { SocketError } from './socket-error.ts'

/** What `getpeername` and `getsockname` answered, other than an IPv4 or IPv6 address. */
const NO_ADDRESS = 0

/** The largest TCP_SAVED_SYN: link header, IPv6 header with extension headers, TCP header with options. */
const VALUE_OCTETS = 4096

/** Copies that share an allocation. */
const COPIES = 16

/** Copies that share allocations, because on V8 an allocation for each costs a request as much as the system call. */
class Copies {
  readonly #value: Uint8Array
  #prefix: Uint8Array
  #slab = new ArrayBuffer(0)
  #used = 0

  constructor(value: Uint8Array) {
    this.#value = value
    this.#prefix = value
  }

  /** A copy of the first `octets`. */
  make(octets: number): Uint8Array {
    if (this.#used + octets > this.#slab.byteLength) {
      this.#slab = new ArrayBuffer(COPIES * octets)
      this.#used = 0
    }
    if (this.#prefix.length !== octets) this.#prefix = this.#value.subarray(0, octets)
    const copy = new Uint8Array(this.#slab, this.#used, octets)
    copy.set(this.#prefix)
    this.#used += octets
    return copy
  }
}

/** System calls on sockets with their buffers. One per thread: nothing in it is shared or kept. */
export class Sockets {
  readonly libc: Libc
  /** `struct sockaddr_in` or `sockaddr_in6` of the last `peerName` or `localName`. */
  readonly address: Uint8Array
  /** The option value of the last call that reads one. */
  readonly value: Uint8Array
  /** The same octets as `value`. */
  readonly view: DataView
  readonly #addressView: DataView
  readonly #length: Uint32Array
  readonly #infos: Copies
  readonly #syns: Copies
  readonly #unread = new Uint8Array(new ArrayBuffer(4))
  readonly #unreadView = new DataView(this.#unread.buffer)

  constructor(libc: Libc) {
    this.libc = libc
    // Explicit ArrayBuffers: the storage of a bare `new Uint8Array(n)` may move while the kernel writes (see libc.ts).
    const address = new ArrayBuffer(128)
    const value = new ArrayBuffer(VALUE_OCTETS)
    this.address = new Uint8Array(address)
    this.#addressView = new DataView(address)
    this.value = new Uint8Array(value)
    this.#infos = new Copies(this.value)
    this.#syns = new Copies(this.value)
    this.view = new DataView(value)
    this.#length = new Uint32Array(new ArrayBuffer(4))
  }

  /** Address family of the peer's address now in `address`; `NO_ADDRESS` for another family, -1 where the call failed. */
  peerName(fd: number): number {
    this.#length[0] = 128
    return this.libc.getpeername(fd, this.address, this.#length) === 0 ? this.#family() : -1
  }

  /** As `peerName`, for the socket's own address. */
  localName(fd: number): number {
    this.#length[0] = 128
    return this.libc.getsockname(fd, this.address, this.#length) === 0 ? this.#family() : -1
  }

  #family(): number {
    const family = this.#addressView.getUint16(0, true)
    return family === AF_INET || family === AF_INET6 ? family : NO_ADDRESS
  }

  /** Port of the address now in `address`. */
  port(): number {
    return this.#addressView.getUint16(2)
  }

  /**
   * Word 0 to 3 of the address now in `address` as an IPv6 address, an IPv4 one mapped (RFC 4291 section 2.5.5.2).
   * `family` is what `peerName` returned.
   */
  word(family: number, index: number): number {
    if (family === AF_INET6) return this.#addressView.getUint32(8 + 4 * index)
    return index === 3 ? this.#addressView.getUint32(4) : index === 2 ? 0xffff : 0
  }

  /** True if the address now in `address` is this one. `family` is what `peerName` returned. */
  hasAddress(family: number, { w0, w1, w2, w3 }: AddressWords): boolean {
    if (this.word(family, 3) !== w3 || this.word(family, 2) !== w2) return false
    return this.word(family, 1) === w1 && this.word(family, 0) === w0
  }

  /** True if the socket still has a peer: ENOTCONN once it was reset, also before its descriptor is closed. */
  isConnected(fd: number): boolean {
    this.#length[0] = 128
    return this.libc.getpeername(fd, this.address, this.#length) === 0
  }

  /**
   * SO_COOKIE into `value`: 8 octets, unique until the next boot, never that of another socket.
   * False where the descriptor is no socket.
   */
  cookie(fd: number): boolean {
    this.#length[0] = 8
    return this.libc.getsockopt(fd, SOL_SOCKET, SO_COOKIE, this.value, this.#length) === 0
  }

  /** Why the last `cookie` failed. `ENOPROTOOPT` before Linux 4.12, and in sandboxes that have no such option. */
  cookieError(fd: number): SocketError {
    return this.#error('read', 'getsockopt', fd, 'SO_COOKIE')
  }

  /** Why descriptors cannot be told: `errno` of a `getpeername` that was refused. */
  peerError(errno: number): SocketError {
    return new SocketError('Cannot read the peer of any', {
      code: errnoName(errno),
      errno,
      syscall: 'getpeername',
      fd: -1,
    })
  }

  /** True if the socket's cookie is this one, given as two little-endian words. */
  hasCookie(fd: number, low: number, high: number): boolean {
    return this.cookie(fd) && this.view.getUint32(0, true) === low && this.view.getUint32(4, true) === high
  }

  /** TCP_INFO into `value`: the octets the kernel wrote, -1 where the call failed. */
  tcpInfo(fd: number): number {
    this.#length[0] = 512
    return this.libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, this.value, this.#length) === 0 ? this.#length[0]! : -1
  }

  /** A copy of the first `octets` of `value`, for as long as a request. */
  copy(octets: number): Uint8Array {
    return this.#infos.make(octets)
  }

  /** The same of a SYN, for as long as a connection. */
  copySyn(octets: number): Uint8Array {
    return this.libc.sharesAllocations === true ? this.#syns.make(octets) : this.value.slice(0, octets)
  }

  /**
   * TCP_SAVED_SYN into `value`: its octets, 0 where there is none (the first read takes it), -1 where the call failed.
   */
  savedSyn(fd: number): number {
    this.#length[0] = VALUE_OCTETS
    return this.libc.getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, this.value, this.#length) === 0 ? this.#length[0]! : -1
  }

  /** Octets received but not yet read by the process; 0 where that cannot be told. */
  unread(fd: number): number {
    return this.libc.ioctl(fd, FIONREAD, this.#unread) === 0 ? this.#unreadView.getUint32(0, true) : 0
  }

  /**
   * TTL or hop limit of the segment that completed the handshake: Linux keeps it where the default for multicast is kept.
   * `version` is that of the peer's address. `undefined` where the call failed.
   */
  handshakeTimeToLive(fd: number, version: 4 | 6): number | undefined {
    const level = version === 4 ? IPPROTO_IP : IPPROTO_IPV6
    const option = version === 4 ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS
    this.#length[0] = 4
    if (this.libc.getsockopt(fd, level, option, this.value, this.#length) !== 0) return undefined
    return this.view.getInt32(0, true)
  }

  /**
   * Descriptor numbers that the process can have open now: all are smaller. 0 where the kernel does not say. Costs some 20 µs.
   *
   * @see {@link https://man7.org/linux/man-pages/man5/proc_pid_status.5.html proc_pid_status(5)}, `FDSize`
   */
  descriptorLimit(): number {
    const { libc } = this
    const fd = libc.openat(AT_FDCWD, cString('/proc/thread-self/status'), O_CLOEXEC)
    if (fd < 0) return 0
    const octets = libc.read(fd, this.value, VALUE_OCTETS)
    libc.close(fd)
    const text = new TextDecoder().decode(this.value.subarray(0, Math.max(0, octets)))
    return Number(/^FDSize:\s*(\d+)$/m.exec(text)?.[1] ?? 0)
  }

  /** An integer option of SOL_SOCKET, -1 where the call failed. */
  #socketOption(fd: number, option: number): number {
    this.#length[0] = 4
    if (this.libc.getsockopt(fd, SOL_SOCKET, option, this.value, this.#length) !== 0) return -1
    return this.view.getInt32(0, true)
  }

  /** True if the descriptor is a socket that listens. */
  isListening(fd: number): boolean {
    return this.#socketOption(fd, SO_ACCEPTCONN) === 1
  }

  /** SOCK_STREAM, SOCK_DGRAM ..., -1 where the descriptor is no socket. */
  type(fd: number): number {
    return this.#socketOption(fd, SO_TYPE)
  }

  /** The number errno has for the call that just failed. */
  errno(): number {
    return this.libc.errno()
  }

  /** TCP_DEFER_ACCEPT of a listener, seconds as the kernel rounds them; 0 means that the bare handshake ACK is accepted. */
  deferAccept(fd: number): number {
    return this.#tcpOption(fd, TCP_DEFER_ACCEPT, 'TCP_DEFER_ACCEPT')
  }

  /** @throws {SocketError} `ENOPROTOOPT` on an MPTCP listener, `EBADF`, `ENOTSOCK` */
  setDeferAccept(fd: number, seconds: number): void {
    this.#setTcpOption(fd, TCP_DEFER_ACCEPT, 'TCP_DEFER_ACCEPT', seconds)
  }

  /**
   * Makes a listener keep the IP and TCP headers of the SYNs that come from now on (1), or not (0).
   * @throws {SocketError} `ENOPROTOOPT` on an MPTCP listener or a kernel before 4.2
   */
  setSaveSyn(fd: number, mode: 0 | 1): void {
    this.#setTcpOption(fd, TCP_SAVE_SYN, 'TCP_SAVE_SYN', mode)
  }

  /** True of a connection whose listener kept no SYNs: each has the value that its listener had. */
  isFromUnarmed(fd: number): boolean {
    this.#length[0] = 4
    const result = this.libc.getsockopt(fd, IPPROTO_TCP, TCP_SAVE_SYN, this.value, this.#length)
    return result === 0 && this.view.getInt32(0, true) === 0
  }

  #tcpOption(fd: number, option: number, name: string): number {
    this.#length[0] = 4
    if (this.libc.getsockopt(fd, IPPROTO_TCP, option, this.value, this.#length) === 0)
      return this.view.getInt32(0, true)
    throw this.#error('read', 'getsockopt', fd, name)
  }

  #setTcpOption(fd: number, option: number, name: string, value: number): void {
    this.view.setInt32(0, value, true)
    if (this.libc.setsockopt(fd, IPPROTO_TCP, option, this.value, 4) !== 0)
      throw this.#error('set', 'setsockopt', fd, name)
  }

  #error(verb: 'read' | 'set', syscall: string, fd: number, option: string): SocketError {
    const errno = this.libc.errno()
    const action = `Cannot ${verb} ${option} ${verb === 'read' ? 'from' : 'of'}`
    return new SocketError(action, { code: errnoName(errno), errno, syscall, option, fd })
  }
}
