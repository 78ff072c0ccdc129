/**
 * Times as people read them.
 * @module
 */

/** A time in the unit that suits it, to three digits: `57 µs`, `12.3 ms`, `1.25 s`. */
export function duration(microseconds: number): string {
  if (microseconds < 1000) return `${microseconds} \u00b5s`
  if (microseconds < 999_500) return `${Number((microseconds / 1000).toPrecision(3))} ms`
  return `${Number((microseconds / 1e6).toPrecision(3))} s`
}
