/**
 * A relay in user space, as SOCKS proxies and port forwards are: it ends the TCP handshake itself and passes octets on, each way
 * late by the same time. It notes what passes at the server's side, so that a busy machine counts as late and not as a fault.
 *
 * @example
 * await using relay = await startRelay({ port: server.port, delay: 40 })
 * const socket = connect({ port: relay.port })
 * @module
 */
import { connect, createServer, type Socket } from 'node:net'

/** How a relay passes octets on. */
export interface RelayOptions {
  /** The server's port on 127.0.0.1. */
  readonly port: number
  /** Each way, milliseconds. */
  readonly delay: number
  /** Pass the first octets of a client on as two segments, so many milliseconds apart. */
  readonly split?: number
}

/** When octets were passed on to the server: before the system call, and after it. A busy machine may stop the relay between them. */
export interface PassedOn {
  readonly from: number
  readonly to: number
}

/** One connection through a relay, as its server's side saw it: moments of `performance.now()`. */
export interface RelayedConnection {
  /** The port from which the relay has connected. */
  readonly port: number
  readonly toServer: readonly PassedOn[]
  readonly fromServer: readonly number[]
}

/** A running relay. */
export interface Relay {
  readonly port: number
  readonly connections: readonly RelayedConnection[]
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a relay on 127.0.0.1. */
export async function startRelay({ port, delay, split = 0 }: RelayOptions): Promise<Relay> {
  const sockets = new Set<Socket>()
  const connections: RelayedConnection[] = []
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: '127.0.0.1', port, noDelay: true })
    const toServer: PassedOn[] = []
    const fromServer: number[] = []
    let isFirst = true
    const pass = (octets: Buffer): void => {
      const from = performance.now()
      upstream.write(octets)
      toServer.push({ from, to: performance.now() })
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    upstream.once('connect', () => connections.push({ port: upstream.localPort!, toServer, fromServer }))
    client.on('data', (chunk: Buffer) => {
      setTimeout(() => {
        const half = split > 0 && isFirst ? chunk.length >> 1 : chunk.length
        isFirst = false
        pass(chunk.subarray(0, half))
        if (half < chunk.length) setTimeout(() => pass(chunk.subarray(half)), split)
      }, delay)
    })
    upstream.on('data', (chunk: Buffer) => {
      fromServer.push(performance.now())
      setTimeout(() => client.write(chunk), delay)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** What passes over TLS. */
export interface Exchange {
  /** True if the first octets of the server are the last of its handshake: those that follow are session tickets. */
  readonly isFlightFirst: boolean
  /** True if the client sends more than its request before the answer: SETTINGS of HTTP/2. */
  readonly isHttp2?: boolean
}

/**
 * From the server's last octets of the handshake to the client's request, milliseconds, at least and at most: they left the server
 * after the client's octets before them came, and before the relay noted them.
 */
export function relayedRoundTrip(
  { toServer, fromServer }: RelayedConnection,
  { isFlightFirst, isHttp2 = false }: Exchange,
): { readonly from: number; readonly to: number } {
  // The test looks when the first answer is there, which is the last that came.
  const last = fromServer.at(-1)!
  const asked = toServer.filter(({ from }) => from < last).at(-1)!
  const flight = isFlightFirst ? fromServer[0]! : fromServer.filter((at) => at < asked.from).at(-1)!
  const cause = toServer.filter(({ from }) => from < flight).at(-1)!
  const first = isHttp2 ? toServer.find(({ from }) => from > flight)! : asked
  return { from: first.from - flight, to: asked.to - cause.from }
}
