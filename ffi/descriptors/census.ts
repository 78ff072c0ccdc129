/**
 * Census: makes the registry list every connected socket of the process, as of now.
 *
 * - Watched numbers are what they were: inotify tells of each close.
 * - Connected numbers without a watch are probed, if they are open at all. One that a census has met before is put in the roster, which
 *   tells of all its sockets at once, and one that stays for long gets a watch: a connection costs a few probes, places in the roster and
 *   a watch in its life, however many censuses there are.
 * - `poll` tells of many numbers at a time which are open. Those that had no peer are probed only if they can be an accepted
 *   connection: not broken, and writable, as a TCP socket is to which the process has sent nothing yet. Files are always readable;
 *   what is readable, too, and was a file for long is probed once in five milliseconds at most: a connection at the number of such a file
 *   that was closed a moment ago, with data that waits, could be missed for so long.
 * - accept gives the lowest free number. A number free at the last census can be taken only if all lower ones that were free then were
 *   taken too, some time since: they are open now, or were closed again. Of these a process has fewer than `PASSES_PER_MILLISECOND`, so
 *   that it is enough to meet so many, from the lowest on, that are free now.
 * @module
 */

import { TimeBudget } from '../time-budget.ts'
import type { Visit } from './open-numbers.ts'
import { PROBED, type Prober } from './prober.ts'
import { isWithoutPeer, STATUS } from './registry.ts'

/**
 * Descriptors that a process opens, and keeps open, in a millisecond: fewer. A handshake and accept take the kernel and the runtime some
 * 20 µs of processor time.
 */
const OPENS_PER_MILLISECOND = 250
/** The same of those that it opens and closes again: each takes it twice. */
const PASSES_PER_MILLISECOND = OPENS_PER_MILLISECOND / 2
/** Free numbers that are tested at least, and those among them that may be found open before more are tested. */
const LEAST_FREE = 8
const SPARE_FREE = 8
/** Censuses that probe a connection before it is put in the roster or, if that is full, gets a watch. */
const CENSUSES_BEFORE_ROSTER = 1
/** Censuses before one in the roster gets a watch, which costs as much as some thirty places. */
const CENSUSES_BEFORE_WATCH = 32
/** Watches made in one census at most, 5 to 8 µs each. */
const MOST_WATCHES = 256
const FAILURES_AT_MOST = 4
/** Numbers above the high-water mark that are tested without asking how far descriptors go, which costs as much. */
const TESTED_UNASKED = 512
/** Unused numbers in a row that end a census where the kernel does not tell how far descriptors go, and such runs at most. */
const GAP = 64
const MOST_GAPS = 16_384
/** Microseconds, about: a probe; a test whether a number is open; the same where it is. For the decision whether to take a census. */
const PROBE_COST = 0.3
const TEST_COST = 0.02
const OPEN_TEST_COST = 0.1
const BASE_COST = 2
/** Microseconds up to which a census may be taken at any time. */
const CHEAP = 500
/** Share of the time that dearer censuses may take, and milliseconds that they may take at once. */
const SHARE = 0.1
const BURST = 10
/** Milliseconds in which numbers that have had files for long are not probed again. */
const FILES_AGE = 5
/** Of such probes after which a number has had a file for long: 0.3 s. */
const LONG_OPEN = 64

export class Census {
  readonly #prober: Prober
  /** When the last one was complete, milliseconds of `performance.now()`; `undefined` where none was. */
  #at: number | undefined
  /** Accept epoch in which the last one was complete, 0 for none. */
  #epoch = 0
  #isRefused = false
  /** One past the last number that the process could have open at the last census; 0 where the kernel does not tell. */
  #limit = 0
  readonly #budget = new TimeBudget(BURST)
  /** When numbers that had files were last probed, and whether they are in this census. */
  #filesAt = Number.NEGATIVE_INFINITY
  #probesFiles = true
  /** Dear censuses taken so far. */
  fullScans = 0
  /** The number that was guessed before the census, -1 for none. */
  #guessed = -1
  /** True if there was nothing to be read from it in the last census. */
  isGuessedRead = false
  /** Numbers found open that were free: most of several live until the next census. */
  #found = 0
  readonly #visit: Visit
  readonly #visitClosed: (fd: number) => void
  readonly #confirm: (fd: number, isReadable: boolean) => void

