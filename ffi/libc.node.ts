/**
 * `Libc` on Node: over `node:ffi` where it is on (Node 26.9 and newer), else over `koffi`, an optional peer dependency.
 * Opened on first use.
 * @module
 */

import { createRequire } from 'node:module'
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

/** The codes of {@link CALLS} as `node:ffi` names them. Sizes are 32 bits wide: no call here is about more octets. */
const TYPES = {
  i: 'int32',
  u: 'uint32',
  s: 'uint32',
  c: 'uint32',
  r: 'uint32',
  w: 'uint64',
  p: 'uint64',
  b: 'buffer',
  v: 'void',
} as const

type Calls = Pick<Libc, keyof typeof CALLS>
/** The call made for each connection and each request, with the addresses of the buffers in their place. */
type GetsockoptByAddress<Address> = (
  fd: number,
  level: number,
  option: number,
  value: Address,
  length: Address,
) => number
type Memory = Pick<Libc, 'calloc' | 'free' | 'store' | 'mapShared'>
type Foreign = Readonly<Record<string, (...rest: never[]) => unknown>>

/** What is used of `node:ffi`. */
interface NodeFfi {
  dlopen(
    path: string,
    signatures: Readonly<Record<string, { readonly arguments: readonly string[]; readonly return: string }>>,
  ): { readonly functions: Foreign }
  getInt32(pointer: bigint, offset?: number): number
  getRawPointer?(buffer: Uint8Array | Uint32Array): bigint
  toArrayBuffer(pointer: bigint, octets: number, copy: boolean): ArrayBuffer
}

/** What is used of `koffi`. */
interface Koffi {
  load(path: string): {
    func(name: string, result: string, parameters: readonly string[]): (...rest: never[]) => unknown
  }
  errno(): number
  address?(buffer: Uint8Array | Uint32Array): bigint
  view(address: number, octets: number): ArrayBuffer
}

/** libc of this process, or why there is none. */
export const openLibc: OpenLibc = /* @__PURE__ */ openOnce(open)

function open(path: string | undefined): Libc | LibcUnavailable {
  if (process.platform !== 'linux') {
    return notLinux(process.platform)
  }
  const names = path === undefined ? libcNames(process.arch) : [path]
  const failures: string[] = []
  for (const bind of [bindNodeFfi, bindKoffi]) {
    for (const name of names) {
      try {
        const libc = bind(name)
        if (libc === undefined) break
        return libc
      } catch (error) {
        if ((error as { code?: unknown }).code === 'ERR_ACCESS_DENIED' || isForbidden(error)) return DENIED
        failures.push(toError(error).message)
      }
    }
  }
  if (failures.length > 0) return notOpened(failures)
  return {
    reason: 'unsupported',
    message: 'install koffi (npm install koffi), or run Node 26.9 or newer, which has node:ffi',
  }
}

const DENIED: LibcUnavailable = {
  reason: 'denied',
  message: 'run Node with --allow-ffi (for node:ffi) or --allow-addons (for koffi) beside --permission',
}

/** True if Node's permission model forbids an addon. */
function isForbidden(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_DLOPEN_DISABLED'
}

/** `undefined` where this Node has no `node:ffi`, or has it switched off. */
function bindNodeFfi(name: string): Libc | undefined {
  const ffi = builtin('node:ffi') as NodeFfi | undefined
  if (typeof ffi?.dlopen !== 'function') return undefined
  const { functions } = ffi.dlopen(
    name,
    symbolsOf({ ...CALLS, ...MEMORY_CALLS }, TYPES, (takes, returns) => ({ arguments: takes, return: returns })),
  )
  // A pointer to a function is an address as any other. It is the one type of pointer for which Node 26 has arguments written into a
  // buffer of its own, which takes half the time of its general way: 1.1 µs for a getsockopt in place of 2.1 with `buffer`.
  const parameters = ['int32', 'int32', 'int32', 'function', 'function']
  const hot = byAddress(
    () => ffi.dlopen(name, { getsockopt: { arguments: parameters, return: 'int32' } }).functions.getsockopt as never,
    (buffer) => ffi.getRawPointer!(buffer),
  )
  const location = functions.__errno_location as () => bigint
  const { calloc, free, memmove, mmap, munmap } = functions as unknown as {
    mmap(address: bigint, octets: bigint, protection: number, flags: number, fd: number, offset: bigint): bigint
    munmap(address: bigint, octets: bigint): number
    calloc(count: bigint, octets: bigint): bigint
    free(address: bigint): void
    memmove(to: bigint, from: Uint8Array, count: bigint): void
  }
  const memory: Memory = {
    calloc: (count, octets) => Number(calloc(BigInt(count), BigInt(octets))),
    free: (address) => free(BigInt(address)),
    store: (to, octets, count) => memmove(BigInt(to), octets, BigInt(count)),
    mapShared: sharedMapper(
      (octets, protection, flags, fd) => Number(mmap(0n, BigInt(octets), protection, flags, fd, 0n)),
      (address, octets) => void munmap(BigInt(address), BigInt(octets)),
      (address, octets) => ffi.toArrayBuffer(BigInt(address), octets, false),
    ),
  }
  // errno belongs to the thread, and a thread of JavaScript stays the same: its address is asked for once.
  let address: bigint | undefined
  return libcOf({ ...(functions as unknown as Calls), ...hot }, memory, () => ffi.getInt32((address ??= location())))
}

