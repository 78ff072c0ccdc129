/**
 * Which clients had more SYNs than a table keeps of one, and when.
 *
 * A mark has a place by a part of the client's hash, and is of one client until another takes its place as well: then of all whose place
 * it is. There are so many places whatever the table's size is, because a mark in few would be that of many clients.
 * @module
 */

const PLACES = 65_536
/** Numbers of a mark: when the first and the last SYN were put away, and the hash, infinity where it is that of several. */
const MARK = 3

/** Times are milliseconds of a steady clock. */
export class Crowds {
  readonly #longest: number
  /** Made when the first is noted. */
  #marks: Float64Array | undefined

  /** @param longest for how long after its last SYN a mark stays */
  constructor(longest: number) {
    this.#longest = longest
  }

  /** True if SYNs of a client with this hash were put away lately, the first of them before `by`. */
  has(hash: number, now: number, by: number): boolean {
    const marks = this.#marks
    const at = MARK * (hash & (PLACES - 1))
    if (marks === undefined || (marks[at + 2] !== hash && marks[at + 2] !== Number.POSITIVE_INFINITY)) return false
    return now - marks[at + 1]! < this.#longest && marks[at]! <= by
  }

  /** Notes that a SYN was put away, which came between these times. */
  note(hash: number, since: number, now: number): void {
    this.#marks ??= new Float64Array(MARK * PLACES).fill(Number.NEGATIVE_INFINITY)
    const marks = this.#marks
    const at = MARK * (hash & (PLACES - 1))
    if (now - marks[at + 1]! >= this.#longest) {
      marks[at] = since
      marks[at + 2] = hash
    }
    marks[at + 1] = now
    if (marks[at + 2] !== hash) marks[at + 2] = Number.POSITIVE_INFINITY
  }
}
