/**
 * The socket of a Node request, out of what frameworks hand on: an `IncomingMessage` or `Http2ServerRequest`, the bindings of
 * `@hono/node-server` (`{ incoming }`), or an object that keeps the request as `raw` (Fastify).
 * @module
 */
import type { Socket } from 'node:net'
import type { Endpoint } from './types.ts'

/** What is kept with an accepted socket, and gone with it. */
export interface AcceptedSocket {
  readonly socket: Socket
  /** Over TLS when it was accepted, by `preciseNow`; else, and where it is not known, `undefined`. */
  seenAt: number | undefined
  /** When the client's first TLS octets came, by `preciseNow`; `undefined` without TLS, and before. */
  helloAt: number | undefined
  /** When the server had sent its last octets of the TLS handshake, by `preciseNow`, as far as Node tells. */
  flightAt: number | undefined
  /** Of the TLS session; `undefined` without TLS. */
  tls: TlsHandle | undefined
  /** The owner's: what it knows of the connection, the peer among it, or why it knows nothing. */
  connection: Endpoint | string | undefined
}

/** What is used of a TLSSocket's handle. */
export interface TlsHandle {
  /** Octets of the application that were sent. */
  readonly bytesWritten?: unknown
  /** OpenSSL begins: the first octets of the client are there. */
  onhandshakestart?: Callback
  onhandshakedone?: Callback
  getProtocol?(): string
  isSessionReused?(): boolean
  getALPNNegotiatedProtocol?(): string | false | undefined
}

/** A callback of Node's. */
export type Callback = (this: unknown, ...rest: unknown[]) => unknown

/**
 * Where a socket keeps its record: `http2` shows sockets through a proxy object, which a WeakMap does not see through. The number
 * changes with the shape of `AcceptedSocket`.
 */
export const RECORD: unique symbol = Symbol.for('tcpfingerprint.accepted-socket.4') as never

/** Sockets over each other at most, of which all but the lowest are of TLS. */
const MOST_LAYERS = 8

/** The socket under a `TLSSocket`, or under several; any other is itself. */
export function lowestSocketOf(socket: object): object {
  let lowest = socket
  for (let layers = MOST_LAYERS; layers > 0; layers--) {
    const { _parent: parent } = lowest as Recorded
    if (typeof parent !== 'object' || parent === null) break
    lowest = parent
  }
  return lowest
}

/** The record that a socket, or the TCP socket under a `TLSSocket`, has already. */
export function knownRecordOf(socket: object): AcceptedSocket | undefined {
  return (socket as Recorded)[RECORD] ?? (lowestSocketOf(socket) as Recorded)[RECORD]
}

/** What is kept with the TCP socket of a request of `node:http`: the same, without a look for what others have. */
export function knownPeerOf(request: unknown): AcceptedSocket['connection'] {
  try {
    const { httpVersionMajor, socket } = request as NodeRequest
    return httpVersionMajor === 1 ? (socket as Recorded)[RECORD]?.connection : undefined
  } catch {
    return undefined
  }
}

interface Recorded {
  readonly [RECORD]?: AcceptedSocket
  readonly _parent?: unknown
}

/** What is used of a request. */
interface NodeRequest {
  /** 1 of `node:http`, whose requests are found without a look for what they do not have: along Express's prototypes that takes long. */
  readonly httpVersionMajor?: unknown
  readonly incoming?: unknown
  readonly raw?: unknown
  readonly socket?: unknown
  readonly stream?: { readonly session?: { readonly socket?: unknown } | null }
}

/** The socket, perhaps a `TLSSocket` or the proxy of an HTTP/2 session; `undefined` where there is none. Never throws. */
export function socketOf(request: unknown): Socket | undefined {
  try {
    const found = nodeRequestOf(request) as NodeRequest | undefined
    if (found === undefined) return undefined
    // `Http2ServerRequest.socket` is a proxy that forbids more than that of the session.
    const socket = found.httpVersionMajor === 1 ? found.socket : (found.stream?.session?.socket ?? found.socket)
    return typeof socket === 'object' && socket !== null ? (socket as Socket) : undefined
  } catch {
    return undefined
  }
}

/** True if Node has parsed the request, so that octets of it were read. */
export function isParsed(request: unknown): boolean {
  const found = nodeRequestOf(request) as { readonly httpVersion?: unknown } | undefined
  return typeof found?.httpVersion === 'string'
}

/** The request itself, out of what frameworks hand on; `undefined` for what is no object, or throws when it is looked into. */
export function nodeRequestOf(request: unknown): object | undefined {
  if (typeof request !== 'object' || request === null) return undefined
  try {
    if ((request as NodeRequest).httpVersionMajor === 1) return request
    const { incoming, raw } = request as NodeRequest
    if (typeof incoming === 'object' && incoming !== null) return incoming
    // Fastify's request has a socket as well, but of HTTP/2 not its session.
    return typeof raw === 'object' && raw !== null ? raw : request
  } catch {
    return undefined
  }
}
