/**
 * The system calls the test peers need, over bun:ffi. Separate from the product's `ffi/`, so that a fault there cannot
 * hide itself in the tests. Opened on first use. Views over explicit ArrayBuffers are passed on every call; no pointer
 * is ever kept.
 * @module
 */
import { dlopen, FFIType, read } from 'bun:ffi'

/** Numbers of linux/*.h that are the same on x86-64 and arm64. */
export const C = {
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_STREAM: 1,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  O_RDONLY: 0,
  O_RDWR: 2,
  O_NONBLOCK: 0o4000,
  O_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_ERROR: 4,
  SO_LINGER: 13,
  SO_REUSEPORT: 15,
  SO_COOKIE: 57,
  IPPROTO_IP: 0,
  IP_TOS: 1,
  IP_TTL: 2,
  IP_MULTICAST_TTL: 33,
  IPPROTO_IPV6: 41,
  IPV6_UNICAST_HOPS: 16,
  IPV6_MULTICAST_HOPS: 18,
  IPV6_V6ONLY: 26,
  IPPROTO_TCP: 6,
  TCP_NODELAY: 1,
  TCP_MAXSEG: 2,
  TCP_DEFER_ACCEPT: 9,
  TCP_WINDOW_CLAMP: 10,
  TCP_INFO: 11,
  TCP_FASTOPEN: 23,
  TCP_SAVE_SYN: 27,
  TCP_SAVED_SYN: 28,
  TCP_FASTOPEN_CONNECT: 30,
  CLONE_NEWNET: 0x4000_0000,
  POLLIN: 1,
  POLLOUT: 4,
  EPOLLIN: 1,
  EPOLLOUT: 4,
  EPOLLERR: 8,
  EPOLLHUP: 16,
  EPOLL_CTL_ADD: 1,
  EPOLL_CTL_DEL: 2,
  EPOLL_CTL_MOD: 3,
  TUNSETIFF: 0x4004_54ca,
  IFF_TUN: 1,
  IFF_NO_PI: 0x1000,
  EPERM: 1,
  EINTR: 4,
  EAGAIN: 11,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ECONNRESET: 104,
  ENOTCONN: 107,
  ECONNREFUSED: 111,
  EINPROGRESS: 115,
} as const

const ERRNO_NAMES: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  4: 'EINTR',
  9: 'EBADF',
  11: 'EAGAIN',
  13: 'EACCES',
  16: 'EBUSY',
  22: 'EINVAL',
  24: 'EMFILE',
  32: 'EPIPE',
  88: 'ENOTSOCK',
  92: 'ENOPROTOOPT',
  97: 'EAFNOSUPPORT',
  98: 'EADDRINUSE',
  99: 'EADDRNOTAVAIL',
  101: 'ENETUNREACH',
  103: 'ECONNABORTED',
  104: 'ECONNRESET',
  105: 'ENOBUFS',
  107: 'ENOTCONN',
  110: 'ETIMEDOUT',
  111: 'ECONNREFUSED',
  113: 'EHOSTUNREACH',
  115: 'EINPROGRESS',
}

/** `EINVAL` for 22; `errno 200` for a number without a name here. */
export function errnoName(errno: number): string {
  return ERRNO_NAMES[errno] ?? `errno ${errno}`
}

/** A system call of the test support failed. */
export class LibcError extends Error {
  override readonly name = 'LibcError'
  readonly syscall: string
  readonly errno: number
  /** `EPERM`, `EADDRINUSE`, ... */
  readonly code: string
  constructor(syscall: string, errno: number, what: string) {
    super(`Cannot ${what}: ${syscall} failed with ${errnoName(errno)}`)
    this.syscall = syscall
    this.errno = errno
    this.code = errnoName(errno)
  }
}

