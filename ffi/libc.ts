/**
 * The few libc calls this library makes, as TypeScript types. A runtime supplies them (`libc.bun.ts`), tests supply a fake.
 *
 * Every buffer is a view over an explicit `ArrayBuffer` and is passed on every call: a stored `ptr()` of a small typed
 * array goes stale once the JIT moves its storage, and the kernel then writes to memory that is no longer the array's.
 * @module
 */
import { MAP_SHARED, PROT_READ, PROT_WRITE } from './constants.ts'

/**
 * libc as the library uses it. Return values are those of C: -1 says that the call failed, and `errno()` why.
 *
 * @see {@link https://man7.org/linux/man-pages/man2/getsockopt.2.html getsockopt(2)} and the pages of the same names
 */
export interface Libc {
  /** `length` is in and out: octets there are, octets written. */
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, length: Uint32Array): number
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number
  getpeername(fd: number, address: Uint8Array, length: Uint32Array): number
  getsockname(fd: number, address: Uint8Array, length: Uint32Array): number
  /** Only ever called with `FIONREAD`, `SIOCGIFINDEX`, `SIOCGIFNAME` and `SIOCGSTAMPNS`. */
  ioctl(fd: number, request: number, value: Uint8Array): number
  inotify_init1(flags: number): number
  /** `path` ends with a NUL octet. */
  inotify_add_watch(fd: number, path: Uint8Array, mask: number): number
  inotify_rm_watch(fd: number, watch: number): number
  epoll_create1(flags: number): number
  /** `event` is a `struct epoll_event`, which is packed on x86-64 only. */
  epoll_ctl(epoll: number, operation: number, fd: number, event: Uint8Array): number
  epoll_wait(epoll: number, events: Uint8Array, count: number, milliseconds: number): number
  /** `entries` are `struct pollfd`s. */
  poll(entries: Uint8Array, count: number, milliseconds: number): number
  /** `path` ends with a NUL octet. */
  openat(directory: number, path: Uint8Array, flags: number): number
  read(fd: number, buffer: Uint8Array, count: number): number
  close(fd: number): number
  socket(domain: number, type: number, protocol: number): number
  bind(fd: number, address: Uint8Array, length: number): number
  /** Octets sent. */
  send(fd: number, buffer: Uint8Array, count: number, flags: number): number
  /** Octets received; of a netlink message longer than `count` the rest is lost. */
  recv(fd: number, buffer: Uint8Array, count: number, flags: number): number
  /** As `recv`, with the sender's address. `length` is in and out: octets there are, octets of the address. */
  recvfrom(
    fd: number,
    buffer: Uint8Array,
    count: number,
    flags: number,
    address: Uint8Array,
    length: Uint32Array,
  ): number
  /** The calling thread's `errno`. Read it at once after a failed call. */
  errno(): number
  /** `x64` or `arm64`; anything else where a number of the system call interface must not be guessed. */
  readonly architecture: string
  /** For the calls of Linux AIO, which libc has no functions for. Arguments are numbers and addresses. */
  syscall(number: number, first: number, second: number, third: number): number
  /** Memory outside of JavaScript's, which does not move; 0 where there is none left. */
  calloc(count: number, octets: number): number
  free(address: number): void
  /** The 32-bit word at an address, in the machine's order. */
  load(address: number): number
  /** The words at an address as they are at any time, without a call; `undefined` where the runtime has no such view. */
  view(address: number, words: number): Uint32Array | undefined
  /** Copies the first `count` octets to an address. */
  store(address: number, octets: Uint8Array, count: number): void
  /** True where an allocation of octets costs as much as a system call, so that several share one; on Bun a view of one is the dearer. */
  readonly sharesAllocations?: true
  /**
   * Memory that the kernel shares with a descriptor (mmap(2), MAP_SHARED), `undefined` where it or the runtime refuses. The words must
   * not be touched after `unmap`. Absent where the runtime has no view of memory.
   */
  mapShared?(fd: number, octets: number): { readonly words: Uint32Array; unmap(): void } | undefined
}

/**
 * What each call returns, then what it takes: i 32 bits, signed, u unsigned, s a size, c the size of a read, r the request of an ioctl, w an
 * address or a word, p a pointer, b octets, v nothing.
 */
