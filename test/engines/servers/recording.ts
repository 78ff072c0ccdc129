/**
 * A server that records every connection into the store of STORE, or into none; the account is what the request says it is, or nobody
 * with ACCOUNTS=0. OBSERVE=1 records without a middleware, READ=1 reads without a store what a store keeps, HOST_NAME and CLOCK (milliseconds ahead) are for several servers of one store.
 * Runs on Bun and Deno. `/status` is the store's, `/blocked` the longest block of
 * the event loop in milliseconds, with and without what it waited for a processor, or slept while nothing in the process ran.
 * @module
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { Hono } from 'hono'
import { openStore } from '../../../src/store/index.ts'

const isDeno = 'Deno' in globalThis
const { fingerprint } = isDeno ? await import('../../../src/deno.ts') : await import('../../../src/bun.ts')
const url = process.env.STORE
const { now } = Date
const ahead = Number(process.env.CLOCK ?? 0)
if (ahead !== 0) Date.now = () => now() + ahead
const host = process.env.HOST_NAME
const store = url === undefined ? undefined : openStore({ url, ...(host === undefined ? {} : { host }) })
const isObserving = store !== undefined && process.env.OBSERVE === '1'
const middleware = fingerprint(isObserving ? { observe: store.observe } : {})
const app = new Hono().use(middleware)
if (store !== undefined && !isObserving)
  app.use(process.env.ACCOUNTS === '0' ? store.record() : store.record({ account: (c) => c.req.query('account') }))
if (process.env.READ === '1') {
  app.use((c, next) => {
    const { peer, connection, local, syn, fingerprints, label, timing } = c.var.fingerprint
    void [peer, connection, local, syn, fingerprints, label, timing.handshakeRtt, timing.tlsRoundTripMilliseconds]
    return next()
  })
}

/** Milliseconds so far: of this thread's waiting for a processor, which others had, and of all that the process has run. */
function clocks(): { at: number; waited: number; all: number } {
  const [, waited] = readFileSync('/proc/self/schedstat', 'utf8').split(' ')
  const { user, system } = process.cpuUsage()
  return { at: performance.now(), waited: Number(waited) / 1e6, all: (user + system) / 1000 }
}
let longest = { elapsed: 0, own: 0 }
if (process.env.WATCH !== undefined) {
  let last = clocks()
  setInterval(() => {
    const now = clocks()
    const elapsed = now.at - last.at - 1
    // A machine that wakes this thread late is no block: then no other thread, such as the collector, has run meanwhile.
    const own = Math.min(elapsed - (now.waited - last.waited), now.all - last.all)
    longest = { elapsed: Math.max(longest.elapsed, elapsed), own: Math.max(longest.own, own) }
    last = now
  }, 1)
}
app.get('/status', (c) => c.json(store?.status() ?? {}))
app.get('/blocked', (c) => {
  const blocked = longest
  longest = { elapsed: 0, own: 0 }
  return c.json(blocked)
})
app.get('/', (c) => c.text('Hello\n'))

const hostname = process.env.HOST ?? '127.0.0.1'
let port: number | undefined
if (isDeno) {
  type Serve = (options: object, fetch: unknown) => { readonly addr: { readonly port: number } }
  const { Deno } = globalThis as unknown as { Deno: { serve: Serve } }
  const server = Deno.serve({ hostname, port: 0, onListen: () => {} }, app.fetch)
  middleware.fingerprinter.arm(server as never)
  port = server.addr.port
} else {
  const server = Bun.serve({ hostname, port: 0, idleTimeout: 255, fetch: app.fetch as never })
  middleware.fingerprinter.arm(server as never)
  port = server.port
}
// Only now: before the listener is armed there is no SYN.
console.log(`listening on port ${port}`)