const SYMBOLS = {
  open: { args: ['buffer', 'i32', 'i32'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
  read: { args: ['i32', 'buffer', 'usize'], returns: FFIType.i64_fast },
  write: { args: ['i32', 'buffer', 'usize'], returns: FFIType.i64_fast },
  ioctl: { args: ['i32', 'usize', 'buffer'], returns: 'i32' },
  ppoll: { args: ['buffer', 'usize', 'buffer', 'ptr'], returns: 'i32' },
  sched_setscheduler: { args: ['i32', 'i32', 'buffer'], returns: 'i32' },
  setns: { args: ['i32', 'i32'], returns: 'i32' },
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  bind: { args: ['i32', 'buffer', 'u32'], returns: 'i32' },
  connect: { args: ['i32', 'buffer', 'u32'], returns: 'i32' },
  listen: { args: ['i32', 'i32'], returns: 'i32' },
  accept4: { args: ['i32', 'buffer', 'buffer', 'i32'], returns: 'i32' },
  send: { args: ['i32', 'buffer', 'usize', 'i32'], returns: FFIType.i64_fast },
  recv: { args: ['i32', 'buffer', 'usize', 'i32'], returns: FFIType.i64_fast },
  shutdown: { args: ['i32', 'i32'], returns: 'i32' },
  getsockname: { args: ['i32', 'buffer', 'buffer'], returns: 'i32' },
  getpeername: { args: ['i32', 'buffer', 'buffer'], returns: 'i32' },
  setsockopt: { args: ['i32', 'i32', 'i32', 'buffer', 'u32'], returns: 'i32' },
  getsockopt: { args: ['i32', 'i32', 'i32', 'buffer', 'buffer'], returns: 'i32' },
  epoll_create1: { args: ['i32'], returns: 'i32' },
  epoll_ctl: { args: ['i32', 'i32', 'i32', 'buffer'], returns: 'i32' },
  epoll_wait: { args: ['i32', 'buffer', 'i32', 'i32'], returns: 'i32' },
  __errno_location: { args: [], returns: 'ptr' },
} as const

function openLibc() {
  for (const name of ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`]) {
    try {
      return dlopen(name, SYMBOLS).symbols
    } catch {}
  }
  throw new Error('Cannot open the C library: neither libc.so.6 nor the musl name is there')
}
let opened: ReturnType<typeof openLibc> | undefined
function libc(): ReturnType<typeof openLibc> {
  return (opened ??= openLibc())
}

/** `errno` of the call just made on this thread. */
function errno(): number {
  return read.i32(libc().__errno_location()!, 0)
}

function cString(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text)
  const out = new Uint8Array(new ArrayBuffer(bytes.length + 1))
  out.set(bytes)
  return out
}

/** Raises `LibcError` for a negative result and returns the others. */
function check(result: number, syscall: string, what: string): number {
  if (result < 0) throw new LibcError(syscall, errno(), what)
  return result
}

/** A new zeroed view over an ArrayBuffer of its own, fit to be passed to a system call. */
export function buffer(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(size))
}

/** Opens a file; the descriptor. @throws {LibcError} */
export function open(path: string, flags: number): number {
  return check(libc().open(cString(path), flags, 0), 'open', `open "${path}"`)
}

/** Closes a descriptor; a second close is silent. */
export function close(fd: number): void {
  libc().close(fd)
}

/** Octets read, 0 at the end, or minus errno. */
export function readInto(fd: number, into: Uint8Array): number {
  const n = libc().read(fd, into, into.length)
  return n < 0 ? -errno() : Number(n)
}

/** Octets written, or minus errno. */
export function writeFrom(fd: number, from: Uint8Array): number {
  const n = libc().write(fd, from, from.length)
  return n < 0 ? -errno() : Number(n)
}

/** `ioctl` with a pointer argument. @throws {LibcError} */
export function ioctl(fd: number, request: number, argument: Uint8Array, what: string): void {
  check(libc().ioctl(fd, request, argument), 'ioctl', what)
}

const POLL_FD = new DataView(new ArrayBuffer(8))
const POLL_TIME = new DataView(new ArrayBuffer(16))
/** Blocks this thread until `fd` is readable or `milliseconds` (fractions count) are over; true when readable. */
export function pollReadable(fd: number, milliseconds: number): boolean {
  const nanoseconds = Math.max(0, Math.round(milliseconds * 1e6))
  POLL_FD.setInt32(0, fd, true)
  POLL_FD.setInt16(4, C.POLLIN, true)
  POLL_FD.setInt16(6, 0, true)
  POLL_TIME.setBigInt64(0, BigInt(Math.floor(nanoseconds / 1e9)), true)
  POLL_TIME.setBigInt64(8, BigInt(nanoseconds % 1e9), true)
  return libc().ppoll(POLL_FD, 1, POLL_TIME, null) > 0
}

const PRIORITY = new DataView(new ArrayBuffer(4))
/**
 * Lets this thread run before all ordinary ones (SCHED_FIFO, lowest priority), or as an ordinary one again. What it
 * starts meanwhile does not inherit that. Needs CAP_SYS_NICE; false, and nothing changed, without.
 */
export function setRealTime(on: boolean): boolean {
  const SCHED_OTHER = 0
  const SCHED_FIFO = 1
  const SCHED_RESET_ON_FORK = 0x4000_0000
  PRIORITY.setInt32(0, on ? 1 : 0, true)
  return libc().sched_setscheduler(0, (on ? SCHED_FIFO : SCHED_OTHER) | SCHED_RESET_ON_FORK, PRIORITY) === 0
}

/** Moves this thread into a namespace. @throws {LibcError} */
export function setns(fd: number, kind: number): void {
  check(libc().setns(fd, kind), 'setns', 'enter the network namespace')
}

/** A TCP socket, close-on-exec; non-blocking unless told otherwise. @throws {LibcError} */
export function tcpSocket(family: 4 | 6, nonBlocking: boolean = true): number {
  const type = C.SOCK_STREAM | C.SOCK_CLOEXEC | (nonBlocking ? C.SOCK_NONBLOCK : 0)
  return check(libc().socket(family === 4 ? C.AF_INET : C.AF_INET6, type, 0), 'socket', 'make a TCP socket')
}

/** 0, or minus errno. */
export function bind(fd: number, address: Uint8Array): number {
  return libc().bind(fd, address, address.length) < 0 ? -errno() : 0
}

/** 0, or minus errno (`-EINPROGRESS` on a non-blocking socket). */
export function connect(fd: number, address: Uint8Array): number {
  return libc().connect(fd, address, address.length) < 0 ? -errno() : 0
}

/** @throws {LibcError} */
export function listen(fd: number, backlog: number): void {
  check(libc().listen(fd, backlog), 'listen', `listen on descriptor ${fd}`)
}

/** The next accepted connection as a non-blocking descriptor, or minus errno. */
export function accept(fd: number): number {
  const length = buffer(4)
  length[0] = 28
  const child = libc().accept4(fd, buffer(28), length, C.SOCK_NONBLOCK | C.SOCK_CLOEXEC)
  return child < 0 ? -errno() : child
}

const MSG_NOSIGNAL = 0x4000
/** Octets sent, or minus errno. */
export function send(fd: number, bytes: Uint8Array): number {
  const n = libc().send(fd, bytes, bytes.length, MSG_NOSIGNAL)
  return n < 0 ? -errno() : Number(n)
}

/** Octets received, 0 at the end, or minus errno. */
export function recv(fd: number, into: Uint8Array): number {
  const n = libc().recv(fd, into, into.length, 0)
  return n < 0 ? -errno() : Number(n)
}

/** Ends the sending side. */
export function shutdownWrite(fd: number): void {
  libc().shutdown(fd, 1)
}

/** The address a socket is bound to (`peer: false`) or connected to, as a sockaddr, or minus errno. */
export function socketName(fd: number, peer: boolean): Uint8Array | number {
  const address = buffer(28)
  const length = buffer(4)
  length[0] = 28
  const rc = peer ? libc().getpeername(fd, address, length) : libc().getsockname(fd, address, length)
  return rc < 0 ? -errno() : address.slice(0, length[0])
}

/** Sets an `int` option; 0 or minus errno. */
export function setOption(fd: number, level: number, option: number, value: number): number {
  const view = new DataView(new ArrayBuffer(4))
  view.setInt32(0, value, true)
  return libc().setsockopt(fd, level, option, view, 4) < 0 ? -errno() : 0
}

/** `SO_LINGER` on, 0 seconds: `close` sends RST. */
export function setResetOnClose(fd: number): void {
  const view = new DataView(new ArrayBuffer(8))
  view.setInt32(0, 1, true)
  libc().setsockopt(fd, C.SOL_SOCKET, C.SO_LINGER, view, 8)
}

/** Reads an option of up to `size` octets: exactly the octets the kernel returned, or minus errno. */
export function getOption(fd: number, level: number, option: number, size: number): Uint8Array | number {
  const value = buffer(size)
  const length = new DataView(new ArrayBuffer(4))
  length.setUint32(0, size, true)
  if (libc().getsockopt(fd, level, option, value, length) < 0) return -errno()
  return value.subarray(0, length.getUint32(0, true))
}

/** Reads an `int` option. @throws {LibcError} */
export function getIntOption(fd: number, level: number, option: number): number {
  const value = getOption(fd, level, option, 4)
  if (typeof value === 'number') throw new LibcError('getsockopt', -value, `read option ${option} of level ${level}`)
  return new DataView(value.buffer).getInt32(0, true)
}

/** `struct epoll_event` is packed on x86-64 only. */
const EVENT_SIZE = process.arch === 'x64' ? 12 : 16
const EVENT_DATA = process.arch === 'x64' ? 4 : 8

/** An epoll instance. */
export interface Epoll {
  /** Adds (`'add'`) or changes (`'change'`) what is waited for; `tag` (32 bits) comes back with the event. */
  set(action: 'add' | 'change', fd: number, events: number, tag: number): void
  /** Forgets a descriptor. A closed one is forgotten anyway. */
  remove(fd: number): void
  /** Calls `onEvent(tag, events)` for what is ready, waiting at most `milliseconds`; how many there were. */
  wait(milliseconds: number, onEvent: (tag: number, events: number) => void): number
  close(): void
}

/** Makes an epoll instance that hands over up to 256 events a call. @throws {LibcError} */
export function createEpoll(): Epoll {
  const epoll = check(libc().epoll_create1(C.O_CLOEXEC), 'epoll_create1', 'make an epoll instance')
  const one = new DataView(new ArrayBuffer(EVENT_SIZE))
  const many = new DataView(new ArrayBuffer(EVENT_SIZE * 256))
  return {
    set(action, fd, events, tag) {
      one.setUint32(0, events, true)
      one.setUint32(EVENT_DATA, tag, true)
      const op = action === 'add' ? C.EPOLL_CTL_ADD : C.EPOLL_CTL_MOD
      check(libc().epoll_ctl(epoll, op, fd, one), 'epoll_ctl', `watch descriptor ${fd}`)
    },
    remove(fd) {
      libc().epoll_ctl(epoll, C.EPOLL_CTL_DEL, fd, one)
    },
    wait(milliseconds, onEvent) {
      const n = libc().epoll_wait(epoll, many, 256, milliseconds)
      for (let i = 0; i < n; i += 1) {
        const at = i * EVENT_SIZE
        onEvent(many.getUint32(at + EVENT_DATA, true), many.getUint32(at, true))
      }
      return Math.max(0, n)
    },
    close() {
      libc().close(epoll)
    },
  }
}