export const CALLS = {
  getsockopt: 'iiiibb',
  setsockopt: 'iiiibu',
  getpeername: 'iibb',
  getsockname: 'iibb',
  ioctl: 'iirb',
  inotify_init1: 'ii',
  inotify_add_watch: 'iibu',
  inotify_rm_watch: 'iii',
  epoll_create1: 'ii',
  epoll_ctl: 'iiiib',
  epoll_wait: 'iibii',
  poll: 'ibsi',
  openat: 'iibi',
  read: 'iibc',
  close: 'ii',
  socket: 'iiii',
  bind: 'iibu',
  send: 'iibsi',
  recv: 'iibsi',
  recvfrom: 'iibsibb',
} as const

/** Calls that take or give addresses. */
export const MEMORY_CALLS = {
  calloc: 'pww',
  free: 'vw',
  memmove: 'vwbw',
  mmap: 'pwwiiiw',
  munmap: 'iww',
  __errno_location: 'p',
} as const

/** Calls as a runtime wants them to be declared: `types` are its names for the codes. */
export function symbolsOf<Name extends string, Type, Declared>(
  calls: Readonly<Record<Name, string>>,
  types: Readonly<Record<string, Type>>,
  declare: (takes: Type[], returns: Type, name: Name) => Declared,
): Record<Name, Declared> {
  const symbols = Object.entries<string>(calls).map(([name, codes]) => {
    const [returns, ...takes] = [...codes].map((code) => types[code]!)
    return [name, declare(takes, returns!, name as Name)]
  })
  return Object.fromEntries(symbols) as Record<Name, Declared>
}

/** libc cannot be had: the reason is decided once, when the first socket is asked for. */
export interface LibcUnavailable {
  /** `unsupported`: not Linux, or no libc found. `denied`: the runtime's permissions forbid it. */
  readonly reason: 'unsupported' | 'denied'
  /** What was tried and what was seen. */
  readonly message: string
}

/**
 * Opens libc on first use, and gives the same answer from then on. `path` names the library where the usual names will not do:
 * Deno's scoped permission is for one absolute path.
 */
export type OpenLibc = (path?: string) => Libc | LibcUnavailable

/** An opener that asks `open` once for each path: nothing is opened before the first call, and the answer does not change. */
export function openOnce(open: (path: string | undefined) => Libc | LibcUnavailable): OpenLibc {
  const opened = new Map<string | undefined, Libc | LibcUnavailable>()
  return (path) => {
    let answer = opened.get(path)
    if (answer === undefined) {
      answer = open(path)
      opened.set(path, answer)
    }
    return answer
  }
}

/** The answer on other systems. */
export function notLinux(platform: string): LibcUnavailable {
  return { reason: 'unsupported', message: `TCP_SAVED_SYN exists on Linux only: this is ${platform}` }
}

/** The answer where every attempt failed. */
export function notOpened(failures: readonly string[]): LibcUnavailable {
  return { reason: 'unsupported', message: `libc cannot be opened: ${failures.join('; ')}` }
}

/** True if libc was opened. */
export function isLibc(value: Libc | LibcUnavailable): value is Libc {
  return 'getsockopt' in value
}

/** Text of ASCII characters as octets ended by NUL, in a buffer of their own. */
export function cString(text: string): Uint8Array {
  const octets = new Uint8Array(new ArrayBuffer(text.length + 1))
  for (let i = 0; i < text.length; i++) octets[i] = text.charCodeAt(i)
  return octets
}

/** Names to try: glibc's, which musl's loader answers to as well, then musl's own by architecture. */
export function libcNames(architecture: string): readonly string[] {
  const musl = architecture === 'arm64' ? 'aarch64' : architecture === 'x64' ? 'x86_64' : architecture
  return ['libc.so.6', `libc.musl-${musl}.so.1`, 'libc.so']
}

/**
 * `Libc.mapShared` over a runtime's mmap(2), which maps a descriptor and answers an address or MAP_FAILED, its munmap(2), and its view of
 * memory.
 */
export function sharedMapper(
  map: (octets: number, protection: number, flags: number, fd: number) => number,
  unmap: (address: number, octets: number) => void,
  view: (address: number, octets: number) => ArrayBuffer,
): NonNullable<Libc['mapShared']> {
  return (fd, octets) => {
    const address = map(octets, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
    // MAP_FAILED is -1, or 2^64 - 1.
    if (!(Number.isSafeInteger(address) && address > 0)) return undefined
    try {
      return { words: new Uint32Array(view(address, octets)), unmap: () => unmap(address, octets) }
    } catch {
      // V8 in a sandbox sees nothing outside of it.
      unmap(address, octets)
      return undefined
    }
  }
}
