/**
 * Watches sockets that stay open. inotify sends a notice when a watched descriptor is closed. For sockets that are followed, too, an epoll
 * set becomes ready when their connection was reset or broken before. The process's listening sockets are in the set too, so that it also
 * becomes ready when a connection comes: while it is quiet, the sockets of the process are those there were. An AIO poll tells that
 * without a system call.
 *
 * Each part works without the next. Without inotify or epoll nothing is watched. Without AIO an `epoll_wait` tells whether watched
 * sockets are what they were, and nothing tells whether others came.
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
import { AioPoll } from './aio-poll.ts'
import { Watches } from './watches.ts'

/** Quiet polls in a row after which the AIO poll is worth arming: it costs about as much as so many `epoll_wait` calls. */
const QUIET_POLLS = 16
/** In place of a descriptor that the kernel did not give. */
const REFUSED = -2
/** In an event's data, for a listener; others have 0. */
const LISTENER = 1

/** Rounds of `epoll_wait` in one poll beyond one for each descriptor in the set: a set that stays ready must not hold the process. */
const SPARE_ROUNDS = 8

/** What the watcher reports. */
export interface WatcherEvents {
  /** The watched descriptor was closed. */
  closed(fd: number): void
  /** Notices were lost: this descriptor is no longer watched. */
  lost(fd: number): void
}

/** One per thread. */
export class Watcher {
  readonly #libc: Libc
  readonly #events: WatcherEvents
  readonly #aioPoll: AioPoll
  /** Descriptor of inotify: -1 not opened yet, or `REFUSED`. */
  #inotify = -1
  /** Descriptor of epoll: -1 not opened yet, or `REFUSED`. */
  #epoll = -1
  #isAioRefused = false
  #listeners: readonly number[] = []
  /** True if every listening socket is in the epoll set. */
  #hasListeners = false
  #watches = new Watches()
  /** Watched descriptors that are in the epoll set. */
  readonly #followed = new Set<number>()
  readonly #event = new Uint8Array(new ArrayBuffer(16))
  readonly #eventView = new DataView(this.#event.buffer)
  /** Where an event's data is: `struct epoll_event` is packed on x86-64 only. */
  readonly #data: number
  readonly #notices = new Uint8Array(new ArrayBuffer(4096))
  readonly #noticeView = new DataView(this.#notices.buffer)
  #changes = 0
  #quietPolls = 0
  #acceptEpoch = 0
  #isSettled = false

  constructor(libc: Libc, events: WatcherEvents) {
    this.#libc = libc
    this.#events = events
    this.#aioPoll = new AioPoll(libc)
    this.#data = libc.architecture === 'x64' ? 4 : 8
  }

  /** True if the number is that of inotify or of the epoll set. */
  isOwn(fd: number): boolean {
    return fd === this.#epoll || fd === this.#inotify
  }

  /** How many descriptors are watched. */
  get size(): number {
    return this.#watches.size
  }

  /**
   * Counts what happened to watched sockets. While the number is the same after `poll`, every watched socket is the one it was, and
   * every followed one has a peer.
   */
  get changes(): number {
    return this.#changes
  }

  /**
   * Accept epoch. Two equal, non-zero readings prove that no connection came to the listening sockets between them, and that none
   * was waiting to be accepted at the first. 0: unknown.
   */
  get acceptEpoch(): number {
    return this.#isSettled && this.#aioPoll.isArmed && !this.#aioPoll.hasCompleted ? this.#acceptEpoch : 0
  }

