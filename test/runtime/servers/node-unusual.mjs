/**
 * Servers on Node that are made or asked in unusual ways: prints one JSON object, by name what `fromNode` said. `CERT` and `KEY` are PEM texts.
 */
import { fork, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { Agent, createServer, request as requestHttp } from 'node:http'
import { connect } from 'node:http2'
import { createServer as createHttps, request as requestHttps } from 'node:https'
import { createRequire } from 'node:module'
import { createServer as createTcp } from 'node:net'
import { duplexPair } from 'node:stream'
import { connect as connectTls, createSecureContext, createServer as createTls, TLSSocket } from 'node:tls'
import express from 'express'
import fastify from 'fastify'

const tls = { cert: process.env.CERT, key: process.env.KEY }
let answer
const listener = (request, response) => answer(request, response)
// Made, or listening, before the library is there.
const plain = createServer(listener)
const secure = createHttps(tls, listener)
const application = createServer(express().use(listener))
const listening = createHttps(tls, listener)

if (process.env.GIVEN === undefined) await listen(listening)

const { createFingerprinter } = await import('tcpfingerprint/node')
const fp = createFingerprinter()
const required = createRequire(import.meta.url)('tcpfingerprint/node')
const facts = ({ reason, syn, connection, timing }) => ({
  reason,
  port: syn?.tcp.sourcePort,
  request: connection?.request,
  rtt: timing.handshakeRtt?.provenance,
  firstData: typeof timing.firstDataDelayMilliseconds,
})
answer = (request, response) => response.end(JSON.stringify(facts(fp.fromNode(request))))

// The child below: its listener is another process's, as systemd hands one on.
if (process.env.SENT !== undefined) {
  // Gets sockets that another process accepted.
  const fed = createServer(listener)
  process.on('message', (_name, socket) => {
    fed.emit('connection', socket)
    socket.resume()
  })
} else if (process.env.GIVEN !== undefined) createServer(listener).listen({ fd: 3 }, () => console.log('listening'))
else await askAll()

function listen(server) {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
}

/** What a server answers, with whether the SYN is the client's. */
function ask(send, server, options = {}) {
  return new Promise((resolve, reject) => {
    const wish = { host: '127.0.0.1', port: server.address().port, rejectUnauthorized: false, ...options }
    const request = send(wish, (response) => {
      const own = response.socket.localPort
      let text = ''
      response.setEncoding('utf8').on('data', (part) => (text += part))
      response.on('end', () => {
        const all = [JSON.parse(text)].flat()
        resolve(all.map(({ port, ...rest }) => ({ ...rest, isOwn: port === own })))
      })
    })
    request.on('error', reject).end()
  })
}

function refuse() {
  throw new Error('refused')
}

/** The body of an answer over a connection that ends with it. */
async function exchange(connection) {
  connection.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const part of connection) text += part
  return text.split('\r\n\r\n')[1]
}

/** A request over TLS that is first looked at when its client has gone. */
function lookLate() {
  return new Promise((resolve) => {
    let own
    const server = createHttps(tls, (request) => {
      own = leaving.localPort
      request.socket.once('close', () => {
        setTimeout(() => {
          const { port, ...rest } = facts(fp.fromNode(request))
          resolve([{ ...rest, isOwn: port === own }])
          server.close()
        }, 20)
      })
      leaving.destroy()
    })
    let leaving
    server.listen(0, '127.0.0.1', () => {
      leaving = connectTls({ port: server.address().port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        leaving.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      })
    })
  })
}

