/**
 * Timing and TTL of a connection. Few ask for them, and each takes a call: of the first thousand connections they are read at the first
 * request, and of all once somebody has asked. Of the others they are read when they are asked for, while the connection is there.
 * @module
 */
import type { Sockets } from '../../ffi/socket.ts'
import type { Connection } from '../connection/connection.ts'
import { type FirstTiming, firstTiming } from '../connection/handshake-timing.ts'
import type { Server } from './server.ts'
import type { ThreadOptions } from './thread-options.ts'

/** Connections of which all is read at once although nobody has asked yet. */
const WHOLE_AT_FIRST = 1000
/** In place of the TTL: it and the timing are to be read on demand. */
const NOT_READ = -2

/** See the module's comment. One per thread. */
export class Details {
  readonly #sockets: Sockets
  readonly #options: ThreadOptions
  /** Connections still to be read whole; without end, once somebody has asked. */
  #wholeOnes = WHOLE_AT_FIRST

  constructor(sockets: Sockets, options: ThreadOptions) {
    this.#sockets = sockets
    this.#options = options
  }

  /** True if TCP_INFO of a new connection is to be kept: for its timing, and for the request. */
  get wantsInfo(): boolean {
    return this.#options.tcpInfo && (this.#wholeOnes > 0 || this.#options.keepInfo)
  }

  /** Somebody asks for what can be read on demand. */
  noteAsked(): void {
    this.#wholeOnes = Number.POSITIVE_INFINITY
  }

  /** TTL of a new connection, or what stands for it. */
  timeToLiveOf(fd: number, isIpv4: boolean): number | undefined {
    if (this.#wholeOnes <= 0) return NOT_READ
    this.#wholeOnes--
    return this.#sockets.handshakeTimeToLive(fd, isIpv4 ? 4 : 6)
  }

  /** What the TCP_INFO of so many octets says that was just read. */
  timingOf(octets: number, synBytes: Uint8Array, server: Server): FirstTiming {
    const synSaved = synBytes.length > 0
    const deferAccept = server.mayHaveDeferred(synSaved)
    return firstTiming(this.#sockets.view, octets, { synSaved, deferAccept, readAt: Date.now() })
  }

  /** Somebody asks for timing or TTL of this connection. */
  complete(connection: Connection): void {
    this.noteAsked()
    this.read(connection)
  }

  /** Reads them where that is still to be done. TCP_INFO, a copy, where it was read. */
  read(connection: Connection): Uint8Array | undefined {
    if (connection.handshakeTimeToLive !== NOT_READ) return undefined
    connection.handshakeTimeToLive = undefined
    const sockets = this.#sockets
    const { fd, cookieLow, cookieHigh, synBytes } = connection
    if (!sockets.hasCookie(fd, cookieLow, cookieHigh)) return undefined
    connection.handshakeTimeToLive = sockets.handshakeTimeToLive(fd, connection.peer.address.includes(':') ? 6 : 4)
    const octets = this.#options.tcpInfo && connection.timing === undefined ? sockets.tcpInfo(fd) : 0
    if (octets <= 0) return undefined
    connection.timing = this.timingOf(octets, synBytes, connection.acceptedOn.owner as Server)
    return sockets.copy(octets)
  }
}
