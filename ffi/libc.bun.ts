/**
 * `Libc` over `bun:ffi`, opened on first use.
 * @module
 */
import { toError } from '../src/base/report-once.ts'
import {
  CALLS,
  type Libc,
  type LibcUnavailable,
  libcNames,
  MEMORY_CALLS,
  notLinux,
  notOpened,
  type OpenLibc,
  openOnce,
  sharedMapper,
  symbolsOf,
} from './libc.ts'

type BunFfi = typeof import('bun:ffi')
type Pointer = import('bun:ffi').Pointer

/** The codes of {@link CALLS} as `bun:ffi` names them. */
const TYPES = {
  i: 'i32',
  u: 'u32',
  s: 'u64',
  c: 'u32',
  r: 'u64',
  w: 'u64',
  p: 'ptr',
  b: 'buffer',
  v: 'void',
} as const

/** What `bun:ffi` makes of them: addresses come as numbers, 0 as null. */
type BunCalls = Pick<Libc, keyof typeof CALLS | 'free' | 'syscall'> & {
  calloc(count: number, octets: number): Pointer | null
  memmove(to: number, from: Uint8Array, count: number): void
  mmap(at: number, octets: number, protection: number, flags: number, fd: number, offset: number): Pointer | null
  munmap(address: number, octets: number): number
  __errno_location(): Pointer | null
}

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
  const symbols = symbolsOf({ ...CALLS, ...MEMORY_CALLS, syscall: 'iwwww' }, TYPES, (args, returns) => ({
    args,
    returns,
  }))
  const {
    __errno_location: location,
    calloc,
    memmove,
    mmap,
    munmap,
    ...calls
  } = ffi.dlopen(name, symbols).symbols as unknown as BunCalls
  // errno belongs to the thread, and a thread of JavaScript stays the same: its address is asked for once.
  let address: Pointer | null | undefined
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
