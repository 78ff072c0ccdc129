/**
 * Run by privilege.test.ts with `bun test ./...`, never by itself: one guarded test that is possible and one that is not.
 * @module
 */
import { expect } from 'bun:test'
import { needs } from './privilege.ts'

const impossible = needs({ reason: 'no such thing here' })
impossible.test('impossible test', () => {
  throw new Error('ran all the same')
})
impossible.describe('impossible group', () => {
  throw new Error('ran all the same')
})
needs({ reason: undefined }).test('possible test', () => {
  expect(1).toBe(1)
})
