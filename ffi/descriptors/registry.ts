/**
 * What is known of each descriptor number without asking the kernel: its status when it was last probed, the peer port of its socket,
 * and the order in which numbers were taken. `become` is the only setter of a status.
 *
 * ```
 *           probed, has a peer                  watched
 *   FREE ───────────────────────▶ CONNECTED ────────────────▶ WATCHED
 *    ▲                              │    ▲                       │
 *    │   probed: closed, no peer    │    └──── notices lost ─────┤
 *    └──────────────────────────────┴─────── notice: closed ─────┘
 * ```
 * @module
 */
import { grown } from '../grown.ts'
import { NumberSet } from './number-set.ts'

/** What is known of a number. */
export const STATUS = {
  /** At or above the high-water mark: never seen open. */
  UNKNOWN: 0,
  /** Not open when it was last probed. */
  FREE: 1,
  /** A socket with a peer. It may be closed, and its number taken again, without a notice. */
  CONNECTED: 2,
  /** A socket with a peer, of whose close inotify sends a notice. */
  WATCHED: 3,
  /** Open, and no IPv4 or IPv6 socket: a file. */
  FILE: 4,
  /** A socket without a peer: one that listens, a connection that was reset. */
  NO_PEER: 5,
} as const

/** Released numbers listed at most. */
const RELEASED_AT_MOST = 1024

/** One of `STATUS`. */
export type Status = (typeof STATUS)[keyof typeof STATUS]

/** True of a number that is open, without a peer. */
export const isWithoutPeer = (status: number): boolean => status >= STATUS.FILE

/** What the registry reports. */
export interface RegistryEvents {
  /** The socket known at this number is no longer there. */
  left(fd: number, wasWatched: boolean): void
}

/** Numbers must be within what was last passed to `grow`. */
export class Registry {
  readonly #events: RegistryEvents
  #status = new Uint8Array(256)
  #port = new Uint16Array(256)
  /** The sweep in which the number was found to be taken. */
  #since = new Uint32Array(256)
  // Numbers by status, for going through them in the order in which the kernel gives them out.
  readonly free: NumberSet = new NumberSet()
  readonly connected: NumberSet = new NumberSet()
  readonly withoutPeer: NumberSet = new NumberSet()
  /** Numbers that became free since the last `settleFree`, in no order, some perhaps taken again; `undefined` for too many. */
  #released: number[] | undefined = []
  /** Times that a census has probed the socket at the number. */
  #censuses = new Uint8Array(256)
  // The connected numbers again, as a doubly linked list, most recently taken first; -1 ends it.
  #next = new Int32Array(256)
  #previous = new Int32Array(256)
  #first = -1
  #last = -1
  // Connected and watched numbers by peer port, most recently taken first, one added to each; 0 ends the list.
  readonly #firstWithPort = new Uint32Array(65_536)
  #nextWithPort = new Uint32Array(256)
  #highWater = 0
  #sweeps = 1
  #sockets = 0

  constructor(events: RegistryEvents) {
    this.#events = events
  }

  /** How many sockets with a peer are known. */
  get sockets(): number {
    return this.#sockets
  }

  /** The high-water mark: one past the highest number seen in use. */
  get highWater(): number {
    return this.#highWater
  }

  /** The connected number taken last, -1 where there is none. */
  get newest(): number {
    return this.#first
  }

  /** The connected number taken before all others, -1 where there is none. */
  get oldest(): number {
    return this.#last
  }

  /** The connected number taken before this one. */
  older(fd: number): number {
    return this.#next[fd]!
  }

  /** The connected number taken after this one. */
  newer(fd: number): number {
    return this.#previous[fd]!
  }

  status(fd: number): Status {
    return this.#status[fd] as Status
  }

  /** Peer port of the socket known at a number. */
  port(fd: number): number {
    return this.#port[fd]!
  }

  /** Sweeps for which the number has been known as taken. */
  age(fd: number): number {
    return this.#sweeps - this.#since[fd]!
  }

  /** One more sweep: every number is older. */
  countSweep(): void {
    this.#sweeps = (this.#sweeps + 1) >>> 0
  }

  /** Censuses that have probed what is at this number, up to 255. */
  censuses(fd: number): number {
    return this.#censuses[fd]!
  }

