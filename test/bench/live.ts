/**
 * What the live view costs a server at 5,000 connections a second, with one page that listens: processor time of the server, slices
 * with and without `watch` in turn, each connection with one request. `npm run bench -- live [ROUNDS]`.
 * @module
 */
import { Hono } from 'hono'
import { fingerprint, inspector } from '../../src/bun.ts'
import { machine, median } from './pairs.ts'

const RATE = 5000
const SLICE = 2000
/** Connections are opened in lots, so that the client's timer is no part of the rate. */
const LOT = 10

function serve(): void {
  const page = inspector({ live: { token: 'bench' } })
  const app = new Hono()
    .get('/cpu', (c) => {
      const { user, system } = process.cpuUsage()
      return c.json(user + system)
    })
    .use(fingerprint())
    .use('/live', page.watch)
    .get('/page', page)
    .get('/live', (c) => c.text('Hello'))
    .get('/bare', (c) => c.text('Hello'))
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
    const cost = async (path: string): Promise<[cost: number, rate: number]> => {
      const cpu = async (): Promise<number> => (await (await fetch(`${base}/cpu`)).json()) as number
      const [before, started] = [await cpu(), performance.now()]
      const answered = await slice(port, path)
      const rate = (answered * 1000) / (performance.now() - started)
      return [((await cpu()) - before) / answered, rate]
    }
    for (const path of ['/bare', '/live']) await cost(path)
    const ratios: number[] = []
    const rates: number[] = []
    const costs: number[] = []
    for (let round = 0; round < rounds; round++) {
      const [first, second] = round % 2 === 0 ? ['/bare', '/live'] : ['/live', '/bare']
      const results = { [first!]: await cost(first!), [second!]: await cost(second!) }
      const [bare, bareRate] = results['/bare']!
      const [live, liveRate] = results['/live']!
      ratios.push(live / bare)
      rates.push(bareRate, liveRate)
      costs.push(live)
    }
    console.log(machine())
    console.log(`rounds ${ratios.map((one) => one.toFixed(3)).join(' ')}`)
    console.log(
      `live / without, processor time: median ${median(ratios).toFixed(3)}; ${median(costs).toFixed(1)} \u00b5s a connection with it; ${Math.round(median(rates))} connections/s; ${events} events heard`,
    )
  } finally {
    server.kill()
    await server.exited
  }
}

if (process.argv[2] === 'serve') serve()
else if (import.meta.main) await compare(Number(process.argv[2] ?? 12))
