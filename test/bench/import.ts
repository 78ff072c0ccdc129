/**
 * How long importing the pure core takes on Bun, each time in a fresh process: `bun test/bench/import.ts [TIMES]`.
 * Measured are the sources and, after `npm run build`, the compiled package.
 * @module
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { ROOT } from '../lab/server.ts'
import { machine, median } from './pairs.ts'

const times = Number(process.argv[2] ?? 21)
console.log(`importing the pure core (milliseconds; ${machine()})`)
for (const file of ['dist/index.js', 'src/index.ts']) {
  const path = resolve(ROOT, file)
  if (!existsSync(path)) continue
  const script = `const t = performance.now(); await import(${JSON.stringify(path)}); console.log(performance.now() - t)`
  const taken: number[] = []
  for (let i = 0; i < times; i++) {
    taken.push(Number(Bun.spawnSync([process.execPath, '-e', script]).stdout.toString()))
  }
  const [least, most] = [Math.min(...taken), Math.max(...taken)]
  console.log(
    `  ${file.padEnd(14)} median ${median(taken).toFixed(2)}, ${least.toFixed(2)} to ${most.toFixed(2)} (at most 10)`,
  )
}
