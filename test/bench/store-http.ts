/**
 * What recording costs a server: `bun test/bench/store-http.ts [ROUNDS [SECONDS]]`. Load comes from wrk (Debian package `wrk`).
 *
 * Keep-alive requests of 32 clients that stay, with a SQLite store against without (`turns.ts`, ROUNDS times SECONDS); the longest block
 * of the event loop while 833 new connections a second (50,000 a minute) are recorded, and how many were dropped, beside a server that
 * looks at no connection and one that reads the same facts and keeps none. These servers have real-time priority, which needs root, against
 * what else the machine does. Of a block the part is judged in which the server's thread did not wait for a processor that others had, nor
 * slept while nothing of it ran; of all rounds the longest. Exits 1 where a figure of the guide does not hold.
 * @module
 */
import { Hono, type MiddlewareHandler } from 'hono'
import { fingerprint } from '../../src/bun.ts'
import { openStore } from '../../src/store/index.ts'
import { startServer } from '../lab/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { median, ratio, report } from './pairs.ts'
import { runTurns, type TurnApp } from './turns.ts'

const rounds = Number(process.argv[2] ?? 7)
const seconds = Number(process.argv[3] ?? 5)
const SERVER = 'test/engines/servers/recording.ts'
const NEW_CONNECTIONS = 50_000 / 60
/** Runs of each kind, since the longest of one run is also what the machine did besides. */
const BLOCK_ROUNDS = 5
/** Connections before a run is watched, for the compilers. */
const WARM_UP = 3000
/** Milliseconds. */
interface Block {
  readonly elapsed: number
  readonly own: number
}

using directory = temporaryDirectory()
let files = 0
const store = (): string => `sqlite:${directory.file(`${files++}.sqlite`)}`

// Keep-alive: by turns in one process, and with one store, as servers have: of a connection two stores would share the slow way is measured.
const kept = openStore({ url: store() })
const hello = (name: string, ...middleware: MiddlewareHandler[]): TurnApp => {
  const app = new Hono()
  for (const one of middleware) app.use(one)
  return { name, fetch: app.get('/', (c) => c.text('Hello\n')).fetch as TurnApp['fetch'] }
}
const turns = await runTurns(
  [
    hello('without', fingerprint()),
    hello('recording', fingerprint({ observe: kept.observe })),
    hello('recording by record()', fingerprint(), kept.record()),
    hello('recording an account', fingerprint(), kept.record({ account: () => 'anna' })),
    hello('recording of nobody', fingerprint(), kept.record({ account: (c) => c.get('user') })),
    hello('a middleware more', fingerprint(), (_, next) => next()),
    hello('one with await more', fingerprint(), async (_, next) => {
      await next()
    }),
  ],
  '127.0.0.1',
  rounds * seconds,
)
await kept.close()
report(
  'keep-alive, 32 clients that stay',
  'µs of processor time',
  new Map([...turns].map(([name, values]) => [name, [median(values)]])),
)
for (const name of turns.keys())
  console.log(`  ${`${name} / without`.padEnd(36)} ${(1 / ratio(turns, name, 'without')).toFixed(3)} as many requests`)
const JUDGED = ['recording', 'recording by record()', 'recording an account']
const least = Math.min(...JUDGED.map((name) => 1 / ratio(turns, name, 'without')))

/** The longest block of the event loop and the store's status after so many new connections at the pace of 50,000 a minute. */
async function newConnections(
  variables: Record<string, string>,
): Promise<{ blocked: Block; status: { written?: number; dropped?: number } }> {
  const program = { program: '/usr/bin/chrt', runtimeArguments: ['--fifo', '10', process.execPath] }
  await using server = await startServer(undefined, SERVER, { WATCH: '1', ...variables }, program)
  const url = `http://127.0.0.1:${server.port}`
  const ask = async (path: string): Promise<unknown> =>
    (await fetch(`${url}${path}`, { headers: { connection: 'close' } })).json()
  for (let i = 0; i < WARM_UP; i++) await (await fetch(url, { headers: { connection: 'close' } })).text()
  await ask('/blocked')
  const began = performance.now()
  const total = Math.round(NEW_CONNECTIONS * seconds)
  for (let i = 0; i < total; i += 8) {
    await Promise.all(
      Array.from({ length: 8 }, async () => (await fetch(url, { headers: { connection: 'close' } })).text()),
    )
    const ahead = ((i + 8) / NEW_CONNECTIONS) * 1000 - (performance.now() - began)
    if (ahead > 0) await Bun.sleep(ahead)
  }
  const pace = Math.round((total / (performance.now() - began)) * 60_000)
  const blocked = (await ask('/blocked')) as Block
  await Bun.sleep(1500)
  console.log(`  ${total} connections at ${pace} a minute`)
  return { blocked, status: (await ask('/status')) as { written?: number; dropped?: number } }
}

console.log('new connections')
const blocks: Record<'without' | 'reading' | 'recording', Block[]> = { without: [], reading: [], recording: [] }
const all = { written: 0, dropped: 0 }
for (let round = 0; round < BLOCK_ROUNDS; round++) {
  blocks.without.push((await newConnections({})).blocked)
  blocks.reading.push((await newConnections({ READ: '1' })).blocked)
  const { blocked, status } = await newConnections({ STORE: store() })
  blocks.recording.push(blocked)
  all.written += status.written!
  all.dropped += status.dropped!
}
for (const [name, values] of Object.entries(blocks)) {
  for (const kind of ['elapsed', 'own'] as const) {
    const each = values.map((value) => value[kind])
    const said = `${name}, ${kind}`.padEnd(20)
    const rounds = each.map((value) => value.toFixed(1)).join(' ')
    console.log(`  longest block of the event loop, ${said} median ${median(each).toFixed(1)} ms, rounds ${rounds}`)
  }
}
const blocked = Math.max(...blocks.recording.map(({ own }) => own))
console.log(`  written ${all.written}, dropped ${all.dropped}`)
console.log(`  keep-alive ${least.toFixed(3)} (at least 0.95), block ${blocked.toFixed(1)} ms (at most 5)`)
process.exitCode = least >= 0.95 && blocked <= 5 && all.dropped === 0 ? 0 : 1
