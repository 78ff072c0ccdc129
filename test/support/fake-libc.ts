/**
 * A `Libc` without a kernel: descriptors are entries of a map, calls can be refused one by one.
 * @module
 */
import {
  EPOLL_CTL_ADD,
  EPOLLOUT,
  ERRNO,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLWRNORM,
  SO_ACCEPTCONN,
  SO_COOKIE,
  SO_TYPE,
  SOL_SOCKET,
  TCP_DEFER_ACCEPT,
  TCP_INFO,
  TCP_SAVE_SYN,
  TCP_SAVED_SYN,
} from '../../ffi/constants.ts'
import type { Libc } from '../../ffi/libc.ts'

/** What is behind a descriptor number. */
export interface FakeSocket {
  cookie: number
  /** Peer port on 127.0.0.1; `undefined`: no peer (ENOTCONN). */
  peer?: number | undefined
  localPort?: number
  listening?: boolean
  syn?: Uint8Array
  info?: Uint8Array
  deferAccept?: number
  saveSyn?: number
  /** No socket at all: ENOTSOCK. */
  file?: boolean
}

/** The fake with its state and the calls counted. */
export interface FakeLibc extends Libc {
  readonly sockets: Map<number, FakeSocket>
  /** Calls by name. */
  readonly calls: Record<string, number>
  /** Calls by name, and options by number, that fail with this errno. */
  readonly refuse: Map<string | number, number>
  /** Opens the lowest free number, as the kernel does. */
  open(socket: Omit<FakeSocket, 'cookie'>): number
  /** Closes a number; watches on it tell. */
  shut(fd: number): void
}

