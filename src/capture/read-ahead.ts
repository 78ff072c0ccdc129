/**
 * What few ask of a connection takes a call each: of the first connections it is read at once, and of all once somebody has asked; of the
 * others when they are asked for it, while they are there.
 * @module
 */

/** Connections of which all is read at once although nobody has asked yet. */
const AT_FIRST = 1000

/** See the module's comment. One per thread. */
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

  /** Somebody asks. */
  ask(): void {
    this.#left = Number.POSITIVE_INFINITY
  }
}