  /**
   * Counts `changes` on if a watched socket was reset, broken or closed since the last poll, up to this moment, or if the kernel
   * does not tell.
   */
  poll(): void {
    if (this.#aioPoll.isArmed && !this.#aioPoll.hasCompleted) {
      if (!this.#isSettled) this.#settle()
      return
    }
    this.#isSettled = false
    if (this.#epoll < 0) {
      this.#changes = (this.#changes + 1) >>> 0
      return
    }
    this.#quietPolls = this.#isQuiet() ? this.#quietPolls + 1 : 0
    if (this.#quietPolls >= QUIET_POLLS) this.#arm()
  }

  /** Begins an accept epoch, for a caller whose next step costs more than arming the AIO poll. The epoch, 0 where there is none. */
  startEpoch(): number {
    if (!this.#open()) return 0
    if (!this.#aioPoll.isArmed || this.#aioPoll.hasCompleted) {
      this.#isSettled = false
      // Events that have come already must not complete the request at once.
      this.#isQuiet()
      this.#arm()
    } else if (!this.#isSettled) this.#settle()
    return this.acceptEpoch
  }

  #arm(): void {
    this.#quietPolls = 0
    if (this.#isAioRefused) return
    if (this.#aioPoll.arm(this.#epoll)) this.#settle()
    else this.#isAioRefused = true
  }

  /** Polls once more after arming: earlier events show here, later ones complete the AIO poll. */
  #settle(): void {
    this.#isSettled = this.#hasListeners && this.#isQuiet()
    if (this.#isSettled) this.#acceptEpoch = (this.#acceptEpoch % 0xffff_ffff) + 1
  }

  /** Takes the events there are. True if there were none. */
  #isQuiet(): boolean {
    let listenerEvents = 0
    const rounds = this.#followed.size + this.#listeners.length + SPARE_ROUNDS
    for (let round = 0; round < rounds; round++) {
      const count = this.#libc.epoll_wait(this.#epoll, this.#event, 1, 0)
      if (count === 0) return round === 0
      if (count > 0 && this.#eventView.getUint32(this.#data, true) === LISTENER) {
        // It is ready as long as a connection waits to be accepted, and comes round after all others.
        if (listenerEvents++ === this.#listeners.length) return false
        continue
      }
      this.#changes = (this.#changes + 1) >>> 0
      this.drain()
      if (count < 0 || this.#epoll < 0) return false
    }
    return false
  }

  /** Names the listening sockets of the process as they are now. */
  setListeners(fds: readonly number[]): void {
    this.#listeners = fds
    if (this.#epoll >= 0) this.#addListeners()
  }

  #addListeners(): void {
    this.#hasListeners = true
    for (const fd of this.#listeners) {
      if (this.#add(fd, EPOLLIN, LISTENER)) this.#isSettled = false
      else if (this.#libc.errno() !== ERRNO.EEXIST) this.#hasListeners = this.#isSettled = false
    }
  }

  /** True if the descriptor is watched. */
  has(fd: number): boolean {
    return this.#watches.has(fd)
  }

  /**
   * Has `changes` tell, too, when the connection of a watched descriptor is reset. False where the kernel refuses, or the descriptor is
   * not watched.
   */
  follow(fd: number): boolean {
    if (this.#followed.has(fd)) return true
    if (!this.has(fd) || !this.#add(fd, EPOLLET, 0)) return false
    this.#followed.add(fd)
    return true
  }

  /** Watches a socket from now on. False where the kernel refuses. */
  watch(fd: number): boolean {
    if (!this.#open()) return false
    const watch = this.#libc.inotify_add_watch(this.#inotify, pathOf(fd), IN_CLOSE_WRITE | IN_CLOSE_NOWRITE)
    // The same number twice: another descriptor of the same socket has it.
    if (watch < 0 || this.#watches.fdOf(watch) >= 0) return false
    this.#watches.add(fd, watch)
    return true
  }

  /** Ends a watch. */
  unwatch(fd: number): void {
    const isFollowed = this.#followed.delete(fd)
    const watch = this.#watches.delete(fd)
    if (watch < 0) return
    this.#libc.inotify_rm_watch(this.#inotify, watch)
    // The number may be a listener's by now, before the notice of the end of its socket was read.
    if (isFollowed && !this.#listeners.includes(fd)) this.#libc.epoll_ctl(this.#epoll, EPOLL_CTL_DEL, fd, this.#event)
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
      if (this.#epoll >= 0) this.#addListeners()
    }
    return this.#inotify >= 0 && this.#epoll >= 0
  }

  /** A closed descriptor leaves the set by itself. */
  #add(fd: number, events: number, data: number): boolean {
    this.#eventView.setUint32(0, events, true)
    this.#eventView.setUint32(this.#data, data, true)
    return this.#libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, this.#event) === 0
  }

  /** Asks again for what the kernel refused: perhaps too much was open then. */
  retry(): void {
    if (this.#inotify === REFUSED) this.#inotify = -1
    if (this.#epoll === REFUSED) this.#epoll = -1
    this.#isAioRefused = false
  }

  /** Reads the close notices that came since the last call, and reports them. */
  drain(): void {
    if (this.#inotify < 0) return
    // A closed descriptor sends two notices, IN_CLOSE and IN_IGNORED: there are no more than that in the queue.
    for (let left = this.#watches.size; left >= 0; left--) {
      const octets = this.#libc.read(this.#inotify, this.#notices, this.#notices.length)
      if (octets <= 0) {
        const errno = this.#libc.errno()
        if (octets < 0 && errno !== ERRNO.EAGAIN && errno !== ERRNO.EINTR) this.#giveUp()
        return
      }
      for (let at = 0; at + 16 <= octets; at += 16 + this.#noticeView.getUint32(at + 12, true)) {
        const mask = this.#noticeView.getUint32(at + 4, true)
        if (mask & IN_Q_OVERFLOW) this.#loseWatches()
        if ((mask & (IN_CLOSE_WRITE | IN_CLOSE_NOWRITE)) === 0) continue
        const fd = this.#watches.fdOf(this.#noticeView.getInt32(at, true))
        if (fd < 0) continue
        // With the socket its watch and its place in the epoll set have gone.
        this.#watches.delete(fd)
        this.#followed.delete(fd)
        this.#events.closed(fd)
      }
      if (octets < this.#notices.length - 16) return
    }
  }

  /** Notices cannot be read: nothing is watched until `retry`. */
  #giveUp(): void {
    this.#loseWatches()
    this.close()
    this.#inotify = REFUSED
  }

  #loseWatches(): void {
    this.#changes = (this.#changes + 1) >>> 0
    for (const fd of this.#watches.all()) {
      this.unwatch(fd)
      this.#events.lost(fd)
    }
  }

  close(): void {
    this.#aioPoll.close()
    if (this.#inotify >= 0) this.#libc.close(this.#inotify)
    if (this.#epoll >= 0) this.#libc.close(this.#epoll)
    this.#inotify = -1
    this.#epoll = -1
    this.#hasListeners = false
    this.#watches = new Watches()
    this.#followed.clear()
    this.#isSettled = false
    this.#changes = (this.#changes + 1) >>> 0
    this.#quietPolls = 0
  }
}

/** The longest path there is, written anew for each watch: an allocation outside of V8's heap would cost a microsecond. */
const PATH = /* @__PURE__ */ cString('/proc/self/fd/2147483647')
const ZERO = 0x30
const DIGITS_AT = '/proc/self/fd/'.length

/** The path of a descriptor, ended by NUL. Good until the next call. */
function pathOf(fd: number): Uint8Array {
  let end = DIGITS_AT + 1
  for (let rest = fd; rest > 9; rest = Math.trunc(rest / 10)) end++
  PATH[end] = 0
  for (let rest = fd, at = end - 1; at >= DIGITS_AT; rest = Math.trunc(rest / 10)) PATH[at--] = ZERO + (rest % 10)
  return PATH
}

const opened = (fd: number): number => (fd < 0 ? REFUSED : fd)
