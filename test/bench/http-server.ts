/**
 * One variant of the hello-world server that the HTTP benchmarks compare: `bun http-server.ts VARIANT [HOSTNAME]`.
 * Prints its port when it listens.
 * @module
 */
import { Hono } from 'hono'
import { getConnInfo } from 'hono/bun'
import { fingerprint } from '../../src/adapter/bun.ts'

/** Where results go, so that nothing read is optimised away. */
let sink = 0

const apps: Readonly<Record<string, () => Hono>> = {
  bare: () => new Hono().get('/', (c) => c.text('Hello')),
  'empty middleware': () => new Hono().use((_, next) => next()).get('/', (c) => c.text('Hello')),
  getConnInfo: () =>
    new Hono().get('/', (c) => {
      sink += getConnInfo(c).remote.port ?? 0
      return c.text('Hello')
    }),
  'getConnInfo in a middleware': () =>
    new Hono()
      .use((c, next) => {
        sink += getConnInfo(c).remote.port ?? 0
        return next()
      })
      .get('/', (c) => c.text('Hello')),
  'reads syn': () =>
    new Hono().use(fingerprint()).get('/', (c) => {
      sink += c.var.fingerprint.syn?.tcp.mss ?? 0
      return c.text('Hello')
    }) as unknown as Hono,
  'resolve read, unread': () =>
    new Hono().use(fingerprint({ resolve: 'read' })).get('/', (c) => c.text('Hello')) as unknown as Hono,
}

const [variant = 'bare', hostname] = process.argv.slice(2)
const app = apps[variant]!()
const server = Bun.serve({ port: 0, fetch: app.fetch, ...(hostname ? { hostname } : {}) })
console.log(server.port)
process.on('SIGTERM', () => {
  if (sink < 0) console.log(sink)
  process.exit()
})
