/**
 * What recording costs a server: `bun test/bench/store-http.ts [ROUNDS [SECONDS]]`. Load comes from wrk (Debian package `wrk`).
 *
 * Keep-alive requests/s of 32 clients that stay, with a SQLite store against without, in pairs; the longest block of the event loop while
 * 833 new connections a second (50,000 a minute) are recorded, and how many were dropped.
 * @module
 */
import { startServer } from '../lab/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { ratio, report, runPairs } from './pairs.ts'

const rounds = Number(process.argv[2] ?? 7)
const seconds = Number(process.argv[3] ?? 5)
const SERVER = 'test/engines/servers/recording.ts'
const NEW_CONNECTIONS = 50_000 / 60

using directory = temporaryDirectory()
let files = 0
const store = (): string => `sqlite:${directory.file(`${files++}.sqlite`)}`

async function keepAlive(variables: Record<string, string>): Promise<number> {
  await using server = await startServer(undefined, SERVER, variables)
  const wrk = Bun.spawn(['wrk', '-t1', '-c32', `-d${seconds}s`, `http://127.0.0.1:${server.port}/`], { stdout: 'pipe' })
  const text = await new Response(wrk.stdout).text()
  if (/Non-2xx/.test(text)) throw new Error(`wrk: ${text}`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(text)![1])
}

const results = await runPairs(
  [
    { name: 'without', measure: () => keepAlive({}) },
    { name: 'recording', measure: () => keepAlive({ STORE: store() }) },
  ],
  rounds,
)
report('keep-alive, 32 clients that stay', 'requests/s', results)
const kept = ratio(results, 'recording', 'without')
console.log(`  recording / without ${kept.toFixed(3)}; at least 0.95`)

/** The longest block of the event loop and the store's status after so many new connections at the pace of 50,000 a minute. */
async function newConnections(
  variables: Record<string, string>,
): Promise<{ blocked: number; status: { written?: number; dropped?: number } }> {
  await using server = await startServer(undefined, SERVER, { WATCH: '1', ...variables })
  const url = `http://127.0.0.1:${server.port}`
  const ask = async (path: string): Promise<unknown> =>
    (await fetch(`${url}${path}`, { headers: { connection: 'close' } })).json()
  for (let i = 0; i < 500; i++) await (await fetch(url, { headers: { connection: 'close' } })).text()
  await ask('/blocked')
  const began = performance.now()
  const total = Math.round(NEW_CONNECTIONS * seconds * 2)
  for (let i = 0; i < total; i += 8) {
    await Promise.all(
      Array.from({ length: 8 }, async () => (await fetch(url, { headers: { connection: 'close' } })).text()),
    )
    const ahead = ((i + 8) / NEW_CONNECTIONS) * 1000 - (performance.now() - began)
    if (ahead > 0) await Bun.sleep(ahead)
  }
  const pace = Math.round((total / (performance.now() - began)) * 60_000)
  const blocked = (await ask('/blocked')) as number
  await Bun.sleep(1500)
  console.log(`  ${total} connections at ${pace} a minute`)
  return { blocked, status: (await ask('/status')) as { written?: number; dropped?: number } }
}

console.log('new connections')
const bare = await newConnections({})
const recording = await newConnections({ STORE: store() })
console.log(
  `  longest block of the event loop: ${bare.blocked.toFixed(1)} ms without, ${recording.blocked.toFixed(1)} ms recording`,
)
console.log(`  written ${recording.status.written}, dropped ${recording.status.dropped}`)
process.exitCode = kept >= 0.95 && recording.status.dropped === 0 ? 0 : 1
