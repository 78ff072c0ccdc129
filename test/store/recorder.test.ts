import { describe, expect, setSystemTime, test } from 'bun:test'
import { parseSyn } from '../../src/index.ts'
import { WriteQueue } from '../../src/store/queue.ts'
import { Recorder, type RecorderOptions } from '../../src/store/recorder.ts'
import type { Observation, Update } from '../../src/store/types.ts'
import { until } from '../support/wait.ts'
import { fakeEngine } from './fake-engine.ts'
import { connection, proxied, request } from './fingerprints.ts'

const onError = (error: unknown): never => {
  throw error
}

function recorder(options: Partial<RecorderOptions> = {}, limit = 1000) {
  const engine = fakeEngine({ rows: 10_000, milliseconds: 60_000 })
  const queue = new WriteQueue(async () => engine, {
    limit,
    rows: undefined,
    milliseconds: undefined,
    onError: () => {},
  })
  const one = new Recorder(queue, { boot: 'boot', host: 'host', anonymize: false, keepSyn: false, onError, ...options })
  const written = async (): Promise<{ observations: Observation[]; updates: Update[] }> => {
    one.bringUpToDate()
    await queue.flush()
    const batches = engine.written.splice(0)
    return {
      observations: batches.flatMap(({ observations }) => observations),
      updates: batches.flatMap(({ updates }) => updates),
    }
  }
  return { recorder: one, queue, written }
}

