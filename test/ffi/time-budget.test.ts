import { expect, test } from 'bun:test'
import { TimeBudget } from '../../ffi/time-budget.ts'

test('what was spent comes back at its rate, and no more than there may be at once', () => {
  const budget = new TimeBudget(20)
  expect(budget.hasAny(0.01, 1000)).toBe(true)
  budget.spend(30)
  expect(budget.hasAny(0.01, 1000)).toBe(false)
  expect(budget.hasAny(0.01, 1999)).toBe(false)
  expect(budget.hasAny(0.01, 2001)).toBe(true)
  // An hour later there are 20 milliseconds, as at the beginning.
  expect(budget.hasAny(0.01, 3_600_000)).toBe(true)
  budget.spend(20)
  expect(budget.hasAny(0.01, 3_600_000)).toBe(false)
})

test('a larger share brings it back sooner', () => {
  const budget = new TimeBudget(20)
  budget.hasAny(0.1, 0)
  budget.spend(30)
  expect(budget.hasAny(0.1, 99)).toBe(false)
  expect(budget.hasAny(0.1, 101)).toBe(true)
})
