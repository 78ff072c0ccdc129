/**
 * The connections kept, by descriptor number: as many as there is room for, the one kept longest given up first.
 * @module
 */
import { grown } from '../../ffi/grown.ts'
import type { Connection } from '../connection/connection.ts'

/** A bounded map from descriptor number to connection. Not a `Map`: one of 10,000 entries takes 15 µs for each that comes and goes. */
export class ConnectionStore {
  readonly #kept: (Connection | undefined)[] = []
  // Numbers of the kept connections as a doubly linked list, the one kept longest first; -1 ends it.
  #older = new Int32Array(256)
  #newer = new Int32Array(256)
  #oldest = -1
  #newest = -1
  #size = 0
  /** Connections kept at most. */
  limit = 1

  /** How many are kept. */
  get size(): number {
    return this.#size
  }

  /** The connection kept for a number. */
  get(fd: number): Connection | undefined {
    return this.#kept[fd]
  }

  /** Keeps a connection in place of whatever its number stood for. */
  set(connection: Connection): void {
    const { fd } = connection
    this.delete(fd)
    while (this.#oldest >= 0 && this.#size >= this.limit) this.delete(this.#oldest)
    // Numbers are dense: holes are filled so that the array stays a plain one.
    while (this.#kept.length < fd) this.#kept.push(undefined)
    if (fd >= this.#older.length) {
      this.#older = grown(this.#older, fd + 1)
      this.#newer = grown(this.#newer, fd + 1)
    }
    this.#older[fd] = this.#newest
    this.#newer[fd] = -1
    if (this.#newest < 0) this.#oldest = fd
    else this.#newer[this.#newest] = fd
    this.#newest = fd
    this.#kept[fd] = connection
    this.#size++
  }

  /** Forgets what a number stands for. */
  delete(fd: number): void {
    if (this.#kept[fd] === undefined) return
    this.#kept[fd] = undefined
    this.#size--
    const older = this.#older[fd]!
    const newer = this.#newer[fd]!
    if (older < 0) this.#oldest = newer
    else this.#newer[older] = newer
    if (newer < 0) this.#newest = older
    else this.#older[newer] = older
  }

  clear(): void {
    this.#kept.length = 0
    this.#oldest = -1
    this.#newest = -1
    this.#size = 0
  }
}
