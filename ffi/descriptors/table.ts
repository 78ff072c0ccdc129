/**
 * Finds the descriptor of an accepted connection by its peer, at a cost that does not grow with the number of open
 * descriptors. The kernel has no index from peer to descriptor; what it has is a rule: accept takes the lowest free number.
 *
 * A new connection is therefore on a number that was closed a moment ago, or on the first one never used. The table keeps
 *
 * - an index from peer port to number, of every socket it ever met on its way, so that no probe is wasted;
 * - the young numbers, most recently taken first: short-lived traffic goes on using the same few;
 * - the landing number, one past the highest seen in use;
 * - a watch on each socket that stays open, which tells when it closes, so that long-lived ones need no probes.
 *
 * Each is a guess about where to look. What is found is verified by a live `getpeername`, so that a wrong guess costs time
 * and never correctness; where the kernel refuses watches, everything else works without.
 * @module
 */
import type { AddressWords } from '../../src/wire/sockaddr.ts'
import { ERRNO } from '../constants.ts'
import type { Sockets } from '../socket.ts'
import { Watcher } from '../watch/watcher.ts'
import type { NumberSet } from './number-set.ts'
import { OpenNumbers } from './open-numbers.ts'
import { DescriptorIndex, grown, STATUS } from './registry.ts'

/** Young numbers tried before the cheaper of the sure ways, landing numbers and close notices. */
const NEAR = 24
/** Numbers of a kind at which one that is not expected is looked for. */
const LIKELY = 256
/** Unused numbers in a row that end a look at all where the kernel does not say how far descriptors go. */
const GAP = 64
/** Unused numbers stepped over at the landing number before every number is looked at. */
const AHEAD = 8
/** Numbers that may be looked through at any time: a fraction of a millisecond. */
const CHEAP = 2048
/** Numbers without a watch with which the index is made complete, and unused ones that a look around goes past. */
const FEW = 512
/** Numbers of which one call says whether they are open, in the time in which one is looked at. */
const AT_ONCE = 8
/** What a request costs where the index is not complete, in looks at a number. */
const WORTH = 4
/** Sweeps a number must have stayed with its socket before it gets a watch. */
const SETTLED_SWEEPS = 2

/** Looks at a number, and says whether it is the one that is looked for. */
type Look = (fd: number) => boolean

/** What the table holds, for status and tests. */
export interface DescriptorCounts {
  /** Sockets with a peer in the index. */
  readonly sockets: number
  /** Of these, those whose close inotify will tell. */
  readonly watches: number
  /** `getpeername` calls made so far. */
  readonly probes: number
  /** Searches that had to look at every number. */
  readonly fullScans: number
}

/** What the owner of a table hears. */
export interface DescriptorEvents {
  /** The socket known at this number turned out to be another one, or none. */
  gone(fd: number): void
}

/** See the module's comment. One per thread. */
export class DescriptorTable {
  readonly #sockets: Sockets
  readonly #index: DescriptorIndex
  readonly #openNumbers: OpenNumbers
  /** The search that last looked at the number. */
  #looked = new Uint32Array(256)
  readonly #watcher: Watcher
  #lastHit = -1
  /** Whether the last search found the same number as the one before. */
  #repeats = false
  /** The number that the last search found of which nothing was known. */
  #lastNew = -1
  #search = 0
  #probes = 0
  #fullScans = 0
  /** The watcher's epoch in which the index was made complete, and what was paid since for its not being complete. */
  #completeIn = 0
  #asked = 0
  /** Looks that making it complete took the last time. */
  #cost = 0
  /** When the next full scan may be made, milliseconds of `performance.now()`. */
  #nextScan = 0

