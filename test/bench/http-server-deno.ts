/**
 * The twin of `http-server.ts` for Deno: `deno run --allow-net --allow-ffi http-server-deno.ts VARIANT [HOSTNAME]`.
 * Prints its port when it listens.
 * @module
 */
import { Hono } from 'hono'
import { getConnInfo } from 'hono/deno'
import { fingerprint } from '../../src/adapter/deno.ts'

declare const Deno: {
  readonly args: readonly string[]
  serve(options: object, handler: unknown): { readonly addr: { readonly port: number } }
}

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
  'reads syn': () =>
    new Hono().use(fingerprint()).get('/', (c) => {
      sink += c.var.fingerprint.syn?.tcp.mss ?? 0
      return c.text('Hello')
    }) as unknown as Hono,
  'resolve read, unread': () =>
    new Hono().use(fingerprint({ resolve: 'read' })).get('/', (c) => c.text('Hello')) as unknown as Hono,
}

const [variant = 'bare', hostname] = Deno.args
const app = apps[variant]!()
const server = Deno.serve({ port: 0, ...(hostname ? { hostname } : {}), onListen: () => {} }, app.fetch)
console.log(server.addr.port)
if (sink < 0) console.log(sink)
