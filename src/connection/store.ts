/**
 * The connections kept, by descriptor number: as many as there is room for, the oldest number-wise given up first.
 * @module
 */
import type { Connection } from './connection.ts'

/** A bounded map from descriptor number to connection. */
export class ConnectionStore {
  readonly #connections: (Connection | undefined)[] = []
  #size = 0
  /** Where the next search for a connection to give up begins: it goes round. */
  #hand = 0
  /** Connections kept at most. */
  limit = 1

  /** How many are kept. */
  get size(): number {
    return this.#size
  }

  /** The connection kept for a number. */
  get(fd: number): Connection | undefined {
    return this.#connections[fd]
  }

  /** Keeps a connection in place of whatever its number stood for. */
  set(connection: Connection): void {
    this.delete(connection.fd)
    if (this.#size >= this.limit) this.#giveUp()
    // Numbers are dense: holes are filled so that the array stays a plain one.
    while (this.#connections.length < connection.fd) this.#connections.push(undefined)
    this.#connections[connection.fd] = connection
    this.#size++
  }

  /** Lets go of what a number stands for. */
  delete(fd: number): void {
    if (this.#connections[fd] === undefined) return
    this.#connections[fd] = undefined
    this.#size--
  }

  #giveUp(): void {
    while (this.#connections[this.#hand] === undefined) this.#hand = (this.#hand + 1) % this.#connections.length
    this.delete(this.#hand)
  }

  /** Lets go of everything. */
  clear(): void {
    this.#connections.length = 0
    this.#size = 0
    this.#hand = 0
  }
}
