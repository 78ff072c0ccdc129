/**
 * What comes to ClickHouse after the observations of its day have gone.
 */
import { expect, spyOn } from 'bun:test'
import { readPlace } from '../../src/store/address.ts'
import { dayOf } from '../../src/store/answers.ts'
import { openClickhouse } from '../../src/store/clickhouse.ts'
import { needs } from '../lab/privilege.ts'
import { DAY, NOW, row } from '../store/rows.ts'
import { CHDB_PACKAGE, startClickhouse } from './clickhouse.ts'

needs('linux', CHDB_PACKAGE).test(
  'rows and updates of a day whose observations have gone take nothing from its counts',
  async () => {
    const server = await startClickhouse()
    const engine = await openClickhouse(server.url)
    try {
      const old = NOW - 20 * DAY
      const first = row(1, '192.0.2.1', { seen: old })
      const count = async (): Promise<number | undefined> =>
        (await engine.hosts(readPlace('192.0.2.1'), dayOf(old)))[0]?.connections
      const expire = async (): Promise<void> => {
        while (await engine.expire(dayOf(NOW - 14 * DAY), dayOf(NOW - 60 * DAY)));
      }
      await engine.write({ observations: [first, row(2, '192.0.2.1', { seen: old + 1000 })], updates: [] })
      await expire()
      expect(await count()).toBe(2)
      // A connection that is still open.
      await engine.write({ observations: [], updates: [{ first, lastSeen: NOW, requests: 9, account: '' }] })
      expect(await count()).toBe(2)
      // A row that waited, or of a server whose clock is wrong: before and after it goes as well.
      await engine.write({ observations: [row(3, '192.0.2.1', { seen: old + 500 })], updates: [] })
      expect(await count()).toBe(3)
      await expire()
      expect(await count()).toBe(3)
    } finally {
      await engine.close()
      await server.stop()
    }
  },
)

needs('linux', CHDB_PACKAGE).test(
  'a row that comes between any two statements of the expiry is counted, once',
  async () => {
    const server = await startClickhouse()
    const engine = await openClickhouse(server.url)
    const send = globalThis.fetch
    const old = NOW - 20 * DAY
    const late = (number: number) => row(number, '192.0.2.1', { seen: old + 1000 * number })
    const count = async (): Promise<number | undefined> =>
      (await engine.hosts(readPlace('192.0.2.1'), dayOf(old)))[0]?.connections
    let rows = 1
    let isBetween = false
    const counts: (number | undefined)[] = []
    const spy = spyOn(globalThis, 'fetch').mockImplementation((async (...request: Parameters<typeof fetch>) => {
      const answer = await send(...request)
      if (isBetween) {
        isBetween = false
        counts.push((await count())! - rows)
        rows += 1
        await engine.write({ observations: [late(rows)], updates: [] })
        counts.push((await count())! - rows)
        isBetween = true
      }
      return answer
    }) as typeof fetch)
    try {
      await engine.write({ observations: [late(1)], updates: [] })
      isBetween = true
      await engine.expire(dayOf(NOW - 14 * DAY), dayOf(NOW - 60 * DAY))
      isBetween = false
      expect(rows).toBeGreaterThan(4)
      expect(counts).toEqual(counts.map(() => 0))
      while (await engine.expire(dayOf(NOW - 14 * DAY), dayOf(NOW - 60 * DAY)));
      expect(await count()).toBe(rows)
    } finally {
      spy.mockRestore()
      await engine.close()
      await server.stop()
    }
  },
)
