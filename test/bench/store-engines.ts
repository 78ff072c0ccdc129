/**
 * Postgres and ClickHouse under the store: rows a second, octets a row, and an engine that is away for a minute:
 * `bun test/bench/store-engines.ts [ROWS [SECONDS-AWAY]]`, 300,000 and 60 by default.
 *
 * Both are the tests' own: a cluster without `fsync`, and ClickHouse's engine in a process behind the tests' HTTP front. Exits 1 where a
 * row is missing.
 * @module
 */
import { openClickhouse } from '../../src/store/clickhouse.ts'
import { openStore } from '../../src/store/index.ts'
import { connectPostgres } from '../../src/store/postgres.ts'
import type { Engine, Observation } from '../../src/store/types.ts'
import { startClickhouse } from '../engines/clickhouse.ts'
import { startPostgres } from '../engines/postgres.ts'
import { connection, request } from '../store/fingerprints.ts'
import { visitors } from '../store/visitors.ts'
import { machine } from './pairs.ts'

const rows = Number(process.argv[2] ?? 300_000)
const away = Number(process.argv[3] ?? 60)
const DAY_OF_CONNECTIONS = 100_000_000
console.log(machine())

/** Writes the rows in the engine's batches; rows a second. */
async function fill(engine: Engine): Promise<number> {
  const { connection: next } = visitors(rows)
  const began = performance.now()
  for (let number = 0; number < rows; ) {
    const observations: Observation[] = []
    while (observations.length < engine.batch.rows && number < rows) observations.push(next(number++))
    await engine.write({ observations, updates: [] })
  }
  return rows / ((performance.now() - began) / 1000)
}

function tell(name: string, rate: number, octets: number): void {
  const seconds = DAY_OF_CONNECTIONS / rate
  const size = (octets * DAY_OF_CONNECTIONS) / 1e9
  console.log(
    `${name}: ${Math.round(rate)} rows a second, ${octets.toFixed(0)} octets a row, counts by day and indexes included`,
  )
  console.log(
    `  100 million connections: ${(seconds / 60).toFixed(0)} minutes of writing, ${size.toFixed(1)} GB (multiplied, not measured)`,
  )
}

const postgres = await startPostgres()
{
  const engine = await connectPostgres(postgres.url)
  const rate = await fill(engine)
  await engine.close()
  const client = new Bun.SQL(postgres.url)
  const sizes = await client`SELECT sum(pg_total_relation_size(c.oid))::float8 AS octets FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'tcpfingerprint' AND c.relkind = 'r'`
  tell('Postgres', rate, (sizes[0] as { octets: number }).octets / rows)
  await client.unsafe('TRUNCATE tcpfingerprint.observation, tcpfingerprint.seen_daily')
  await client.close()
}

const clickhouse = await startClickhouse()
{
  const engine = await openClickhouse(clickhouse.url)
  const rate = await fill(engine)
  const { origin } = new URL(clickhouse.url.slice('clickhouse+'.length))
  const body = 'SELECT sum(bytes_on_disk) AS octets FROM system.parts WHERE active FORMAT JSONEachRow'
  const answer = JSON.parse(await (await fetch(origin, { method: 'POST', body })).text()) as { octets: string }
  tell('ClickHouse', rate, Number(answer.octets) / rows)
  await engine.close()
}
await clickhouse.stop()

// Fifty connections a second go on while Postgres is away.
const store = openStore({ url: postgres.url, queue: 2000 })
await store.ready()
await postgres.down()
let cookie = 0
const memory = process.memoryUsage().rss
const end = performance.now() + away * 1000
let longest = 0
while (performance.now() < end) {
  const before = performance.now()
  for (let i = 0; i < 5; i++) store.observe(request(connection(++cookie)))
  longest = Math.max(longest, performance.now() - before)
  await Bun.sleep(100)
}
const during = store.status()
await postgres.up()
const back = performance.now()
while (store.status().queued > 0 && performance.now() - back < 70_000) await Bun.sleep(50)
const waited = (performance.now() - back) / 1000
const status = store.status()
const kept = (await store.hosts('192.0.2.10')).reduce((sum, one) => sum + one.connections, 0)
await store.close()
await postgres.stop()
const more = (process.memoryUsage().rss - memory) / 2 ** 20
console.log(
  `Postgres away for ${away} s: ${cookie} connections, ${during.queued} waited, ${during.failed} attempts, "${during.lastError}"`,
)
console.log(`  longest call of observe ${longest.toFixed(1)} ms, ${more.toFixed(0)} MiB more`)
console.log(
  `  ${waited.toFixed(1)} s after its return: ${status.written} written, ${status.dropped} dropped, ${kept} in the tables`,
)
process.exitCode = kept === cookie - status.dropped && kept === status.written ? 0 : 1
