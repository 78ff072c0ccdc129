/**
 * The socket of a Node request, out of what frameworks hand on: an `IncomingMessage` or `Http2ServerRequest`, the bindings of
 * `@hono/node-server` (`{ incoming }`), or an object that keeps the request as `raw` (Fastify).
 * @module
 */
import type { Socket } from 'node:net'

/** What is used of a request. */
interface NodeRequest {
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
    const socket = found.stream?.session?.socket ?? found.socket
    return typeof socket === 'object' && socket !== null ? (socket as Socket) : undefined
  } catch {
    return undefined
  }
}

/** The request itself, out of what frameworks hand on; `undefined` for what is no object, or throws when it is looked into. */
export function nodeRequestOf(request: unknown): object | undefined {
  if (typeof request !== 'object' || request === null) return undefined
  try {
    const { incoming, raw } = request as NodeRequest
    if (typeof incoming === 'object' && incoming !== null) return incoming
    // Fastify's request has a socket as well, but of HTTP/2 not its session.
    return typeof raw === 'object' && raw !== null ? raw : request
  } catch {
    return undefined
  }
}
