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

test('what cannot be read or written down is told all the same, or passed over: nothing throws', () => {
  const told: string[] = []
  const report = reportOnce((error) => void told.push(error.message))
  report(Object.create(null))
  report(Object.assign(new Error('by a symbol'), { code: Symbol('code') }))
  report(
    Object.defineProperty(new Error('by a getter'), 'code', {
      get() {
        throw new Error('of the getter')
      },
    }),
  )
  report(Object.assign(new Error(), { message: Symbol('message') }), 'd')
  expect(told).toEqual(['Something was thrown that is no error and has no text', expect.any(String)])
})
