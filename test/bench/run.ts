/**
 * Runs one benchmark by name, or lists them: `npm run bench [-- NAME [ARGUMENT...]]`. The names are the rows of README.md.
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One row of the table. */
export interface Benchmark {
  readonly name: string
  readonly script: string
  readonly guards: string
}

/** Every benchmark that has a row in README.md. */
export function benchmarks(): Benchmark[] {
  const table = readFileSync(join(import.meta.dir, 'README.md'), 'utf8')
  return [...table.matchAll(/^\| `([\w-]+)` \| `([\w-]+\.ts)` \| (.+) \|$/gm)].map(([, name, script, guards]) => ({
    name: name!,
    script: script!,
    guards: guards!,
  }))
}

if (import.meta.main) {
  const [name, ...rest] = process.argv.slice(2)
  const chosen = benchmarks().find((one) => one.name === name)
  if (chosen === undefined) {
    for (const { name, guards } of benchmarks()) console.log(`${name.padEnd(15)} ${guards}`)
    if (name !== undefined) console.error(`\nThere is no benchmark "${name}"`)
    process.exitCode = name === undefined ? 0 : 2
  } else {
    const script = join(import.meta.dir, chosen.script)
    const child = Bun.spawn([process.execPath, script, ...rest], { stdio: ['inherit', 'inherit', 'inherit'] })
    process.exitCode = await child.exited
  }
}
