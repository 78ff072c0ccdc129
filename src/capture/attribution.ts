/**
 * P4 of the proof in `identity.ts`: is there another live connection with this peer? Everything that serves P4 alone is here, in
 * `ffi/local-addresses.ts` and `ffi/descriptors/census.ts`, and goes away when runtimes name the descriptor.
 *
 * Bun and Deno report only a request's peer. On a server for several local addresses two live connections can have the same peer,
 * one with half a request read, so that octets read prove nothing. Two exact ways to know all of them, of which the cheaper is taken:
 *
 * - **lookup**: sock_diag, one lookup of 2.5 µs for each local address and port. Not for IPv4 clients on this machine, because all of
 *   127.0.0.0/8 is local, and a dump of the kernel's table takes 0.14 to 4 ms.
 * - **census** of this process's descriptors: 4 µs and up, and the dearest part, probes, is bounded for each connection.
 *
 * Where neither can be had, the request is `ambiguous`.
 * @module
 */
import type { DescriptorTable } from '../../ffi/descriptors/table.ts'
import { LocalAddresses } from '../../ffi/local-addresses.ts'
import { SockDiag } from '../../ffi/sock-diag.ts'
import type { Sockets } from '../../ffi/socket.ts'
import type { Connection } from '../connection/connection.ts'
import { type AddressWords, isLinkLocal, isMapped, sameAddress } from '../wire/sockaddr.ts'
import { bytesReceived, dataAge, octetsRead } from './octets-read.ts'
import type { SearchContext } from './search-context.ts'

/** Microseconds of a lookup. */
const LOOKUP_COST = 2.5
/** Lookups for one request at most. */
const MOST_LOOKUPS = 32
/**
 * Milliseconds after which data is probably not part of the current request, where that may have come over QUIC. `tcpi_last_data_recv`
 * has the resolution of a jiffy, up to 10 ms.
 */
const FRESH = 12
const LOOPBACK = 127

/** P2 of the proof. */
export interface Ownership {
  /** True if the socket is a connection of the request's server. */
  isOurs(fd: number, context: SearchContext): boolean
}

/** Decides P4. One per thread. */
export class Attribution {
  readonly #sockets: Sockets
  readonly #table: DescriptorTable
  readonly #diag: SockDiag
  readonly #addresses: LocalAddresses
  /** Accept epoch of the lookups in hand, 0 for none. */
  #epoch = 0

  constructor(sockets: Sockets, table: DescriptorTable) {
    this.#sockets = sockets
    this.#table = table
    this.#diag = new SockDiag(sockets.libc)
    this.#addresses = new LocalAddresses(sockets.libc)
  }

