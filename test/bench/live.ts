/**
 * What the live view costs a server at 5,000 connections a second: processor time of the server in slices of a second, without
 * `watch`, with it while no page listens, and with one that listens. Each connection has one request, which reads nothing.
 * `npm run bench -- live [ROUNDS]` ends with 1 where a listening page costs 3 % or more.
 * @module
 */
import { Hono } from 'hono'
import { fingerprint, inspector } from '../../src/bun.ts'
import { ratio, report } from './pairs.ts'

const RATE = 5000
const SLICE = 1000
/** Connections are opened in lots, so that the client's timer is no part of the rate. */
const LOT = 10
/** What the listening page may add. */
const MOST = 1.03

const PATHS = ['/without', '/unheard', '/heard'] as const

function serve(): void {
  const live = { token: 'bench' }
  const [heard, unheard] = [inspector({ live }), inspector({ live })]
  const app = new Hono()
    .get('/cpu', (c) => {
      const { user, system } = process.cpuUsage()
      return c.json(user + system)
    })
    .use(fingerprint())
    .use('/heard', heard.watch)
    .use('/unheard', unheard.watch)
    .get('/page', heard)
  for (const path of PATHS) app.get(path, (c) => c.text('Hello'))
  console.log(Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch, idleTimeout: 0 }).port)
}

/** Opens connections at the rate for the length of a slice; resolves to how many were answered. */
async function slice(port: number, path: string): Promise<number> {
  const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
  let answered = 0
  let open = 0
  const started = performance.now()
  for (let sent = 0; sent < (RATE * SLICE) / 1000; sent += LOT) {
    const wait = started + (sent * 1000) / RATE - performance.now()
    if (wait > 0) await Bun.sleep(wait)
    for (let i = 0; i < LOT; i++) {
      open += 1
      Bun.connect({
        hostname: '127.0.0.1',
        port,
        socket: {
          open: (socket) => void socket.write(request),
          data: () => void (answered += 1),
          close: () => void (open -= 1),
          error: () => {},
        },
      }).catch(() => void (open -= 1))
    }
  }
  for (let i = 0; open > 0 && i < 200; i++) await Bun.sleep(10)
  return answered
}

async function compare(rounds: number): Promise<void> {
  const server = Bun.spawn([process.execPath, import.meta.path, 'serve'], { stdout: 'pipe' })
  try {
    const { value } = await server.stdout.getReader().read()
    const port = Number(new TextDecoder().decode(value))
    const base = `http://127.0.0.1:${port}`
    const listener = await fetch(`${base}/page?live&token=bench`, { headers: { accept: 'text/event-stream' } })
    let events = 0
    void listener.body!.pipeTo(new WritableStream({ write: () => void (events += 1) })).catch(() => {})
    const cpu = async (): Promise<number> => (await (await fetch(`${base}/cpu`)).json()) as number
    let connections = 0
    let milliseconds = 0
    const cost = async (path: string): Promise<number> => {
      const [before, started] = [await cpu(), performance.now()]
      const answered = await slice(port, path)
      milliseconds += performance.now() - started
      connections += answered
      return ((await cpu()) - before) / answered
    }
    for (const path of [...PATHS, ...PATHS]) await cost(path)
    const results = new Map<string, number[]>(PATHS.map((path) => [path, []]))
    for (let round = 0; round < rounds; round++) {
      // Each path comes as often before as after each other.
      for (let i = 0; i < PATHS.length; i++) {
        const path = PATHS[(round % 2 === 0 ? round + i : round + 2 * PATHS.length - i) % PATHS.length]!
        results.get(path)!.push(await cost(path))
      }
    }
    report('A connection', 'processor time of the server, \u00b5s', results)
    const [unheard, heard] = [ratio(results, '/unheard', '/without'), ratio(results, '/heard', '/without')]
    const rate = Math.round((connections * 1000) / milliseconds)
    console.log(`  ${rate} connections/s; ${events} events; of the processor time without watch, medians of rounds:`)
    console.log(`  nobody listens ${unheard.toFixed(3)}, one page listens ${heard.toFixed(3)} (below ${MOST} wanted)`)
    process.exitCode = heard < MOST && rate > 0.95 * RATE && events > rounds ? 0 : 1
  } finally {
    server.kill()
    await server.exited
  }
}

if (process.argv[2] === 'serve') serve()
else if (import.meta.main) await compare(Number(process.argv[2] ?? 30))
