/**
 * What is known of this process's descriptors: finds the descriptor of an accepted connection by its peer, at a cost that does not
 * grow with the number of open descriptors.
 *
 * `search.ts` guesses where a new one is, `census.ts` knows all of them, `maintenance.ts` keeps watches and forgets. They share the
 * registry, which has an index from peer port to number of every socket that any of them has met. What is found is verified by a live
 * `getpeername`. Where the kernel refuses watches, everything works without them, slower.
 * @module
 */
import type { AddressWords } from '../../src/wire/sockaddr.ts'
import type { Sockets } from '../socket.ts'
import { Roster } from '../watch/roster.ts'
import { Watcher } from '../watch/watcher.ts'
import { Census } from './census.ts'
import { Maintenance } from './maintenance.ts'
import { Prober } from './prober.ts'
import { Registry, STATUS } from './registry.ts'
import { type Accept, Search } from './search.ts'

/** What the table holds, for status and tests. */
export interface DescriptorCounts {
  /** Sockets with a peer that are known. */
  readonly sockets: number
  /** Of these, those of whose close inotify sends a notice. */
  readonly watches: number
  /** `getpeername` calls made so far. */
  readonly probes: number
  /** Censuses so far that took more than half a millisecond. */
  readonly fullScans: number
}

/** What the table reports. */
export interface DescriptorEvents {
  /** The socket known at this number is another one, or none. */
  gone(fd: number): void
}

/** One per thread. */
export class DescriptorTable {
  readonly #prober: Prober
  readonly #registry: Registry
  readonly #search: Search
  readonly #census: Census
  readonly #maintenance: Maintenance
  /** True if the last guess was asked for its peer. */
  #isGuessSure = true
  /** Watches the sockets that stay, and the listening ones. */
  readonly watcher: Watcher