async function askAll() {
  const found = {}
  await listen(plain)
  found.plain = await ask(requestHttp, plain)
  await new Promise((resolve) => plain.close(resolve).closeAllConnections())
  await listen(plain)
  found.reopened = await ask(requestHttp, plain)
  await listen(secure)
  found.secure = await ask(requestHttps, secure)
  await listen(application)
  found.application = await ask(requestHttp, application)
  found.listening = await ask(requestHttps, listening)

  const named = createHttps({ SNICallback: (_name, done) => done(null, createSecureContext(tls)) }, listener)
  await listen(named)
  found.named = await ask(requestHttps, named, { servername: 'example.com' })

  // TLS on the socket of a server that is not one of TLS.
  const inner = createServer(listener)
  const outer = createTcp((socket) => inner.emit('connection', new TLSSocket(socket, { isServer: true, ...tls })))
  await listen(outer)
  found.wrapped = await ask(requestHttps, outer)

  // A server that never listens, with sockets that were paused and may stay half open.
  const fed = createServer(listener)
  const paused = createTcp({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    fed.emit('connection', socket)
    socket.resume()
  })
  paused.maxConnections = 1
  await listen(paused)
  found.paused = await ask(requestHttp, paused)

  const sent = fork(process.argv[1], { env: { ...process.env, SENT: '1' } })
  const sender = createTcp({ pauseOnConnect: true }, (socket) => sent.send('socket', socket))
  await listen(sender)
  found.sent = await ask(requestHttp, sender)
  sent.kill()

  const greeting = createServer(listener).on('connection', (socket) => fp.fromNode({ socket }))
  await listen(greeting)
  found.greeting = await ask(requestHttp, greeting)

  const [inside, outside] = duplexPair()
  fed.emit('connection', inside)
  outside.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const part of outside) text += part
  found.duplex = JSON.parse(text.split('\r\n\r\n')[1])

  // The same of TLS: nothing under it is a socket of the system.
  const [under, client] = duplexPair()
  secure.emit('connection', under)
  found.secureDuplex = JSON.parse(await exchange(connectTls({ socket: client, rejectUnauthorized: false })))

  // TLS in TLS, as a proxy has it that reads what goes through.
  const proxy = createTls(tls, (socket) => secure.emit('connection', socket))
  await listen(proxy)
  const way = connectTls({ port: proxy.address().port, host: '127.0.0.1', rejectUnauthorized: false })
  await new Promise((resolve) => way.once('secureConnect', resolve))
  const wayPort = way.localPort
  const through = await exchange(connectTls({ socket: way, rejectUnauthorized: false }))
  found.nested = [JSON.parse(through)].map(({ port, ...rest }) => ({ ...rest, isOwn: port === wayPort }))

  found.late = await lookLate()
  found.again = await askAgain()
  found.required = required.createFingerprinter === createFingerprinter

  const replaced = createServer((request, response) => {
    const proxy = new Proxy(request, { get: (target, name) => Reflect.get(target, name) })
    const refusing = new Proxy(request, { get: (target, name) => (typeof name === 'symbol' ? refuse() : target[name]) })
    const { proxy: revoked, revoke } = Proxy.revocable({}, {})
    revoke()
    fp.fromNode({ raw: revoked })
    const given = [request, proxy, Object.create(request), { raw: request }, { socket: new Proxy(request.socket, {}) }]
    given.push({ raw: refusing })
    response.end(JSON.stringify(given.map((one) => facts(fp.fromNode(one)))))
  })
  await listen(replaced)
  found.replaced = await ask(requestHttp, replaced)

  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  found.kept = []
  for (let i = 0; i < 3; i++) found.kept.push(...(await ask(requestHttp, plain, { agent })))
  agent.destroy()

  const both = fastify({ http2: true, https: { ...tls, allowHTTP1: true } })
  both.get('/', (request) => facts(fp.fromNode(request)))
  found.injected = [(await both.inject('/')).json()]
  await both.listen({ port: 0, host: '127.0.0.1' })
  found.fastifyHttp1 = await ask(requestHttps, both.server)
  const session = connect(`https://127.0.0.1:${both.server.address().port}`, { rejectUnauthorized: false })
  const streams = await Promise.all(
    Array.from({ length: 200 }, () => {
      return new Promise((resolve, reject) => {
        let text = ''
        const stream = session.request({ ':path': '/' }).setEncoding('utf8').on('error', reject)
        stream.on('data', (part) => (text += part)).on('end', () => resolve(JSON.parse(text)))
        stream.end()
      })
    }),
  )
  found.streams = {
    own: streams.filter(({ port }) => port === session.socket.localPort).length,
    numbers: new Set(streams.map(({ request }) => request)).size,
  }

  const first = createTcp()
  await listen(first)
  const { port } = first.address()
  const options = { env: { ...process.env, GIVEN: '1' }, stdio: ['ignore', 'pipe', 'inherit', first._handle.fd] }
  const child = spawn(process.execPath, [process.argv[1]], options)
  await new Promise((resolve) => first.close(resolve))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  found.given = await ask(requestHttp, { address: () => ({ port }) })
  child.kill()

  // As supertest does: a server for each request.
  const before = fp.status().listeners.length
  found.ephemeral = 0
  for (let i = 0; i < 30; i++) {
    const server = createServer(application.listeners('request')[0])
    await listen(server)
    const [{ request, isOwn }] = await ask(requestHttp, server)
    if (request === 1 && isOwn && fp.status().listeners.length === before + 1) found.ephemeral++
    await new Promise((resolve) => server.close(resolve))
  }
  found.listenersLeft = fp.status().listeners.length - before
  console.log(JSON.stringify(found))
  process.exit()
}

/** The socket object of a request makes a connection of its own, with the descriptor that it had: what the request's view then reads. */
function askAgain() {
  return new Promise((resolve) => {
    const server = createServer((request) => {
      const view = fp.fromNode(request)
      const { socket } = request
      const { fd } = socket._handle
      const before = typeof view.readTcpInfo()?.rtt
      socket.once('close', () => {
        const filled = []
        do filled.push(openSync('/dev/null', 'r'))
        while (filled.at(-1) < fd)
        closeSync(filled.pop())
        socket.connect(plain.address().port, '127.0.0.1', () => {
          resolve({ before, isSameNumber: socket._handle.fd === fd, after: typeof view.readTcpInfo() })
          for (const one of filled) closeSync(one)
          socket.destroy()
          server.close()
        })
      })
      socket.destroy()
    })
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      requestHttp({ host: '127.0.0.1', port })
        .on('error', () => {})
        .end()
    })
  })
}
