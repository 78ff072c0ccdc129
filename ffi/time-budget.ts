/**
 * Keeps optional work to a share of the time.
 * @module
 */

/** Milliseconds that are saved up at a rate and spent by work done. */
export class TimeBudget {
  readonly #most: number
  #left: number
  #asOf = 0

  /** `most` milliseconds can be spent at once, and are there at the beginning. */
  constructor(most: number) {
    this.#most = most
    this.#left = most
  }

  /** True if anything is left at `now`, milliseconds of `performance.now()`, where `share` of the time since the last call was saved up. */
  hasAny(share: number, now: number = performance.now()): boolean {
    this.#left = Math.min(this.#most, this.#left + share * (now - this.#asOf))
    this.#asOf = now
    return this.#left > 0
  }

  /** Work has been done, which may take longer than what was left. */
  spend(milliseconds: number): void {
    this.#left -= milliseconds
  }
}
