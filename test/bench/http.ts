/**
 * Requests per second of a Hono hello-world with and without the middleware: `bun test/bench/http.ts [ROUNDS] [SECONDS]`.
 *
 * Load comes from wrk (Debian package `wrk`) in another process, 32 connections on loopback. Reported are ratios between
 * variants measured in one run, each after `WARM_UP` seconds of the same load. `RUNTIME=deno` measures the same on Deno.
 * @module
 */
import { runtimePath } from '../lab/server.ts'
import { load } from './load.ts'
import { ratio, report, runPairs, type Variant } from './pairs.ts'

const rounds = Number(process.argv[2] ?? 7)
const seconds = Number(process.argv[3] ?? 3)
const only = process.argv[4]
const warmUp = Number(process.env.WARM_UP ?? 4)
const runtime = process.env.RUNTIME === 'deno' ? 'deno' : 'bun'
const command =
  runtime === 'bun'
    ? [process.execPath, `${import.meta.dir}/http-server.ts`]
    : [runtimePath('deno'), 'run', '--no-lock', '--allow-net', '--allow-ffi', `${import.meta.dir}/http-server-deno.ts`]

/** Starts a server variant, loads it with wrk, gives requests per second. */
async function requestsPerSecond(variant: string, hostname: string, headers: readonly string[]): Promise<number> {
  const server = Bun.spawn([...command, variant, hostname], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  try {
    const reader = server.stdout.getReader()
    const { value } = await reader.read()
    const port = Number(new TextDecoder().decode(value))
    const url = `http://127.0.0.1:${port}/`
    // Until the compilers of the runtime have come to rest.
    await load(url, warmUp, headers)
    return (await load(url, seconds, headers)).perSecond
  } finally {
    server.kill()
    await server.exited
  }
}

function variants(names: readonly string[], hostname: string, headers: readonly string[] = []): Variant[] {
  return names.map((name) => ({ name, measure: () => requestsPerSecond(name, hostname, headers) }))
}

const keepAlive = [
  'bare',
  'empty middleware',
  'getConnInfo',
  'getConnInfo in a middleware',
  'reads syn',
  'handler() reads syn',
  'resolve read, unread',
  'handler(), resolve read, unread',
]
const closing = ['bare', 'reads syn', 'handler() reads syn']

type Pair = readonly [name: string, base: string, wanted?: string]

function compare(results: Parameters<typeof ratio>[0], pairs: readonly Pair[]): void {
  for (const [name, base, wanted] of pairs) {
    const measured = ratio(results, name, base).toFixed(3)
    console.log(
      `  ${`${name} / ${base}`.padEnd(52)} ${measured}${wanted === undefined ? '' : `  (at least ${wanted})`}`,
    )
  }
}

for (const hostname of ['127.0.0.1', '']) {
  const where = hostname || 'all addresses'
  if (only !== 'close') {
    const results = await runPairs(variants(keepAlive, hostname), rounds)
    report(`${runtime}: keep-alive, bound to ${where}`, 'requests/s', results)
    compare(results, [
      ['handler() reads syn', 'getConnInfo', '0.90'],
      ['reads syn', 'getConnInfo', '0.90'],
      ['reads syn', 'getConnInfo in a middleware'],
      ['handler() reads syn', 'bare', '0.75'],
      ['reads syn', 'bare', '0.75'],
      ['handler(), resolve read, unread', 'empty middleware', '0.96'],
      ['resolve read, unread', 'empty middleware', '0.96'],
    ])
  }
  if (only !== 'keep-alive') {
    const results = await runPairs(variants(closing, hostname, ['Connection: close']), rounds)
    report(`${runtime}: Connection: close, bound to ${where}`, 'requests/s', results)
    compare(results, [
      ['handler() reads syn', 'bare', '0.96'],
      ['reads syn', 'bare', '0.96'],
    ])
  }
}
