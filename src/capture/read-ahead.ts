/**
 * Facts of a connection that few requests ask for take a call each: of the first connections they are read at once, and of all once a
 * request has asked; of the others when a request asks, while the connection is there.
 * @module
 */

/** Connections of which all is read at once although no request has asked yet. */
const AT_FIRST = 1000

/** One per thread. */
export class ReadAhead {
  /** Connections still to be read whole. */
  #left = AT_FIRST

  /** True if all of a new connection is to be read. */
  get isOn(): boolean {
    return this.#left > 0
  }

  /** A connection was accepted. */
  count(): void {
    if (this.#left > 0) this.#left--
  }

  /** A request asks. */
  ask(): void {
    this.#left = Number.POSITIVE_INFINITY
  }
}
