/**
 * Requests per second of a Hono hello-world with and without the middleware: `bun test/bench/http.ts [ROUNDS] [SECONDS]`.
 *
 * Load comes from wrk (Debian package `wrk`) in another process, 32 connections on loopback. Reported are ratios between
 * variants measured in one run, each after `WARM_UP` seconds of the same load. `RUNTIME=deno` measures the same on Deno.
 * @module
 */
import { runtimePath } from '../support/server.ts'
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
    const load = async (duration: string): Promise<string> => {
      const wrk = Bun.spawn([
        'wrk',
        '-t1',
        '-c32',
        `-d${duration}`,
        ...headers.flatMap((header) => ['-H', header]),
        url,
      ])
      return await new Response(wrk.stdout).text()
    }
    // Until the compilers of the runtime have come to rest.
    await load(`${warmUp}s`)
    const text = await load(`${seconds}s`)
    const found = /Requests\/sec:\s*([\d.]+)/.exec(text)
    if (!found || /Non-2xx/.test(text)) throw new Error(`wrk: ${text}`)
    return Number(found[1])
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
  'resolve read, unread',
]
for (const hostname of ['127.0.0.1', '']) {
  const where = hostname || 'all addresses'
  if (only !== 'close') {
    const results = await runPairs(variants(keepAlive, hostname), rounds)
    report(`${runtime}: keep-alive, bound to ${where}`, 'requests/s', results)
    console.log(
      `  reads syn / getConnInfo                     ${ratio(results, 'reads syn', 'getConnInfo').toFixed(3)}  (at least 0.90)`,
    )
    console.log(
      `  reads syn / getConnInfo in a middleware     ${ratio(results, 'reads syn', 'getConnInfo in a middleware').toFixed(3)}`,
    )
    console.log(
      `  reads syn / bare                            ${ratio(results, 'reads syn', 'bare').toFixed(3)}  (at least 0.75)`,
    )
    console.log(
      `  resolve read, unread / empty middleware     ${ratio(results, 'resolve read, unread', 'empty middleware').toFixed(3)}  (at least 0.96)`,
    )
  }
  if (only !== 'keep-alive') {
    const closing = await runPairs(variants(['bare', 'reads syn'], hostname, ['Connection: close']), rounds)
    report(`${runtime}: Connection: close, bound to ${where}`, 'requests/s', closing)
    console.log(
      `  reads syn / bare                            ${ratio(closing, 'reads syn', 'bare').toFixed(3)}  (at least 0.96)`,
    )
  }
}
