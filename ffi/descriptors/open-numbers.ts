/**
 * Which of many descriptor numbers are open, by one `poll` for hundreds of them: about a tenth of what a call for each costs.
 * @module
 */
import { POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLWRBAND, POLLWRNORM } from '../constants.ts'
import type { Libc } from '../libc.ts'

/** Numbers in one call, at most and at least. `poll` refuses more than RLIMIT_NOFILE, which is 1,024 by default. */
const CALL = 512
const SMALLEST_CALL = 16
/** Octets of a `struct pollfd`: the number, `events`, `revents`. */
const ENTRY = 8
/** Asked for, to tell TCP sockets from others: they are writable, and not in bands. */
const EVENTS = POLLIN | POLLOUT | POLLWRNORM | POLLWRBAND
const WRITABLE = POLLOUT | POLLWRNORM

/**
 * Gets an open number; whether it can be a TCP connection to which nothing was sent yet: writable, not broken, no UDP or unix socket; and
 * whether it is readable, as files always are. Both are true where the kernel refuses to say. True ends the visits.
 */
export type Visit = (fd: number, isWritable: boolean, isReadable: boolean) => boolean

/** Numbers to ask about, in a buffer that is used again and again. */
export class OpenNumbers {
  readonly #libc: Libc
  readonly #entries = new Uint8Array(new ArrayBuffer(CALL * ENTRY))
  /** Two an entry: the number; `events` in the lower half and `revents`. */
  readonly #words = new Int32Array(this.#entries.buffer)
  #count = 0
  /** True if the kernel refused the last call, so that nothing is known of the numbers. */
  isRefused = false
  /** Numbers of which it is told that they are closed. */
  #told = CALL
  #room = CALL

  constructor(libc: Libc) {
    this.#libc = libc
  }

  /** Adds a number. False where there is no room for more: the ones there are must be asked about first. */
  add(fd: number): boolean {
    if (this.#count === this.#room) return false
    this.#words[this.#count * 2] = fd
    this.#words[this.#count * 2 + 1] = EVENTS
    this.#count++
    return true
  }

  /** Adds a number, after the kernel was asked about the others where there is no room for it. */
  test(fd: number, visit: Visit, closed?: (fd: number) => void): void {
    if (this.add(fd)) return
    this.ask(visit, closed)
    this.add(fd)
  }

  /** Numbers added from now on, until the kernel is asked, are mostly closed: it is not told of them. */
  expectClosed(): void {
    this.#told = this.#count
  }

  /**
   * Asks the kernel, and empties the list. The number for which `visit` was true, -1 where there is none. `closed` gets the others,
   * where it is wanted.
   */
  ask(visit: Visit, closed?: (fd: number) => void): number {
    const count = this.#count
    const told = this.#told
    this.#count = 0
    this.#told = CALL
    if (count === 0) return -1
    const isRefused = this.#libc.poll(this.#entries, count, 0) < 0
    this.isRefused = isRefused
    // Next time fewer.
    if (isRefused && count > SMALLEST_CALL) this.#room = Math.max(SMALLEST_CALL, count >>> 1)
    const words = this.#words
    for (let i = 0; i < count; i++) {
      const events = isRefused ? WRITABLE | POLLIN : words[i * 2 + 1]! >>> 16
      const fd = words[i * 2]!
      if ((events & POLLNVAL) !== 0) {
        if (i < told) closed?.(fd)
      } else if (visit(fd, (events & (WRITABLE | POLLWRBAND | POLLHUP)) === WRITABLE, (events & POLLIN) !== 0))
        return fd
    }
    return -1
  }
}
