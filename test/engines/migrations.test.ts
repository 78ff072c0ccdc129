/**
 * Tables of an older version are brought up to date with their rows, those of a newer one refused. SQLite's are in `test/store`.
 */
import { expect } from 'bun:test'
import { readPlace } from '../../src/store/address.ts'
import * as clickhouse from '../../src/store/clickhouse.ts'
import { openClickhouse } from '../../src/store/clickhouse.ts'
import { openPostgres } from '../../src/store/postgres.ts'
import * as postgres from '../../src/store/postgres-schema.ts'
import { needs } from '../lab/privilege.ts'
import { row, TODAY } from '../store/rows.ts'
import { CHDB_PACKAGE, startClickhouse } from './clickhouse.ts'
import { POSTGRES, startPostgres } from './postgres.ts'

const PLACE = readPlace('192.0.2.1')

needs('linux', POSTGRES).test('Postgres, by one of several processes at once', async () => {
  const server = await startPostgres()
  const client = new Bun.SQL(server.url)
  try {
    const old = await openPostgres(client)
    await old.write({ observations: [row(1, '192.0.2.1')], updates: [] })
    const newer = [...postgres.MIGRATIONS, ['ALTER TABLE tcpfingerprint.observation ADD COLUMN more int']]
    const opened = await Promise.all([1, 2, 3].map(() => openPostgres(client, false, newer)))
    for (const one of opened) expect(await one.hosts(PLACE, TODAY)).toMatchObject([{ connections: 1 }])
    expect(await client`SELECT cookie, more FROM tcpfingerprint.observation`.values()).toEqual([['1', null]] as never)
    await expect(openPostgres(client)).rejects.toThrow('its tables have version 2, this library knows 1')
  } finally {
    await client.close()
    await server.stop()
  }
})

needs('linux', CHDB_PACKAGE).test('ClickHouse, and again after a process died half way', async () => {
  const server = await startClickhouse()
  try {
    const old = await openClickhouse(server.url)
    await old.write({ observations: [row(1, '192.0.2.1')], updates: [] })
    const column = 'ALTER TABLE observation ADD COLUMN IF NOT EXISTS more Nullable(UInt8)'
    const broken = [...clickhouse.MIGRATIONS, [column, 'NO STATEMENT']]
    await expect(openClickhouse(server.url, broken)).rejects.toThrow('answered 400')
    const newer = [...clickhouse.MIGRATIONS, [column]]
    for (let i = 0; i < 2; i++) {
      const engine = await openClickhouse(server.url, newer)
      expect(await engine.hosts(PLACE, TODAY)).toMatchObject([{ connections: 1 }])
    }
    await expect(openClickhouse(server.url)).rejects.toThrow('its tables have version 3, this library knows 2')
    const url = server.url.slice('clickhouse+'.length)
    const send = (body: string): Promise<Response> => fetch(new URL(url).origin, { method: 'POST', body })
    await send('DROP TABLE observation')
    await send('CREATE TABLE observation (x Int8) ENGINE = Memory')
    await expect(openClickhouse(server.url)).rejects.toThrow('not of this library')
  } finally {
    await server.stop()
  }
})
