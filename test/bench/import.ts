/**
 * How long importing the pure core takes on Bun, and then the first label (the database is loaded, a SYN decoded and matched), each
 * time in a fresh process: `bun test/bench/import.ts [TIMES]`. Measured are the sources and, after `npm run build`, the compiled
 * package. With `RUNTIME=node` or one release of it: `tcpfingerprint/node` of the compiled package, elapsed and processor time, beside
 * `node:http`, which every such server loads, alone and before it.
 * @module
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { ROOT } from '../lab/server.ts'
import { chosenNodes } from './measured.ts'
import { machine, median } from './pairs.ts'

const SYN =
  '4500003c1234400039064343c000020ac6336407a8ca01bb1122334400000000a002faf000000000020405b40402080a00a1b2c30000000001030307'

const times = Number(process.argv[2] ?? 21)
const nodes = chosenNodes()
const entry = resolve(ROOT, 'dist/node.js')
for (const { name, path } of nodes) {
  console.log(`${name} (milliseconds, medians; ${machine()})`)
  for (const files of [['node:net'], ['node:http'], [entry], ['node:http', entry]]) {
    const script = `const [cpu, start] = [process.cpuUsage(), performance.now()]
${files.map((file) => `await import(${JSON.stringify(file)})`).join('\n')}
const [elapsed, used] = [performance.now() - start, process.cpuUsage(cpu)]
console.log(JSON.stringify([elapsed, (used.user + used.system) / 1000]))`
    const taken = Array.from(
      { length: times },
      () =>
        JSON.parse(Bun.spawnSync([path, '--input-type=module', '-e', script]).stdout.toString()) as [number, number],
    )
    const [elapsed, used] = [0, 1].map((i) => median(taken.map((one) => one[i]!)).toFixed(1))
    console.log(`  ${files.join(', ').replace(entry, 'tcpfingerprint/node').padEnd(31)} ${elapsed}, processor ${used}`)
  }
}
if (nodes.length === 0) console.log(`the pure core (milliseconds; ${machine()})`)
for (const file of nodes.length === 0 ? ['dist/index.js', 'src/index.ts'] : []) {
  const path = resolve(ROOT, file)
  if (!existsSync(path)) continue
  const script = `const start = performance.now()
const core = await import(${JSON.stringify(path)})
const imported = performance.now()
core.match(core.defaultDatabase(), core.parseSyn('${SYN}'))
console.log(JSON.stringify([imported - start, performance.now() - imported]))`
  const taken = Array.from(
    { length: times },
    () => JSON.parse(Bun.spawnSync([process.execPath, '-e', script]).stdout.toString()) as [number, number],
  )
  for (const [i, [what, most]] of [
    ['import', 10],
    ['first label', 15],
  ].entries()) {
    const all = taken.map((one) => one[i]!)
    const range = `${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)}`
    console.log(`  ${file.padEnd(14)} ${what}: median ${median(all).toFixed(2)}, ${range} (at most ${most})`)
  }
}
