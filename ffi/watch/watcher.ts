/**
 * Watches sockets that stay open: an inotify watch on each tells when its descriptor is closed, an epoll set when it was reset
 * or broken before. The process's listeners are in the set too, so that it also tells when connections come: as long as
 * it is quiet, the sockets of the process are those there were. A bell says so without a system call.
 *
 * Each part works without the next: without epoll and inotify nothing can be watched, without the bell one `epoll_wait`
 * says whether watched sockets are what they were, and nobody says whether others came.
 * @module
 */

import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLLET,
  EPOLLIN,
  ERRNO,
  IN_CLOEXEC,
  IN_CLOSE_NOWRITE,
  IN_CLOSE_WRITE,
  IN_NONBLOCK,
  IN_Q_OVERFLOW,
} from '../constants.ts'
import { cString, type Libc } from '../libc.ts'
import { Bell } from './aio-poll.ts'

/** Looks in a row without an event after which the bell is worth arming: that costs about as much as they do. */
const CALM = 16
/** In place of a descriptor that the kernel did not give. */
const REFUSED = -2
/** In an event's data, for a listener; others have 0. */
const LISTENER = 1

/** What the owner of a watcher hears. */
export interface WatcherEvents {
  /** The watched descriptor was closed. */
  closed(fd: number): void
  /** Notices were lost: this descriptor is not watched any more. */
  lost(fd: number): void
}

/** See the module's comment. */
export class Watcher {
  readonly #libc: Libc
  readonly #events: WatcherEvents
  readonly #bell: Bell
  /** Descriptor of inotify: -1 not opened yet, or `REFUSED`. */
  #inotify = -1
  /** Descriptor of epoll: -1 not opened yet, or `REFUSED`. */
  #epoll = -1
  #isBellRefused = false
  #listeners: readonly number[] = []
  /** Whether every listener is in the epoll set. */
  #hearsListeners = false
  readonly #fds = new Map<number, number>()
  readonly #watches = new Map<number, number>()
  readonly #event = new Uint8Array(new ArrayBuffer(16))
  readonly #eventView = new DataView(this.#event.buffer)
  /** Where an event's data is: `struct epoll_event` is packed on x86-64 only. */
  readonly #data: number
  readonly #notices = new Uint8Array(new ArrayBuffer(4096))
  readonly #noticeView = new DataView(this.#notices.buffer)
  #generation = 0
  #calm = 0
  #epoch = 0
  #isSettled = false

  constructor(libc: Libc, events: WatcherEvents) {
    this.#libc = libc
    this.#events = events
    this.#bell = new Bell(libc)
    this.#data = libc.architecture === 'x64' ? 4 : 8
  }

  /** How many descriptors are watched. */
  get size(): number {
    return this.#fds.size
  }

  /**
   * Counts what happened to watched sockets. While the number is the same after `look`, every watched socket is the one it
   * was, and has a peer.
   */
  get generation(): number {
    return this.#generation
  }

  /**
   * A number while no connection has come to the listeners since it was first given, up to this moment, and none was waiting
   * to be accepted then; 0 while that cannot be told.
   */
  get epoch(): number {
    return this.#isSettled && this.#bell.isArmed && !this.#bell.hasRung ? this.#epoch : 0
  }

