/**
 * Numbers that look random and are the same for the same seed (mulberry32, public domain).
 *
 * @example
 * const random = seeded(7)
 * random() // from 0 to below 1
 * @module
 */

/** A generator of numbers from 0 to below 1. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
