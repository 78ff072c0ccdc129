/**
 * A set of small whole numbers as a bitmap: descriptor numbers, gone through in ascending order 32 at a time.
 * @module
 */

import { grown } from '../grown.ts'

/** Numbers from 0 up to what was last passed to `grow`. */
export class NumberSet {
  #words = new Uint32Array(8)
  #size = 0

  /** How many numbers are in the set. */
  get size(): number {
    return this.#size
  }

  /** Makes room for numbers below `limit`. */
  grow(limit: number): void {
    if (limit <= this.#words.length * 32) return
    this.#words = grown(this.#words, limit / 32)
  }

  add(number: number): void {
    const word = this.#words[number >>> 5]!
    const bit = 1 << (number & 31)
    if ((word & bit) !== 0) return
    this.#words[number >>> 5] = word | bit
    this.#size++
  }

  delete(number: number): void {
    const word = this.#words[number >>> 5]!
    const bit = 1 << (number & 31)
    if ((word & bit) === 0) return
    this.#words[number >>> 5] = word & ~bit
    this.#size--
  }

  /** The smallest number in the set from `start` on, -1 where there is none. The set may change between two calls. */
  next(start: number): number {
    const words = this.#words
    let index = start >>> 5
    if (index >= words.length) return -1
    let word = words[index]! & (-1 << (start & 31))
    while (word === 0) {
      if (++index >= words.length) return -1
      word = words[index]!
    }
    return index * 32 + 31 - Math.clz32(word & -word)
  }
}
