/**
 * A server on either runtime for the chain tests. Arguments: `TRUSTED=<JSON of the option trustedHeader>`, `UPSTREAM=<URL>`
 * `PACKETS=<JSON of the option packets>`. `UPSTREAM=<URL>`
 * makes it an edge that sends `toHeaders()` on, `FACE=plain` for no Hono, `RESOLVE=read`, `LISTEN=<JSON of where the server listens>`,
 * `ARM=late` leaves the listener as it is until the library meets it, `TAKE=syn` reads the SYN of each connection first, as another
 * thread may, `DROP=user` becomes nobody when it listens.
 *
 * `/json?mss=NUMBER` says what the client's SYN has; `/verdicts` how many of these requests had it, had another, or none.
 *
 * Answers `/json` with the headers that handlers see and the environment of scripts beside the fingerprint. With Hono, somebody
 * has read the body of `/read` before, somebody is reading that of `/reading`, and `/socket` says the same over a WebSocket.
 * @module
 */
import { Hono } from 'hono'
import type { FingerprintOptions, FingerprintVariables } from '../../../src/bun.ts'
import { toHeaders } from '../../../src/index.ts'

interface Info {
  readonly remoteAddr: object
}
declare const Deno: {
  readonly args: readonly string[]
  serve(options: object, handler: unknown): any
  upgradeWebSocket(request: Request): { socket: any; response: Response }
}

const onDeno = 'Deno' in globalThis
const args = onDeno ? Deno.args : process.argv.slice(2)
const variable = (name: string): string | undefined =>
  args.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1)

const trusted = variable('TRUSTED')
const upstream = variable('UPSTREAM')
const options: FingerprintOptions<any> = {
  ...(trusted === undefined ? {} : { trustedHeader: JSON.parse(trusted) }),
  ...(variable('PACKETS') === undefined ? {} : { packets: JSON.parse(variable('PACKETS')!) }),
  ...(variable('RESOLVE') === 'read' ? { resolve: 'read' } : {}),
  onError: (error) => console.error(`onError: ${error.message}`),
}

/** What handlers can see of the request's headers. */
const seen = (request: Request): object => ({
  headers: Object.fromEntries(request.headers),
  cloned: request.bodyUsed || request.body?.locked ? {} : Object.fromEntries(request.clone().headers),
})

async function forward(request: Request, headers: Record<string, string>): Promise<Response> {
  const sent = new Headers(request.headers)
  for (const name of ['host', 'connection']) sent.delete(name)
  for (const [name, value] of Object.entries(headers)) sent.set(name, value)
  const response = await fetch(upstream + new URL(request.url).pathname, { headers: sent })
  return new Response(await response.arrayBuffer(), { headers: { 'content-type': 'application/json' } })
}

const { createFingerprinter, fingerprint } = (
  onDeno ? await import('../../../src/deno.ts') : await import('../../../src/bun.ts')
) as any

let handler: (request: Request, server: any) => Response | Promise<Response>
let arm: (server: any) => void
if (variable('FACE') === 'plain') {
  const fp = createFingerprinter(options)
  arm = (server) => fp.arm(server)
  handler = (request, server: Info) => {
    const found = onDeno ? fp.fromDeno(request, server) : fp.fromBun(request, server)
    if (upstream !== undefined) return forward(request, toHeaders(found))
    return Response.json({ ...found.toJSON(), env: fp.env(found), seen: seen(request) })
  }
} else {
  const middleware = fingerprint(options)
  arm = (server) => middleware.fingerprinter.arm(server)
  const app = new Hono<{ Variables: FingerprintVariables }>()
  app.use('/read', async (c, next) => {
    await c.req.text()
    await next()
  })
  app.use('/reading', async (c, next) => {
    c.req.raw.body?.getReader()
    await next()
  })
  app.use(middleware)
  const verdicts = { right: 0, wrong: 0, none: 0 }
  app.get('/verdicts', (c) => c.json(verdicts))
  app.use('/json', async (c, next) => {
    const mss = c.req.query('mss')
    const { source, syn } = c.var.fingerprint
    if (mss !== undefined) verdicts[source !== 'packet' ? 'none' : syn?.tcp.mss === Number(mss) ? 'right' : 'wrong']++
    await next()
  })
  app.get('/socket', (c) => {
    const text = JSON.stringify({ ...c.var.fingerprint.toJSON(), seen: seen(c.req.raw) })
    if (!onDeno) {
      ;(c.env as any).upgrade(c.req.raw, { data: text })
      return c.body(null)
    }
    const { socket, response } = Deno.upgradeWebSocket(c.req.raw)
    socket.onopen = () => socket.send(text)
    return response
  })
  app.all('*', async (c): Promise<Response> => {
    if (upstream !== undefined) return forward(c.req.raw, toHeaders(c.var.fingerprint))
    return c.json({ ...c.var.fingerprint.toJSON(), env: c.var.fingerprintEnv, seen: seen(c.req.raw) })
  })
  handler = app.fetch
}
const listener = JSON.parse(variable('LISTEN') ?? '{"hostname":"127.0.0.1","port":0}')
if (variable('TAKE') === 'syn') {
  const { Sockets } = await import('../../../ffi/socket.ts')
  const { openLibc } = (
    onDeno ? await import('../../../ffi/libc.deno.ts') : await import('../../../ffi/libc.bun.ts')
  ) as any
  const sockets = new Sockets(openLibc())
  const inner = handler
  handler = (request, info) => {
    for (let fd = 3; fd < 64; fd++) sockets.savedSyn(fd)
    return inner(request, info)
  }
}
const server = onDeno
  ? Deno.serve({ ...listener, onListen: () => {} }, handler)
  : Bun.serve<string>({
      ...listener,
      idleTimeout: 60,
      fetch: handler,
      websocket: { open: (socket) => void socket.send(socket.data), message() {} },
    })
if (variable('ARM') !== 'late') arm(server)
if (variable('DROP') === 'user') {
  process.setgroups!([])
  process.setgid!(65_534)
  process.setuid!(65_534)
}
console.log(`listening on port ${(onDeno ? server.addr.port : server.port) ?? 0}`)
