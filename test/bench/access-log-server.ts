/**
 * One variant of the server that the access log benchmark compares: `bun access-log-server.ts VARIANT FILE`.
 * Prints its port when it listens.
 * @module
 */
import { Hono } from 'hono'
import { accessLog } from '../../src/access-log/hono.ts'

const [variant = 'empty middleware', file = '/dev/null'] = process.argv.slice(2)
const write = { file }
/** Where results go, so that nothing read is optimised away. */
let sink = 0
const apps: Readonly<Record<string, () => Hono>> = {
  bare: () => new Hono(),
  'empty middleware': () => new Hono().use((_, next) => next()),
  'empty async middleware': () =>
    new Hono().use(async (_, next) => {
      await next()
    }),
  // What any middleware must do to know what a combined line says: the peer, and two headers.
  'peer and headers': () =>
    new Hono().use(async (c, next) => {
      sink += (c.env as unknown as typeof server).requestIP(c.req.raw)?.port ?? 0
      await next()
      sink += (c.req.raw.headers.get('referer')?.length ?? 0) + (c.req.raw.headers.get('user-agent')?.length ?? 0)
    }),
  combined: () => new Hono().use(accessLog({ format: 'combined', write })),
  common: () => new Hono().use(accessLog({ format: 'common', write })),
  json: () => new Hono().use(accessLog({ format: 'json', write })),
  'status only': () => new Hono().use(accessLog({ format: '%>s', write })),
  bytes: () => new Hono().use(accessLog({ format: '%b', write })),
  headers: () => new Hono().use(accessLog({ format: '"%{Referer}i" "%{User-agent}i"', write })),
  host: () => new Hono().use(accessLog({ format: '%h', write })),
  line: () => new Hono().use(accessLog({ format: '%r', write })),
  time: () => new Hono().use(accessLog({ format: '%t', write })),
}
const app = apps[variant]!()
app.get('/', (c) => c.text('Hello'))
app.get('/json', (c) => c.json({ hello: 'world' }))
app.get('/response', () => new Response('Hello'))
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })
console.log(server.port)
if (sink < 0) console.log(sink)