  /**
   * True if a connection that was the only one with its peer still is, without a system call: no duplicate peer is possible, or
   * nothing was accepted since that was found.
   */
  isStillOnly(connection: Connection, { server, named, overTcp }: SearchContext): boolean {
    if (named !== undefined || !server.peersMayCoincide) return true
    if (server.udp && !overTcp) return false
    if (server.address !== undefined || this.#table.isCensusCurrent()) return true
    const { acceptEpoch } = this.#table.watcher
    return acceptEpoch !== 0 && connection.onlyIn === acceptEpoch
  }

  /**
   * Chooses how P4 will be decided, and takes a census where that is the way: then the table lists every candidate. `isKnown`: the
   * connection has been asked before, and will be again, so that an accept epoch is worth its price.
   */
  prepare(context: SearchContext, isKnown: boolean): void {
    const { server } = context
    context.guessed = -1
    context.isAllRead = false
    if (context.named !== undefined || server.address !== undefined) {
      context.uniqueness = 'address'
      return
    }
    const lookups = this.#lookups(context)
    const isDear = lookups === Number.POSITIVE_INFINITY || lookups * LOOKUP_COST > this.#table.censusCost
    if (isDear) context.guessed = this.#table.guess(context.port, context.peer)
    // Octets are counted before the census sees that none waits.
    const isCounted = context.guessed >= 0 && (!isKnown || server.isUnnamed)
    if (isCounted) context.takeInfo(this.#sockets, context.guessed)
    if (isDear && this.#table.takeCensus(isKnown, context.guessed)) {
      context.uniqueness = 'census'
      context.isAllRead = isCounted && this.#table.wasGuessedRead
    } else if (lookups <= MOST_LOOKUPS) {
      this.#epoch = isKnown ? this.#table.watcher.startEpoch() : 0
      context.uniqueness = 'lookup'
    } else context.uniqueness = 'undecided'
  }

  /** How many lookups would tell, infinite where they cannot. */
  #lookups(context: SearchContext): number {
    const { server, peer } = context
    const isIpv4 = isMapped(peer)
    // A client on this machine reaches all of 127.0.0.0/8.
    if (server.kernelTells === false || isLinkLocal(peer) || (isIpv4 && peer.w3 >>> 24 === LOOPBACK)) {
      return Number.POSITIVE_INFINITY
    }
    const known = this.#addresses.ofFamily(peer)
    if (known === undefined || known.hasNetworks) return Number.POSITIVE_INFINITY
    if (isIpv4 && known.single.some((one) => sameAddress(one, peer))) return Number.POSITIVE_INFINITY
    context.localAddresses = known.single
    return known.single.length * server.ports.length
  }

  /** P4: true if no other live connection has this peer and could be the request's. */
  isOnly(connection: Connection, context: SearchContext, ownership: Ownership): boolean {
    const { server } = context
    if (context.named !== undefined) return true
    if (server.udp && !context.overTcp && !this.#wasJustRead(connection)) return false
    if (context.uniqueness === 'address') return true
    // Where the runtime does not name the server, that was asked before the SYN was taken.
    if (connection.requests === 0 && !server.isUnnamed && this.isUnread(connection.fd, context)) return false
    if (context.uniqueness === 'census') return this.#isOnlyInTable(connection, context, ownership)
    if (context.uniqueness === 'undecided') return false
    if (this.#isOnlyInKernel(connection, context)) {
      connection.onlyIn = this.#epoch
      return true
    }
    // A socket that lookups cannot find, as where a server is bound to an interface: the process's own descriptors tell.
    if (server.kernelTells !== false) return false
    return this.#table.takeCensus(false) && this.#isOnlyInTable(connection, context, ownership)
  }

  /** True if nothing was read from the request's socket. */
  isUnread(fd: number, context: SearchContext): boolean {
    if (context.infoOf !== fd) context.takeInfo(this.#sockets, fd)
    const { received } = context
    if (received === undefined) return false
    if (context.isAllRead && fd === context.guessed) return received === 0
    return octetsRead(this.#sockets, fd, received) === 0
  }

  #isOnlyInTable(connection: Connection, context: SearchContext, ownership: Ownership): boolean {
    const { port, peer } = context
    if (this.#table.onlyWithPort(port) === connection.fd) return true
    return this.#table.findKnown(port, peer, (fd) => this.#isRival(fd, connection, context, ownership)) < 0
  }

  /** True if the socket is another live connection of the server, from which something was read. */
  #isRival(fd: number, connection: Connection, context: SearchContext, ownership: Ownership): boolean {
    const sockets = this.#sockets
    if (fd === connection.fd || sockets.hasCookie(fd, connection.cookieLow, connection.cookieHigh)) return false
    // Where the runtime does not name the server, the socket may be that of a server which is not known yet.
    if (!context.server.isUnnamed && !ownership.isOurs(fd, context)) return false
    context.candidates++
    return octetsRead(sockets, fd) !== 0
  }

  /** Looks the peer up at every local address. The connection itself must be among what the kernel answers. */
  #isOnlyInKernel(connection: Connection, context: SearchContext): boolean {
    const { server } = context
    let isSelfFound = false
    for (const address of context.localAddresses) {
      // Connections to it are accepted by another server.
      if (!server.hasAddress(address)) continue
      for (const port of server.ports) {
        const answer = this.#lookup(address, port, context)
        if (answer < 0) {
          server.kernelTells = false
          return false
        }
        if (answer === 0) continue
        context.candidates++
        const { found } = this.#diag
        if (found.cookieLow === connection.cookieLow && found.cookieHigh === connection.cookieHigh) isSelfFound = true
        else if (this.#mayBeAsking()) return false
        // It may ask without another accept.
        else this.#epoch = 0
      }
    }
    // Of a connection that has ended meanwhile the kernel rightly knows nothing.
    if (isSelfFound || this.#sockets.isConnected(connection.fd)) server.kernelTells = isSelfFound
    return isSelfFound
  }

  #lookup(address: AddressWords, port: number, context: SearchContext): number {
    return this.#diag.lookup(address, port, context.peer, context.port, WITH_INFO)
  }

  /** True if a process has the socket that was found, and has read from it. */
  #mayBeAsking(): boolean {
    const { inode, info, unread } = this.#diag.found
    if (inode === 0) return false
    // The length of the queue has the FIN in it as well.
    const received = info && bytesReceived(info, info.byteLength, true)
    return received === undefined || received !== unread
  }

  /**
   * True if the connection was read from since its last request, a moment ago. Otherwise the request may have come over QUIC from the
   * same address and port: the first one always may, because a TLS handshake is read before it.
   */
  #wasJustRead(connection: Connection): boolean {
    const before = connection.octetsRead
    const octets = octetsRead(this.#sockets, connection.fd)
    connection.octetsRead = octets
    if (before === undefined || octets === undefined || octets === before) return false
    return dataAge(this.#sockets.view) <= FRESH
  }

  /** Asks again for what the kernel refused: perhaps too much was open then. */
  retry(): void {
    this.#diag.retry()
    this.#addresses.retry()
  }

  close(): void {
    this.#diag.close()
    this.#addresses.close()
  }
}

const WITH_INFO = { info: true } as const
