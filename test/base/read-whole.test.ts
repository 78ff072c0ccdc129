import { expect, test } from 'bun:test'
import { readWhole } from '../../src/base/read-whole.ts'

/** Reads `length` octets, at most `most` at a time. */
function reader(length: number, most: number): (into: Uint8Array) => number {
  let at = 0
  return (into) => {
    const got = Math.min(most, into.length, length - at)
    for (let i = 0; i < got; i++) into[i] = at + i
    at += got
    return got
  }
}

test('readWhole gives what was read in pieces, up to 16 MiB', () => {
  for (const length of [0, 1, 65_535, 65_536, 65_537, 200_000]) {
    for (const most of [1000, 65_536, 1_000_000]) {
      expect(readWhole(reader(length, most))).toEqual(Uint8Array.from({ length }, (_, i) => i))
    }
  }
  const largest = 16 * 1024 * 1024
  expect(readWhole(reader(largest, largest)).length).toBe(largest)
  expect(() => readWhole(reader(largest + 1, largest))).toThrow('it has more than 16 MiB')
})
