/**
 * Timing and TTL of a connection, read at its first request or on demand, as `read-ahead.ts` says.
 * @module
 */
import type { Sockets } from '../../ffi/socket.ts'
import type { Connection } from '../connection/connection.ts'
import { type FirstTiming, firstTiming } from '../connection/handshake-timing.ts'
import { ReadAhead } from './read-ahead.ts'
import type { Server } from './server.ts'
import type { ThreadOptions } from './thread-options.ts'

/** One per thread. */
export class Details {
  readonly #sockets: Sockets
  readonly #options: ThreadOptions
  readonly #readAhead = new ReadAhead()

  constructor(sockets: Sockets, options: ThreadOptions) {
    this.#sockets = sockets
    this.#options = options
  }

  /** True if TCP_INFO of a new connection is to be kept: for its timing, and for the request. */
  get wantsInfo(): boolean {
    return this.#options.tcpInfo && (this.#readAhead.isOn || this.#options.keepInfo)
  }

  /** A request asks for what can be read on demand. */
  noteAsked(): void {
    this.#readAhead.ask()
  }

  /** TTL of a new connection; null where it is to be read on demand. */
  timeToLiveOf(fd: number, isIpv4: boolean): number | undefined | null {
    if (!this.#readAhead.isOn) return null
    this.#readAhead.count()
    return this.#sockets.handshakeTimeToLive(fd, isIpv4 ? 4 : 6)
  }

  /** What the TCP_INFO of so many octets says that was just read. */
  timingOf(octets: number, synBytes: Uint8Array, server: Server): FirstTiming {
    const synSaved = synBytes.length > 0
    const deferAccept = server.mayHaveDeferred(synSaved)
    return firstTiming(this.#sockets.view, octets, { synSaved, deferAccept, readAt: Date.now() })
  }

  /** A request asks for timing or TTL of this connection. */
  complete(connection: Connection): void {
    this.noteAsked()
    this.read(connection)
  }

  /** Reads them where that is still to be done. TCP_INFO, a copy, where it was read. */
  read(connection: Connection): Uint8Array | undefined {
    if (connection.handshakeTimeToLive !== null) return undefined
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
