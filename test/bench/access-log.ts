/**
 * What access logs cost: `bun test/bench/access-log.ts [ROUNDS] [SECONDS] [PATH] [VARIANT...]`.
 *
 * First the formatting of one combined line with three variables, in-process. Then requests per second of a Hono hello-world with
 * `accessLog` in combined format to a file, as a ratio to the same app with an empty middleware; load comes from wrk (Debian
 * package `wrk`) in another process, 32 keep-alive connections on loopback.
 * @module
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileLogFormat, NAMED_LOG_FORMATS } from '../../src/output/log-format.ts'
import { machine, median, ratio, report, runPairs } from './pairs.ts'

const [roundsText, secondsText, path = '/', ...chosen] = process.argv.slice(2)
const rounds = Number(roundsText ?? 7)
const seconds = Number(secondsText ?? 3)
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'

/** Nanoseconds for one line. */
function formatting(): number {
  const line = compileLogFormat(
    `${NAMED_LOG_FORMATS.combined} %{FINGERPRINT_TCP_RTT}g %{FINGERPRINT_IP_TTL}g %{FINGERPRINT_TCP_OPTIONS}g`,
  )
  const headers = new Headers({ referer: 'http://example.org/start', 'user-agent': AGENT })
  const env = { FINGERPRINT_TCP_RTT: '57', FINGERPRINT_IP_TTL: '64', FINGERPRINT_TCP_OPTIONS: '2,4,8,1,3' }
  const responseHeaders = new Headers()
  let octets = 0
  const sink = new Uint8Array(1024)
  const encoder = new TextEncoder()
  const once = (count: number): number => {
    const start = performance.now()
    for (let i = 0; i < count; i += 1) {
      const text = line({
        method: 'GET',
        url: `http://example.org:3000/page/${i & 1023}?q=1`,
        status: 200,
        time: 1_795_323_843_000 + i,
        bytes: i & 4095,
        requestHeaders: headers,
        responseHeaders,
        remoteAddress: '192.0.2.10',
        env,
      })
      // Encoded, so that the text is really made.
      octets += encoder.encodeInto(text, sink).written
    }
    return ((performance.now() - start) * 1e6) / count
  }
  once(200_000)
  const found = Array.from({ length: 9 }, () => once(100_000))
  if (octets === 0) throw new Error('nothing was formatted')
  return median(found)
}

async function requestsPerSecond(variant: string, directory: string): Promise<number> {
  const file = join(directory, 'access.log')
  const server = Bun.spawn([process.execPath, `${import.meta.dir}/access-log-server.ts`, variant, file], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  try {
    const { value } = await server.stdout.getReader().read()
    const url = `http://127.0.0.1:${Number(new TextDecoder().decode(value))}${path}`
    const load = async (duration: number): Promise<string> => {
      const args = [
        '-t1',
        '-c32',
        `-d${duration}s`,
        '-H',
        `User-Agent: ${AGENT}`,
        '-H',
        'Referer: http://example.org/start',
      ]
      return await new Response(Bun.spawn(['wrk', ...args, url]).stdout).text()
    }
    await load(1)
    const text = await load(seconds)
    const found = /Requests\/sec:\s*([\d.]+)/.exec(text)
    if (!found || /Non-2xx/.test(text)) throw new Error(`wrk: ${text}`)
    if (variant === 'combined' && statSync(file).size === 0) throw new Error('nothing was logged')
    return Number(found[1])
  } finally {
    server.kill()
    await server.exited
    rmSync(file, { force: true })
  }
}

const directory = mkdtempSync(join(tmpdir(), 'tcpfingerprint-bench-'))
try {
  if (chosen.length === 0) {
    console.log(
      `formatting a combined line with three variables: ${formatting().toFixed(0)} ns (under 1000; ${machine()})`,
    )
  }
  const names = chosen.length > 0 ? chosen : ['bare', 'empty middleware', 'peer and headers', 'combined', 'json']
  const results = await runPairs(
    names.map((name) => ({ name, measure: () => requestsPerSecond(name, directory) })),
    rounds,
  )
  if (results.has('peer and headers') && results.has('combined')) {
    console.log(`combined / peer and headers: ${ratio(results, 'combined', 'peer and headers').toFixed(3)}`)
  }
  report(`keep-alive, ${path}`, 'requests/s', results)
  for (const name of names.slice(1)) {
    if (name === 'empty middleware') continue
    const base = results.has('empty middleware') ? 'empty middleware' : names[0]!
    const note = name === 'combined' ? '  (at least 0.85)' : ''
    console.log(`  ${`${name} / ${base}`.padEnd(44)} ${ratio(results, name, base).toFixed(3)}${note}`)
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}
