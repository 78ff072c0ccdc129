import { describe, expect, test } from 'bun:test'
import { Semaphore } from '../../src/cgi/semaphore.ts'

const never = new AbortController().signal

describe('Semaphore', () => {
  test('gives places in the order of asking', async () => {
    const slots = new Semaphore(1, 2)
    expect(slots.acquire(1000, never)).toBe(true)
    const order: string[] = []
    const first = Promise.resolve(slots.acquire(1000, never)).then((got) => order.push(`first ${got}`))
    const second = Promise.resolve(slots.acquire(1000, never)).then((got) => order.push(`second ${got}`))
    expect(slots.acquire(1000, never)).toBe(false)
    expect([slots.held, slots.waiting]).toEqual([1, 2])
    slots.release()
    await first
    slots.release()
    await second
    expect(order).toEqual(['first true', 'second true'])
    slots.release()
    expect([slots.held, slots.waiting]).toEqual([0, 0])
  })
  test('gives up after the time', async () => {
    const slots = new Semaphore(1, 1)
    slots.acquire(1, never)
    expect(await slots.acquire(1, never)).toBe(false)
    expect(slots.waiting).toBe(0)
    slots.release()
    expect(slots.acquire(1, never)).toBe(true)
  })
  test('forgets who has gone', async () => {
    const slots = new Semaphore(1, 1)
    slots.acquire(1, never)
    const gone = new AbortController()
    const waiting = slots.acquire(10_000, gone.signal)
    gone.abort()
    expect(await waiting).toBe(false)
    expect(slots.acquire(1000, gone.signal)).toBe(false)
    slots.release()
    expect([slots.held, slots.waiting]).toEqual([0, 0])
  })
})