/** Without loading it where it is not: the loader prints a warning. */
function builtin(name: string): unknown {
  try {
    return createRequire(import.meta.url)(name)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_ACCESS_DENIED') throw error
    return undefined
  }
}

/** `undefined` where koffi is not installed. */
function bindKoffi(name: string): Libc | undefined {
  let koffi: Koffi
  try {
    const require = createRequire(import.meta.url)
    koffi = require('koffi') as Koffi
  } catch (error) {
    if ((error as { code?: unknown }).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
  const library = koffi.load(name)
  const bind = (calls: Readonly<Record<string, string>>): unknown =>
    symbolsOf(calls, { ...TYPES, b: 'void *' }, (takes, returns, call) => library.func(call, returns, takes))
  const { calloc, free, memmove, mmap, munmap } = bind(MEMORY_CALLS) as Pick<Libc, 'calloc' | 'free'> & {
    memmove(to: number, from: Uint8Array, count: number): void
    mmap(...values: readonly number[]): number | bigint
    munmap(address: number, octets: number): void
  }
  const memory: Memory = {
    calloc,
    free,
    store: memmove,
    mapShared: sharedMapper(
      (octets, protection, flags, fd) => Number(mmap(0, octets, protection, flags, fd, 0)),
      munmap,
      (address, octets) => koffi.view(address, octets),
    ),
  }
  const hot = byAddress(
    () => library.func('getsockopt', 'int', ['int', 'int', 'int', 'uintptr_t', 'uintptr_t']) as never,
    (buffer) => Number(koffi.address!(buffer)),
  )
  return libcOf({ ...(bind(CALLS) as Calls), ...hot }, memory, () => koffi.errno())
}

/**
 * `getsockopt` by addresses, each asked for once: callers pass the same buffers each time. Nothing where this release of Node or koffi
 * does not take part.
 */
function byAddress<Address>(
  open: () => GetsockoptByAddress<Address>,
  addressOf: (buffer: Uint8Array | Uint32Array) => Address,
): Partial<Pick<Libc, 'getsockopt'>> {
  const remembered = () => {
    let last: Uint8Array | Uint32Array | undefined
    let address: Address
    return (buffer: Uint8Array | Uint32Array): Address => {
      if (buffer !== last) {
        // Asked for its ArrayBuffer, V8 moves the octets of a small typed array out of its heap: they stay where they are from then on.
        address = addressOf(buffer.buffer && buffer)
        last = buffer
      }
      return address
    }
  }
  try {
    const call = open()
    const [value, length] = [remembered(), remembered()]
    const getsockopt: Libc['getsockopt'] = (fd, level, option, into, size) =>
      call(fd, level, option, value(into), length(size))
    return getsockopt(-1, 0, 0, new Uint8Array(16), new Uint32Array(1)) === -1 ? { getsockopt } : {}
  } catch {
    return {}
  }
}

function libcOf(calls: Calls, memory: Memory, errno: () => number): Libc {
  return {
    ...calls,
    ...memory,
    errno,
    // Linux AIO is for runtimes that do not name the socket of a request: without an architecture it is not tried.
    architecture: '',
    syscall: () => -1,
    load: () => 0,
    view: () => undefined,
  }
}
