import { afterEach, describe, expect, test } from 'bun:test'
import type { Context } from 'hono'
import { type Fingerprint, inspector } from '../../src/bun.ts'
import {
  arrange,
  clientOf,
  LIVE_CAPACITY,
  type LiveCounts,
  type LiveEntry,
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
})

/** The data of an event. */
function read({ value }: { readonly value?: Uint8Array | undefined }): LiveCounts & { entries: LiveEntry[] } {
  return JSON.parse(/^data: (.*)$/m.exec(new TextDecoder().decode(value))![1]!)
}

let list = new LiveList(hurried())
/** What the middleware does with a request. */
function see(fingerprint: Fingerprint): void {
  if (list.count()) list.note(fingerprint, asked)
}

afterEach(() => {
  list.close()
  list = new LiveList(hurried())
})

describe('LiveList', () => {
  test('keeps the last connections, the last one that changed first', () => {
    for (let i = 0; i < LIVE_CAPACITY + 50; i++) see(connection(String(i)))
    see(connection('60', 2))
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
  test('above its rows a second requests are counted only, and rows are spread over the second', () => {
    let now = 0
    list = new LiveList(() => now)
    for (let i = 0; i < ROWS_PER_SECOND; i++) see(connection(String(i)))
    expect(list.counts()).toEqual({ requests: ROWS_PER_SECOND, unlisted: 0 })
    const listed: number[] = []
    for (let i = 1; i <= 5000; i++) {
      now = i / 5
      if (list.count()) listed.push(i)
    }
    expect(listed).toEqual(Array.from({ length: ROWS_PER_SECOND }, (_, i) => (i + 1) * (5000 / ROWS_PER_SECOND)))
    expect(list.counts()).toEqual({ requests: 5000 + ROWS_PER_SECOND, unlisted: 5000 - ROWS_PER_SECOND })
    now = 3_600_000
    const atOnce = Array.from({ length: 1000 }, () => list.count()).filter(Boolean)
    expect(atOnce).toHaveLength(ROWS_PER_SECOND)
  })
  test('a request without a connection takes no row from others', () => {
    list = new LiveList(() => 0)
    for (let i = 0; i < 1000; i++) see({ ...connection('1'), connection: undefined } as unknown as Fingerprint)
    see(connection('2'))
    expect(list.entries().map(({ key }) => key)).toEqual(['2'])
    expect(list.counts().unlisted).toBe(0)
  })
  test('the middleware looks at nothing of a request that gets no row, and adds no promise', async () => {
    const page = inspector({ live: { token: 'x' } })
    // It loads them by itself.
    await import('../../src/inspector/pages.ts')
    await Bun.sleep(0)
    const answered = Promise.resolve()
    let looks = 0
    const context = { get: () => void (looks += 1) } as unknown as Context
    const started = performance.now()
    const returned = Array.from({ length: 10_000 }, () => page.watch(context, () => answered))
    const most = ROWS_PER_SECOND + Math.ceil(((performance.now() - started) * ROWS_PER_SECOND) / 1000)
    const passed = returned.filter((one) => one === answered).length
    expect(looks).toBe(0)
    expect(passed).toBeGreaterThanOrEqual(10_000 - most)
    expect(passed).toBeLessThan(10_000)
  })
  test('filters and groups its rows, and keeps what the page of each needs', () => {
    for (const [cookie, address] of [
      ['1', '192.0.2.1'],
      ['2', '198.51.100.7'],
      ['3', '192.0.2.9'],
    ] as const) {
      see({ ...connection(cookie), peer: { address, port: 5 } } as unknown as Fingerprint)
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
    expect(await new Response(streams[0]).text()).toBe(
      'retry: 2000\nid: 0\ndata: {"requests":0,"unlisted":0,"entries":[]}\n\nevent: replaced\ndata:\n\n',
    )
    const others = Array.from({ length: MAX_LISTENERS }, (_, i) => list.listen(0, `198.51.100.${i}`))
    expect(others.filter((stream) => stream !== undefined)).toHaveLength(MAX_LISTENERS - MAX_LISTENERS_PER_CLIENT)
    // Where all places are taken a client still trades its own.
    expect(list.listen(0, '192.0.2.1')).toBeDefined()
    expect(list.listeners).toBe(MAX_LISTENERS)
  })
  test('sends what changed once a period, the same octets to every listener', async () => {
    list = new LiveList(hurried(), 5)
    see(connection('1'))
    const readers = ['192.0.2.1', '192.0.2.2'].map((client) => list.listen(0, client)!.getReader())
    for (const reader of readers) expect(read(await reader.read()).entries.map(({ key }) => key)).toEqual(['1'])
    for (const cookie of ['2', '3', '2']) see(connection(cookie))
    const [one, other] = await Promise.all(readers.map((reader) => reader.read()))
    expect(one!.value).toBe(other!.value!)
    expect(read(one!)).toMatchObject({ requests: 4, entries: [{ key: '3' }, { key: '2', id: 4 }] })
    expect(read(await readers[0]!.read()).entries).toEqual([])
    // Who comes back brings the last id it saw.
    const again = list.listen(3, '192.0.2.1')!.getReader()
    expect(read(await again.read()).entries.map(({ key }) => key)).toEqual(['2'])
  })
  test('lets go of a listener that does not read', async () => {
    list = new LiveList(hurried(), 1)
    const stream = list.listen(0, '192.0.2.1')!
    for (let i = 0; i < 1000 && list.listeners > 0; i++) await Bun.sleep(1)
    expect(list.listeners).toBe(0)
    let events = 0
    for await (const _ of stream as unknown as AsyncIterable<Uint8Array>) events += 1
    expect(events).toBe(16)
  })
  test('takes an id from before a restart for none', async () => {
    see(connection('7'))
    const reader = list.listen(10_000, '192.0.2.1')!.getReader()
    expect(read(await reader.read()).entries.map(({ key }) => key)).toEqual(['7'])
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