  /**
   * Looks whether a watched socket was reset, broken or closed since the last look, up to this moment: then, and where the kernel
   * refuses to tell, the generation counts on, and whatever was believed is to be verified anew.
   */
  look(): void {
    if (this.#bell.isArmed && !this.#bell.hasRung) {
      if (!this.#isSettled) this.#settle()
      return
    }
    this.#isSettled = false
    if (this.#epoll < 0) {
      this.#generation++
      return
    }
    this.#calm = this.#isQuiet() ? this.#calm + 1 : 0
    if (this.#calm >= CALM) this.#arm()
  }

  /** Begins an epoch, for a caller about to do what is worth far more than arming the bell: its number, 0 where there is none. */
  settle(): number {
    if (!this.#open()) return 0
    if (!this.#bell.isArmed || this.#bell.hasRung) {
      this.#isSettled = false
      // What was heard already must not ring at once.
      this.#isQuiet()
      this.#arm()
    } else if (!this.#isSettled) this.#settle()
    return this.epoch
  }

  #arm(): void {
    this.#calm = 0
    if (this.#isBellRefused) return
    if (this.#bell.arm(this.#epoll)) this.#settle()
    else this.#isBellRefused = true
  }

  /** What came before the bell was armed is heard by a last look, what comes after by the bell. */
  #settle(): void {
    this.#isSettled = this.#hearsListeners && this.#isQuiet()
    if (this.#isSettled) this.#epoch++
  }

  /** Takes the events there are. Whether there were none. */
  #isQuiet(): boolean {
    let isQuiet = true
    for (let heard = 0; ; isQuiet = false) {
      const count = this.#libc.epoll_wait(this.#epoll, this.#event, 1, 0)
      if (count === 0) return isQuiet
      if (count > 0 && this.#eventView.getUint32(this.#data, true) === LISTENER) {
        // It is ready as long as a connection waits to be accepted, and comes round after all others.
        if (heard++ === this.#listeners.length) return false
        continue
      }
      this.#generation++
      this.drain()
      if (count < 0) return false
    }
  }

  /** Names the listeners of the process as they are now. */
  setListeners(fds: readonly number[]): void {
    this.#listeners = fds
    if (this.#epoll >= 0) this.#hearListeners()
  }

  #hearListeners(): void {
    this.#hearsListeners = true
    for (const fd of this.#listeners) {
      if (this.#add(fd, EPOLLIN, LISTENER)) this.#isSettled = false
      else if (this.#libc.errno() !== ERRNO.EEXIST) this.#hearsListeners = this.#isSettled = false
    }
  }

  /** Whether the descriptor is watched: `generation` speaks for it. */
  has(fd: number): boolean {
    return this.#watches.has(fd)
  }

  /** Watches a socket from now on. False where the kernel refuses. */
  watch(fd: number): boolean {
    if (!this.#open()) return false
    const watch = this.#libc.inotify_add_watch(
      this.#inotify,
      cString(`/proc/self/fd/${fd}`),
      IN_CLOSE_WRITE | IN_CLOSE_NOWRITE,
    )
    // The same number twice: another descriptor of the same socket has it.
    if (watch < 0 || this.#fds.has(watch)) return false
    if (!this.#add(fd, EPOLLET, 0)) {
      this.#libc.inotify_rm_watch(this.#inotify, watch)
      return false
    }
    this.#fds.set(watch, fd)
    this.#watches.set(fd, watch)
    return true
  }

  /** Ends a watch. */
  unwatch(fd: number): void {
    const watch = this.#forget(fd)
    if (watch === undefined) return
    this.#libc.inotify_rm_watch(this.#inotify, watch)
    // The number may be a listener's by now, before the notice of the end of its socket was read.
    if (!this.#listeners.includes(fd)) this.#libc.epoll_ctl(this.#epoll, EPOLL_CTL_DEL, fd, this.#event)
  }

  #forget(fd: number): number | undefined {
    const watch = this.#watches.get(fd)
    if (watch !== undefined) this.#fds.delete(watch)
    this.#watches.delete(fd)
    return watch
  }

  /** Opens inotify and epoll on first use. False where the kernel refuses one of them. */
  #open(): boolean {
    const libc = this.#libc
    if (this.#inotify === -1) this.#inotify = opened(libc.inotify_init1(IN_CLOEXEC | IN_NONBLOCK))
    if (this.#epoll === -1 && this.#inotify >= 0) {
      this.#epoll = opened(libc.epoll_create1(EPOLL_CLOEXEC))
      if (this.#epoll >= 0 && !this.#add(this.#inotify, EPOLLIN, 0)) {
        libc.close(this.#epoll)
        this.#epoll = REFUSED
      }
      if (this.#epoll >= 0) this.#hearListeners()
    }
    return this.#inotify >= 0 && this.#epoll >= 0
  }

  /** A closed descriptor leaves the set by itself. */
  #add(fd: number, events: number, data: number): boolean {
    this.#eventView.setUint32(0, events, true)
    this.#eventView.setUint32(this.#data, data, true)
    return this.#libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, this.#event) === 0
  }

  /** What was refused because too much was open, perhaps, is asked for again. */
  retry(): void {
    if (this.#inotify === REFUSED) this.#inotify = -1
    if (this.#epoll === REFUSED) this.#epoll = -1
    this.#isBellRefused = false
  }

  /** Reads the close notices that came since the last look, and passes them on. */
  drain(): void {
    if (this.#inotify < 0) return
    for (;;) {
      const octets = this.#libc.read(this.#inotify, this.#notices, this.#notices.length)
      if (octets <= 0) return
      for (let at = 0; at + 16 <= octets; at += 16 + this.#noticeView.getUint32(at + 12, true)) {
        const mask = this.#noticeView.getUint32(at + 4, true)
        if (mask & IN_Q_OVERFLOW) this.#mistrust()
        if ((mask & (IN_CLOSE_WRITE | IN_CLOSE_NOWRITE)) === 0) continue
        const fd = this.#fds.get(this.#noticeView.getInt32(at, true))
        if (fd === undefined) continue
        // With the socket its watch and its place in the epoll set have gone.
        this.#forget(fd)
        this.#events.closed(fd)
      }
      if (octets < this.#notices.length - 16) return
    }
  }

  #mistrust(): void {
    this.#generation++
    for (const fd of [...this.#watches.keys()]) {
      this.unwatch(fd)
      this.#events.lost(fd)
    }
  }

  /** Lets go of everything. */
  close(): void {
    this.#bell.close()
    if (this.#inotify >= 0) this.#libc.close(this.#inotify)
    if (this.#epoll >= 0) this.#libc.close(this.#epoll)
    this.#inotify = -1
    this.#epoll = -1
    this.#hearsListeners = false
    this.#fds.clear()
    this.#watches.clear()
    this.#isSettled = false
    this.#generation++
    this.#calm = 0
  }
}

const opened = (fd: number): number => (fd < 0 ? REFUSED : fd)
