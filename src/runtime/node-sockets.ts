/**
 * The TCP sockets that Node's servers accept, and the servers that accept them.
 *
 * `node:diagnostics_channel` names both in time: a server before its first packet (`tracing:net.server.listen:asyncEnd`), a
 * socket before any of its data is read (`net.server.socket`). `_handle.fd` is the descriptor: an internal field, unchanged since
 * 2016, which the receiver of these events verifies.
 * @module
 */
import { subscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import type { Server, Socket } from 'node:net'
import { preciseNow } from '../base/clock.ts'
import { lazy } from '../base/lazy.ts'
import { processGlobal } from './globals.ts'
import {
  type AcceptedSocket,
  type Callback,
  knownRecordOf,
  lowestSocketOf,
  RECORD,
  type TlsHandle,
} from './node-request.ts'

/** Node's classes. Loading them takes 4 ms, and what is one of them has loaded them. */
const net = /* @__PURE__ */ lazy(() => createRequire(import.meta.url)('node:net') as typeof import('node:net'))

/** What the owner of the sockets is told. */
export interface SocketEvents {
  /** A server listens on this descriptor. */
  listening(fd: number, server: Server): void
  /** A socket was accepted. */
  accepted(socket: AcceptedSocket): void
  /** The client's first TLS octets are processed: `helloAt` is now, and later than they came where this thread was busy. */
  greeted(socket: AcceptedSocket): void
  /** The client has ended the handshake of TLS 1.3, and `flightAt` is not known. What the server sends next is not sent yet. */
  finished(socket: AcceptedSocket): void
}

/** What is used of Node's internals. */
interface Internals {
  readonly _handle?: { readonly fd?: unknown; readonly bytesRead?: unknown; readonly bytesWritten?: unknown } | null
  readonly _server?: unknown
  readonly server?: unknown
  readonly _tlsOptions?: { readonly isServer?: boolean }
  readonly _connections?: unknown
}

/** What Node does the input and output of a socket with; `undefined` once that is closed. A socket that connects anew has another. */
export function handleOf(socket: Socket): object | undefined {
  return (socket as Internals)._handle ?? undefined
}

/** The descriptor of a socket or server; -1 where Node shows none: closed, or a handle of another kind. */
export function descriptorOf(one: object): number {
  const fd = (one as Internals)._handle?.fd
  return typeof fd === 'number' && fd >= 0 ? fd : -1
}

/** What should be the server that accepted a socket, unexamined. */
export function statedServerOf(socket: Socket): unknown {
  return (socket as unknown as Internals)._server
}

/** The server that accepted a socket; `undefined` where Node does not say. */
export function serverOf(socket: Socket): Server | undefined {
  const { _server: known, server } = socket as unknown as Internals
  const { Server } = net()
  return known instanceof Server ? known : server instanceof Server ? server : undefined
}

/** Connections that a server has open; `undefined` where Node does not say. */
export function openConnections(server: object): number | undefined {
  const { _connections: count } = server as Internals
  return typeof count === 'number' ? count : undefined
}

/**
 * The record of the TCP socket under a socket: the same one, the one under a `TLSSocket`, or the one behind the proxy of an HTTP/2
 * session. Sockets that were accepted before this module was loaded get theirs now. `undefined` for what is no socket of
 * `node:net`, and for closed HTTP/2 sessions.
 */
export function acceptedSocketOf(socket: unknown): AcceptedSocket | undefined {
  if (typeof socket !== 'object' || socket === null) return undefined
  try {
    const record = knownRecordOf(socket)
    if (record !== undefined) return record
    const lowest = lowestSocketOf(socket)
    return lowest instanceof net().Socket ? recordOf(lowest) : undefined
  } catch {
    // The proxy of an HTTP/2 session throws once the session has no socket.
    return undefined
  }
}

/** Reports every server and accepted socket of this thread from now on, and the servers that listen already. */
export function watchSockets(events: SocketEvents): void {
  const report = (server: unknown): void => {
    if (!(server instanceof net().Server)) return
    quietly(() => watchTls(events, server))
    const fd = descriptorOf(server)
    if (fd >= 0) quietly(() => events.listening(fd, server))
  }
  subscribe('tracing:net.server.listen:asyncEnd', (message) =>
    report((message as { readonly server?: unknown }).server),
  )
  quietly(() => {
    for (const handle of activeHandles()) quietly(() => report(handle))
  })
  subscribe('net.server.socket', (message) => {
    try {
      // Over TLS the record is there: the TLSSocket was made a moment ago.
      events.accepted(recordOf((message as { readonly socket: Socket }).socket))
    } catch {
      // As in `quietly`, without a function for each.
    }
  })
  quietly(() => watchTls(events))
}

/** What a subscriber of a channel throws would end the process. Requests say what is missing. */
function quietly(run: () => void): void {
  try {
    run()
  } catch {
    // See above.
  }
}

/** A record is printed with the socket, but not what is in it. */
class SocketRecord implements AcceptedSocket {
  readonly socket: Socket
  seenAt: number | undefined = undefined
  helloAt: number | undefined = undefined
  flightAt: number | undefined = undefined
  tls: TlsHandle | undefined = undefined
  connection: AcceptedSocket['connection'] = undefined

  constructor(socket: Socket) {
    this.socket = socket
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return 'tcpfingerprint'
  }
}

function recordOf(socket: Socket): AcceptedSocket {
  const holder = socket as { [RECORD]?: AcceptedSocket }
  // Set and not defined: that takes V8 five times as long, and the proxy of an HTTP/2 session defines on the session.
  return (holder[RECORD] ??= new SocketRecord(socket))
}

/** Servers that listened before this module was loaded are among them. */
function activeHandles(): readonly unknown[] {
  const host = processGlobal() as { readonly _getActiveHandles?: () => readonly unknown[] } | undefined
  return host?._getActiveHandles?.() ?? []
}

/** True if `node:tls` is loaded, as far as Node tells, or `server` is one of it. */
function isTlsLoaded(server: Server | undefined): boolean {
  if (typeof (server as { readonly setSecureContext?: unknown } | undefined)?.setSecureContext === 'function')
    return true
  return processGlobal()?.moduleLoadList?.includes('NativeModule tls') === true
}

/** True once the class of TLS sockets reports. */
let isTlsWatched = false

/**
 * Notes when a ClientHello comes and when the server's part of the handshake ends. Node emits nothing between a connection and
 * the end of its handshake; but the handle of a server's TLSSocket is told of both. Where these internals have gone, the times
 * are `undefined`. Nothing is done before `node:tls` is loaded, because loading it takes 10 ms.
 */
function watchTls(events: SocketEvents, server?: Server): void {
  if (isTlsWatched || !isTlsLoaded(server)) return
  isTlsWatched = true
  const { TLSSocket } = createRequire(import.meta.url)('node:tls') as typeof import('node:tls')
  const prototype = TLSSocket.prototype as unknown as { _init?: Callback }
  const init = prototype._init
  if (typeof init !== 'function') return
  prototype._init = function (...rest) {
    // What OpenSSL makes of a session takes most of a millisecond.
    const seenAt = preciseNow()
    const result = init.apply(this, rest)
    const [, wrapped] = rest
    const { _handle, _tlsOptions: options } = this as Internals
    const handle = _handle as TlsHandle | null | undefined
    if (
      options?.isServer === true &&
      wrapped instanceof net().Socket &&
      typeof handle?.onhandshakestart === 'function'
    ) {
      const record = recordOf(lowestSocketOf(wrapped) as Socket)
      record.seenAt ??= seenAt
      // Of TLS in TLS the outer one is timed.
      if (record.tls === undefined) noteTimes(record, handle, events)
    }
    return result
  }
}

/** Milliseconds from the ClientHello after which this thread may have been late to see the flight leave: then the kernel is asked. */
const SURE = 2

/** True if octets were read from the TCP socket; also where Node does not tell. */
export function hasRead(socket: Socket): boolean {
  return (socket as Internals)._handle?.bytesRead !== 0
}

/** True if octets were sent over the TCP socket; also where Node does not tell. */
function hasWritten(socket: Socket): boolean {
  return (socket as Internals)._handle?.bytesWritten !== 0
}

/**
 * True if a server of HTTP/1 has answered over a TLS connection, which is open. HTTP/2 sends before it is asked: then it is not known, and
 * false.
 */
export function hasAnswered({ tls }: AcceptedSocket): boolean {
  return tls !== undefined && tls.getALPNNegotiatedProtocol?.() !== 'h2' && tls.bytesWritten !== 0
}

function noteTimes(record: AcceptedSocket, handle: TlsHandle, events: SocketEvents): void {
  record.tls = handle
  const { onhandshakestart: start, onhandshakedone: done } = handle
  handle.onhandshakestart = function (...rest) {
    if (record.helloAt === undefined) {
      const startedAt = preciseNow()
      record.helloAt = startedAt
      quietly(() => events.greeted(record))
      // The server's first flight leaves in this turn, unless a part of the ClientHello is still on its way. TLS 1.3 ends with it;
      // TLS 1.2 sends once more when all is done.
      setImmediate(() => {
        const now = preciseNow()
        if (hasWritten(record.socket) && now - startedAt < SURE) record.flightAt ??= now
      })
    }
    return start?.apply(this, rest)
  }
  handle.onhandshakedone = function (...rest) {
    const { getProtocol, isSessionReused } = handle
    // With TLS 1.2 a new session ends with the server's Finished, a resumed one with the client's.
    const isServers = getProtocol?.call(handle) === 'TLSv1.2' && isSessionReused?.call(handle) !== true
    if (isServers) record.flightAt = preciseNow()
    else if (record.flightAt === undefined) quietly(() => events.finished(record))
    return done?.apply(this, rest)
  }
}
