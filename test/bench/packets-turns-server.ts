/**
 * One app behind a proxy, on Bun or Deno, whose variants take turns under one load: `packets-turns-server.ts NAME...`. `bare` has no
 * fingerprints; `native` asks the runtime for the peer, reads the proxy's headers and takes them off; `fingerprint` reads SYN and
 * TCP_INFO of the proxy's connection; `header` asks for both behind a trusted header without a port, which has neither; `packets` those
 * of the client's connection; `unread` has that option and reads nothing.
 *
 * `POST /source?of=NAME` answers with where a variant has facts from, `POST /start?proxy=PID` begins, `POST /results` gives what a
 * request of each variant took, turn by turn, in microseconds: processor time of this process and of the proxy, and the time that passed.
 * @module
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { type Context, Hono } from 'hono'

declare const Deno: { readonly args: readonly string[]; serve(options: object, handler: unknown): any }

/** Requests in one turn. */
const TURN = 2000
const onDeno = 'Deno' in globalThis
const names: readonly string[] = onDeno ? Deno.args : process.argv.slice(2)
const { fingerprint } = (onDeno ? await import('../../src/deno.ts') : await import('../../src/bun.ts')) as any
const trustedHeader = { header: 'X-Real-IP', portHeader: 'X-Real-Port', kind: 'address', from: ['127.0.0.1'] }
const OPTIONS: Readonly<Record<string, object>> = {
  fingerprint: {},
  header: { trustedHeader: { ...trustedHeader, portHeader: undefined } },
  packets: { trustedHeader, packets: true },
  unread: { trustedHeader, packets: true },
}

/** Where results go, so that nothing read is optimised away. */
export let sink = 0
const fingerprinters: any[] = []
const apps = new Map(names.map((name) => [name, createApp(name)]))

function createApp(name: string): Hono {
  const app = new Hono()
  const options = OPTIONS[name]
  if (name === 'native') return app.get('/', takeHeaders)
  if (options === undefined) return app.get('/', (c) => c.text('Hello'))
  const { handler, fingerprinter } = fingerprint(options)
  fingerprinters.push(fingerprinter)
  const read = (c: Context): Response => {
    const { syn, tcpInfo } = c.var.fingerprint
    sink += (syn?.tcp.mss ?? 0) + (tcpInfo?.rtt ?? 0)
    return c.text('Hello')
  }
  app.post('/source', handler((c: Context) => c.text(c.var.fingerprint.source)) as never)
  return app.get('/', handler(name === 'unread' ? (c: Context) => c.text('Hello') : read) as never)
}

/** What every trusted header costs, without this library. */
function takeHeaders(c: Context): Response {
  const { headers } = c.req.raw
  sink += headers.get('x-real-ip')!.length + headers.get('x-real-port')!.length
  sink += onDeno ? c.env.remoteAddr.port : c.env.requestIP(c.req.raw).port
  // Deno's own requests cannot be changed.
  if (!onDeno) for (const name of ['x-real-ip', 'x-real-port']) headers.delete(name)
  return c.text('Hello')
}

interface Taken {
  readonly app: number[]
  readonly proxy: number[]
  readonly elapsed: number[]
}
const results = new Map<string, Taken>(names.map((name) => [name, { app: [], proxy: [], elapsed: [] }]))
let proxy = 0
let order = [...names]
let turn = 0
let app = apps.get(order[0]!)!
let left = TURN
let before = now()

function now(): Record<keyof Taken, number> {
  const { user, system } = process.cpuUsage()
  // Nanoseconds on a processor (Documentation/scheduler/sched-stats.rst).
  const ofProxy = proxy === 0 ? 0 : Number(readFileSync(`/proc/${proxy}/schedstat`, 'utf8').split(' ')[0]) / 1000
  return { app: user + system, proxy: ofProxy, elapsed: performance.now() * 1000 }
}

function next(): void {
  const after = now()
  const taken = results.get(order[turn]!)!
  for (const what of ['app', 'proxy', 'elapsed'] as const) taken[what].push((after[what] - before[what]) / TURN)
  if (++turn === order.length) {
    turn = 0
    order = order
      .map((name) => ({ name, key: Math.random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ name }) => name)
  }
  app = apps.get(order[turn]!)!
  // The request that ends a turn is the first of the next.
  left = TURN - 1
  before = now()
}

function control(request: Request, server: unknown): Response | Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === '/source') return apps.get(searchParams.get('of')!)!.fetch(request, server as object)
  if (pathname === '/results') return Response.json(Object.fromEntries(results))
  proxy = Number(searchParams.get('proxy'))
  left = TURN
  before = now()
  return new Response('started')
}

function answer(request: Request, server: unknown): Response | Promise<Response> {
  if (request.method === 'POST') return control(request, server)
  if (left-- === 0) next()
  return app.fetch(request, server as object)
}

const server = onDeno
  ? Deno.serve({ hostname: '127.0.0.1', port: 0, onListen: () => {} }, answer)
  : Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer })
for (const fingerprinter of fingerprinters) fingerprinter.arm(server)
console.log(`listening on port ${onDeno ? server.addr.port : server.port}`)
