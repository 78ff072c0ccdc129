/**
 * Where a new connection's descriptor is searched, cheapest first. The kernel has no index from peer to descriptor; what it has is a
 * rule: accept gives the lowest free number. A new connection is therefore at a number that was closed a moment ago, or at the
 * high-water mark. Every guess is verified by `getpeername`: a wrong one costs time and never correctness.
 * @module
 */
import type { Prober } from './prober.ts'
import { isWithoutPeer, STATUS } from './registry.ts'

/** Connected numbers probed, most recently taken first. */
const RECENT_PROBES = 24
/** Free numbers that are tested before connected ones are probed: 16 to 64 of them cost as much as two to five probes. */
const LOWEST_FREE = 64
/** Unused numbers above the high-water mark that are tested: the first of a batch may have been closed again. */
const LOOKAHEAD = 16

/** Probes a number. True if it is the one that is searched. */
export type Accept = (fd: number) => boolean

/** Searches by guesses: the few numbers where a new connection most likely is. */
export class Search {
  readonly #prober: Prober
  #lastFound = -1
  /** True if the last two searches found the same number. */
  #repeats = false

  constructor(prober: Prober) {
    this.#prober = prober
  }

  /** Notes where a search ended, however the number was found. */
  noteFound(fd: number): void {
    this.#repeats = fd === this.#lastFound
    this.#lastFound = fd
  }

  /** The number where a new connection most likely is, -1 for none. */
  get likeliest(): number {
    const { registry } = this.#prober
    const fd = this.#repeats ? this.#lastFound : this.#lastFound + 1
    return fd < registry.highWater && registry.status(fd) !== STATUS.WATCHED ? fd : -1
  }

  /** A likely number that `accept` takes, -1 where there is none: after some fifty probes at most. */
  find(accept: Accept): number {
    let fd = this.#findNext(accept)
    if (fd < 0) fd = this.#findOpened(accept)
    if (fd < 0 && this.#prober.refusal === 0) fd = this.#findRecent(accept)
    return fd
  }

  /**
   * Connections of one batch are accepted, and mostly served, in the order of their numbers, and a batch begins at the lowest number.
   * While most are busy, one number is closed and taken again and again.
   */
  #findNext(accept: Accept): number {
    const { registry } = this.#prober
    const again = this.#lastFound
    const guesses = this.#repeats ? [again, again + 1] : [again + 1, again]
    for (const fd of guesses) {
      if (fd < 0 || fd >= registry.highWater) continue
      const status = registry.status(fd)
      if (status !== STATUS.WATCHED && accept(fd)) return fd
    }
    const lowest = registry.connected.next(0)
    return lowest >= 0 && accept(lowest) ? lowest : -1
  }

  /** Among the lowest free numbers, those without a peer and those just above the high-water mark: those that are open now. */
  #findOpened(accept: Accept): number {
    const { openNumbers, registry, watcher } = this.#prober
    if (watcher.size > 0) watcher.drain()
    let left = LOWEST_FREE
    for (let fd = registry.free.next(0); fd >= 0 && left > 0; fd = registry.free.next(fd + 1), left--)
      openNumbers.add(fd)
    left = LOWEST_FREE
    const { withoutPeer } = registry
    for (let fd = withoutPeer.next(0); fd >= 0 && left > 0; fd = withoutPeer.next(fd + 1), left--) openNumbers.add(fd)
    const end = registry.highWater + LOOKAHEAD
    this.#prober.reach(end)
    for (let fd = registry.highWater; fd < end; fd++) openNumbers.add(fd)
    return openNumbers.ask((fd, isWritable) => {
      if (this.#prober.refusal !== 0 || (isWithoutPeer(registry.status(fd)) && !isWritable)) return false
      const isFound = accept(fd)
      if (fd >= registry.highWater && registry.status(fd) !== STATUS.UNKNOWN) registry.raiseHighWater(fd)
      return isFound
    })
  }

  #findRecent(accept: Accept): number {
    const { registry } = this.#prober
    let fd = registry.newest
    for (let left = RECENT_PROBES; left > 0 && fd >= 0; left--) {
      const next = registry.older(fd)
      if (accept(fd)) return fd
      fd = next
    }
    return -1
  }
}