  constructor(prober: Prober) {
    this.#prober = prober
    const { registry, roster } = prober
    this.#visit = (fd, isWritable, isReadable) => {
      const status = registry.status(fd)
      if (isWithoutPeer(status) && !isWritable) return false
      if (status === STATUS.FILE && isReadable && !prober.openNumbers.isRefused) {
        if (!this.#probesFiles && registry.censuses(fd) >= LONG_OPEN) return false
        if (this.#probesFiles) registry.countCensus(fd)
      }
      if (fd === this.#guessed) this.isGuessedRead = !isReadable
      if ((status === STATUS.FREE || status === STATUS.UNKNOWN) && (this.#found++ > 0 || this.#guessed >= 0))
        roster.add(fd)
      this.#probe(fd)
      if (isWithoutPeer(registry.status(fd))) roster.remove(fd)
      if (fd >= registry.highWater && registry.status(fd) !== STATUS.UNKNOWN) registry.raiseHighWater(fd)
      return this.#isRefused
    }
    this.#visitClosed = (fd) => {
      const status = registry.status(fd)
      if (isWithoutPeer(status) || status === STATUS.CONNECTED) registry.become(fd, STATUS.FREE)
    }
    this.#confirm = (fd, isReadable) => {
      if (fd === this.#guessed) this.isGuessedRead = !isReadable
      prober.confirm(fd)
    }
  }

  /** True if nothing was accepted since the last census: it still holds. */
  isCurrent(): boolean {
    return this.#epoch !== 0 && this.#prober.watcher.acceptEpoch === this.#epoch
  }

  /** Microseconds that a census would take now, about. */
  cost(now: number = performance.now()): number {
    const { connected, withoutPeer, free } = this.#prober.registry
    const tested = Math.min(free.size, this.#passedSince(now) + SPARE_FREE)
    return BASE_COST + connected.size * PROBE_COST + withoutPeer.size * OPEN_TEST_COST + tested * TEST_COST
  }

  /**
   * Takes a census. False where it would take too much time, or the kernel refuses calls that it needs: then nothing is known.
   *
   * @param startsEpoch - whether to begin an accept epoch, so that the census holds until the next connection comes
   * @param guessed - a number that was probed in a search of its own just before, -1 for none
   */
  take(startsEpoch: boolean, guessed: number): boolean {
    const start = performance.now()
    const isDear = this.cost(start) > CHEAP
    this.#guessed = guessed
    this.isGuessedRead = false
    this.#found = 0
    this.#isRefused = false
    if (isDear && !this.#budget.hasAny(SHARE, start)) return false
    const isTaken = this.#take(startsEpoch, start)
    if (isDear) this.fullScans++
    if (isDear) this.#budget.spend(performance.now() - start)
    return isTaken
  }

  #take(startsEpoch: boolean, start: number): boolean {
    const { registry, roster, watcher } = this.#prober
    const epoch = startsEpoch ? watcher.startEpoch() : 0
    if (watcher.size > 0) watcher.drain()
    this.#probesFiles = start - this.#filesAt >= FILES_AGE
    if (this.#probesFiles) this.#filesAt = start
    if (this.#guessed < 0) this.#prober.startSearch()
    roster.ask(this.#confirm)
    this.#testConnected()
    for (let fd = registry.withoutPeer.next(0); fd >= 0 && !this.#isRefused; fd = registry.withoutPeer.next(fd + 1))
      // The library's own descriptors stay open; to poll an epoll set costs as much as ten other files.
      if (!roster.isOwn(fd) && !watcher.isOwn(fd)) this.#test(fd)
    this.#prober.openNumbers.expectClosed()
    for (const fd of registry.released ?? []) this.#test(fd)
    const passed = this.#passedSince(start)
    let tested = passed + SPARE_FREE
    this.#testFree(tested)
    this.#ask()
    while (tested < passed + this.#found && !this.#isRefused) {
      tested = passed + 2 * this.#found
      this.#testFree(tested)
      this.#ask()
    }
    if (this.#isRefused) return false
    registry.settleFree()
    this.#at = start
    this.#epoch = epoch
    return true
  }

  #probe(fd: number): void {
    if (!this.#prober.wasProbed(fd) && this.#prober.probe(fd) === PROBED.REFUSED) this.#isRefused = true
  }

  #testConnected(): void {
    const { registry, roster } = this.#prober
    let watches = MOST_WATCHES
    let failures = 0
    for (let fd = registry.connected.next(0); fd >= 0 && !this.#isRefused; fd = registry.connected.next(fd + 1)) {
      const count = registry.countCensus(fd)
      const isListed = roster.has(fd)
      // What was just probed may have become another socket: what is known of those in the roster is asked after this.
      if (!isListed && count > CENSUSES_BEFORE_ROSTER && !this.#prober.wasProbed(fd)) roster.add(fd)
      if (watches > 0 && count > (isListed || !roster.isFull ? CENSUSES_BEFORE_WATCH : CENSUSES_BEFORE_ROSTER)) {
        if (this.#prober.watch(fd)) {
          watches--
          continue
        }
        // One may have become another socket; where the kernel refuses, it is not asked for the others.
        if (++failures > FAILURES_AT_MOST) watches = 0
      }
      if (!this.#prober.wasProbed(fd) || (fd === this.#guessed && !this.isGuessedRead)) this.#test(fd)
    }
  }

  #testFree(most: number): void {
    const { registry } = this.#prober
    const { released } = registry
    // Released numbers are among the free ones, and must not take the places of those that were free before.
    let left = released === undefined ? Number.POSITIVE_INFINITY : most + released.length
    for (let fd = registry.free.next(0); fd >= 0 && left > 0; fd = registry.free.next(fd + 1), left--) this.#test(fd)
    if (left > 0) this.#testAbove(left)
  }

  /** Tests so many numbers above the high-water mark; of very many up to a gap where the kernel does not tell how far descriptors go. */
  #testAbove(most: number): void {
    const { registry } = this.#prober
    // The kernel's table grows when all numbers below its end are taken: with more of them free than were opened it has not.
    const unused = this.#limit - registry.highWater + registry.free.size
    const mayHaveGrown = unused <= most
    const isAsked = mayHaveGrown && most > TESTED_UNASKED
    if (isAsked) this.#limit = this.#prober.sockets.descriptorLimit()
    const limit = mayHaveGrown && !isAsked ? registry.highWater + most : this.#limit
    if (limit > 0) {
      this.#testRange(registry.highWater, Math.min(registry.highWater + most, limit))
      return
    }
    for (let rounds = MOST_GAPS; rounds > 0 && !this.#isRefused; rounds--) {
      const mark = registry.highWater
      this.#testRange(mark, mark + GAP)
      this.#ask()
      if (registry.highWater === mark) return
    }
  }

  #testRange(start: number, end: number): void {
    this.#prober.reach(end)
    for (let fd = start; fd < end && !this.#isRefused; fd++) this.#test(fd)
  }

  /** Descriptors that the process can have opened and closed again since the last census. */
  #passedSince(now: number): number {
    if (this.#at === undefined) return Number.POSITIVE_INFINITY
    return LEAST_FREE + Math.ceil((now - this.#at) * PASSES_PER_MILLISECOND)
  }

  #test(fd: number): void {
    if (!this.#isRefused) this.#prober.openNumbers.test(fd, this.#visit, this.#visitClosed)
  }

  #ask(): void {
    this.#prober.openNumbers.ask(this.#visit, this.#visitClosed)
  }
}
