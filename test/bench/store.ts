/**
 * SQLite under the store: octets a connection, and how long questions take: `bun test/bench/store.ts [ROWS]`, 5,000,000 by default.
 * The connections are those of `test/store/visitors.ts`. Exits 1 where a figure of the README does not hold.
 * @module
 */
import { statSync } from 'node:fs'
import { readPlace } from '../../src/store/address.ts'
import { dayOf } from '../../src/store/answers.ts'
import type { Observation } from '../../src/store/types.ts'
import { openApart } from '../store/apart.ts'
import { visitors } from '../store/visitors.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { machine, median } from './pairs.ts'

const rows = Number(process.argv[2] ?? 5_000_000)
const DAYS = 30
const DAY = 86_400_000_000
const MEASURED = 50_000
const { start, connection, visitor } = visitors(rows)

using directory = temporaryDirectory()
const file = directory.file('seen.sqlite')
const engine = await openApart(file)
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
console.log(
  `  the last ${MEASURED} in batches of ${engine.batch.rows}: median ${middle} ms, longest ${worst} ms, in the thread`,
)

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