  constructor(sockets: Sockets, events: DescriptorEvents) {
    this.#sockets = sockets
    this.#openNumbers = new OpenNumbers(sockets.libc)
    this.#watcher = new Watcher(sockets.libc, {
      closed: (fd) => this.#index.become(fd, STATUS.CLOSED),
      lost: (fd) => this.#index.unwatch(fd),
    })
    this.#index = new DescriptorIndex({
      left: (fd, wasWatched) => {
        if (wasWatched) this.#watcher.unwatch(fd)
        events.gone(fd)
      },
    })
  }

  /** What the table holds now. */
  counts(): DescriptorCounts {
    return {
      sockets: this.#index.sockets,
      watches: this.#watcher.size,
      probes: this.#probes,
      fullScans: this.#fullScans,
    }
  }

  /** Watches the sockets that stay, and the listeners. */
  get watcher(): Watcher {
    return this.#watcher
  }

  /** The number known for a peer port, -1 for none and for several. Not verified. */
  sole(port: number): number {
    return this.#index.sole(port)
  }

  /** All numbers known for a peer port. Not verified. */
  all(port: number): readonly number[] {
    return this.#index.all(port)
  }

  /** Whether more than one socket with this peer port is known. */
  isShared(port: number): boolean {
    return this.#index.isShared(port)
  }

  /**
   * The lowest-cost number whose socket has this peer now and which `accept` takes, -1 where there is none.
   * `accept` is called right after the `getpeername` that matched.
   */
  find(port: number, address: AddressWords, accept: (fd: number) => boolean): number {
    this.#search = (this.#search + 1) >>> 0
    const look = (fd: number): boolean => this.#try(fd, port, address) && accept(fd)
    const known = this.#findKnown(port, look)
    const fd = known >= 0 ? known : this.#findNew(look)
    if (fd >= 0) {
      this.#repeats = fd === this.#lastHit
      this.#lastHit = fd
      if (known < 0) this.#lastNew = fd
    }
    return fd
  }

  /** A number that no socket with this peer port is known for. */
  #findNew(look: Look): number {
    let fd = this.#findNear(look)
    if (fd < 0) fd = this.#findLanding(look, 0)
    if (fd < 0) {
      if (this.#watcher.size > 0) this.#watcher.drain()
      fd = this.#findAmong(this.#index.closed, look)
    }
    if (fd < 0) fd = this.#findAmong(this.#index.young, look)
    // The first numbers of a batch may have been closed again before anybody asked for the later ones.
    if (fd < 0) fd = this.#findLanding(look, AHEAD)
    if (fd < 0) fd = this.#findAmong(this.#index.others, look)
    if (fd < 0) fd = this.#findAnywhere(look)
    return fd
  }

  /** As `find`, for a caller who expects none: only where it would likely be, and not at more than some hundred numbers. */
  findLikely(port: number, address: AddressWords, accept: (fd: number) => boolean): number {
    this.#search = (this.#search + 1) >>> 0
    const look = (fd: number): boolean => this.#try(fd, port, address) && accept(fd)
    let fd = this.#findKnown(port, look)
    if (fd >= 0) return fd
    if (this.#watcher.size > 0) this.#watcher.drain()
    fd = this.#findOpened(look, LIKELY, AHEAD)
    return fd >= 0 ? fd : this.#findAmong(this.#index.young, look, LIKELY)
  }

  /**
   * A number with this peer among those that may have another socket than the table knows: all that are not watched, and
   * hundreds behind the last one seen in use. -1 where there is none that `accept` takes.
   */
  findUnwatched(port: number, address: AddressWords, accept: (fd: number) => boolean): number {
    this.#search = (this.#search + 1) >>> 0
    const look = (fd: number): boolean => this.#try(fd, port, address) && accept(fd)
    const epoch = this.#watcher.settle()
    // Where nobody has come since all were looked at, the index knows them all.
    const isComplete = epoch !== 0 && epoch === this.#completeIn
    const fd = isComplete ? this.#findKnown(port, look) : this.#lookAround(look)
    if (fd < 0) this.#completeIn = epoch
    return fd
  }

  /** Calls that `findUnwatched` makes, about. */
  get unwatched(): number {
    const { young, others, closed } = this.#index
    return young.size + others.size + (closed.size + FEW) / AT_ONCE
  }

  #lookAround(look: Look): number {
    this.#watcher.drain()
    let fd = this.#findOpened(look, Number.POSITIVE_INFINITY, FEW)
    for (const numbers of [this.#index.young, this.#index.others]) {
      if (fd < 0) fd = this.#findAmong(numbers, look)
    }
    return fd
  }

  /** Among the numbers that were not open when last looked at: at most `limit` of those used before, and `ahead` never used. */
  #findOpened(look: Look, limit: number, ahead: number): number {
    const { closed, landing } = this.#index
    let left = limit
    for (let fd = closed.next(0); fd >= 0 && left > 0; fd = closed.next(fd + 1)) {
      left--
      const found = this.#lookIfOpen(fd, look)
      if (found >= 0) return found
    }
    // Those collected are looked at here, too.
    return this.#lookFrom(landing, landing + ahead, look)
  }

  #findKnown(port: number, look: Look): number {
    const sole = this.#index.sole(port)
    if (sole >= 0) return look(sole) ? sole : -1
    for (const fd of this.#index.all(port)) if (look(fd)) return fd
    return -1
  }

  #findNear(look: Look): number {
    // Connections of one batch are accepted, and mostly served, in the order of their numbers, also where batches overlap; a
    // batch begins at the lowest number. While most are busy, one number is closed and taken again and again.
    const again = this.#lastHit
    const next = again + 1
    for (let i = 0; i < 3; i++) {
      const guess = i === 1 ? this.#lastNew + 1 : this.#repeats === (i === 0) ? again : next
      if (guess >= this.#index.landing || guess < 0 || this.#index.status(guess) > STATUS.YOUNG) continue
      if (look(guess)) return guess
    }
    const lowest = this.#index.young.next(0)
    if (lowest >= 0 && look(lowest)) return lowest
    let fd = this.#index.newest
    for (let i = 0; i < NEAR && fd >= 0; i++) {
      const next = this.#index.older(fd)
      if (look(fd)) return fd
      fd = next
    }
    return -1
  }

  /** At the numbers never used, up to one that is free, or past `unusedAllowed` of these. */
  #findLanding(look: Look, unusedAllowed: number): number {
    if (this.#index.landing === 0) this.#lookAtAll()
    for (let fd = this.#index.landing, unused = 0; unused <= unusedAllowed; fd++) {
      this.#grow(fd)
      const isFound = look(fd)
      if (this.#index.status(fd) === STATUS.UNKNOWN) {
        unused++
        continue
      }
      unused = 0
      this.#index.landAfter(fd)
      if (isFound) return fd
    }
    return -1
  }

  /** Once, before the first search: how far descriptors go, and which numbers are no sockets. */
  #lookAtAll(): void {
    this.#lookFrom(0, this.#limit(), (fd) => this.#note(fd))
    this.#search++
  }

  /** Looks at a number for the index alone. */
  #note(fd: number): false {
    this.#look(fd)
    return false
  }

  /** One past the last number that can be open; infinite where the kernel does not say. */
  #limit(): number {
    return this.#sockets.descriptorLimit() || Number.POSITIVE_INFINITY
  }

  /**
   * Looks at the numbers from `start` to before `end` that are open, but for those looked at in this search and those to
   * `skip`, and moves the landing number after them; where `end` is infinite up to a gap. The first for which `look` is true,
   * -1 where there is none.
   */
  #lookFrom(start: number, end: number, look: Look, skip?: (fd: number) => boolean): number {
    for (let fd = start; ; ) {
      const stop = end === Number.POSITIVE_INFINITY ? Math.max(start, this.#index.landing) + GAP : end
      for (; fd < stop; fd++) {
        this.#grow(fd)
        if (this.#looked[fd] === this.#search || skip?.(fd)) continue
        const found = this.#lookIfOpen(fd, look)
        if (found >= 0) return found
      }
      const found = this.#lookNow(look)
      if (found >= 0 || end < Number.POSITIVE_INFINITY || fd >= this.#index.landing + GAP) return found
    }
  }

  /** Has `#lookNow` look at a number if it is open. What that found where there were numbers enough for it, -1 otherwise. */
  #lookIfOpen(fd: number, look: Look): number {
    if (this.#openNumbers.add(fd)) return -1
    const found = this.#lookNow(look)
    if (found < 0) this.#openNumbers.add(fd)
    return found
  }

  /** Looks at the numbers collected that are open, up to the first for which `look` is true: that one, -1 if there is none. */
  #lookNow(look: Look): number {
    return this.#openNumbers.ask((fd, isOpen) => {
      if (!isOpen) {
        if (this.#index.status(fd) > STATUS.CLOSED) this.#index.become(fd, STATUS.CLOSED)
        return false
      }
      const isLast = look(fd)
      if (fd >= this.#index.landing && this.#index.status(fd) !== STATUS.UNKNOWN) this.#index.landAfter(fd)
      return isLast
    })
  }

  #findAmong(numbers: NumberSet, look: Look, limit: number = Number.POSITIVE_INFINITY): number {
    let left = limit
    for (let fd = numbers.next(0); fd >= 0 && left > 0; fd = numbers.next(fd + 1)) {
      left--
      if (look(fd)) return fd
    }
    return -1
  }

  /** The last resort. A request to which no descriptor belongs must not make every search slow: at most 5 % of the time. */
  #findAnywhere(look: Look): number {
    const start = performance.now()
    const limit = this.#limit()
    const numbers = limit === Number.POSITIVE_INFINITY ? this.#index.landing : limit
    if (start < this.#nextScan && numbers > CHEAP) return -1
    this.#fullScans++
    const found = this.#lookFrom(0, limit, look)
    const end = performance.now()
    // One that finds is worth its time: there may be more behind gaps.
    if (found < 0) this.#nextScan = end + 20 * (end - start)
    return found
  }

  /** Looks at a number, unless this search has, and says whether its socket has this peer. */
  #try(fd: number, port: number, address: AddressWords): boolean {
    if (this.#looked[fd] === this.#search) return false
    const family = this.#look(fd)
    if (family <= 0 || this.#index.port(fd) !== port) return false
    const sockets = this.#sockets
    return (
      sockets.word(family, 3) === address.w3 &&
      sockets.word(family, 2) === address.w2 &&
      sockets.word(family, 1) === address.w1 &&
      sockets.word(family, 0) === address.w0
    )
  }

  /** Asks the kernel for the number's peer and notes what is there. The family of the peer's address, or 0 or less. */
  #look(fd: number): number {
    this.#looked[fd] = this.#search
    this.#probes++
    const family = this.#sockets.peerName(fd)
    if (family > 0) {
      const port = this.#sockets.port()
      const status = this.#index.status(fd)
      const isKnown = status === STATUS.YOUNG || status === STATUS.WATCHED
      if (!isKnown || this.#index.port(fd) !== port) this.#index.take(fd, port)
      return family
    }
    const errno = family < 0 ? this.#sockets.errno() : 0
    if (errno === ERRNO.EBADF) {
      if (this.#index.status(fd) !== STATUS.UNKNOWN) this.#index.become(fd, STATUS.CLOSED)
    } else {
      this.#index.become(fd, errno === ERRNO.ENOTCONN ? STATUS.CLOSED : STATUS.OTHER)
    }
    return family
  }

  #grow(fd: number): void {
    if (fd < this.#looked.length) return
    const size = 2 ** Math.ceil(Math.log2(fd + 1))
    this.#looked = grown(this.#looked, size)
    this.#index.grow(size)
  }

  /** The socket at this number is known to be gone, or to be another one: the number is to be looked at anew. */
  forget(fd: number): void {
    const status = this.#index.status(fd)
    if (status === STATUS.YOUNG || status === STATUS.WATCHED) this.#index.become(fd, STATUS.CLOSED)
  }

  /**
   * The socket at this number is another one than before, though its peer has the same port: what is still to be told of
   * the one before must not be taken for this one's end.
   */
  renew(fd: number): void {
    if (!this.isWatched(fd)) return
    this.#watcher.unwatch(fd)
    this.#index.unwatch(fd)
  }

  /** Notes a descriptor that the runtime itself named, and says whether its socket has this peer. */
  check(fd: number, port: number, address: AddressWords): boolean {
    this.#search = (this.#search + 1) >>> 0
    this.#grow(fd)
    return this.#try(fd, port, address)
  }

  /**
   * Housekeeping, to be called about once a second while sockets are known: looks at young numbers whose turn it is, lets go
   * of those that were closed, gives the ones that stay a watch: `limit` of them at most. True where more is left to do. Where
   * nothing is, there is a look behind gaps, a few calls for thousands of numbers, and those at the top are let go after a peak.
   */
  sweep(limit: number): boolean {
    this.#index.grewOlder()
    this.#watcher.retry()
    this.#search = (this.#search + 1) >>> 0
    if (this.#watcher.size > 0) this.#watcher.drain()
    const isMoreLeft = this.#sweepYoung(limit)
    if (!isMoreLeft && this.#index.landing > 0) {
      const { landing } = this.#index
      this.#lookFrom(landing, landing + CHEAP, (fd) => this.#note(fd))
      this.#lowerLanding()
    }
    // Nobody is watched, and perhaps nobody will be for long. It opens again by itself.
    if (this.#index.sockets === 0) this.#watcher.close()
    return isMoreLeft
  }

  /** After a peak the numbers at the top are free again, and not worth a look each. */
  #lowerLanding(): void {
    const index = this.#index
    for (let left = FEW; left > 0; left--) {
      const top = index.landing - 1
      if (top < 0 || index.status(top) !== STATUS.CLOSED) return
      this.#probes++
      if (this.#sockets.peerName(top) >= 0 || this.#sockets.errno() !== ERRNO.EBADF) return
      index.lower()
    }
  }

  #sweepYoung(limit: number): boolean {
    const index = this.#index
    let fd = index.oldest
    for (let left = limit; left > 0 && fd >= 0; left--) {
      const newer = index.newer(fd)
      // In the order of taking: whoever follows is younger still.
      if (index.age(fd) < SETTLED_SWEEPS) return false
      this.#look(fd)
      // Without watches everyone gets a turn.
      if (index.status(fd) === STATUS.YOUNG && !this.#settle(fd)) index.rejuvenate(fd)
      fd = newer
    }
    return fd >= 0
  }

  /** Whether the number's socket is watched: the watcher's generation speaks for it. */
  isWatched(fd: number): boolean {
    return this.#index.status(fd) === STATUS.WATCHED
  }

  /** Gives a socket that was just verified a watch before its time, because it is asked for often. */
  watch(fd: number): void {
    if (this.#index.status(fd) === STATUS.YOUNG) this.#settle(fd)
  }

  /** Gives a socket that stays a watch on its close and its end. False where it got none. */
  #settle(fd: number): boolean {
    const port = this.#index.port(fd)
    if (!this.#watcher.watch(fd)) return false
    // Between the look and the watch another thread may have closed the number, and somebody taken it.
    this.#probes++
    if (this.#sockets.peerName(fd) <= 0 || this.#sockets.port() !== port) {
      this.#watcher.unwatch(fd)
      return false
    }
    this.#index.watch(fd)
    return true
  }

  /**
   * Whether every socket of the process with a peer is in the index, now: no connection has come since all were looked at,
   * and none waits to be accepted. They are looked at again once so many asked in vain that it is worth it. Never where many
   * numbers are not watched: each known connection has them looked at once more after the next one came.
   */
  isComplete(): boolean {
    const { epoch } = this.#watcher
    if (epoch === 0 || this.#index.landing - this.#watcher.size > FEW) return false
    if (this.#completeIn === epoch) return true
    this.#asked += WORTH
    if (this.#asked < Math.max(this.#cost, this.#index.landing - this.#watcher.size)) return false
    this.#asked = 0
    this.#search++
    const limit = this.#limit()
    const before = this.#probes
    const skip = (fd: number): boolean => this.isWatched(fd)
    this.#lookFrom(0, limit, (fd) => this.#note(fd), skip)
    const numbers = limit === Number.POSITIVE_INFINITY ? this.#index.landing : limit
    this.#cost = this.#probes - before + (numbers - this.#watcher.size) / AT_ONCE
    this.#completeIn = this.#watcher.epoch
    return this.#completeIn !== 0
  }

  /** Lets go of everything. */
  close(): void {
    this.#index.clear()
    this.#watcher.close()
  }
}
