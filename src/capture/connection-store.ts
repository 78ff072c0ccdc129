/**
 * The connections kept, by descriptor number: as many as there is room for, the one kept longest given up first.
 * @module
 */
import type { Connection } from '../connection/connection.ts'

/** One kept connection, in a list from the one kept longest to the newest. */
interface Kept {
  readonly connection: Connection
  older: Kept | undefined
  newer: Kept | undefined
}

/** A bounded map from descriptor number to connection. Not a `Map`: one of 10,000 entries takes 15 µs for each that comes and goes. */
export class ConnectionStore {
  readonly #kept: (Kept | undefined)[] = []
  #oldest: Kept | undefined
  #newest: Kept | undefined
  #size = 0
  /** Connections kept at most. */
  limit = 1

  /** How many are kept. */
  get size(): number {
    return this.#size
  }

  /** The connection kept for a number. */
  get(fd: number): Connection | undefined {
    return this.#kept[fd]?.connection
  }

  /** Keeps a connection in place of whatever its number stood for. */
  set(connection: Connection): void {
    const { fd } = connection
    this.delete(fd)
    while (this.#oldest !== undefined && this.#size >= this.limit) this.delete(this.#oldest.connection.fd)
    // Numbers are dense: holes are filled so that the array stays a plain one.
    while (this.#kept.length < fd) this.#kept.push(undefined)
    const kept: Kept = { connection, older: this.#newest, newer: undefined }
    if (this.#newest === undefined) this.#oldest = kept
    else this.#newest.newer = kept
    this.#newest = kept
    this.#kept[fd] = kept
    this.#size++
  }

  /** Forgets what a number stands for. */
  delete(fd: number): void {
    const kept = this.#kept[fd]
    if (kept === undefined) return
    this.#kept[fd] = undefined
    this.#size--
    if (kept.older === undefined) this.#oldest = kept.newer
    else kept.older.newer = kept.newer
    if (kept.newer === undefined) this.#newest = kept.older
    else kept.newer.older = kept.older
  }

  clear(): void {
    this.#kept.length = 0
    this.#oldest = undefined
    this.#newest = undefined
    this.#size = 0
  }
}
