/**
 * Which of some connected sockets are still open, by one `epoll_wait`. They are in a level-triggered epoll set, where each is ready as long
 * as its process can write to it or read from it. A socket leaves the set with its last descriptor: a number that was closed and taken
 * again is not in it. For sockets that come and go, where a watch would cost more than their whole life.
 * @module
 */
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  ERRNO,
} from '../constants.ts'
import { grown } from '../grown.ts'
import type { Libc } from '../libc.ts'

/** Sockets in the set at most: each costs 0.16 µs whenever it is asked. */
const MOST = 64
/** One per thread. */
export class Roster {
  readonly #libc: Libc
  /** Descriptor of epoll, -1 while there is none. */
  #epoll = -1
  /** Words of `struct epoll_event`, which is packed on x86-64 only: the events, and the data two words before the end. */
  readonly #size: number
  readonly #events: Uint8Array
  readonly #words: Uint32Array
  /** 1 for a number whose socket is in the set. */
  #members = new Uint8Array(256)
  #count = 0

  constructor(libc: Libc) {
    this.#libc = libc
    this.#size = libc.architecture === 'x64' ? 3 : 4
    this.#events = new Uint8Array(new ArrayBuffer(MOST * this.#size * 4))
    this.#words = new Uint32Array(this.#events.buffer)
  }

  /** True if there is no room for more, or the kernel refuses. */
  get isFull(): boolean {
    return this.#count >= MOST || this.#epoll < 0
  }

  has(fd: number): boolean {
    return this.#members[fd] === 1
  }

  /** Puts in the socket that the number has now. What is known of it must be asked after this. False where there is no room, or the kernel refuses. */
  add(fd: number): boolean {
    if (this.isFull) return false
    this.#words[0] = EPOLLIN | EPOLLOUT
    this.#words[this.#size - 2] = fd
    const isIn =
      this.#libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, this.#events) === 0 || this.#libc.errno() === ERRNO.EEXIST
    if (!isIn || this.has(fd)) return isIn
    if (fd >= this.#members.length) this.#members = grown(this.#members, fd * 2)
    this.#members[fd] = 1
    this.#count++
    return true
  }

  /** The number's socket is asked for in another way from now on. */
  remove(fd: number): void {
    if (!this.has(fd)) return
    this.#libc.epoll_ctl(this.#epoll, EPOLL_CTL_DEL, fd, this.#events)
    this.forget(fd)
  }

  /** The number's socket is gone, or may be another one. */
  forget(fd: number): void {
    if (!this.has(fd)) return
    this.#members[fd] = 0
    this.#count--
  }

  /** Calls `visit` with each number that has the socket it had, unless that was reset or can neither be written to nor read from. */
  ask(visit: (fd: number, isReadable: boolean) => void): void {
    if (this.#epoll < 0) this.#epoll = this.#libc.epoll_create1(EPOLL_CLOEXEC)
    if (this.#count === 0) return
    const ready = this.#libc.epoll_wait(this.#epoll, this.#events, MOST, 0)
    for (let at = 0; at < ready * this.#size; at += this.#size) {
      const events = this.#words[at]!
      const fd = this.#words[at + this.#size - 2]!
      if ((events & (EPOLLERR | EPOLLHUP)) === 0 && this.has(fd)) visit(fd, (events & EPOLLIN) !== 0)
    }
  }

  close(): void {
    if (this.#epoll >= 0) this.#libc.close(this.#epoll)
    this.#epoll = -1
    this.#members.fill(0)
    this.#count = 0
  }
}
