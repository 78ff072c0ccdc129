import { expect, test } from 'bun:test'
import { Generations } from '../../src/wire/generations.ts'

test('Generations keeps what is offered twice', () => {
  const cache = new Generations<string>(4)
  expect(cache.get(7)).toBeUndefined()
  cache.offer(7, 'once')
  expect(cache.get(7)).toBeUndefined()
  cache.offer(7, 'twice')
  expect(cache.get(7)).toBe('twice')
  cache.offer(7, 'again')
  expect(cache.get(7)).toBe('again')
})

test('Generations forgets what is not asked for, and keeps what is', () => {
  const cache = new Generations<number>(10)
  const offer = (key: number): void => {
    cache.offer(key, key)
    cache.offer(key, key)
  }
  offer(-1)
  offer(-2)
  for (let key = 0; key < 1000; key++) {
    offer(key)
    expect(cache.get(-1)).toBe(-1)
    expect(cache.get(key)).toBe(key)
    expect(cache.count).toBeLessThanOrEqual(20)
  }
  expect(cache.get(-2)).toBeUndefined()
  expect(cache.get(5)).toBeUndefined()
})

test('Generations stays bounded under keys that come once, and goes on admitting others', () => {
  const cache = new Generations<number>(100)
  for (let key = 0; key < 500_000; key++) cache.offer(key, key)
  expect(cache.count).toBeLessThanOrEqual(200)
  cache.offer(-5, 5)
  cache.offer(-5, 5)
  expect(cache.get(-5)).toBe(5)
})

test('Generations tells all 32-bit keys apart', () => {
  const cache = new Generations<number>(5000)
  const keys = Array.from({ length: 2000 }, (_, i) => Math.imul(i, 0x01000193) ^ (i << 20))
  for (const key of keys) cache.offer(key, key)
  for (const key of keys) cache.offer(key, key)
  for (const key of new Set(keys)) expect(cache.get(key)).toBe(key)
})
