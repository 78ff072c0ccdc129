/**
 * `Libc` on Node: over `node:ffi` where it is on (Node 26.9 and newer), else over `koffi`, an optional peer dependency.
 * Opened on first use.
 * @module
 */

import { createRequire } from 'node:module'
import { toError } from '../src/base/report-once.ts'
import { AF_INET, SO_TYPE, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET } from './constants.ts'
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
  let isDenied = false
  for (const bind of [bindNodeFfi, bindKoffi]) {
    for (const name of names) {
      try {
        const libc = bind(name)
        if (libc === undefined) break
        return libc
      } catch (error) {
        if (isForbidden(error)) {
          // The other way needs another permission.
          isDenied = true
          break
        }
        failures.push(toError(error).message)
      }
    }
  }
  if (isDenied) return DENIED
  if (failures.length > 0) return notOpened(failures)
  return {
    reason: 'unsupported',
    message: 'install koffi (npm install koffi), or run Node 26.9 or newer, which has node:ffi',
  }
}

const DENIED: LibcUnavailable = {
  reason: 'denied',
  message:
    'run Node with --allow-ffi (for node:ffi), or --allow-addons and --allow-fs-read of its folder (for koffi), beside --permission',
}

/** True if Node's permission model forbids a module, a file or an addon. */
function isForbidden(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return code === 'ERR_ACCESS_DENIED' || code === 'ERR_DLOPEN_DISABLED'
}

/** `undefined` where this Node has no `node:ffi`, or has it switched off. */
function bindNodeFfi(name: string): Libc | undefined {
  const ffi = builtin('node:ffi') as NodeFfi | undefined
  if (typeof ffi?.dlopen !== 'function') return undefined
  const { functions } = ffi.dlopen(
    name,
    symbolsOf({ ...CALLS, ...MEMORY_CALLS }, TYPES, (takes, returns) => ({ arguments: takes, return: returns })),
  )
  const calls = functions as unknown as Calls
  const bind = (parameters: readonly string[]) =>
    ffi.dlopen(name, { getsockopt: { arguments: parameters, return: 'int32' } }).functions.getsockopt as never
  const addressOf = (buffer: Uint8Array | Uint32Array) => ffi.getRawPointer!(buffer)
  const hot =
    byAddress(
      calls,
      () => unwrapped(() => bind(['int32', 'int32', 'int32', 'uint64', 'uint64'])) as never,
      addressOf,
    ) ??
    // A pointer to a function is an address as any other, and the type of pointer whose calls take Node the least time.
    byAddress(calls, () => bind(['int32', 'int32', 'int32', 'function', 'function']), addressOf)
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
  return libcOf({ ...calls, ...hot }, memory, () => ffi.getInt32((address ??= location())))
}

/**
 * The function of `node:ffi` that `bind` makes, without the wrapper that Node puts around it.
 *
 * Compiled code calls a function of up to six numbers directly. The wrapper, which checks that arguments are of their types, hands more
 * than three on as an array, and then the call goes through libffi: 0.35 µs in place of 0.12 in a loop, and some 0.6 beside the work of a
 * request. Node sets `pointer` on a function before it wraps that, so a setter on its prototype meets it. The setter is there during the
 * call of `bind` alone, which runs nothing else. What it met is nothing that Node promises: the caller tries it.
 *
 * @throws {TypeError} if `Function.prototype` is frozen
 */
function unwrapped(bind: () => unknown): unknown {
  let met: unknown
  if ('pointer' in Function.prototype) return undefined
  Object.defineProperty(Function.prototype, 'pointer', {
    configurable: true,
    set(this: object, value: unknown) {
      met = this
      Object.defineProperty(this, 'pointer', { value, writable: true, enumerable: true, configurable: true })
    },
  })
  try {
    bind()
  } finally {
    delete (Function.prototype as { pointer?: unknown }).pointer
  }
  return met
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
  const calls = bind(CALLS) as Calls
  const hot = byAddress(
    calls,
    () => library.func('getsockopt', 'int', ['int', 'int', 'int', 'uintptr_t', 'uintptr_t']) as never,
    (buffer) => Number(koffi.address!(buffer)),
  )
  return libcOf({ ...calls, ...hot }, memory, () => koffi.errno())
}

/**
 * `getsockopt` by addresses, each asked for once: callers pass the same buffers each time. `undefined` where this release of Node or koffi
 * does not take part: a socket of its own has to answer as it should.
 */
function byAddress<Address>(
  { socket, close }: Calls,
  open: () => GetsockoptByAddress<Address> | undefined,
  addressOf: (buffer: Uint8Array | Uint32Array) => Address,
): Pick<Libc, 'getsockopt'> | undefined {
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
  let fd = -1
  try {
    const call = open()
    if (call === undefined) return undefined
    const [value, length] = [remembered(), remembered()]
    const getsockopt: Libc['getsockopt'] = (fd, level, option, into, size) =>
      call(fd, level, option, value(into), length(size))
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
    const [type, octets] = [new Uint8Array(16), new Uint32Array([16])]
    const isRight =
      getsockopt(fd, SOL_SOCKET, SO_TYPE, type, octets) === 0 &&
      new DataView(type.buffer).getUint32(0, true) === SOCK_STREAM &&
      octets[0] === 4 &&
      getsockopt(-1, SOL_SOCKET, SO_TYPE, type, octets) === -1
    return isRight ? { getsockopt } : undefined
  } catch {
    return undefined
  } finally {
    if (fd >= 0) close(fd)
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
