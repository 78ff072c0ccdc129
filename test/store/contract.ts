/**
 * What every engine of a store must do, run on each by a test file of its own.
 * @module
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readPlace } from '../../src/store/address.ts'
import { dayOf } from '../../src/store/answers.ts'
import { keptText } from '../../src/store/text.ts'
import type { Engine, Observation } from '../../src/store/types.ts'
import { DAY, NOW, row, stackNumber, TODAY } from './rows.ts'

/** Texts that an escape would have to be forgotten for. */
const HOSTILE = [
  `'; DROP TABLE observation; --`,
  '\\',
  `\\'`,
  '"',
  '%_',
  '😀',
  '\u202e',
  '\n',
  '{{}}',
  '$1',
  'x'.repeat(256),
  // Four octets for two characters: as long as a text gets.
  '😀'.repeat(128),
  ...['\0', `${'x'.repeat(65_535)}a`, `${'x'.repeat(65_535)}b`].map(keptText),
]

/** Runs the contract. `open` gives an engine over tables that hold nothing. */
export function describeEngine(name: string, open: () => Promise<Engine>): void {
  describe(name, () => {
    let engine: Engine
    beforeAll(async () => {
      engine = await open()
    })
    afterAll(async () => {
      await engine?.close()
    })
    const write = (...observations: Observation[]): Promise<void> => engine.write({ observations, updates: [] })
    const hosts = (address: string) => engine.hosts(readPlace(address), TODAY)

    test('counts distinct stacks behind an address, and not those of its neighbours', async () => {
      await write(
        row(1, '192.0.2.1'),
        row(2, '192.0.2.1', { seen: NOW + 1000 }),
        row(3, '192.0.2.1', { stack: stackNumber(8), account: 'anna', seen: NOW + 2000 }),
        row(4, '192.0.2.2', { stack: stackNumber(9) }),
      )
      const found = await hosts('192.0.2.1')
      expect(found.map(({ stack, connections, accounts }) => [stack, connections, accounts])).toEqual([
        [stackNumber(8).stack, 1, ['anna']],
        [stackNumber(7).stack, 2, []],
      ])
      expect(found[0]).toMatchObject({ label: 'System 8', family: 'linux' })
      expect(found[1]!.firstSeen).toBe(new Date(NOW / 1000).toISOString())
      expect(found[1]!.lastSeen).toBe(new Date(NOW / 1000 + 1).toISOString())
    })

    test('a network is all of its addresses; an IPv6 address is its /64', async () => {
      expect((await hosts('192.0.2.77/24')).map((one) => one.connections).sort()).toEqual([1, 1, 2])
      await write(row(10, '2001:db8:0:1::1'), row(11, '2001:db8:0:1:ffff::2'), row(12, '2001:db8:0:2::1'))
      expect((await hosts('2001:db8:0:1::5')).map((one) => one.connections)).toEqual([2])
      expect((await hosts('2001:DB8:0:2:0::/64')).map((one) => one.connections)).toEqual([1])
    })

    test('an IPv4 network has none of the IPv6 addresses that begin with its octets', async () => {
      await write(row(15, '32.1.13.9'), row(16, '2001:db8:7::1', { stack: stackNumber(5) }))
      expect((await hosts('32.1.13.0/24')).map((one) => one.stack)).toEqual([stackNumber(7).stack])
      expect((await hosts('2001:db8:7::/64')).map((one) => one.stack)).toEqual([stackNumber(5).stack])
    })

    test('the same rows again change nothing', async () => {
      const before = await hosts('192.0.2.1')
      await write(
        row(1, '192.0.2.1'),
        row(3, '192.0.2.1', { stack: stackNumber(8), account: 'anna', seen: NOW + 2000 }),
      )
      expect(await hosts('192.0.2.1')).toEqual(before)
    })

    test('an update says when a connection was last seen, and moves it to the account that is named', async () => {
      const first = row(20, '198.51.100.1')
      await write(first)
      const update = { first, lastSeen: NOW + 5_000_000, requests: 9, account: 'bert' }
      await engine.write({ observations: [], updates: [update] })
      await engine.write({ observations: [], updates: [update] })
      expect(await hosts('198.51.100.1')).toEqual([
        {
          stack: first.stack!.stack,
          label: 'System 7',
          family: 'linux',
          connections: 1,
          firstSeen: new Date(NOW / 1000).toISOString(),
          lastSeen: new Date(NOW / 1000 + 5000).toISOString(),
          accounts: ['bert'],
        },
      ])
      await engine.write({ observations: [], updates: [{ ...update, account: 'carl', lastSeen: NOW + 6_000_000 }] })
      expect((await hosts('198.51.100.1')).map(({ connections, accounts }) => [connections, accounts])).toEqual([
        [1, ['carl']],
      ])
      expect(await engine.stacks('bert', TODAY)).toEqual([])
    })

    test('an update of a connection that is not there is nothing', async () => {
      const first = row(21, '198.51.100.9')
      await engine.write({ observations: [first], updates: [{ first, lastSeen: NOW + 1, requests: 2, account: '' }] })
      expect((await hosts('198.51.100.9')).map((one) => one.connections)).toEqual([1])
    })

    test('tells the stacks of an account by network', async () => {
      await write(
        row(30, '203.0.113.1', { account: 'dora' }),
        row(31, '203.0.113.2', { account: 'dora', seen: NOW + 1000 }),
        row(32, '2001:db8:9::1', { account: 'dora', stack: stackNumber(3), seen: NOW + 2000 }),
        row(33, '203.0.113.2'),
      )
      const found = await engine.stacks('dora', TODAY)
      expect(found.map(({ network, stack, label, connections }) => [network, stack, label, connections])).toEqual([
        ['2001:db8:9::/64', stackNumber(3).stack, 'System 3', 1],
        ['203.0.113.0/24', stackNumber(7).stack, 'System 7', 2],
      ])
      expect(await engine.stacks('', TODAY)).toEqual([])
      expect(await engine.stacks('nobody', TODAY)).toEqual([])
    })

    test('looks back as many days as asked for', async () => {
      const old = NOW - 3 * DAY
      await write(row(40, '192.0.2.40', { seen: old, account: 'emil' }))
      expect(await hosts('192.0.2.40')).toEqual([])
      expect((await engine.hosts(readPlace('192.0.2.40'), dayOf(old))).length).toBe(1)
      expect((await engine.stacks('emil', dayOf(old))).length).toBe(1)
      expect(await engine.stacks('emil', TODAY)).toEqual([])
      const seen = (await engine.labelsByDay('1900-01-01')).map((one) => one.day)
      expect([...new Set(seen)]).toEqual([dayOf(old), TODAY])
    })

    test('keeps hostile accounts and labels as they are', async () => {
      for (const [i, text] of HOSTILE.entries()) {
        await write(row(`h${i}`, '192.0.2.50', { account: text, stack: { ...stackNumber(i), label: text } }))
      }
      const found = await hosts('192.0.2.50')
      expect(found.map((one) => one.label!).sort()).toEqual([...HOSTILE].sort())
      for (const one of found) expect(one.accounts).toEqual([one.label!])
      for (const text of HOSTILE) expect((await engine.stacks(text, TODAY)).map((one) => one.label)).toEqual([text])
    })

    test('counts labels by connections and networks, those without one too', async () => {
      await write(
        row(60, '100.64.0.1', { stack: stackNumber(1, 'Only here') }),
        row(61, '100.64.0.2', { stack: stackNumber(2, 'Only here') }),
        row(62, '100.64.1.1', { stack: stackNumber(2, 'Only here') }),
        row(63, '100.64.1.1', { stack: { ...stackNumber(6), label: undefined, family: undefined } }),
        row(64, '100.64.1.1', { stack: undefined }),
      )
      const labels = await engine.labels(TODAY)
      expect(labels.find((one) => one.label === 'Only here')).toEqual({
        label: 'Only here',
        family: 'linux',
        networks: 2,
        connections: 3,
      })
      expect(labels.find((one) => one.label === undefined)).toMatchObject({ networks: 1, connections: 1 })
      const counts = labels.map((one) => one.connections)
      expect(counts).toEqual([...counts].sort((a, b) => b - a))
      const byDay = (await engine.labelsByDay(TODAY)).filter((one) => one.label === 'Only here')
      expect(byDay).toEqual([{ day: TODAY, label: 'Only here', family: 'linux', networks: 2, connections: 3 }])
    })

    test('where only networks are kept, each of their addresses is answered for', async () => {
      await write(row(70, '172.16.5.1', { address: '172.16.5.0/24', port: undefined }))
      expect((await hosts('172.16.5.200')).map((one) => one.connections)).toEqual([1])
      expect((await hosts('172.16.5.0/24')).map((one) => one.connections)).toEqual([1])
    })

    test('a connection without facts is kept and asks for nothing', async () => {
      const nothing = { stack: undefined, timeToLive: undefined, distance: undefined, rtt: undefined }
      await write(row('client 1 2', '192.0.2.80', { ...nothing, rttProvenance: undefined, firstDataDelay: undefined }))
      expect(await hosts('192.0.2.80')).toEqual([])
    })

    test('forgets an address, a network and an account', async () => {
      await write(
        row(90, '192.0.2.90', { account: 'fred' }),
        row(91, '192.0.2.91', { account: 'fred' }),
        row(92, '192.0.2.92'),
      )
      expect(await engine.forget(readPlace('192.0.2.90'))).toBe(1)
      expect(await hosts('192.0.2.90')).toEqual([])
      expect((await hosts('192.0.2.91')).length).toBe(1)
      expect(await engine.forget({ kind: 'account', account: 'fred' })).toBe(1)
      expect(await engine.stacks('fred', TODAY)).toEqual([])
      expect(await engine.forget({ kind: 'account', account: '' })).toBe(0)
      expect((await hosts('192.0.2.92')).length).toBe(1)
      const own = { stack: stackNumber(40, 'Own label'), seen: NOW }
      await write(
        row(95, '192.0.2.95', own),
        row(96, '192.0.2.96', { ...own, account: 'gina' }),
        row(97, '203.0.113.9', own),
      )
      const labels = async () => (await engine.labels(TODAY)).filter((one) => one.label === 'Own label')
      expect(await labels()).toMatchObject([{ networks: 2, connections: 3 }])
      await engine.forget({ kind: 'account', account: 'gina' })
      expect(await labels()).toMatchObject([{ networks: 2, connections: 2 }])
      await engine.forget(readPlace('203.0.113.9'))
      expect(await labels()).toMatchObject([{ networks: 1, connections: 1 }])
      expect(await engine.forget(readPlace('192.0.2.0/24'))).toBeGreaterThan(1)
      expect(await labels()).toEqual([])
      expect(await hosts('192.0.2.1/24')).toEqual([])
    })

    test('forgets connections of an account of which no stack is known, or no count any more', async () => {
      await write(
        row(110, '198.18.0.1', { account: 'hans', stack: undefined }),
        row(111, '198.18.0.2', { account: 'ida', seen: NOW - 5 * DAY }),
      )
      const expire = async (daily: string): Promise<void> => {
        for (let i = 0; i < 100 && (await engine.expire(dayOf(NOW - 30 * DAY), daily)); i++);
      }
      await expire(dayOf(NOW - 300 * DAY))
      expect(await engine.forget({ kind: 'account', account: 'hans' })).toBe(1)
      await expire(dayOf(NOW - 2 * DAY))
      expect(await engine.forget({ kind: 'account', account: 'ida' })).toBe(1)
    })

    test('lets go of single connections before their counts, and of these', async () => {
      const long = NOW - 40 * DAY
      await write(row(100, '10.1.1.1', { seen: long }), row(101, '10.1.1.1'))
      const expire = async (observations: string, daily: string): Promise<void> => {
        for (let i = 0; i < 100 && (await engine.expire(observations, daily)); i++);
      }
      const since = dayOf(NOW - 60 * DAY)
      await expire(dayOf(NOW - 14 * DAY), dayOf(NOW - 60 * DAY))
      expect((await engine.hosts(readPlace('10.1.1.1'), since)).map((one) => one.connections)).toEqual([2])
      await expire(dayOf(NOW - 14 * DAY), dayOf(NOW - 30 * DAY))
      expect((await engine.hosts(readPlace('10.1.1.1'), since)).map((one) => one.connections)).toEqual([1])
    })
  })
}
