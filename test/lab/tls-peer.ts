/**
 * TLS over a connection of the TUN peer, and a certificate for tests.
 *
 * @example
 * const conn = await peer.connect({ destination: { address: peer.ipv4, port: server.port }, ackDelayMs: 30 })
 * const client = await startTls(conn)
 * const response = await client.request('GET /json HTTP/1.1\r\nHost: localhost\r\n\r\n')
 * @module
 */
import { Duplex } from 'node:stream'
import { connect } from 'node:tls'
import { type HttpResponse, ResponseReader } from '../support/http.ts'
import type { PeerConnection } from './peer-connection.ts'

export { TEST_CERTIFICATE } from '../support/certificate.ts'

/** A TLS session over a peer connection. */
export interface TlsClient {
  /** `h2`, `http/1.1` or `false` when nothing was agreed on. */
  readonly protocol: string | false | null
  write(data: string | Uint8Array): void
  request(text: string, timeoutMs?: number): Promise<HttpResponse>
  /** Closes the session and resets the connection below. */
  close(): void
}

/** What the client asks for. */
export interface TlsClientOptions {
  readonly serverName?: string
  /** Default `http/1.1`. */
  readonly alpn?: readonly string[]
}

/** The connection's octets as a Node stream. */
export function toDuplex(connection: PeerConnection): Duplex {
  let reading = false
  const stream: Duplex = new Duplex({
    read() {
      if (reading) return
      reading = true
      const next = (): void => {
        connection.read(600_000).then(
          (bytes) => {
            if (stream.destroyed) return
            if (bytes === null) stream.push(null)
            else {
              stream.push(Buffer.from(bytes))
              next()
            }
          },
          (error: Error) => stream.destroy(connection.state === 'closed' ? undefined : error),
        )
      }
      next()
    },
    write(chunk: Uint8Array, _encoding, done) {
      try {
        connection.send(Uint8Array.from(chunk))
        done()
      } catch (error) {
        done(error as Error)
      }
    },
    final(done) {
      if (connection.state === 'established') connection.fin()
      done()
    },
  })
  return stream
}

/** Shakes hands as a TLS client that believes any certificate. @throws {Error} when TLS fails */
export async function startTls(connection: PeerConnection, options: TlsClientOptions = {}): Promise<TlsClient> {
  const stream = toDuplex(connection)
  const socket = connect({
    socket: stream,
    servername: options.serverName ?? 'localhost',
    rejectUnauthorized: false,
    ALPNProtocols: [...(options.alpn ?? ['http/1.1'])],
  })
  const reader = new ResponseReader()
  let wake: (() => void) | undefined
  let failure: Error | undefined
  let ended = false
  socket.on('data', (chunk: Buffer) => {
    reader.push(Uint8Array.from(chunk))
    wake?.()
  })
  socket.on('end', () => {
    ended = true
    reader.end()
    wake?.()
  })
  socket.on('error', (error: Error) => {
    failure = error
    wake?.()
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', () => resolve())
    socket.once('error', reject)
  })
  return {
    get protocol() {
      return socket.alpnProtocol
    },
    write(data) {
      socket.write(data)
    },
    async request(text, timeoutMs = 10_000) {
      socket.write(text)
      const limit = performance.now() + timeoutMs
      for (;;) {
        const response = reader.next(text.startsWith('HEAD '))
        if (response !== undefined) return response
        if (failure !== undefined) throw failure
        if (ended) throw new Error('Cannot read a response: the TLS session ended')
        const left = limit - performance.now()
        if (left <= 0) throw new Error(`Cannot read a response: none within ${timeoutMs} ms`)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
        wake = undefined
      }
    },
    close() {
      socket.destroy()
      connection.rst()
    },
  }
}
