/**
 * The connections kept, by descriptor number: as many as there is room for, the one kept longest given up first.
 * @module
 */
import type { Connection } from './connection.ts'

/** A bounded map from descriptor number to connection. */
export class ConnectionStore {
  /** In the order in which they were kept. */
  readonly #connections = new Map<number, Connection>()
  /** Connections kept at most. */
  limit = 1

  /** How many are kept. */
  get size(): number {
    return this.#connections.size
  }

  /** The connection kept for a number. */
  get(fd: number): Connection | undefined {
    return this.#connections.get(fd)
  }

  /** Keeps a connection in place of whatever its number stood for. */
  set(connection: Connection): void {
    this.delete(connection.fd)
    for (const oldest of this.#connections.keys()) {
      if (this.#connections.size < this.limit) break
      this.delete(oldest)
    }
    this.#connections.set(connection.fd, connection)
  }

  /** Lets go of what a number stands for. */
  delete(fd: number): void {
    this.#connections.delete(fd)
  }

  /** Lets go of everything. */
  clear(): void {
    this.#connections.clear()
  }
}
