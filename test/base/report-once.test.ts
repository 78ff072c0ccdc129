import { expect, test } from 'bun:test'
import { reportOnce } from '../../src/base/report-once.ts'

test('each kind is told once, and what would not be told is not wanted', () => {
  const told: string[] = []
  const report = reportOnce((error) => void told.push(error.message))
  expect(report.wants('a')).toBe(true)
  report(new Error('first'), 'a')
  report(new Error('again'), 'a')
  report('thrown', 'b')
  expect(told).toEqual(['first', 'thrown'])
  expect([report.wants('a'), report.wants('b'), report.wants('c')]).toEqual([false, false, true])
})

test('the message is the kind where none is given; after a hundred kinds nothing is wanted', () => {
  let count = 0
  const report = reportOnce(() => {
    count++
    throw new Error('of the listener')
  })
  for (let i = 0; i < 300; i++) report(new Error(`of ${i}`))
  expect(count).toBe(100)
  expect(report.wants('one more')).toBe(false)
})
