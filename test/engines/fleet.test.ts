/**
 * Three servers, two runtimes, one database: what the recipe "One store for several servers" says of ids and clocks.
 */
import { expect } from 'bun:test'
import { openStore } from '../../src/store/index.ts'
import { needs } from '../lab/privilege.ts'
import { startServer } from '../lab/server.ts'
import { CHDB_PACKAGE, startClickhouse } from './clickhouse.ts'
import { POSTGRES, startPostgres } from './postgres.ts'

/** Connections to each server. */
const CONNECTIONS = 20
/** How far the last server's clock is ahead, milliseconds. */
const AHEAD = 90_000

/** Runs the servers, and checks what the store answers for all of them together. */
async function runFleet(url: string): Promise<void> {
  const clock = (i: number): string => (i === 2 ? String(AHEAD) : '0')
  const start = (i: number) =>
    startServer(
      undefined,
      'test/engines/servers/recording.ts',
      { STORE: url, HOST_NAME: `web-${i + 1}`, CLOCK: clock(i) },
      { runtime: i === 1 ? 'deno' : 'bun' },
    )
  const servers = await Promise.all([0, 1, 2].map(start))
  const began = Date.now()
  try {
    for (let n = 0; n < CONNECTIONS; n++) {
      for (const [i, { port }] of servers.entries()) {
        const path = n % 2 === 0 ? '/?account=anna' : `/?account=only-${i}`
        const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })
        expect(response.status).toBe(200)
        await response.text()
      }
    }
  } finally {
    // Flushed at SIGTERM, all at once.
    await Promise.all(servers.map((server) => server.stop('SIGTERM')))
  }
  const store = openStore({ url })
  try {
    const hosts = await store.hosts('127.0.0.1', { days: 2 })
    expect(hosts.reduce((sum, one) => sum + one.connections, 0)).toBe(3 * CONNECTIONS)
    expect([...new Set(hosts.flatMap((one) => one.accounts))].sort()).toEqual(['anna', 'only-0', 'only-1', 'only-2'])
    const stacks = await store.stacks('anna', { days: 2 })
    expect(stacks.reduce((sum, one) => sum + one.connections, 0)).toBe((3 * CONNECTIONS) / 2)
    // Times are the servers' own: the last one is that of the clock that is ahead.
    const last = Math.max(...hosts.map((one) => Date.parse(one.lastSeen)))
    expect(last).toBeGreaterThanOrEqual(began + AHEAD)
    const first = Math.min(...hosts.map((one) => Date.parse(one.firstSeen)))
    expect(first).toBeLessThan(began + AHEAD)
    expect(await store.forget({ account: 'anna' })).toBe((3 * CONNECTIONS) / 2)
  } finally {
    await store.close()
  }
}

/** How many connections each server has in the tables, in order of its name. */
type CountByHost = (url: string) => Promise<(readonly [host: string, connections: number])[]>

const inPostgres: CountByHost = async (url) => {
  const client = new Bun.SQL(url)
  const rows: { host: string; n: number; boots: number }[] =
    await client`SELECT host, count(*)::int AS n, count(DISTINCT boot)::int AS boots FROM tcpfingerprint.observation
      GROUP BY host ORDER BY host`
  await client.close()
  expect(rows.map(({ boots }) => boots)).toEqual([1, 1, 1])
  return rows.map(({ host, n }) => [host, n])
}

const inClickhouse: CountByHost = async (url) => {
  const body = 'SELECT host, count() AS n FROM observation FINAL GROUP BY host ORDER BY host FORMAT JSONEachRow'
  const { origin } = new URL(url.slice('clickhouse+'.length))
  const text = await (await fetch(origin, { method: 'POST', body })).text()
  const rows = text.trim().split('\n')
  return rows
    .map((line) => JSON.parse(line) as { host: string; n: number | string })
    .map(({ host, n }) => [host, Number(n)])
}

for (const [name, need, start, count] of [
  ['Postgres', POSTGRES, startPostgres, inPostgres],
  ['ClickHouse', CHDB_PACKAGE, startClickhouse, inClickhouse],
] as const) {
  needs('linux', need).test(`three servers into one ${name}`, async () => {
    const server = await start()
    try {
      await runFleet(server.url)
      // Of each, those of anna were forgotten.
      const left = ['web-1', 'web-2', 'web-3'].map((host) => [host, CONNECTIONS / 2] as const)
      expect(await count(server.url)).toEqual(left)
    } finally {
      await server.stop()
    }
  })
}
