/**
 * The live store at full size: 20,000 connections of 200 clients behind 20 addresses, every answer exact; then 50 kills with SIGKILL.
 * `bun test/bench/store-live.ts [CONNECTIONS [KILLS]]`. Needs root. Exits 1 where an answer is wrong or a row is missing.
 * @module
 */
import { crash } from '../engines/crash.ts'
import { NODES_WITH_SQLITE, runLive } from '../engines/live.ts'
import { createNetns } from '../lab/netns.ts'
import { RUNTIMES } from '../lab/runtimes.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { machine } from './pairs.ts'

const connections = Number(process.argv[2] ?? 20_000)
const kills = Number(process.argv[3] ?? 50)
console.log(machine())
let isWrong = false
for (const runtime of connections > 0 ? [...RUNTIMES, ...NODES_WITH_SQLITE] : []) {
  using directory = temporaryDirectory()
  const netns = createNetns()
  const wrong = await runLive({ netns, runtime, url: `sqlite:${directory.file('seen.sqlite')}`, connections })
  await netns.close()
  console.log(
    `${typeof runtime === 'string' ? runtime : runtime.name}: ${connections} connections, ${wrong.length} answers that are not exact`,
  )
  for (const line of wrong.slice(0, 10)) console.log(`  ${line}`)
  isWrong ||= wrong.length > 0
}
using directory = temporaryDirectory()
const all = { kept: 0, missing: 0, unsound: 0 }
for (let run = 0; run < kills; run++) {
  const left = await crash(directory.file('seen.sqlite'), 1 + run * 1_000_000, Math.random() * 3000)
  all.kept += left.kept
  all.missing += left.missing
  if (!left.isSound) all.unsound++
}
console.log(
  `${kills} kills: ${all.kept} rows kept, ${all.missing} older than a second missing, ${all.unsound} files unsound or with rows twice`,
)
process.exitCode = isWrong || all.missing > 0 || all.unsound > 0 ? 1 : 0
