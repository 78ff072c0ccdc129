/**
 * What access logs cost: `bun test/bench/access-log.ts [ROUNDS] [PATH] [VARIANT...]`.
 *
 * First the formatting of one combined line with three variables, in-process: alone as a string, and as access logs do it, many
 * lines joined at once. Then a Hono hello-world with `accessLog` in combined format to a file beside the same app with an empty
 * middleware: one server process for each variant, all alive together, loaded in turn by bursts of one second. Load comes from wrk
 * (Debian package `wrk`) in another process, 32 keep-alive connections on loopback. Ratios are medians over rounds: of requests per
 * second, and of the processor time that the server spent on a request, which other load on the machine disturbs less.
 * @module
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { compileLineAppender, compileLogFormat, NAMED_LOG_FORMATS } from '../../src/access-log/format.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { load, processorMicroseconds } from './load.ts'
import { machine, median, ratio, report, runPairs } from './pairs.ts'

const [roundsText, path = '/', ...chosen] = process.argv.slice(2)
const rounds = Number(roundsText ?? 15)
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'

/** Nanoseconds for one line: `alone`, or in batches as they are written. */
function formatting(alone: boolean): number {
  const format = `${NAMED_LOG_FORMATS.combined} %{FINGERPRINT_TCP_RTT}g %{FINGERPRINT_IP_TTL}g %{FINGERPRINT_TCP_OPTIONS}g`
  const line = compileLogFormat(format)
  const { append } = compileLineAppender(format)
  const requestHeaders = new Headers({ referer: 'http://example.org/start', 'user-agent': AGENT })
  const env = { FINGERPRINT_TCP_RTT: '57', FINGERPRINT_IP_TTL: '64', FINGERPRINT_TCP_OPTIONS: '2,4,8,1,3' }
  const responseHeaders = new Headers()
  let octets = 0
  const sink = new Uint8Array(262_144)
  const encoder = new TextEncoder()
  let pieces: string[] = []
  const once = (count: number): number => {
    const start = performance.now()
    for (let i = 0; i < count; i += 1) {
      const record = {
        method: 'GET',
        url: `http://example.org:3000/page/${i & 1023}?q=1`,
        status: 200,
        time: 1_795_323_843_000 + i,
        bytes: i & 4095,
        requestHeaders,
        responseHeaders,
        remoteAddress: '192.0.2.10',
        env,
      }
      // Encoded, so that the text is really made.
      if (alone) octets += encoder.encodeInto(line(record), sink).written
      else {
        append(record, pieces)
        pieces.push('\n')
        if (pieces.length < 8192) continue
        octets += encoder.encodeInto(pieces.join(''), sink).written
        pieces = []
      }
    }
    return ((performance.now() - start) * 1e6) / count
  }
  once(200_000)
  const found = Array.from({ length: 9 }, () => once(100_000))
  if (octets === 0) throw new Error('nothing was formatted')
  return median(found)
}

/** One variant's server, alive for all rounds. */
interface Served {
  /** Requests per second of one burst; the processor time goes to `microseconds`. */
  burst(): Promise<number>
  readonly microseconds: number[]
  stop(): Promise<void>
}

async function serve(variant: string, directory: string): Promise<Served> {
  const file = join(directory, `${variant}.log`)
  const server = Bun.spawn([process.execPath, `${import.meta.dir}/access-log-server.ts`, variant, file], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const { value } = await server.stdout.getReader().read()
  const url = `http://127.0.0.1:${Number(new TextDecoder().decode(value))}${path}`
  const headers = [`User-Agent: ${AGENT}`, 'Referer: http://example.org/start']
  const microseconds: number[] = []
  const burst = async (): Promise<number> => {
    const before = processorMicroseconds(server.pid)
    const { requests, perSecond } = await load(url, 1, headers)
    microseconds.push((processorMicroseconds(server.pid) - before) / requests)
    return perSecond
  }
  await burst()
  await burst()
  if (variant === 'combined' && statSync(file).size === 0) throw new Error('nothing was logged')
  microseconds.length = 0
  return {
    burst,
    microseconds,
    async stop() {
      server.kill()
      await server.exited
    },
  }
}

if (chosen.length === 0) {
  console.log(`formatting a combined line with three variables (under 1000 ns; ${machine()})`)
  console.log(`  as a string ${formatting(true).toFixed(0)} ns, in batches ${formatting(false).toFixed(0)} ns`)
}
const { path: directory, remove } = temporaryDirectory()
const servers = new Map<string, Served>()
try {
  const names = chosen.length > 0 ? chosen : ['empty middleware', 'bare', 'peer and headers', 'combined', 'json']
  for (const name of names) servers.set(name, await serve(name, directory))
  const results = await runPairs(
    names.map((name) => ({ name, measure: () => servers.get(name)!.burst() })),
    rounds,
  )
  report(`keep-alive, ${path}`, 'requests/s', results)
  const base = names[0]!
  const times = new Map(names.map((name) => [name, servers.get(name)!.microseconds]))
  for (const name of names) {
    const note = name === 'combined' ? '  (at least 0.85 of the requests was asked for)' : ''
    console.log(
      `  ${`${name} / ${base}`.padEnd(44)} requests ${ratio(results, name, base).toFixed(3)}, ` +
        `processor ${median(times.get(name)!).toFixed(2)} us, ${(1 / ratio(times, name, base)).toFixed(3)}${note}`,
    )
  }
} finally {
  for (const server of servers.values()) await server.stop()
  remove()
}
