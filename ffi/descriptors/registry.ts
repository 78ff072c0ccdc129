/**
 * What is known of each descriptor number, without asking the kernel: whether a socket with a peer was there when last looked at,
 * which peer port it had, and in which order numbers were taken.
 * @module
 */
import { NumberSet } from './number-set.ts'

/** What is known of a number. */
export const STATUS = {
  /** Never seen open. */
  UNKNOWN: 0,
  /** Not open when last looked at, or a socket without a peer (reset, listening): to be taken soon, or never. */
  CLOSED: 1,
  /** A socket with a peer that may be closed and its number taken again without a notice. */
  YOUNG: 2,
  /** A socket with a peer whose close inotify tells. */
  WATCHED: 3,
  /** No socket, or one of another family. */
  OTHER: 4,
} as const

type Status = (typeof STATUS)[keyof typeof STATUS]

/** What the owner of an index hears. */
export interface IndexEvents {
  /** The socket known at this number is not there any more. */
  left(fd: number, wasWatched: boolean): void
}

/** See the module's comment. Numbers must be within what was last passed to `grow`. */
export class DescriptorIndex {
  readonly #events: IndexEvents
  #status = new Uint8Array(256)
  #port = new Uint16Array(256)
  /** The sweep in which the number was found taken. */
  #since = new Uint32Array(256)
  // Numbers by status, for going through them in the order in which the kernel gives them out.
  readonly closed: NumberSet = new NumberSet()
  readonly young: NumberSet = new NumberSet()
  readonly others: NumberSet = new NumberSet()
  // The young numbers again, as a doubly linked list, most recently taken first; -1 ends it.
  #next = new Int32Array(256)
  #previous = new Int32Array(256)
  #first = -1
  #last = -1
  readonly #byPort = new Map<number, number | number[]>()
  #landing = 0
  #sweeps = 1
  #sockets = 0

  constructor(events: IndexEvents) {
    this.#events = events
  }

  /** How many sockets with a peer are known. */
  get sockets(): number {
    return this.#sockets
  }

  /** The landing number: one past the highest seen in use. */
  get landing(): number {
    return this.#landing
  }

  /** The young number taken last, -1 where there is none. */
  get newest(): number {
    return this.#first
  }

  /** The young number taken before all others, -1 where there is none. */
  get oldest(): number {
    return this.#last
  }

  /** The young number taken before this one. */
  older(fd: number): number {
    return this.#next[fd]!
  }

  /** The young number taken after this one. */
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
  grewOlder(): void {
    this.#sweeps++
  }

  /** The number known for a peer port, -1 for none and for several. */
  sole(port: number): number {
    const entry = this.#byPort.get(port)
    return typeof entry === 'number' ? entry : -1
  }

  /** All numbers known for a peer port, in a list of the caller's own. */
  all(port: number): number[] {
    const entry = this.#byPort.get(port)
    return entry === undefined ? [] : typeof entry === 'number' ? [entry] : [...entry]
  }

  /** Whether more than one socket with this peer port is known. */
  isShared(port: number): boolean {
    return typeof this.#byPort.get(port) === 'object'
  }

  /** The number now belongs to a socket not known before. */
  take(fd: number, port: number): void {
    this.become(fd, STATUS.YOUNG)
    this.#port[fd] = port
    this.#since[fd] = this.#sweeps
    this.#sockets++
    this.#link(fd)
    const entry = this.#byPort.get(port)
    if (entry === undefined) this.#byPort.set(port, fd)
    else if (typeof entry === 'number') this.#byPort.set(port, [entry, fd])
    else entry.push(fd)
  }

  /** Changes a number's status; the socket it belonged to is forgotten. */
  become(fd: number, status: Status): void {
    const before = this.#status[fd]!
    if (before === STATUS.YOUNG || before === STATUS.WATCHED) this.#leave(fd, before)
    else if (before === STATUS.CLOSED) this.closed.delete(fd)
    else if (before === STATUS.OTHER) this.others.delete(fd)
    this.#status[fd] = status
    if (status === STATUS.CLOSED) this.closed.add(fd)
    else if (status === STATUS.YOUNG) this.young.add(fd)
    else if (status === STATUS.OTHER) this.others.add(fd)
  }

  #leave(fd: number, status: number): void {
    if (status === STATUS.YOUNG) {
      this.#unlink(fd)
      this.young.delete(fd)
    }
    this.#sockets--
    const port = this.#port[fd]!
    const entry = this.#byPort.get(port)
    if (entry === fd) this.#byPort.delete(port)
    else if (typeof entry === 'object') {
      const others = entry.filter((other) => other !== fd)
      this.#byPort.set(port, others.length === 1 ? others[0]! : others)
    }
    this.#events.left(fd, status === STATUS.WATCHED)
  }

  /** The young socket at this number has a watch. */
  watch(fd: number): void {
    this.#unlink(fd)
    this.young.delete(fd)
    this.#status[fd] = STATUS.WATCHED
  }

  /** The watched socket at this number has no watch any more. */
  unwatch(fd: number): void {
    this.#status[fd] = STATUS.YOUNG
    this.young.add(fd)
    this.#since[fd] = this.#sweeps
    this.#link(fd)
  }

  /** The young socket at this number counts as taken just now: everyone gets a turn. */
  rejuvenate(fd: number): void {
    this.#unlink(fd)
    this.#link(fd)
    this.#since[fd] = this.#sweeps
  }

  /** The number was seen in use; those passed over are closed. */
  landAfter(fd: number): void {
    for (let below = this.#landing; below < fd; below++)
      if (this.#status[below] === STATUS.UNKNOWN) this.become(below, STATUS.CLOSED)
    this.#landing = Math.max(this.#landing, fd + 1)
  }

  /** The highest number is free, and as if never used. */
  lower(): void {
    this.#landing--
    this.become(this.#landing, STATUS.UNKNOWN)
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
    this.#next = grown(this.#next, size)
    this.#previous = grown(this.#previous, size)
    for (const numbers of [this.closed, this.young, this.others]) numbers.grow(size)
  }

  /** Forgets everything. */
  clear(): void {
    for (let fd = 0; fd < this.#landing; fd++) this.become(fd, STATUS.UNKNOWN)
    this.#landing = 0
  }
}

/** A larger array that begins with the same numbers. */
export function grown<T extends Uint8Array | Uint16Array | Uint32Array | Int32Array>(array: T, size: number): T {
  const larger = new (array.constructor as new (length: number) => T)(size)
  larger.set(array)
  return larger
}
