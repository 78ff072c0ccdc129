/**
 * A test connection on loopback: a server of this process, a client of this process, and what the one knows of the other.
 * @module
 */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Fingerprint } from '../connection/fingerprint.ts'
import type { Status } from '../fingerprinter/fingerprinter.ts'
import { type Certificate, createCertificate } from './certificate.ts'
import { runtime } from './machine.ts'

/** How to connect. */
export interface ProbeOptions {
  readonly hostname: '127.0.0.1' | '::1'
  readonly tls: boolean
}

/** What came of it. */
export interface ProbeResult {
  readonly fingerprint: Fingerprint
  /** The client's own port: that of the SYN must be the same. */
  readonly clientPort: number
  /** The listener as the library knows it. */
  readonly listener: Status['listeners'][number] | undefined
}

/** A server with a fingerprinter, the same on both runtimes. */
interface TestServer {
  readonly port: number
  /** The fingerprint of the request that came last. */
  seen(): Fingerprint | undefined
  status(): Status
  stop(): Promise<unknown>
}

const MILLISECONDS = 5000

/** The request is answered after its facts were read: the JSON form reads them all. */
function freeze(fingerprint: Fingerprint): Fingerprint {
  fingerprint.toJSON()
  return fingerprint
}

async function startOnBun(hostname: string, certificate: Certificate | undefined): Promise<TestServer> {
  const { createFingerprinter } = await import('../bun.ts')
  const fp = createFingerprinter()
  let last: Fingerprint | undefined
  const server = Bun.serve({
    hostname,
    port: 0,
    ...(certificate === undefined ? {} : { tls: certificate }),
    fetch(request, self) {
      last = freeze(fp.fromBun(request, self))
      return new Response('ok')
    },
  })
  fp.arm(server)
  return { port: server.port!, seen: () => last, status: () => fp.status(), stop: () => server.stop(true) }
}

/** What is used of Deno. */
interface DenoServe {
  serve(
    options: { hostname: string; port: number; cert?: string; key?: string; onListen: () => void },
    handler: (request: Request, info: { remoteAddr: { transport: 'tcp'; hostname: string; port: number } }) => Response,
  ): { readonly addr: { readonly transport: 'tcp'; readonly port: number }; shutdown(): Promise<void> }
}

async function startOnDeno(hostname: string, certificate: Certificate | undefined): Promise<TestServer> {
  const { createFingerprinter } = await import('../deno.ts')
  const { Deno } = globalThis as unknown as { Deno: DenoServe }
  const fp = createFingerprinter()
  let last: Fingerprint | undefined
  const server = Deno.serve({ hostname, port: 0, ...certificate, onListen: () => {} }, (request, info) => {
    last = freeze(fp.fromDeno(request, info))
    return new Response('ok', { headers: { connection: 'close' } })
  })
  fp.arm(server)
  return { port: server.addr.port, seen: () => last, status: () => fp.status(), stop: () => server.shutdown() }
}

/** Sends one request and waits for the end of the answer. The client's port. */
function ask(port: number, { hostname, tls }: ProbeOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    let clientPort = 0
    const send = (): void => {
      clientPort = socket.localPort ?? 0
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    }
    // The certificate is of this very process, made a moment ago.
    const socket: Socket = tls
      ? connectTls({ host: hostname, port, rejectUnauthorized: false, servername: 'localhost' }, send)
      : connectTcp({ host: hostname, port }, send)
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
export async function probe(options: ProbeOptions): Promise<ProbeResult> {
  const certificate = options.tls ? await createCertificate() : undefined
  const start = runtime().name === 'deno' ? startOnDeno : startOnBun
  const server = await start(options.hostname, certificate)
  try {
    const clientPort = await ask(server.port, options)
    const fingerprint = server.seen()
    if (fingerprint === undefined) throw new Error('the request did not arrive')
    const listener = server.status().listeners.find((one) => one.port === server.port)
    return { fingerprint, clientPort, listener }
  } finally {
    await server.stop()
  }
}
