/**
 * Which socket is a request's? The proof. P1 of a socket that is searched is asked where that is probed (`ffi/descriptors/prober.ts`).
 *
 * The runtime reports a peer address; the kernel has no index from peer to descriptor. A descriptor is the request's if
 *
 *   P1 live    getpeername(fd) is the reported peer, now: after a reset and an instant reconnect the old descriptor still answers
 *              with its cookie (measured: 2,118 to 3,153 of 49,500 wrong with the cookie alone, 0 with both)
 *   P2 ours    its local end belongs to the server
 *   P3 same    SO_COOKIE is the one read at its first request: numbers are reused, cookies are not until the next boot
 *   P4 only    no other live socket has P1 and P2 and was read from. Asked only where peers may coincide: several local addresses, or
 *              QUIC. Octets read never answer: half a request of a duplicate peer was read, too.
 *
 * What makes each cheap:
 *   P1, P3     equal `watcher.changes` since they were checked: no followed socket was closed or reset (no call)
 *   P4         equal, non-zero `watcher.acceptEpoch` since it was last decided: nothing was accepted (no call); else lookups or a
 *              census, see `attribution.ts`
 *
 * Not proved: on Deno a request is also reported after its client has gone; a duplicate peer that is still there is then taken for it.
 * When runtimes name the descriptor (`server.requestFD`), P4 is not needed, and `attribution.ts` is deleted.
 * @module
 */
import type { DescriptorTable } from '../../ffi/descriptors/table.ts'
import type { Sockets } from '../../ffi/socket.ts'
import type { Connection } from '../connection/connection.ts'
import type { Attribution } from './attribution.ts'
import type { ConnectionStore } from './connection-store.ts'
import { readAddress } from './listening-sockets.ts'
import type { SearchContext } from './search-context.ts'

/** Requests after which a connection is watched: a watch costs about as much as verifying it twenty times. */
const REQUESTS_BEFORE_WATCH = 20

/** The four lines of the proof, and the state that makes them cheap. One per thread. */
export class Identity {
  readonly #sockets: Sockets
  readonly #table: DescriptorTable
  readonly #connections: ConnectionStore
  readonly #attribution: Attribution

  constructor(sockets: Sockets, table: DescriptorTable, connections: ConnectionStore, attribution: Attribution) {
    this.#sockets = sockets
    this.#table = table
    this.#connections = connections
    this.#attribution = attribution
  }

  /** P1 and P3 of a known connection, without a system call where nothing has happened to watched sockets. */
  holds(known: Connection): boolean {
    const { watcher } = this.#table
    if (known.verifiedAt === watcher.changes) {
      watcher.poll()
      if (known.verifiedAt === watcher.changes) return true
    }
    if (!this.isSame(known) || !this.isLive(known)) {
      this.#table.forget(known.fd)
      return false
    }
    if (known.requests >= REQUESTS_BEFORE_WATCH) {
      this.#table.watch(known.fd)
      known.verifiedAt = watcher.follow(known.fd) ? watcher.changes : undefined
    }
    return true
  }

  /** P1: true if the socket of a known connection has its peer. One that is searched is asked by the table (`hasPeer`). */
  isLive(known: Connection): boolean {
    return this.#sockets.isConnected(known.fd)
  }

  /** P2: true if the socket is a connection of the request's server, by its local port and address, or known as one of its own. */
  isOurs(fd: number, context: SearchContext): boolean {
    const { server } = context
    context.rule = 'P2'
    if (!this.isAtPort(fd, context)) return false
    if (server.hasAddress(context.local)) return true
    const known = this.#connections.get(fd)
    return known?.acceptedOn.owner === server && this.isSame(known)
  }

  /** The first half of P2: true if the socket's local port is one at which the server accepts. Its local end is then in `context`. */
  isAtPort(fd: number, context: SearchContext): boolean {
    const family = this.#sockets.localName(fd)
    if (family <= 0) return false
    context.localPort = this.#sockets.port()
    if (!context.server.accepts(context.localPort)) return false
    readAddress(this.#sockets, family, context.local)
    return true
  }

  /** P3: true if the descriptor is still that of the same socket. */
  isSame(known: Connection): boolean {
    return this.#sockets.hasCookie(known.fd, known.cookieLow, known.cookieHigh)
  }

  /** True if nothing was read from a socket that has P1 and P2, where another that has them may be the request's. */
  isUnread(fd: number, context: SearchContext): boolean {
    const { named, server } = context
    if (!server.isUnnamed) {
      if (named !== undefined || !server.peersMayCoincide || server.address !== undefined) return false
      const known = this.#connections.get(fd)
      if (known !== undefined && known.requests > 0 && this.isSame(known)) return false
    }
    return this.#attribution.isUnread(fd, context)
  }

  /** P4: true if no other live connection could be the request's. */
  isOnly(connection: Connection, context: SearchContext): boolean {
    return this.#attribution.isOnly(connection, context, this)
  }
}
