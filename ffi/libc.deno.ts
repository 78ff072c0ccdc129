/**
 * `Libc` over `Deno.dlopen`, opened on first use. Needs `--allow-ffi` and nothing else.
 * @module
 */
import { type Libc, type LibcUnavailable, libcNames, notLinux, type OpenLibc, openOnce } from './libc.ts'

const SYMBOLS = {
  getsockopt: { parameters: ['i32', 'i32', 'i32', 'buffer', 'buffer'], result: 'i32' },
  setsockopt: { parameters: ['i32', 'i32', 'i32', 'buffer', 'u32'], result: 'i32' },
  getpeername: { parameters: ['i32', 'buffer', 'buffer'], result: 'i32' },
  getsockname: { parameters: ['i32', 'buffer', 'buffer'], result: 'i32' },
  ioctl: { parameters: ['i32', 'u32', 'buffer'], result: 'i32' },
  inotify_init1: { parameters: ['i32'], result: 'i32' },
  openat: { parameters: ['i32', 'buffer', 'i32'], result: 'i32' },
  inotify_add_watch: { parameters: ['i32', 'buffer', 'u32'], result: 'i32' },
  inotify_rm_watch: { parameters: ['i32', 'i32'], result: 'i32' },
  epoll_create1: { parameters: ['i32'], result: 'i32' },
  epoll_ctl: { parameters: ['i32', 'i32', 'i32', 'buffer'], result: 'i32' },
  epoll_wait: { parameters: ['i32', 'buffer', 'i32', 'i32'], result: 'i32' },
  poll: { parameters: ['buffer', 'usize', 'i32'], result: 'i32' },
  read: { parameters: ['i32', 'buffer', 'usize'], result: 'isize' },
  close: { parameters: ['i32'], result: 'i32' },
  socket: { parameters: ['i32', 'i32', 'i32'], result: 'i32' },
  bind: { parameters: ['i32', 'buffer', 'u32'], result: 'i32' },
  // Of the 64 bits of the answer the lower ones are enough: no message is longer than 2 GiB.
  send: { parameters: ['i32', 'buffer', 'usize', 'i32'], result: 'i32' },
  recv: { parameters: ['i32', 'buffer', 'usize', 'i32'], result: 'i32' },
  recvfrom: { parameters: ['i32', 'buffer', 'usize', 'i32', 'buffer', 'buffer'], result: 'i32' },
  syscall: { parameters: ['usize', 'usize', 'usize', 'usize'], result: 'i32' },
  calloc: { parameters: ['usize', 'usize'], result: 'usize' },
  free: { parameters: ['usize'], result: 'void' },
  memcpy: { parameters: ['buffer', 'usize', 'usize'], result: 'void' },
  memmove: { parameters: ['usize', 'buffer', 'usize'], result: 'void' },
  __errno_location: { parameters: [], result: 'usize' },
} as const

/** What is used of Deno. */
interface DenoFfi {
  readonly build: { readonly os: string; readonly arch: string }
  readonly dlopen: (
    path: string,
    symbols: typeof SYMBOLS,
  ) => {
    readonly symbols: Omit<Libc, 'errno' | 'read' | 'architecture' | 'calloc' | 'load' | 'view' | 'store'> & {
      read(...rest: Parameters<Libc['read']>): number | bigint
      calloc(count: number, octets: number): number | bigint
      memcpy(to: Uint8Array, from: number, count: number): void
      memmove(to: number, from: Uint8Array, count: number): void
      __errno_location(): number | bigint
    }
    close(): void
  }
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
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  return isDenied
    ? denied(Deno, path)
    : { reason: 'unsupported', message: `libc cannot be opened: ${failures.join('; ')}` }
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
  const { __errno_location: location, calloc, memcpy, memmove, read, ...calls } = Deno.dlopen(name, SYMBOLS).symbols
  // errno belongs to the thread, and a thread of JavaScript stays the same: its address is asked for once.
  let address = 0
  const octets = new Uint8Array(new ArrayBuffer(4))
  const words = new Uint32Array(octets.buffer)
  const load = (from: number): number => {
    // Deno's own reader of pointers wants the permission for everything.
    memcpy(octets, from, 4)
    return words[0]!
  }
  return {
    ...calls,
    read: (fd, buffer, count) => Number(read(fd, buffer, count)),
    errno: () => {
      address ||= Number(location())
      return load(address) | 0
    },
    architecture: architectureOf(Deno),
    calloc: (count, size) => Number(calloc(count, size)),
    load,
    // That too wants the permission for everything.
    view: () => undefined,
    store: memmove,
  }
}

/** Under the names that Bun and Node have for them. */
function architectureOf(Deno: DenoFfi): string {
  const { arch } = Deno.build
  return arch === 'aarch64' ? 'arm64' : arch === 'x86_64' ? 'x64' : arch
}
