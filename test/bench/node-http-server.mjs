/**
 * The server of `node-http.ts`, on Node: `node node-http-server.mjs KIND [VARIANT]`. KIND is `http`, `express` or `hono`. Without VARIANT all
 * variants of the kind take turns of a few thousand requests; `/figures` answers with the processor time of a request in each, microseconds by turn.
 * @module
 */
import { createServer } from 'node:http'

const [kind, only] = process.argv.slice(2)
/** Requests in one turn. */
const TURN = 1000
// A server without the library does not import it.
const { createFingerprinter, fingerprint } = only === 'bare' ? {} : await import('tcpfingerprint/node')
const fp = createFingerprinter?.()

/** Where results go, so that nothing read is optimised away. */
let sink = 0
const READS = {
  'reads syn': (found) => found.syn?.tcp.mss ?? 0,
  'reads syn and tcpInfo': (found) => (found.syn?.tcp.mss ?? 0) + (found.tcpInfo?.rtt ?? 0),
}

/** A variant for each thing that is read. */
const reading = (make) => Object.fromEntries(Object.entries(READS).map(([name, read]) => [name, make(read)]))

/** Request listeners by variant, of each framework. */
const LISTENERS = {
  http() {
    const listener = (read) => (request, response) => {
      if (read !== undefined) sink += read(fp.fromNode(request))
      response.setHeader('content-type', 'text/plain')
      response.end('Hello')
    }
    return { bare: listener(), ...reading(listener) }
  },
  async express() {
    const { default: express } = await import('express')
    const application = (read) =>
      express().get('/', (request, response) => {
        if (read !== undefined) sink += read(fp.fromNode(request))
        response.type('text').send('Hello')
      })
    return { bare: application(), ...reading(application) }
  },
  async hono() {
    const { Hono } = await import('hono')
    const { getRequestListener } = await import('@hono/node-server')
    const listener = (app) => getRequestListener(app.fetch, { overrideGlobalObjects: false })
    const own = (read) =>
      listener(
        new Hono().use(fingerprint()).get('/', (c) => {
          sink += read(c.var.fingerprint)
          return c.text('Hello')
        }),
      )
    return {
      bare: listener(new Hono().get('/', (c) => c.text('Hello'))),
      // What any middleware must do that gives handlers two variables.
      'two variables': listener(
        new Hono()
          .use((c, next) => {
            c.set('fingerprint', c.env.incoming)
            c.set('fingerprintEnv', c.env)
            return next()
          })
          .get('/', (c) => {
            sink += c.var.fingerprint === undefined ? 1 : 0
            return c.text('Hello')
          }),
      ),
      ...reading(own),
    }
  },
}

const variants = Object.entries(await LISTENERS[kind]())
  .map(([name, listener]) => ({ name, listener }))
  .filter(({ name }) => only === undefined || name === only)
const times = Object.fromEntries(variants.map(({ name }) => [name, []]))
let order = variants
let turn = 0
let left = TURN
let before = process.cpuUsage()

function next() {
  const { user, system } = process.cpuUsage(before)
  times[order[turn].name].push((user + system) / TURN)
  if (++turn === order.length) {
    turn = 0
    order = variants.map((one) => ({ one, key: Math.random() })).sort((a, b) => a.key - b.key)
    order = order.map(({ one }) => one)
  }
  // The request that ends a turn is the first of the next.
  left = TURN - 1
  before = process.cpuUsage()
}

const server = createServer((request, response) => {
  if (request.url === '/figures') return response.end(JSON.stringify(times))
  if (left-- === 0) next()
  return order[turn].listener(request, response)
})
server.listen(0, '127.0.0.1', () => console.log(`listening on port ${server.address().port}`))
process.on('SIGTERM', () => process.exit(sink < 0 ? 1 : 0))
