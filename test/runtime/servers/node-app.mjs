/**
 * A server on Node that answers every request with the fingerprint of its connection. `FRAMEWORK` is http, http2, h2c, express,
 * express-4, fastify, hono, hono-1; `TLS` is 1.2 or 1.3; `HOST`, `PORT`, `SOCKET` say where it listens; `OPTIONS` are those of
 * `createFingerprinter`, as JSON; `WORKERS` a number of cluster workers, `PRIMARY=alone` one that does not import the library;
 * `SECURE` a port on which the same answers over HTTP/2; `LATE=1` imports the library when the server listens, `THREAD=1` serves in a worker thread,
 * `BUSY=1` has a thread that is at work for 7 of 9 milliseconds.
 */
import cluster from 'node:cluster'
import { createServer } from 'node:http'
import { createServer as createPlainHttp2, createSecureServer } from 'node:http2'
import { createServer as createHttps } from 'node:https'
import { isMainThread, Worker } from 'node:worker_threads'

const { env } = process
const options = JSON.parse(env.OPTIONS ?? '{}')
const told = []
options.onError = ({ message }) => told.push(message)
if (env.TRUST === '1') {
  options.trustedHeader = { header: 'X-Client', kind: 'address', from: ['127.0.0.0/8'] }
}
if (env.LABEL === '1') {
  options.labeller = (syn, { userAgent }) => ({ name: `${userAgent} ${syn.tcp.mss}` })
}
const tls = env.TLS && { cert: env.CERT, key: env.KEY, minVersion: `TLSv${env.TLS}`, maxVersion: `TLSv${env.TLS}` }

let library
/** `seen` is what the handler has of the trusted header. */
const body = (fp, found, request) =>
  JSON.stringify({
    ...found.toJSON(),
    env: fp.env(found),
    told,
    status: fp.status(),
    seen: request.headers['x-client'] ?? request.headersDistinct?.['x-client'] ?? null,
  })

/** A handler of Node's own requests. */
function plainHandler() {
  const fp = library.createFingerprinter(options)
  return (request, response) => {
    response.setHeader('content-type', 'application/json')
    const found = fp.fromNode(request)
    const answer = () => response.end(body(fp, found, request))
    if (request.url === '/late') setTimeout(answer, 50)
    else answer()
  }
}

async function application() {
  const { FRAMEWORK: framework = 'http' } = env
  if (framework.startsWith('express')) {
    const { default: express } = await import(framework)
    const fp = library.createFingerprinter(options)
    const app = express()
    app.use((req, res) => res.type('json').send(body(fp, fp.fromNode(req), req)))
    return tls ? createHttps(tls, app) : createServer(app)
  }
  if (framework === 'fastify') {
    const { default: fastify } = await import('fastify')
    const fp = library.createFingerprinter(options)
    const app = fastify(tls ? { https: tls, http2: env.HTTP2 === '1' } : {})
    app.decorateRequest('fingerprint', {
      getter() {
        return fp.fromNode(this)
      },
    })
    app.all('*', (request, reply) => reply.type('application/json').send(body(fp, request.fingerprint, request)))
    await app.ready()
    return app.server
  }
  if (framework.startsWith('hono')) {
    const { Hono } = await import('hono')
    const { createAdaptorServer } = await import(framework === 'hono' ? '@hono/node-server' : 'node-server-1')
    const middleware = library.fingerprint(options)
    const app = new Hono().use(middleware)
    app.all('*', (c) =>
      c.json({
        ...c.var.fingerprint.toJSON(),
        env: c.var.fingerprintEnv,
        told,
        status: middleware.fingerprinter.status(),
        seen:
          c.req.header('x-client') ??
          c.env.incoming.headers['x-client'] ??
          c.env.incoming.rawHeaders.find((one) => /^x-client$/i.test(one)) ??
          null,
      }),
    )
    return createAdaptorServer({
      fetch: app.fetch,
      ...(tls
        ? {
            createServer: env.HTTP2 === '1' ? createSecureServer : createHttps,
            serverOptions: { ...tls, allowHTTP1: true },
          }
        : {}),
    })
  }
  const handler = plainHandler()
  if (framework === 'h2c') return createPlainHttp2(handler)
  if (framework === 'http2') return createSecureServer({ ...tls, allowHTTP1: true }, handler)
  const server = tls ? createHttps(tls, handler) : createServer(handler)
  // On the first upgrade, because each fingerprinter reports what it finds.
  let fp
  server.on('upgrade', (request, socket) => {
    fp ??= library.createFingerprinter(options)
    const text = body(fp, fp.fromNode(request), request)
    socket.end(`HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n${text}`)
  })
  return server
}

function listen(server, port = Number(env.PORT ?? 0)) {
  return new Promise((resolve) => {
    server.listen(env.SOCKET ? { path: env.SOCKET } : { host: env.HOST ?? '127.0.0.1', port }, () =>
      resolve(server.address().port),
    )
  })
}

async function serve() {
  if (env.LATE === '1') {
    let handler = (_request, response) => response.end()
    const server = createServer((...both) => handler(...both))
    if (env.UNREF === '1') server.unref()
    const port = await listen(server)
    // A connection that is older than the library, and asks later.
    library = await import('tcpfingerprint/node')
    handler = plainHandler()
    if (env.UNREF === '1') setInterval(() => {}, 1000)
    return port
  }
  library = await import('tcpfingerprint/node')
  if (env.BUSY === '1') {
    setInterval(() => {
      const end = performance.now() + 7
      while (performance.now() < end);
    }, 9)
  }
  let server = await application()
  let port = await listen(server)
  if (env.SECURE !== undefined) {
    const own = { cert: env.CERT, key: env.KEY, allowHTTP1: true }
    await listen(createSecureServer(own, plainHandler()), Number(env.SECURE))
  }
  if (env.AGAIN === '1') {
    await new Promise((resolve) => server.close(resolve))
    server = await application()
    port = await listen(server, port)
  }
  return port
}

process.on('SIGTERM', () => process.exit(0))
const workers = Number(env.WORKERS ?? 0)
if (workers > 0 && cluster.isPrimary) {
  if (env.PRIMARY !== 'alone') await import('tcpfingerprint/node')
  let listening = 0
  let plain
  cluster.on('listening', (_worker, { port }) => {
    if (port !== Number(env.SECURE)) plain = port
    if (++listening === (env.SECURE === undefined ? workers : 2 * workers)) console.log(`listening on port ${plain}`)
  })
  for (let i = 0; i < workers; i++) cluster.fork()
} else if (env.THREAD === '1' && isMainThread) {
  new Worker(new URL(import.meta.url)).on('message', (port) => console.log(`listening on port ${port}`))
} else {
  const port = await serve()
  if (!isMainThread) (await import('node:worker_threads')).parentPort.postMessage(port)
  else if (!cluster.isWorker) console.log(`listening on port ${port ?? 1}`)
}