  constructor(sockets: Sockets, events: DescriptorEvents) {
    this.watcher = new Watcher(sockets.libc, {
      closed: (fd) => {
        this.#registry.become(fd, STATUS.FREE)
        // What was probed in this search may have been another socket at the number.
        this.#prober.doubt(fd)
      },
      lost: (fd) => this.#registry.unwatch(fd),
    })
    const roster = new Roster(sockets.libc)
    this.#registry = new Registry({
      left: (fd, wasWatched) => {
        if (wasWatched) this.watcher.unwatch(fd)
        else roster.forget(fd)
        events.gone(fd)
      },
    })
    this.#prober = new Prober(sockets, this.#registry, this.watcher, roster)
    this.#search = new Search(this.#prober)
    this.#census = new Census(this.#prober)
    this.#maintenance = new Maintenance(this.#prober)
  }

  /** What the table holds now. */
  counts(): DescriptorCounts {
    return {
      sockets: this.#registry.sockets,
      watches: this.watcher.size,
      probes: this.#prober.probes,
      fullScans: this.#census.fullScans,
    }
  }

  /** The number known for a peer port, -1 for none and for several. Not verified. */
  onlyWithPort(port: number): number {
    return this.#registry.onlyWithPort(port)
  }

  /** All numbers known for a peer port. Not verified. */
  all(port: number): readonly number[] {
    return this.#registry.all(port)
  }

  /**
   * A number whose socket has this peer now and which `accept` takes: among those known for the port, else where a new one likely is.
   * -1 where there is none. `accept` is called right after the `getpeername` that matched.
   */
  find(port: number, address: AddressWords, accept: Accept): number {
    const known = this.findKnown(port, address, accept)
    if (known >= 0) return known
    const fd = this.#search.find((one) => this.#prober.hasPeer(one, port, address) && accept(one))
    if (fd >= 0) this.#search.noteFound(fd)
    return fd
  }

  /**
   * A number that most likely has this peer; -1 where the guess was wrong. It has it now, or is one of which the census tells that is to be
   * taken in the same breath.
   */
  guess(port: number, address: AddressWords): number {
    this.#prober.startSearch()
    const known = this.#registry.onlyWithPort(port)
    this.#isGuessSure = known < 0 || !this.#prober.roster.has(known)
    if (!this.#isGuessSure) return known
    const fd = known >= 0 ? known : this.#search.likeliest
    return fd >= 0 && this.#prober.hasPeer(fd, port, address) ? fd : -1
  }

  /** Among the numbers listed by a census for the port, one that has this peer and which `accept` takes. `guessed` comes from `guess`. */
  findListed(port: number, address: AddressWords, guessed: number, accept: Accept): number {
    const { roster } = this.#prober
    const isListed =
      guessed >= 0 &&
      this.#registry.onlyWithPort(port) === guessed &&
      (this.#isGuessSure || (roster.has(guessed) && roster.hasPeer(guessed, address)))
    const fd = !isListed ? this.findKnown(port, address, accept) : accept(guessed) ? guessed : -1
    if (fd >= 0) this.#search.noteFound(fd)
    return fd
  }

  /** The same among the numbers known for the port alone: all there are, after a census. */
  findKnown(port: number, address: AddressWords, accept: Accept): number {
    this.#prober.startSearch()
    const only = this.#registry.onlyWithPort(port)
    if (only >= 0) return this.#prober.hasPeer(only, port, address) && accept(only) ? only : -1
    for (const fd of this.#registry.all(port)) if (this.#prober.hasPeer(fd, port, address) && accept(fd)) return fd
    return -1
  }

  /** True if no connection was accepted since the last census: the table lists every connected socket of the process. */
  isCensusCurrent(): boolean {
    return this.#census.isCurrent()
  }

  /** Microseconds that a census would take now, about. */
  get censusCost(): number {
    return this.#census.cost()
  }

  /**
   * Makes the table list every connected socket of the process, as of now. False where the kernel refuses calls that it needs. With
   * `startsEpoch` the census stays current until the next connection comes, which costs some 5 µs more. `guessed` is what `guess` gave just
   * before.
   */
  takeCensus(startsEpoch: boolean, guessed = -1): boolean {
    return this.#census.take(startsEpoch, guessed)
  }

  /** True if nothing waited to be read from `guessed` while the last census was taken. */
  get wasGuessedRead(): boolean {
    return this.#census.isGuessedRead
  }

  /** errno of a probe that was refused in the last search, so that nothing can be told; 0 where none was. */
  get refusal(): number {
    return this.#prober.refusal
  }

  /** True if the number, which the runtime named, is that of a socket with this peer. */
  check(fd: number, port: number, address: AddressWords): boolean {
    this.#prober.startSearch()
    this.#prober.reach(fd)
    const hasPeer = this.#prober.hasPeer(fd, port, address)
    if (fd >= this.#registry.highWater && this.#registry.status(fd) !== STATUS.UNKNOWN)
      this.#registry.raiseHighWater(fd)
    return hasPeer
  }

  /** The socket at this number is known to be gone, or to be another one: the number is to be probed anew. */
  forget(fd: number): void {
    const status = this.#registry.status(fd)
    if (status === STATUS.CONNECTED || status === STATUS.WATCHED) this.#registry.become(fd, STATUS.FREE)
  }

  /**
   * The socket at this number, which was just verified, is another one than before, though its peer may have the same port. A close
   * notice of the one before must not be taken for this one's: it is read now.
   */
  renew(fd: number): void {
    if (!this.isWatched(fd)) return
    this.watcher.drain()
    if (this.isWatched(fd)) return
    this.#prober.startSearch()
    this.#prober.probe(fd)
  }

  /** True if the number's socket is watched, so that its close is noticed. */
  isWatched(fd: number): boolean {
    return this.#registry.status(fd) === STATUS.WATCHED
  }

  /** Watches a socket that was just verified, because it is asked for often. */
  watch(fd: number): void {
    if (this.#registry.status(fd) === STATUS.CONNECTED) this.#prober.watch(fd)
  }

  /** Maintenance, about once a second while sockets are known: `limit` of them at most. True if more is left to do. */
  sweep(limit: number): boolean {
    return this.#maintenance.sweep(limit)
  }

  /** Forgets everything, and closes what was opened. */
  close(): void {
    this.#registry.clear()
    this.watcher.close()
    this.#prober.roster.close()
  }
}
