import { afterEach, describe, expect, test } from 'bun:test'
import type { Fingerprint } from '../../src/bun.ts'
import {
  arrange,
  clientOf,
  LIVE_CAPACITY,
  LiveList,
  type LiveRequest,
  MAX_LISTENERS,
  MAX_LISTENERS_PER_CLIENT,
  ROWS_PER_SECOND,
} from '../../src/inspector/live.ts'

function connection(cookie: string, request = 1): Fingerprint {
  return {
    available: true,
    connection: { cookie, request },
    peer: { address: '2001:db8::1', port: 9 },
    timing: {},
    reason: 'not-saved',
    toJSON: () => ({}),
  } as unknown as Fingerprint
}

/** A clock of which every look is a second later, so that there is always room for a row. */
function hurried(): () => number {
  let time = 0
  return () => (time += 1000)
}

const asked = (): LiveRequest => ({
  method: 'GET',
  path: '/a\x1b[2J',
  status: 404,
  headers: new Headers({ 'user-agent': 'Agent' }),
  tls: false,
  env: {},
})

let list = new LiveList(hurried())
afterEach(() => {
  list.close()
  list = new LiveList(hurried())
})

describe('LiveList', () => {
  test('keeps the last connections, the last one that changed first', () => {
    for (let i = 0; i < LIVE_CAPACITY + 50; i++) list.note(connection(String(i)), asked)
    list.note(connection('60', 2), asked)
    const entries = list.entries()
    expect(entries).toHaveLength(LIVE_CAPACITY)
    expect(entries[0]).toMatchObject({ key: '60', id: LIVE_CAPACITY + 51 })
    expect(entries[0]!.cells.slice(1)).toEqual([
      ['no SYN: not-saved', ''],
      ['[2001:db8::1]:9', '2001:db8:0:0::/64'],
      ['GET /a\\x1b[2J', '404, no. 2'],
      ['Agent', ''],
      ['', ''],
    ])
    expect(entries.at(-1)!.key).toBe('50')
  })
  test('counts what is above its rows a second, and computes nothing of it', () => {
    let now = 0
    list = new LiveList(() => now)
    const dear = (cookie: string): Fingerprint =>
      Object.defineProperty(connection(cookie), 'label', {
        get: () => {
          throw new Error('asked for')
        },
      })
    for (let i = 0; i < ROWS_PER_SECOND; i++) list.note(connection(String(i)), asked)
    for (let i = 0; i < 5000; i++) list.note(dear(`x${i}`), asked)
    expect(list.counts()).toEqual({
      connections: 5000 + ROWS_PER_SECOND,
      requests: 5000 + ROWS_PER_SECOND,
      unlisted: 5000,
    })
    expect(list.entries()).toHaveLength(ROWS_PER_SECOND)
    now = 1000
    list.note(connection('later'), asked)
    expect(list.entries()[0]!.key).toBe('later')
  })
  test('filters and groups its rows, and keeps what the page of each needs', () => {
    for (const [cookie, address] of [
      ['1', '192.0.2.1'],
      ['2', '198.51.100.7'],
      ['3', '192.0.2.9'],
    ] as const) {
      list.note({ ...connection(cookie), peer: { address, port: 5 } } as unknown as Fingerprint, asked)
    }
    const keys = (text: string, group: 'none' | 'network'): string[] =>
      arrange(list.entries(), text, group).map(({ key }) => key)
    expect(keys('', 'none')).toEqual(['3', '2', '1'])
    expect(keys('', 'network')).toEqual(['3', '1', '2'])
    expect(keys('198.51', 'none')).toEqual(['2'])
    expect(list.find('2')).toMatchObject({
      fingerprint: { peer: { address: '198.51.100.7' } },
      request: { status: 404 },
    })
    expect(list.find('4')).toBeUndefined()
  })
  test('passes over requests without a connection', () => {
    list.note({ ...connection('1'), connection: undefined } as unknown as Fingerprint, asked)
    expect(list.entries()).toEqual([])
  })
  test('has room for so many listeners, and again when one leaves', async () => {
    const streams = Array.from({ length: MAX_LISTENERS }, (_, i) => list.listen(0, `192.0.2.${i}`)!)
    expect(list.listen(0, '198.51.100.1')).toBeUndefined()
    await streams[0]!.cancel()
    expect(list.listeners).toBe(MAX_LISTENERS - 1)
    expect(list.listen(0, '198.51.100.1')).toBeDefined()
  })
  test('gives no client more than its share: its oldest stream is told, and ends', async () => {
    const streams = Array.from({ length: 100 }, () => list.listen(0, '192.0.2.1')!)
    expect(list.listeners).toBe(MAX_LISTENERS_PER_CLIENT)
    expect(await new Response(streams[0]).text()).toMatch(
      /^retry: 2000\n\nevent: counts\ndata: .*\n\nevent: replaced\ndata:\n\n$/,
    )
    const others = Array.from({ length: MAX_LISTENERS }, (_, i) => list.listen(0, `198.51.100.${i}`))
    expect(others.filter((stream) => stream !== undefined)).toHaveLength(MAX_LISTENERS - MAX_LISTENERS_PER_CLIENT)
    // Where all places are taken a client still trades its own.
    expect(list.listen(0, '192.0.2.1')).toBeDefined()
    expect(list.listeners).toBe(MAX_LISTENERS)
  })
  test('lets go of a listener that does not read', async () => {
    const stream = list.listen(0, '192.0.2.1')!
    for (let i = 0; i < 1000; i++) list.note(connection(String(i)), asked)
    expect(list.listeners).toBe(0)
    let events = 0
    for await (const _ of stream as unknown as AsyncIterable<Uint8Array>) events += 1
    expect(events).toBeLessThan(300)
  })
  test('takes an id from before a restart for none', async () => {
    list.note(connection('7'), asked)
    const reader = list.listen(10_000, '192.0.2.1')!.getReader()
    await reader.read()
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('"key":"7"')
  })
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['::', '0:0:0:0'],
  ['2001:db8:1:2:3:4:5::', '2001:db8:1:2'],
  ['fe80::1:2:3:4', 'fe80:0:0:0'],
])('the client of %s is %s', (address, client) => {
  expect(clientOf(address)).toBe(client)
})
