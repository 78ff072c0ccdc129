/**
 * `Libc` over `Deno.dlopen`, opened on first use. Needs `--allow-ffi` and nothing else.
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

/** The codes of {@link CALLS} as Deno names them. Of the 64 bits that `read` answers the lower ones are enough: nothing is longer than 2 GiB. */
const TYPES = {
  i: 'i32',
  u: 'u32',
  s: 'usize',
  c: 'usize',
  r: 'u32',
  w: 'usize',
  p: 'usize',
  b: 'buffer',
  v: 'void',
} as const

/** A call of libc's that takes numbers of 64 bits as bigints. */
type Wide<Call> = Call extends (...values: infer Values) => infer Result
  ? (...values: { [At in keyof Values]: Values[At] extends number ? number | bigint : Values[At] }) => Result
  : never

/** Those of which nothing else differs from `Libc`. */
type Same = keyof typeof CALLS | 'free' | 'syscall'

/** What is used of Deno. */
interface DenoFfi {
  readonly build: { readonly os: string; readonly arch: string }
  readonly dlopen: (
    path: string,
    symbols: Readonly<Record<string, { readonly parameters: readonly string[]; readonly result: string }>>,
  ) => {
    readonly symbols: { readonly [Name in Same]: Wide<Libc[Name]> } & {
      calloc(count: bigint, octets: bigint): number | bigint
      memcpy(to: Uint8Array, from: bigint, count: bigint): void
      memmove(to: bigint, from: Uint8Array, count: bigint): void
      mmap(at: bigint, octets: bigint, protection: number, flags: number, fd: number, offset: bigint): number | bigint
      munmap(address: bigint, octets: bigint): number
      __errno_location(): number | bigint
    }
    close(): void
  }
  readonly UnsafePointer: { create(address: bigint): object }
  readonly UnsafePointerView: { getArrayBuffer(pointer: object, octets: number): ArrayBuffer }
  readonly permissions: { querySync(one: { name: 'ffi'; path?: string }): { readonly state: string } }
}

/** libc of this process, or why there is none. */
export const openLibc: OpenLibc = /* @__PURE__ */ openOnce(open)

function open(path: string | undefined): Libc | LibcUnavailable {
  const { Deno } = globalThis as unknown as { Deno?: DenoFfi }
  if (typeof Deno?.dlopen !== 'function') {
    return { reason: 'unsupported', message: 'Deno.dlopen cannot be called: this is not Deno' }
  }
  if (Deno.build.os !== 'linux') {
    return notLinux(Deno.build.os)
  }
  const failures: string[] = []
  let isDenied = true
  for (const name of path === undefined ? libcNames(architectureOf(Deno)) : [path]) {
    // Asked before the attempt: a server must not stop at a question on its terminal.
    if (Deno.permissions.querySync({ name: 'ffi', path: name }).state !== 'granted') continue
    isDenied = false
    try {
      return bind(Deno, name)
    } catch (error) {
      failures.push(toError(error).message)
    }
  }
  return isDenied ? denied(Deno, path) : notOpened(failures)
}

function denied(Deno: DenoFfi, path: string | undefined): LibcUnavailable {
  const scoped = path ?? `/lib/${Deno.build.arch}-linux-gnu/libc.so.6`
  return {
    reason: 'denied',
    message:
      path === undefined
        ? `run Deno with --allow-ffi, or with --allow-ffi=${scoped} and the option libc: '${scoped}'`
        : `run Deno with --allow-ffi=${scoped}`,
  }
}

function bind(Deno: DenoFfi, name: string): Libc {
  const codes = { ...CALLS, ...MEMORY_CALLS, syscall: 'iwwww', memcpy: 'vbww' }
  const symbols = symbolsOf(codes, TYPES, (parameters, result) => ({ parameters, result }))
  const { __errno_location: location, memcpy, memmove, mmap, munmap, ...calls } = Deno.dlopen(name, symbols).symbols
  const { poll, read, send, recv, recvfrom, syscall, calloc, free } = calls
  // errno belongs to the thread, and a thread of JavaScript stays the same: its address is asked for once.
  let address: bigint | undefined
  let errno: Uint32Array | undefined
  const octets = new Uint8Array(new ArrayBuffer(4))
  const words = new Uint32Array(octets.buffer)
  const load = (from: bigint): number => {
    // Deno's own reader of pointers wants the permission for everything.
    memcpy(octets, from, WORD)
    return words[0]!
  }
  // Views of memory want the permission for everything.
  const seesMemory = Deno.permissions.querySync({ name: 'ffi' }).state === 'granted'
  const memory = (from: number, octets: number): ArrayBuffer =>
    Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(wide(from)), octets)
  const view = (from: number, count: number): Uint32Array | undefined => {
    try {
      return seesMemory ? new Uint32Array(memory(from, 4 * count)) : undefined
    } catch {
      // V8 in a sandbox sees nothing outside of it.
      return undefined
    }
  }
  return {
    ...calls,
    poll: (entries, count, milliseconds) => poll(entries, wide(count), milliseconds),
    read: (fd, buffer, count) => read(fd, buffer, wide(count)),
    send: (fd, buffer, count, flags) => send(fd, buffer, wide(count), flags),
    recv: (fd, buffer, count, flags) => recv(fd, buffer, wide(count), flags),
    recvfrom: (fd, buffer, count, flags, from, length) => recvfrom(fd, buffer, wide(count), flags, from, length),
    syscall: (number, first, second, third) => syscall(wide(number), wide(first), wide(second), wide(third)),
    errno: () => {
      if (errno !== undefined) return errno[0]! | 0
      address ??= BigInt(location())
      errno = view(Number(address), 1)
      return load(address) | 0
    },
    architecture: architectureOf(Deno),
    sharesAllocations: true,
    calloc: (count, size) => Number(calloc(wide(count), wide(size))),
    free: (from) => free(wide(from)),
    load: (from) => load(wide(from)),
    view,
    ...(seesMemory && {
      mapShared: sharedMapper(
        (octets, protection, flags, fd) => Number(mmap(0n, wide(octets), protection, flags, fd, 0n)),
        (address, octets) => void munmap(wide(address), wide(octets)),
        memory,
      ),
    }),
    store: (to, from, count) => memmove(wide(to), from, wide(count)),
  }
}

/** Small sizes, each made once. */
const sizes: (bigint | undefined)[] = /* @__PURE__ */ new Array(1025)
const WORD = 4n

/**
 * The argument for a parameter of 64 bits. A number does, but V8's optimizing compiler takes it for a bigint, and throws the code
 * away at the next call: over and over, 27 times a second.
 */
export function wide(value: number): bigint {
  return value < sizes.length ? (sizes[value] ??= BigInt(value)) : BigInt(value)
}

/** Under the names that Bun and Node have for them. */
function architectureOf(Deno: DenoFfi): string {
  const { arch } = Deno.build
  return arch === 'aarch64' ? 'arm64' : arch === 'x86_64' ? 'x64' : arch
}
