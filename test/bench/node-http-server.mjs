/**
 * The server of `node-http.ts`, on Node: `node node-http-server.mjs KIND [VARIANT]`. KIND is `http`, `express` or `hono`. Without VARIANT all
 * variants of the kind take turns of a few thousand requests; `/figures` answers with the processor time of a request in each, microseconds by turn.
 * VARIANT `two calls` is bare with what anybody must do who reads the SYN and TCP_INFO of each connection, and nothing else.
 * @module
 */
import { subscribe } from 'node:diagnostics_channel'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const [kind, only] = process.argv.slice(2)
/** Requests in one turn. */
const TURN = 1000
// A server without the library does not import it.
const { createFingerprinter, fingerprint } =
  only === 'bare' || only === 'two calls' ? {} : await import('tcpfingerprint/node')
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

/** Two calls of getsockopt for each accepted connection, by the cheapest way that this Node has. */
function callTwice(server) {
  const require = createRequire(import.meta.url)
  const [value, length] = [new Uint8Array(new ArrayBuffer(4096)), new Uint32Array(new ArrayBuffer(4))]
  const calls = () => {
    try {
      const ffi = require('node:ffi')
      const pointers = ['int32', 'int32', 'int32', 'function', 'function']
      const { functions } = ffi.dlopen('libc.so.6', {
        getsockopt: { arguments: pointers, return: 'int32' },
        setsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'uint32'], return: 'int32' },
      })
      return { ...functions, addresses: [value, length].map((buffer) => ffi.getRawPointer(buffer)) }
    } catch {
      const koffi = require('koffi')
      const libc = koffi.load('libc.so.6')
      return {
        getsockopt: libc.func('getsockopt', 'int', ['int', 'int', 'int', 'uintptr_t', 'uintptr_t']),
        setsockopt: libc.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint32_t']),
        addresses: [value, length].map((buffer) => Number(koffi.address(buffer))),
      }
    }
  }
  const { getsockopt, setsockopt, addresses } = calls()
  const [TCP, TCP_INFO, TCP_SAVE_SYN, TCP_SAVED_SYN] = [6, 11, 27, 28]
  server.on('listening', () => {
    value[0] = 1
    setsockopt(server._handle.fd, TCP, TCP_SAVE_SYN, value, 4)
  })
  subscribe('net.server.socket', ({ socket }) => {
    const { fd } = socket._handle
    for (const option of [TCP_SAVED_SYN, TCP_INFO]) {
      length[0] = 4096
      if (getsockopt(fd, TCP, option, ...addresses) !== 0) throw new Error(`getsockopt ${option}`)
      sink += value[0]
    }
  })
}

const isBare = (name) => name === 'bare' && only === 'two calls'
const variants = Object.entries(await LISTENERS[kind]())
  .map(([name, listener]) => ({ name, listener }))
  .filter(({ name }) => only === undefined || name === only || isBare(name))
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
if (only === 'two calls') callTwice(server)
server.listen(0, '127.0.0.1', () => console.log(`listening on port ${server.address().port}`))
process.on('SIGTERM', () => process.exit(sink < 0 ? 1 : 0))
