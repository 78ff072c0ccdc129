import { afterEach, describe, expect, test } from 'bun:test'
import type { Fingerprint } from '../../src/bun.ts'
import { LIVE_CAPACITY, LiveList, MAX_LISTENERS } from '../../src/inspector/live.ts'

function connection(cookie: string, request = 1): Fingerprint {
  return {
    available: true,
    connection: { cookie, request },
    peer: { address: '2001:db8::1', port: 9 },
    timing: {},
    reason: 'not-saved',
  } as unknown as Fingerprint
}

let list = new LiveList()
afterEach(() => {
  list.close()
  list = new LiveList()
})

describe('LiveList', () => {
  test('keeps the last connections, the last one that changed first', () => {
    for (let i = 0; i < LIVE_CAPACITY + 50; i++) list.note(connection(String(i)))
    list.note(connection('60', 2))
    const entries = list.entries()
    expect(entries).toHaveLength(LIVE_CAPACITY)
    expect(entries[0]).toMatchObject({ key: '60', id: LIVE_CAPACITY + 51 })
    expect(entries[0]!.cells.slice(1)).toEqual(['[2001:db8::1]:9', 'no SYN: not-saved', '', '', '', '2'])
    expect(entries.at(-1)!.key).toBe('50')
  })
  test('passes over requests without a connection', () => {
    list.note({ ...connection('1'), connection: undefined } as unknown as Fingerprint)
    expect(list.entries()).toEqual([])
  })
  test('has room for so many listeners, and again when one leaves', async () => {
    const streams = Array.from({ length: MAX_LISTENERS }, () => list.listen(0)!)
    expect(list.listen(0)).toBeUndefined()
    await streams[0]!.cancel()
    expect(list.listeners).toBe(MAX_LISTENERS - 1)
    expect(list.listen(0)).toBeDefined()
  })
  test('lets go of a listener that does not read', async () => {
    const stream = list.listen(0)!
    for (let i = 0; i < 1000; i++) list.note(connection(String(i)))
    expect(list.listeners).toBe(0)
    let events = 0
    for await (const _ of stream as unknown as AsyncIterable<Uint8Array>) events += 1
    expect(events).toBeLessThan(300)
  })
  test('takes an id from before a restart for none', async () => {
    list.note(connection('7'))
    const reader = list.listen(10_000)!.getReader()
    await reader.read()
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('"key":"7"')
  })
})
