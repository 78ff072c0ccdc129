/**
 * What `cgi` adds to running a program: `bun test/bench/cgi.ts [ROUNDS] [RUNS]`.
 *
 * Both run the same script one after the other and read all of its output: one through the handler, with the request and the answer,
 * the other by a bare `Bun.spawn` with a small environment. Reported is the time of a run; many short rounds, because the machine's own
 * pace changes from second to second.
 * @module
 */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCgi } from '../../src/cgi/plain.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { ratio, report, runPairs } from './pairs.ts'

const rounds = Number(process.argv[2] ?? 41)
const runs = Number(process.argv[3] ?? 20)
const { path: directory, remove } = temporaryDirectory()
const script = join(directory, 'hello')
writeFileSync(script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello\\n'\n")
chmodSync(script, 0o755)

const PATH = '/usr/bin:/bin'
const handler = createCgi({ root: directory, passEnv: [], env: { PATH } })
const env: Record<string, string> = { PATH, GATEWAY_INTERFACE: 'CGI/1.1', QUERY_STRING: '', REQUEST_METHOD: 'GET' }

async function spawned(): Promise<number> {
  const child = Bun.spawn({ cmd: [script], cwd: directory, env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [out] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited])
  return out.length
}
async function handled(): Promise<number> {
  return (await (await handler(new Request('http://localhost/hello'))).text()).length
}
/** Microseconds for one run. */
async function time(run: () => Promise<number>): Promise<number> {
  let octets = 0
  const start = performance.now()
  for (let i = 0; i < runs; i += 1) octets += await run()
  if (octets === 0) throw new Error('nothing came out')
  return ((performance.now() - start) * 1000) / runs
}

try {
  await time(spawned)
  await time(handled)
  const results = await runPairs(
    [
      { name: 'Bun.spawn', measure: () => time(spawned) },
      { name: 'cgi', measure: () => time(handled) },
    ],
    rounds,
  )
  report('one script after the other', 'microseconds a run', results)
  console.log(`  cgi / Bun.spawn ${ratio(results, 'cgi', 'Bun.spawn').toFixed(3)}  (at most 1.15)`)
} finally {
  await handler.close()
  remove()
}
