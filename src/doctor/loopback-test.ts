/**
 * A test connection on loopback: a server of this process, a client of this process, and what the one knows of the other.
 * @module
 */
import { connect } from 'node:net'
import type { Fingerprint } from '../connection/fingerprint.ts'
import type { Status } from '../fingerprinter/status.ts'
import { currentRuntime } from '../runtime/current.ts'
import type { RunningServer } from '../runtime/types.ts'

/** The addresses of loopback, one a family. */
export type Loopback = '127.0.0.1' | '::1'

/** What came of it. */
export interface LoopbackResult {
  readonly fingerprint: Fingerprint
  /** The client's own port: that of the SYN must be the same. */
  readonly clientPort: number
  /** The listener as the library knows it. */
  readonly listener: Status['listeners'][number] | undefined
}

/** A server with a fingerprinter. */
interface TestServer extends RunningServer {
  /** The fingerprint of the request that came last. */
  seen(): Fingerprint | undefined
  status(): Status
}

const MILLISECONDS = 5000

/** The request is answered after its facts were read: the JSON form reads them all. */
function freeze(fingerprint: Fingerprint): Fingerprint {
  fingerprint.toJSON()
  return fingerprint
}

/** A fingerprinter of the runtime in use, by what all entries have. */
interface AnyFingerprinter {
  find(request: Request, server: unknown): Fingerprint
  arm(server: object): boolean
  status(): Status
}

async function createFingerprinter(): Promise<AnyFingerprinter> {
  if (currentRuntime().name === 'deno') {
    const fp = (await import('../deno.ts')).createFingerprinter()
    return { ...fp, find: fp.fromDeno as AnyFingerprinter['find'], arm: fp.arm as AnyFingerprinter['arm'] }
  }
  const fp = (await import('../bun.ts')).createFingerprinter()
  return { ...fp, find: fp.fromBun as AnyFingerprinter['find'], arm: fp.arm as AnyFingerprinter['arm'] }
}

/** On Node a server of its own, because one of Web requests is a package that may not be installed. */
async function startOnNode(hostname: Loopback): Promise<TestServer> {
  const { createServer } = await import('node:http')
  const fp = (await import('../node.ts')).createFingerprinter()
  let last: Fingerprint | undefined
  const server = createServer((request, response) => {
    last = freeze(fp.fromNode(request))
    response.setHeader('connection', 'close').end('ok')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, hostname, resolve)
  })
  const { port } = server.address() as { port: number }
  const stop = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
  return { hostname, port, server, stop, seen: () => last, status: () => fp.status() }
}

async function start(hostname: Loopback): Promise<TestServer> {
  if (currentRuntime().name === 'node') return await startOnNode(hostname)
  const fp = await createFingerprinter()
  let last: Fingerprint | undefined
  const running = await currentRuntime().listen({ hostname, port: 0 }, (request, server) => {
    last = freeze(fp.find(request, server))
    return new Response('ok', { headers: { connection: 'close' } })
  })
  fp.arm(running.server)
  return { ...running, seen: () => last, status: () => fp.status() }
}

/** Sends one request and waits for the end of the answer. The client's port. */
function ask(host: Loopback, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let clientPort = 0
    const socket = connect({ host, port }, () => {
      clientPort = socket.localPort ?? 0
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    })
    socket.setTimeout(MILLISECONDS, () => socket.destroy(new Error(`no answer within ${MILLISECONDS} ms`)))
    socket.on('error', reject)
    socket.on('data', () => socket.end())
    socket.on('close', () => resolve(clientPort))
  })
}

/**
 * Connects to a server of this process and gives its fingerprint as the server saw it.
 *
 * @throws {Error} the address cannot be bound or reached, or no answer came
 */
export async function loopbackTest(hostname: Loopback): Promise<LoopbackResult> {
  const server = await start(hostname)
  try {
    const clientPort = await ask(hostname, server.port)
    const fingerprint = server.seen()
    if (fingerprint === undefined) throw new Error('the request did not arrive')
    const listener = server.status().listeners.find((one) => one.port === server.port)
    return { fingerprint, clientPort, listener }
  } finally {
    await server.stop()
  }
}