/** A fresh fake with stdin, stdout and stderr open. `descriptorLimit` is RLIMIT_NOFILE, as far as `poll` heeds it. */
export function createFakeLibc(descriptorLimit: number = 1024): FakeLibc {
  const sockets = new Map<number, FakeSocket>([0, 1, 2].map((fd) => [fd, { cookie: 0, file: true }]))
  const calls: Record<string, number> = {}
  const refuse = new Map<string | number, number>()
  const watches = new Map<number, number>()
  const notices: number[] = []
  /** Epoll sets, with what was asked for of each socket. */
  const sets = new Map<number, Map<FakeSocket, { readonly events: number; readonly data: number }>>()
  let errno = 0
  let cookies = 100
  let watchNumber = 0
  const fail = (number: number): number => {
    errno = number
    return -1
  }
  const enter = (name: string, fd?: number): FakeSocket | undefined => {
    calls[name] = (calls[name] ?? 0) + 1
    const refused = refuse.get(name)
    if (refused !== undefined) {
      errno = refused
      return undefined
    }
    if (fd === undefined) return { cookie: 0 }
    const socket = sockets.get(fd)
    errno = socket === undefined ? ERRNO.EBADF : socket.file ? ERRNO.ENOTSOCK : 0
    return socket?.file ? undefined : socket
  }
  const writeAddress = (address: Uint8Array, length: Uint32Array, port: number): number => {
    address.set([2, 0, port >> 8, port & 255, 127, 0, 0, 1])
    length[0] = 16
    return 0
  }
  const lowest = (): number => {
    let fd = 0
    while (sockets.has(fd)) fd++
    return fd
  }
  const openFile = (name: string): number => {
    if (enter(name) === undefined) return -1
    const fd = lowest()
    sockets.set(fd, { cookie: 0, file: true })
    return fd
  }
  return {
    sockets,
    calls,
    refuse,
    open: (socket) => {
      const fd = lowest()
      sockets.set(fd, { cookie: ++cookies, ...socket })
      return fd
    },
    shut: (fd) => {
      sockets.delete(fd)
      for (const [watch, watched] of watches) if (watched === fd) notices.push(watch)
    },
    getsockopt: (fd, level, option, value, length) => {
      const socket = enter('getsockopt', fd)
      if (socket === undefined) return -1
      const refused = refuse.get(option)
      if (refused !== undefined) return fail(refused)
      const view = new DataView(value.buffer, value.byteOffset)
      const give = (bytes: Uint8Array | undefined): number => {
        const octets = bytes?.subarray(0, length[0]) ?? new Uint8Array(0)
        value.set(octets)
        length[0] = octets.length
        return 0
      }
      if (level === SOL_SOCKET && option === SO_COOKIE) view.setBigUint64(0, BigInt(socket.cookie), true)
      else if (level === SOL_SOCKET && option === SO_TYPE) view.setInt32(0, 1, true)
      else if (level === SOL_SOCKET && option === SO_ACCEPTCONN) view.setInt32(0, socket.listening ? 1 : 0, true)
      else if (option === TCP_DEFER_ACCEPT) view.setInt32(0, socket.deferAccept ?? 0, true)
      else if (option === TCP_SAVE_SYN) view.setInt32(0, socket.saveSyn ?? 0, true)
      else if (option === TCP_INFO) return give(socket.info)
      else if (option === TCP_SAVED_SYN) {
        const syn = socket.syn
        delete socket.syn
        return give(syn)
      } else view.setInt32(0, 64, true)
      return 0
    },
    setsockopt: (fd, _level, option, value) => {
      const socket = enter('setsockopt', fd)
      if (socket === undefined) return -1
      const refused = refuse.get(option)
      if (refused !== undefined) return fail(refused)
      const number = new DataView(value.buffer, value.byteOffset).getInt32(0, true)
      if (option === TCP_DEFER_ACCEPT) socket.deferAccept = number
      if (option === TCP_SAVE_SYN) socket.saveSyn = number
      return 0
    },
    getpeername: (fd, address, length) => {
      const socket = enter('getpeername', fd)
      if (socket === undefined) return -1
      return socket.peer === undefined ? fail(ERRNO.ENOTCONN) : writeAddress(address, length, socket.peer)
    },
    getsockname: (fd, address, length) => {
      const socket = enter('getsockname', fd)
      return socket === undefined ? -1 : writeAddress(address, length, socket.localPort ?? 0)
    },
    ioctl: (fd, _request, value) => {
      if (enter('ioctl', fd) === undefined) return -1
      value.fill(0)
      return 0
    },
    inotify_init1: () => openFile('inotify_init1'),
    inotify_add_watch: (_fd, path, _mask) => {
      if (enter('inotify_add_watch') === undefined) return -1
      const fd = Number(/\/(\d+)\0/.exec(new TextDecoder().decode(path))![1])
      watches.set(++watchNumber, fd)
      return watchNumber
    },
    inotify_rm_watch: (_fd, watch) => {
      enter('inotify_rm_watch')
      return watches.delete(watch) ? 0 : fail(ERRNO.EINVAL)
    },
    epoll_create1: () => {
      const fd = openFile('epoll_create1')
      if (fd >= 0) sets.set(fd, new Map())
      return fd
    },
    epoll_ctl: (epoll, operation, fd, event) => {
      if (enter('epoll_ctl') === undefined) return -1
      const set = sets.get(epoll)!
      const socket = sockets.get(fd)
      if (socket === undefined) return fail(ERRNO.EBADF)
      if (operation !== EPOLL_CTL_ADD) return set.delete(socket) ? 0 : fail(ERRNO.ENOENT)
      if (set.has(socket)) return fail(ERRNO.EEXIST)
      const view = new DataView(event.buffer, event.byteOffset)
      set.set(socket, { events: view.getUint32(0, true), data: view.getUint32(8, true) })
      return 0
    },
    epoll_wait: (epoll, events, most) => {
      if (enter('epoll_wait') === undefined) return -1
      events.fill(0)
      const open = new Set(sockets.values())
      const view = new DataView(events.buffer, events.byteOffset)
      let count = 0
      for (const [socket, { events: asked, data }] of sets.get(epoll)!) {
        if (!open.has(socket) || (asked & EPOLLOUT) === 0 || count === most) continue
        view.setUint32(count * 16, EPOLLOUT, true)
        view.setUint32(count * 16 + 8, data, true)
        count++
      }
      return count > 0 ? count : Math.min(1, notices.length)
    },
    poll: (entries, count) => {
      if (enter('poll') === undefined) return -1
      if (count > descriptorLimit) return fail(ERRNO.EINVAL)
      const view = new DataView(entries.buffer, entries.byteOffset)
      let found = 0
      for (let at = 0; at < count * 8; at += 8) {
        const socket = sockets.get(view.getInt32(at, true))
        const isWritable = socket?.file === true || socket?.peer !== undefined
        view.setUint16(
          at + 6,
          socket === undefined ? POLLNVAL : isWritable ? POLLOUT | POLLWRNORM | (socket.file ? POLLIN : 0) : 0,
          true,
        )
        if (socket === undefined || isWritable) found++
      }
      return found
    },
    openat: () => fail(ERRNO.ENOENT),
    read: (_fd, buffer, count) => {
      if (enter('read') === undefined) return -1
      if (notices.length === 0) return fail(ERRNO.EAGAIN)
      const view = new DataView(buffer.buffer, buffer.byteOffset)
      let at = 0
      for (; at + 16 <= count && notices.length > 0; at += 16) {
        view.setInt32(at, notices.shift()!, true)
        view.setUint32(at + 4, 8, true)
        view.setBigUint64(at + 8, 0n, true)
      }
      return at
    },
    close: (fd) => {
      enter('close')
      return sockets.delete(fd) ? 0 : fail(ERRNO.EBADF)
    },
    // No netlink, as in a sandbox; a test that wants some brings its own.
    socket: () => {
      enter('socket')
      return fail(ERRNO.EAFNOSUPPORT)
    },
    bind: () => fail(ERRNO.EBADF),
    send: () => fail(ERRNO.EBADF),
    recv: () => fail(ERRNO.EBADF),
    recvfrom: () => fail(ERRNO.EBADF),
    errno: () => errno,
    // None whose system calls have known numbers.
    architecture: 'fake',
    syscall: () => fail(ERRNO.ENOSYS),
    calloc: () => 0,
    free: () => {},
    load: () => 0,
    view: () => undefined,
    store: () => {},
  }
}
