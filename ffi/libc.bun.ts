/**
 * `Libc` over `bun:ffi`, opened on first use.
 * @module
 */
import { toError } from '../src/base/report-once.ts'
import {
  type Libc,
  type LibcUnavailable,
  libcNames,
  notLinux,
  notOpened,
  type OpenLibc,
  openOnce,
  sharedMapper,
} from './libc.ts'

type BunFfi = typeof import('bun:ffi')
type Pointer = import('bun:ffi').Pointer

const SYMBOLS = {
  getsockopt: { args: ['i32', 'i32', 'i32', 'buffer', 'buffer'], returns: 'i32' },
  setsockopt: { args: ['i32', 'i32', 'i32', 'buffer', 'u32'], returns: 'i32' },
  getpeername: { args: ['i32', 'buffer', 'buffer'], returns: 'i32' },
  getsockname: { args: ['i32', 'buffer', 'buffer'], returns: 'i32' },
  ioctl: { args: ['i32', 'u64', 'buffer'], returns: 'i32' },
  inotify_init1: { args: ['i32'], returns: 'i32' },
  openat: { args: ['i32', 'buffer', 'i32'], returns: 'i32' },
  inotify_add_watch: { args: ['i32', 'buffer', 'u32'], returns: 'i32' },
  inotify_rm_watch: { args: ['i32', 'i32'], returns: 'i32' },
  epoll_create1: { args: ['i32'], returns: 'i32' },
  epoll_ctl: { args: ['i32', 'i32', 'i32', 'buffer'], returns: 'i32' },
  epoll_wait: { args: ['i32', 'buffer', 'i32', 'i32'], returns: 'i32' },
  poll: { args: ['buffer', 'u64', 'i32'], returns: 'i32' },
  read: { args: ['i32', 'buffer', 'u32'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
  socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  bind: { args: ['i32', 'buffer', 'u32'], returns: 'i32' },
  send: { args: ['i32', 'buffer', 'u64', 'i32'], returns: 'i32' },
  recv: { args: ['i32', 'buffer', 'u64', 'i32'], returns: 'i32' },
  recvfrom: { args: ['i32', 'buffer', 'u64', 'i32', 'buffer', 'buffer'], returns: 'i32' },
  syscall: { args: ['u64', 'u64', 'u64', 'u64'], returns: 'i32' },
  calloc: { args: ['u64', 'u64'], returns: 'ptr' },
  free: { args: ['u64'], returns: 'void' },
  mmap: { args: ['u64', 'u64', 'i32', 'i32', 'i32', 'u64'], returns: 'ptr' },
  munmap: { args: ['u64', 'u64'], returns: 'i32' },
  memmove: { args: ['u64', 'buffer', 'u64'], returns: 'void' },
  __errno_location: { args: [], returns: 'ptr' },
} as const

/** libc of this process, or why there is none. */
export const openLibc: OpenLibc = /* @__PURE__ */ openOnce(open)

function open(path: string | undefined): Libc | LibcUnavailable {
  if (process.platform !== 'linux') {
    return notLinux(process.platform)
  }
  const ffi = process.getBuiltinModule?.('bun:ffi') as BunFfi | undefined
  if (ffi === undefined) return { reason: 'unsupported', message: 'bun:ffi cannot be loaded: this is not Bun' }
  const failures: string[] = []
  for (const name of path === undefined ? libcNames(process.arch) : [path]) {
    try {
      return bind(ffi, name)
    } catch (error) {
      failures.push(toError(error).message)
    }
  }
  return notOpened(failures)
}

function bind(ffi: BunFfi, name: string): Libc {
  const { __errno_location: location, calloc, memmove, mmap, munmap, ...calls } = ffi.dlopen(name, SYMBOLS).symbols
  // errno belongs to the thread, and a thread of JavaScript stays the same: its address is asked for once.
  let address: ReturnType<typeof location>
  return {
    ...calls,
    errno: () => {
      address ??= location()
      return address === null ? 0 : ffi.read.i32(address, 0)
    },
    architecture: process.arch,
    calloc: (count, octets) => Number(calloc(count, octets) ?? 0),
    load: (from) => ffi.read.u32(from as Pointer, 0),
    view: (from, words) => new Uint32Array(ffi.toArrayBuffer(from as Pointer, 0, 4 * words)),
    store: (to, octets, count) => memmove(to, octets, count),
    mapShared: sharedMapper(
      (octets, protection, flags, fd) => Number(mmap(0, octets, protection, flags, fd, 0)),
      munmap,
      (address, octets) => ffi.toArrayBuffer(address as Pointer, 0, octets),
    ),
  }
}
