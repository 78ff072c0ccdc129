import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { NumberSet } from '../../ffi/descriptors/number-set.ts'

function all(set: NumberSet): number[] {
  const found: number[] = []
  for (let number = set.next(0); number >= 0; number = set.next(number + 1)) found.push(number)
  return found
}

test('a set of numbers behaves as one, whatever is added, deleted and grown', () => {
  const step = fc.record({ number: fc.nat(2000), add: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const set = new NumberSet()
      const model = new Set<number>()
      for (const { number, add } of steps) {
        set.grow(number + 1)
        if (add) {
          set.add(number)
          model.add(number)
        } else {
          set.delete(number)
          model.delete(number)
        }
        expect(set.size).toBe(model.size)
      }
      expect(all(set)).toEqual([...model].sort((a, b) => a - b))
    }),
  )
})

test('next finds the ends of words, and nothing beyond the last', () => {
  const set = new NumberSet()
  set.grow(200)
  for (const number of [0, 31, 32, 63, 64, 199]) set.add(number)
  expect(all(set)).toEqual([0, 31, 32, 63, 64, 199])
  expect(set.next(33)).toBe(63)
  expect(set.next(200)).toBe(-1)
  expect(set.next(100_000)).toBe(-1)
})
