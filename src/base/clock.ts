/**
 * The clock for differences of time.
 * @module
 */

let clock: Performance | undefined

/** Milliseconds of a clock that does not jump, with a fraction. Node's `performance` is an accessor, dearer than the time itself. */
export function preciseNow(): number {
  clock ??= performance
  return clock.now()
}
