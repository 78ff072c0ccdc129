/**
 * Which of some connected sockets are still open, by one `epoll_wait`. They are in a level-triggered epoll set, where each is ready as long
 * as its process can write to it or read from it. A socket leaves the set with its last descriptor: a number that was closed and taken
 * again is not in it. For sockets that come and go, where a watch would cost more than their whole life.
 * @module
 */
import type { AddressWords } from '../../src/wire/sockaddr.ts'
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
import type { Sockets } from '../socket.ts'

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
  /** Place of a number whose socket is in the set, from 1; 0 for others. */
  #places = new Uint8Array(256)
  readonly #free: number[] = []
  /** Four words a place: the peer's address. */
  readonly #peers = new Uint32Array(4 * (MOST + 1))

  constructor(libc: Libc) {
    this.#libc = libc
    this.#size = libc.architecture === 'x64' ? 3 : 4
    this.#events = new Uint8Array(new ArrayBuffer(MOST * this.#size * 4))
    this.#words = new Uint32Array(this.#events.buffer)
    this.#clear()
  }

  /** True if there is no room for more, or the kernel refuses. */
  get isFull(): boolean {
    return this.#free.length === 0 || this.#epoll < 0
  }

  /** True if the number is the set's own. */
  isOwn(fd: number): boolean {
    return fd === this.#epoll
  }

  has(fd: number): boolean {
    return this.#places[fd]! > 0
  }

  /** Puts in the socket that the number has now. What is known of it must be asked after this. False where there is no room, or the kernel refuses. */
  add(fd: number): boolean {
    if (this.isFull) return false
    this.#words[0] = EPOLLIN | EPOLLOUT
    this.#words[this.#size - 2] = fd
    const isIn =
      this.#libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, this.#events) === 0 || this.#libc.errno() === ERRNO.EEXIST
    if (!isIn || this.has(fd)) return isIn
    if (fd >= this.#places.length) this.#places = grown(this.#places, fd + 1)
    const place = this.#free.pop()!
    this.#places[fd] = place
    // No peer until `setPeer`.
    this.#peers.fill(0, 4 * place, 4 * place + 4)
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
    this.#free.push(this.#places[fd]!)
    this.#places[fd] = 0
  }

  /** Notes the peer of a number that is in the set: its address is in `sockets`, of this family. */
  setPeer(fd: number, sockets: Sockets, family: number): void {
    for (let i = 0, at = 4 * this.#places[fd]!; i < 4; i++) this.#peers[at + i] = sockets.word(family, i)
  }

  /** True if this was the peer of a number that is in the set, when it was last noted. */
  hasPeer(fd: number, { w0, w1, w2, w3 }: AddressWords): boolean {
    const at = 4 * this.#places[fd]!
    const peers = this.#peers
    return peers[at + 3] === w3 && peers[at + 2] === w2 && peers[at + 1] === w1 && peers[at] === w0
  }

  /** Calls `visit` with each number that has the socket it had, unless that was reset or can neither be written to nor read from. */
  ask(visit: (fd: number, isReadable: boolean) => void): void {
    if (this.#epoll < 0) this.#epoll = this.#libc.epoll_create1(EPOLL_CLOEXEC)
    if (this.#free.length === MOST) return
    const ready = this.#libc.epoll_wait(this.#epoll, this.#events, MOST, 0)
    for (let at = 0; at < ready * this.#size; at += this.#size) {
      const events = this.#words[at]!
      const fd = this.#words[at + this.#size - 2]!
      if ((events & (EPOLLERR | EPOLLHUP)) === 0 && this.has(fd)) visit(fd, (events & EPOLLIN) !== 0)
    }
  }

  #clear(): void {
    this.#places.fill(0)
    this.#free.length = 0
    for (let place = MOST; place > 0; place--) this.#free.push(place)
  }

  close(): void {
    if (this.#epoll >= 0) this.#libc.close(this.#epoll)
    this.#epoll = -1
    this.#clear()
  }
}