  /** One more census has probed what is at this number. How many have, up to 255. */
  countCensus(fd: number): number {
    const count = Math.min(255, this.#censuses[fd]! + 1)
    this.#censuses[fd] = count
    return count
  }

  /** Numbers that became free since the last `settleFree`; some may be taken again. `undefined`: any of those that are free. */
  get released(): readonly number[] | undefined {
    return this.#released
  }

  /** All free numbers have just been probed. */
  settleFree(): void {
    if (this.#released?.length !== 0) this.#released = []
  }

  /** The number known for a peer port, -1 for none and for several. */
  onlyWithPort(port: number): number {
    const first = this.#firstWithPort[port]! - 1
    return first >= 0 && this.#nextWithPort[first] === 0 ? first : -1
  }

  /** All numbers known for a peer port, in a list of the caller's own. */
  all(port: number): number[] {
    const numbers: number[] = []
    for (let fd = this.#firstWithPort[port]! - 1; fd >= 0; fd = this.#nextWithPort[fd]! - 1) numbers.push(fd)
    return numbers.reverse()
  }

  /** The number belongs to a socket that was not known before. */
  take(fd: number, port: number): void {
    this.become(fd, STATUS.CONNECTED)
    this.#censuses[fd] = 0
    this.#port[fd] = port
    this.#since[fd] = this.#sweeps
    this.#sockets++
    this.#link(fd)
    this.#nextWithPort[fd] = this.#firstWithPort[port]!
    this.#firstWithPort[port] = fd + 1
  }

  /** Changes a number's status; the socket it belonged to is forgotten. */
  become(fd: number, status: Status): void {
    const before = this.#status[fd]!
    if (before === STATUS.CONNECTED || before === STATUS.WATCHED) this.#leave(fd, before)
    else if (before === STATUS.FREE) this.free.delete(fd)
    else if (isWithoutPeer(before)) this.withoutPeer.delete(fd)
    this.#status[fd] = status
    if (status === STATUS.FILE && before !== STATUS.FILE) this.#censuses[fd] = 0
    if (status === STATUS.FREE) {
      this.free.add(fd)
      if (before !== STATUS.FREE && this.#released?.push(fd) === RELEASED_AT_MOST) this.#released = undefined
    } else if (status === STATUS.CONNECTED) this.connected.add(fd)
    else if (isWithoutPeer(status)) this.withoutPeer.add(fd)
  }

  #leave(fd: number, status: number): void {
    if (status === STATUS.CONNECTED) {
      this.#unlink(fd)
      this.connected.delete(fd)
    }
    this.#sockets--
    const port = this.#port[fd]!
    const next = this.#nextWithPort[fd]!
    if (this.#firstWithPort[port] === fd + 1) this.#firstWithPort[port] = next
    else {
      let before = this.#firstWithPort[port]! - 1
      while (this.#nextWithPort[before] !== fd + 1) before = this.#nextWithPort[before]! - 1
      this.#nextWithPort[before] = next
    }
    this.#events.left(fd, status === STATUS.WATCHED)
  }

  /** The connected socket at this number has a watch. */
  watch(fd: number): void {
    this.#unlink(fd)
    this.connected.delete(fd)
    this.#status[fd] = STATUS.WATCHED
  }

  /** The watched socket at this number has lost its watch. */
  unwatch(fd: number): void {
    this.#status[fd] = STATUS.CONNECTED
    this.connected.add(fd)
    this.#since[fd] = this.#sweeps
    this.#link(fd)
  }

  /** The connected socket at this number counts as taken just now, so that the sweep comes to the others. */
  requeue(fd: number): void {
    this.#unlink(fd)
    this.#link(fd)
    this.#since[fd] = this.#sweeps
  }

  /** The number was seen in use: the mark is above it, and numbers passed over are free. */
  raiseHighWater(fd: number): void {
    for (let below = this.#highWater; below < fd; below++)
      if (this.#status[below] === STATUS.UNKNOWN) this.become(below, STATUS.FREE)
    this.#highWater = Math.max(this.#highWater, fd + 1)
  }

  /** The number below the mark is free, and counts as never used. */
  lowerHighWater(): void {
    this.#highWater--
    this.become(this.#highWater, STATUS.UNKNOWN)
  }

  #link(fd: number): void {
    this.#next[fd] = this.#first
    this.#previous[fd] = -1
    if (this.#first >= 0) this.#previous[this.#first] = fd
    else this.#last = fd
    this.#first = fd
  }

  #unlink(fd: number): void {
    const next = this.#next[fd]!
    const previous = this.#previous[fd]!
    if (previous >= 0) this.#next[previous] = next
    else this.#first = next
    if (next >= 0) this.#previous[next] = previous
    else this.#last = previous
  }

  /** Makes room for numbers below `size`. */
  grow(size: number): void {
    this.#status = grown(this.#status, size)
    this.#port = grown(this.#port, size)
    this.#since = grown(this.#since, size)
    this.#censuses = grown(this.#censuses, size)
    this.#next = grown(this.#next, size)
    this.#previous = grown(this.#previous, size)
    this.#nextWithPort = grown(this.#nextWithPort, size)
    for (const numbers of [this.free, this.connected, this.withoutPeer]) numbers.grow(size)
  }

  /** Forgets everything. */
  clear(): void {
    for (let fd = 0; fd < this.#highWater; fd++) this.become(fd, STATUS.UNKNOWN)
    this.#highWater = 0
    this.#released = []
  }
}
