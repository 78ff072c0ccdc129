/**
 * SQLite under the store: octets a connection, and how long questions take: `bun test/bench/store.ts [ROWS]`, 5,000,000 by default.
 *
 * Synthetic connections of 30 days: 40,000 networks of which few have most, two stacks an address out of 60, a third with an account.
 * A visit is one to seven connections, as browsers open them. Exits 1 where a figure of the README does not hold.
 * @module
 */
import { statSync } from 'node:fs'
import { readPlace } from '../../src/store/address.ts'
import { dayOf } from '../../src/store/answers.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import type { Observation, Stack } from '../../src/store/types.ts'
import { seeded } from '../support/seeded.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { machine, median } from './pairs.ts'

const rows = Number(process.argv[2] ?? 5_000_000)
const NETWORKS = 40_000
const STACKS = 60
const DAYS = 30
const MEASURED = 50_000
const DAY = 86_400_000_000
const random = seeded(7)
const below = (limit: number): number => Math.floor(random() * limit)

const stacks: Stack[] = Array.from({ length: STACKS }, (_, i) => ({
  stack: `4:64:0:${1360 + i}:mss*${20 + i},7:mss,sok,ts,nop,ws:df,id+:0`,
  muonfp: `64240:2-4-8-1-3:${1360 + i}:7`,
  haproxy: '0050A8FAF005B447',
  mss: 1360 + i,
  window: 64_240,
  scale: 7,
  options: '2,4,8,1,3',
  label: `System ${i % 25}`,
  family: 'linux',
}))

const start = Math.floor(Date.now() / 86_400_000) * DAY - (DAYS - 1) * DAY

let visit: Observation | undefined
let left = 0

/** The connection with this number, in the order of time. */
function connection(number: number): Observation {
  if (left-- <= 0 || visit === undefined) {
    visit = visitor(number)
    left = below(7)
  }
  const seen = start + Math.floor((number / rows) * DAYS * DAY)
  return {
    ...visit,
    cookie: String(1_000_000 + number * 3),
    seen,
    port: 32_768 + below(28_232),
    firstDataDelay: below(40),
  }
}

function visitor(number: number): Observation {
  // The square: half of all connections come from a fourth of the networks.
  const network = Math.floor(random() ** 2 * NETWORKS)
  const host = 1 + below(3)
  const prefix = `${1 + (network >> 12)}.${(network >> 4) & 255}.${(network & 15) * 16}`
  const client = network * 3 + host
  return {
    boot: 'b6d5c7a2-0000-4000-8000-000000000001',
    host: 'web-1',
    cookie: String(1_000_000 + number * 3),
    seen: start + Math.floor((number / rows) * DAYS * DAY),
    network: `${prefix}.0/24`,
    address: `${prefix}.${host}`,
    port: 32_768 + below(28_232),
    serverPort: 443,
    stack: stacks[(client * 7 + below(2)) % STACKS],
    timeToLive: 64 - below(20),
    distance: 7,
    rtt: 500 + below(200_000),
    rttProvenance: 'handshake',
    firstDataDelay: below(40),
    tlsRoundTrip: undefined,
    requests: 1,
    account: client % 3 === 0 ? `user-${client}` : '',
    syn: undefined,
  }
}

using directory = temporaryDirectory()
const file = directory.file('seen.sqlite')
const engine = await openSqlite(file)
console.log(machine())
const began = performance.now()
const batches: number[] = []
for (let number = 0; number < rows; ) {
  const observations: Observation[] = []
  // In the store's own batches at the end, where the file is largest; in large ones until then, to get there.
  const isMeasured = number >= rows - MEASURED
  const size = isMeasured ? engine.batch.rows : 5000
  while (observations.length < size && number < rows) observations.push(connection(number++))
  const before = performance.now()
  await engine.write({ observations, updates: [] })
  if (isMeasured) batches.push(performance.now() - before)
}
const seconds = (performance.now() - began) / 1000
console.log(`${rows} rows: ${Math.round(rows / seconds)} a second`)
const [middle, worst] = [median(batches).toFixed(2), Math.max(...batches).toFixed(1)]
console.log(`  the last ${MEASURED} in batches of ${engine.batch.rows}: median ${middle} ms, longest ${worst} ms`)

async function time(name: string, most: number, ask: () => Promise<readonly unknown[]>): Promise<boolean> {
  const times: number[] = []
  let answers = 0
  for (let i = 0; i < 21; i++) {
    const before = performance.now()
    answers = (await ask()).length
    times.push(performance.now() - before)
  }
  const [middle, worst] = [median(times), Math.max(...times)]
  console.log(
    `  ${name.padEnd(36)} median ${middle.toFixed(2)} ms, worst ${worst.toFixed(2)} ms, ${answers} rows; at most ${most} ms`,
  )
  return middle <= most
}

const since = (days: number): string => dayOf(start + (DAYS - days) * DAY)
const address = (): string => visitor(rows - 1).address
const account = (): string => {
  for (;;) {
    const one = visitor(rows - 1)
    if (one.account !== '') return one.account
  }
}
const held = [
  await time('hosts(address), 7 days', 10, () => engine.hosts(readPlace(address()), since(7))),
  await time('hosts(address), 30 days', 10, () => engine.hosts(readPlace(address()), since(30))),
  await time('hosts(network), 30 days', 10, () => engine.hosts(readPlace(`${address()}/24`), since(30))),
  await time('stacks(account), 30 days', 10, () => engine.stacks(account(), since(30))),
  await time('labels(), 1 day', 1000, () => engine.labels(since(1))),
  await time('labels(), 7 days', 1000, () => engine.labels(since(7))),
  await time('labels(), 30 days', 1000, () => engine.labels(since(30))),
]
const before = performance.now()
await engine.expire(since(29), since(30))
console.log(`  one slice of expired rows: ${(performance.now() - before).toFixed(1)} ms`)
await engine.close()
const octets = statSync(file).size / rows
console.log(`  ${octets.toFixed(1)} octets a connection; at most 110`)
process.exitCode = octets <= 110 && held.every(Boolean) ? 0 : 1
