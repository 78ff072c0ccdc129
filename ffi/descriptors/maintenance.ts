/**
 * Maintenance, about once a second while connections are kept: forgets closed numbers, watches sockets that stay, lowers the high-water
 * mark after a peak. Each call does a bounded part of the work.
 * @module
 */
import { ERRNO } from '../constants.ts'
import type { Prober } from './prober.ts'
import { STATUS } from './registry.ts'

/** Sweeps for which a number must have kept its socket before that gets a watch. */
const SWEEPS_BEFORE_WATCH = 2
/** Numbers by which the high-water mark is lowered in one sweep at most. */
const LOWERED_AT_MOST = 512
/** Numbers above the high-water mark that are tested: connections behind a gap that no search has met. */
const TESTED_ABOVE = 2048

export class Maintenance {
  readonly #prober: Prober

  constructor(prober: Prober) {
    this.#prober = prober
  }

  /** One sweep over `limit` connected numbers at most. True if more is left to do. */
  sweep(limit: number): boolean {
    const { registry, watcher } = this.#prober
    registry.countSweep()
    watcher.retry()
    this.#prober.startSearch()
    if (watcher.size > 0) watcher.drain()
    const isMoreLeft = this.#sweepConnected(limit)
    if (!isMoreLeft && registry.highWater > 0) {
      this.#testAbove()
      this.#lowerHighWater()
    }
    // Nothing is watched, and perhaps nothing will be for long. The watcher opens again by itself.
    if (registry.sockets === 0) {
      watcher.close()
      this.#prober.roster.close()
    }
    return isMoreLeft
  }

  #sweepConnected(limit: number): boolean {
    const { registry } = this.#prober
    let fd = registry.oldest
    for (let left = limit; left > 0 && fd >= 0; left--) {
      const newer = registry.newer(fd)
      // In the order of taking: those that follow are younger still.
      if (registry.age(fd) < SWEEPS_BEFORE_WATCH) return false
      this.#prober.probe(fd)
      if (registry.status(fd) === STATUS.CONNECTED && !this.#prober.watch(fd)) registry.requeue(fd)
      fd = newer
    }
    return fd >= 0
  }

  #testAbove(): void {
    const { openNumbers, registry, sockets } = this.#prober
    const mark = registry.highWater
    const limit = sockets.descriptorLimit()
    const end = Math.min(mark + TESTED_ABOVE, Math.max(limit, mark))
    this.#prober.reach(end)
    const visit = (fd: number): false => {
      this.#prober.probe(fd)
      if (registry.status(fd) !== STATUS.UNKNOWN) registry.raiseHighWater(fd)
      return false
    }
    for (let fd = mark; fd < end; fd++) openNumbers.test(fd, visit)
    openNumbers.ask(visit)
  }

  /** After a peak the highest numbers are free again, and not worth a test each. */
  #lowerHighWater(): void {
    const { registry, sockets } = this.#prober
    for (let left = LOWERED_AT_MOST; left > 0; left--) {
      const top = registry.highWater - 1
      if (top < 0 || registry.status(top) !== STATUS.FREE) return
      this.#prober.probes++
      if (sockets.peerName(top) >= 0 || sockets.errno() !== ERRNO.EBADF) return
      registry.lowerHighWater()
    }
  }
}
