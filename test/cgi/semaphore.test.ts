import { describe, expect, test } from 'bun:test'
import { Slots } from '../../src/cgi/semaphore.ts'

const never = new AbortController().signal

describe('Slots', () => {
  test('gives places in the order of asking', async () => {
    const slots = new Slots(1, 2)
    expect(slots.take(1000, never)).toBe(true)
    const order: string[] = []
    const first = Promise.resolve(slots.take(1000, never)).then((got) => order.push(`first ${got}`))
    const second = Promise.resolve(slots.take(1000, never)).then((got) => order.push(`second ${got}`))
    expect(slots.take(1000, never)).toBe(false)
    expect([slots.taken, slots.waiting]).toEqual([1, 2])
    slots.release()
    await first
    slots.release()
    await second
    expect(order).toEqual(['first true', 'second true'])
    slots.release()
    expect([slots.taken, slots.waiting]).toEqual([0, 0])
  })
  test('gives up after the time', async () => {
    const slots = new Slots(1, 1)
    slots.take(1, never)
    expect(await slots.take(1, never)).toBe(false)
    expect(slots.waiting).toBe(0)
    slots.release()
    expect(slots.take(1, never)).toBe(true)
  })
  test('forgets who has gone', async () => {
    const slots = new Slots(1, 1)
    slots.take(1, never)
    const gone = new AbortController()
    const waiting = slots.take(10_000, gone.signal)
    gone.abort()
    expect(await waiting).toBe(false)
    expect(slots.take(1000, gone.signal)).toBe(false)
    slots.release()
    expect([slots.taken, slots.waiting]).toEqual([0, 0])
  })
})