describe('Recorder', () => {
  test('keeps a connection once, with what its first request knew', async () => {
    const { recorder: one, written } = recorder()
    const client = connection(4188)
    for (let i = 0; i < 5; i++) one.observe(request(client), '')
    const { observations, updates } = await written()
    expect(observations).toHaveLength(1)
    expect(observations[0]).toMatchObject({
      boot: 'boot',
      host: 'host',
      cookie: '4188',
      network: '192.0.2.0/24',
      address: '192.0.2.10',
      port: 43_210,
      serverPort: 443,
      timeToLive: 57,
      distance: 7,
      requests: 1,
      account: '',
      syn: undefined,
      stack: { stack: '4:64:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0', mss: 1460, scale: 7, family: 'linux' },
    })
    expect(updates.map(({ requests }) => requests)).toEqual([5])
    expect((await written()).updates).toEqual([])
    one.observe(request(client), '')
    expect((await written()).updates.map(({ requests }) => requests)).toEqual([6])
  })

  test('a connection that others have come after, however many, is still the same', async () => {
    const { recorder: one, written } = recorder({}, 1_000_000)
    const client = connection(1)
    one.observe(request(client), '')
    const others = Array.from({ length: 5000 }, (_, i) => connection(i + 2))
    for (const other of others) one.observe(request(other), '')
    one.observe(request(client), '')
    const { observations, updates } = await written()
    expect(observations).toHaveLength(5001)
    expect(updates.map(({ first }) => first.cookie)).toEqual(['1'])
  })

  test('looks at the clock no more when requests have ended, though their row is not up to date', async () => {
    const { setInterval: begin, clearInterval: end } = globalThis
    const running = new Set<unknown>()
    globalThis.setInterval = ((...rest: Parameters<typeof begin>) => {
      const timer = begin(...rest)
      running.add(timer)
      return timer
    }) as typeof begin
    globalThis.clearInterval = ((timer: never) => {
      running.delete(timer)
      end(timer)
    }) as typeof end
    try {
      const { recorder: one, written } = recorder()
      const client = connection(9)
      for (let i = 0; i < 3; i++) one.observe(request(client), '')
      expect(running.size).toBe(1)
      await until('the last look', () => running.size === 0)
      one.observe(request(client), '')
      expect(running.size).toBe(1)
      expect((await written()).updates.map(({ requests }) => requests)).toEqual([4])
      one.close()
      expect(running.size).toBe(0)
    } finally {
      globalThis.setInterval = begin
      globalThis.clearInterval = end
    }
  })

  test('a clock before 1970 or beyond 2149 gives the nearest time that every engine can keep', async () => {
    try {
      for (const [clock, day] of [
        ['1969-12-31', '1970-01-01'],
        ['2149-06-07', '2149-06-06'],
        ['2256-01-01', '2149-06-06'],
      ] as const) {
        setSystemTime(new Date(clock))
        const { recorder: one, written } = recorder()
        const client = connection(11)
        for (let i = 0; i < 2; i++) one.observe(request(client), '')
        const { observations, updates } = await written()
        one.close()
        const seen = Date.parse(day) * 1000
        expect(observations.map((row) => row.seen)).toEqual([seen])
        expect(updates.map(({ lastSeen }) => lastSeen)).toEqual([seen])
      }
    } finally {
      setSystemTime()
    }
  })

  test('who it is is told at once, and only when it changes', async () => {
    const { recorder: one, queue } = recorder()
    const client = connection(7)
    one.observe(request(client), '')
    for (const account of ['anna', 'anna', '', 'anna', 'bert\0', 'bert\0']) one.observe(request(client), account)
    // The row, anna, bert.
    expect(queue.status().queued).toBe(3)
  })

  test('rows that change leave room for those of new connections', async () => {
    const { recorder: one, queue, written } = recorder({}, 100)
    const clients = Array.from({ length: 90 }, (_, i) => connection(i))
    for (const client of clients) one.observe(request(client), '')
    await written()
    for (const client of clients) one.observe(request(client), '')
    one.bringUpToDate()
    expect(queue.status()).toMatchObject({ queued: 50, dropped: 0 })
    for (let i = 0; i < 50; i++) one.observe(request(connection(100 + i)), '')
    expect(queue.status().dropped).toBe(0)
    expect((await written()).updates).toHaveLength(50)
    expect((await written()).updates).toHaveLength(40)
  })

  test('behind a proxy a client is known by its endpoint and SYN, under a name that holds neither', async () => {
    const { recorder: one, written } = recorder({ anonymize: true, keepSyn: true })
    for (let i = 0; i < 3; i++) one.observe(proxied('192.0.2.77', 9999), '')
    one.observe(proxied('192.0.2.77', 9998), '')
    one.observe(proxied('192.0.2.78', undefined, false), '')
    const { observations, updates } = await written()
    expect(observations).toHaveLength(3)
    expect(updates.map(({ requests }) => requests)).toEqual([3])
    for (const { address, port, cookie } of observations) {
      expect({ address, port }).toEqual({ address: '192.0.2.0/24', port: undefined })
      expect(cookie).toMatch(/^[0-9a-f-]{36}$/)
    }
  })

  test('anonymize leaves nothing in the SYN from which the host follows', async () => {
    const { recorder: one, written } = recorder({ anonymize: true, keepSyn: true })
    one.observe(request(connection(1)), '')
    const syn = parseSyn((await written()).observations[0]!.syn!)
    expect(syn.ip).toMatchObject({ source: '0.0.0.0', destination: '0.0.0.0', timeToLive: 57, headerChecksum: 0 })
    expect(syn.tcp).toMatchObject({ sourcePort: 0, checksum: 0, mss: 1460, destinationPort: 443 })
  })

  test('connections of somebody who was forgotten are met anew, all others stay known', async () => {
    const { recorder: one, written } = recorder()
    const [anna, bert] = [connection(1, '192.0.2.1'), connection(2, '198.51.100.2')]
    one.observe(request(anna), 'anna')
    one.observe(request(bert), 'bert')
    await written()
    await Bun.sleep(2)
    one.forget({ kind: 'account', account: 'anna' })
    one.forget({ kind: 'network', network: '203.0.113.0/24' })
    await Bun.sleep(2)
    one.observe(request(anna), '')
    one.observe(request(bert), '')
    one.observe(request(anna), '')
    const { observations, updates } = await written()
    expect(observations.map(({ cookie, account }) => [cookie, account])).toEqual([['1', '']])
    expect(updates.map(({ first }) => first.cookie).sort()).toEqual(['1', '2'])
  })

  test('to forget the account without a name forgets no connection', async () => {
    const { recorder: one, written } = recorder()
    const client = connection(1)
    one.observe(request(client), '')
    one.forget({ kind: 'account', account: '' })
    one.observe(request(client), '')
    expect((await written()).observations).toHaveLength(1)
  })

  test('an account that was forgotten and is named again is no other connection', async () => {
    const { recorder: one, written } = recorder()
    const client = connection(1)
    one.observe(request(client), '')
    await Bun.sleep(2)
    one.forget({ kind: 'account', account: 'anna' })
    await Bun.sleep(2)
    for (let i = 0; i < 3; i++) one.observe(request(client), 'anna')
    const { observations, updates } = await written()
    expect(observations).toHaveLength(1)
    expect(updates.map(({ account }) => account)).toContain('anna')
  })

  test('who was forgotten is told from who came later by order, not by clocks, which go back', async () => {
    const { now } = Date
    const { recorder: one, written } = recorder()
    const [anna, bert] = [connection(1), connection(2)]
    one.observe(request(anna), 'anna')
    one.observe(request(bert), undefined)
    await written()
    try {
      Date.now = () => now() - 3_600_000
      one.forget({ kind: 'account', account: 'anna' })
      one.observe(request(anna), undefined)
      one.observe(request(bert), 'anna')
      // Later than what was forgotten of anna.
      one.forget({ kind: 'account', account: 'nobody' })
      one.observe(request(bert), undefined)
    } finally {
      Date.now = now
    }
    const { observations, updates } = await written()
    expect(observations.map(({ cookie, account }) => [cookie, account])).toEqual([['1', '']])
    expect(updates.map(({ first, account }) => [first.cookie, account])).toContainEqual(['2', 'anna'])
  })

  test('rows of one stack share it, whatever a handler does with the SYN that it gets', async () => {
    const { recorder: one, written } = recorder()
    for (const cookie of [1, 2]) {
      const first = request(connection(cookie))
      ;(first.syn!.tcp as { window: number }).window = 1
      one.observe(first, undefined)
    }
    const { observations } = await written()
    expect(observations[0]!.stack).toMatchObject({ window: 64_240, options: '2,4,8,1,3' })
    expect(observations[1]!.stack).toBe(observations[0]!.stack)
    expect(Object.isFrozen(observations[0]!.stack)).toBe(true)
  })

  test('names that are long are compared as they are kept', async () => {
    const { recorder: one, queue } = recorder()
    const client = connection(7)
    const name = 'x'.repeat(100_000)
    for (const account of [name, name, `${name}y`, `${name}y`]) one.observe(request(client), account)
    // The row with the first, and the second.
    expect(queue.status().queued).toBe(2)
  })

  test('two recorders of one connection keep it each, and one that is closed keeps nothing', async () => {
    const [one, other] = [recorder(), recorder()]
    const client = connection(1)
    for (let i = 0; i < 3; i++) for (const each of [one, other]) each.recorder.observe(request(client), undefined)
    for (const each of [one, other]) {
      const { observations, updates } = await each.written()
      expect(observations).toHaveLength(1)
      expect(updates).toHaveLength(1)
    }
    one.recorder.close()
    one.recorder.observe(request(client), undefined)
    one.recorder.observe(request(connection(2)), undefined)
    other.recorder.observe(request(client), undefined)
    expect(await one.written()).toEqual({ observations: [], updates: [] })
    expect((await other.written()).updates).toHaveLength(1)
  })

  test('a request of which no peer is known is nothing', async () => {
    const { recorder: one, written } = recorder()
    one.observe({ ...proxied('192.0.2.1', 1), peer: undefined } as never, 'anna')
    expect((await written()).observations).toEqual([])
  })
})
