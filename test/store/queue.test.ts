import { describe, expect, test } from 'bun:test'
import { type QueueOptions, WriteQueue } from '../../src/store/queue.ts'
import { until } from '../support/wait.ts'
import { type FakeEngine, fakeEngine } from './fake-engine.ts'
import { row } from './rows.ts'

function queueOver(engine: FakeEngine, options: Partial<QueueOptions> = {}): { queue: WriteQueue; errors: string[] } {
  const errors: string[] = []
  const onError = (error: Error): void => {
    errors.push(error.message)
  }
  const all = { limit: 100, rows: undefined, milliseconds: undefined, onError, ...options }
  return { queue: new WriteQueue(async () => engine, all), errors }
}

const add = (queue: WriteQueue, count: number, from = 0): void => {
  for (let i = from; i < from + count; i++) queue.addObservation(row(i, '192.0.2.1'))
}
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i))

describe('WriteQueue', () => {
  test('writes in order, in batches of the engine', async () => {
    const engine = fakeEngine()
    const { queue } = queueOver(engine)
    add(queue, 25)
    expect(queue.status()).toMatchObject({ queued: 25, written: 0 })
    await until('all rows', () => queue.status().written === 25)
    expect(engine.cookies()).toEqual(numbers(0, 25))
    expect(engine.written.map(({ observations }) => observations.length)).toEqual([10, 10, 5])
    expect(queue.status()).toMatchObject({ queued: 0, dropped: 0, failed: 0, oldestSeconds: 0 })
  })

  test('an engine that is away: bounded, told, and what could be kept is there when it is back', async () => {
    const engine = fakeEngine()
    engine.mood = 'away'
    const { queue, errors } = queueOver(engine)
    add(queue, 1000)
    await queue.flush()
    const status = queue.status()
    expect(status.queued).toBeLessThanOrEqual(100)
    expect(status).toMatchObject({ written: 0, failed: 1, lastError: 'connection refused' })
    expect(status.queued + status.dropped).toBe(1000)
    expect(errors).toEqual(['connection refused'])
    engine.mood = 'well'
    // By itself, a second after the failure.
    await until('the rows that waited', () => queue.status().queued === 0, 5000)
    // The oldest were dropped.
    expect(engine.cookies()).toEqual(numbers(status.dropped, 1000))
    expect(queue.status().lastError).toBeUndefined()
  })

  test('an engine that hangs has failed after a while', async () => {
    const engine = fakeEngine()
    engine.mood = 'hanging'
    const { queue } = queueOver(engine, { timeout: 20 })
    add(queue, 3)
    await queue.flush()
    expect(queue.status()).toMatchObject({ queued: 3, failed: 1, lastError: 'The store did not answer within 20 ms' })
    engine.mood = 'well'
    await queue.flush()
    expect(engine.cookies()).toEqual(numbers(0, 3))
  })

  test('a row that is refused is dropped alone', async () => {
    const engine = fakeEngine()
    engine.mood = 'picky'
    const { queue } = queueOver(engine)
    add(queue, 4)
    queue.addObservation(row('bad', '192.0.2.1'))
    add(queue, 4, 4)
    await queue.flush()
    expect(engine.cookies()).toEqual(numbers(0, 8))
    expect(queue.status()).toMatchObject({ queued: 0, written: 8, dropped: 1 })
  })

  test('flush ends though rows go on coming', async () => {
    const engine = fakeEngine()
    const write = engine.write.bind(engine)
    const { queue } = queueOver(engine)
    engine.write = async (batch) => {
      await write(batch)
      add(queue, 10)
      await Bun.sleep(1)
    }
    add(queue, 30)
    await queue.flush()
    expect(queue.status().written).toBeGreaterThanOrEqual(30)
    engine.write = write
    await queue.close()
  })

  test('close waits two seconds for an engine that hangs, and counts what is lost', async () => {
    const engine = fakeEngine()
    engine.mood = 'hanging'
    const { queue } = queueOver(engine, { timeout: 2500 })
    add(queue, 12)
    await queue.close()
    add(queue, 1)
    await until('the write to fail', () => queue.status().failed === 1, 3000)
    expect(queue.status()).toMatchObject({ queued: 0, dropped: 13 })
  }, 10_000)

  test('the end of the process has what waits written at once, a write under way included', async () => {
    const engine = fakeEngine()
    engine.mood = 'hanging'
    const now: string[] = []
    engine.writeNow = ({ observations }) => {
      now.push(...observations.map(({ cookie }) => cookie))
    }
    const { queue } = queueOver(engine)
    queue.opened(engine)
    add(queue, 15)
    await until('a write', () => queue.status().queued === 15)
    await Bun.sleep(20)
    queue.flushAtEnd()
    expect(now).toEqual(numbers(0, 15))
  })
})
