/**
 * Whose request it is, where a peer address may be that of more than one connection: on a listener with several local
 * addresses, or beside QUIC. The runtime says the peer alone; what tells its connections apart is which of them was just read from.
 * @module
 */
import type { DescriptorTable } from '../../ffi/descriptor.ts'
import type { Sockets } from '../../ffi/socket.ts'
import { type Connection, NOT_ASKED, STALE } from '../connection/connection.ts'
import type { ConnectionStore } from '../connection/store.ts'
import type { AddressWords } from '../wire/sockaddr.ts'
import { consumedOctets } from './consumed.ts'
import { ANY_PORT, type Listener } from './listener.ts'

/** How long more requests that could be more than one connection's are expected after one. */
const EXPECTED_MILLISECONDS = 10_000

/** See the module's comment. */
export class Evidence {
  readonly #sockets: Sockets
  readonly #table: DescriptorTable
  readonly #connections: ConnectionStore
  /** Peer ports of requests that could have been more than one connection's, as long as sockets with them are known. */
  readonly #doubted = new Set<number>()
  /** Until when more of them are expected, milliseconds of `performance.now()`. */
  #expectsMoreUntil = 0

  constructor(sockets: Sockets, table: DescriptorTable, connections: ConnectionStore) {
    this.#sockets = sockets
    this.#table = table
    this.#connections = connections
  }

  /**
   * Whether a connection that has been asked before, the only one known with its peer, is the request's without a look at others:
   * the process has read octets from it since its last request. One that is being answered was just read, and nothing else was
   * read since.
   */
  wasJustRead(connection: Connection): boolean {
    if (connection.consumed === STALE || this.#mayLookAround()) return false
    const consumed = consumedOctets(this.#sockets, connection.fd)
    if (consumed < 0 || consumed === connection.consumed) return false
    connection.consumed = consumed
    return true
  }

  /**
   * Whether a connection is the request's: it was read from since its last request, and no other of the same peer is found.
   * Over TLS the handshake is read too, pipelined or multiplexed requests are read at once, and Deno reads several
   * connections before any handler runs: there the likely descriptors are looked at.
   *
   * @param received - octets it has received, where a TCP_INFO just said so
   * @param isOther - whether a socket with this peer is another connection of the listener
   */
  speaksFor(
    connection: Connection,
    listener: Listener,
    peer: AddressWords,
    overTcp: boolean,
    received: number | undefined,
    isOther: (fd: number) => boolean,
  ): boolean {
    const { port, consumed: before } = connection
    const consumed = consumedOctets(this.#sockets, connection.fd, received)
    connection.consumed = consumed
    // Nothing was read from it, or it is dead: whoever asks, it is another one.
    if (consumed <= 0) return false
    const wasRead = consumed !== before
    // A QUIC peer may have the very address of a TCP one, whose handshake was read before. Later reads are requests.
    if (listener.udp && !overTcp && (before === NOT_ASKED || !wasRead)) return false
    // Octets were not counted for some time: whoever came meanwhile is found by looking. Otherwise they may still be half of a
    // request, and the one in hand another one's: there is a look as long as that costs next to nothing.
    const isDoubtful = before === STALE || (before === NOT_ASKED && this.#doubted.has(port))
    if ((isDoubtful || this.#mayLookAround()) && this.#table.findUnwatched(port, peer, isOther, isDoubtful) >= 0) {
      return false
    }
    if (
      listener.address === undefined &&
      (!wasRead || (before === NOT_ASKED && (listener.tls || listener.port === ANY_PORT)) || this.#table.isShared(port))
    ) {
      return this.#table.findLikely(port, peer, isOther) < 0
    }
    return true
  }

  /** Whose request it was is not known: what was read until now from connections with this peer port is nobody's evidence. */
  mistrust(port: number): void {
    this.#doubted.add(port)
    this.#expectsMoreUntil = performance.now() + EXPECTED_MILLISECONDS
    for (const fd of this.#table.all(port)) {
      const one = this.#connections.get(fd)
      if (one !== undefined) one.consumed = STALE
    }
  }

  /** Hardly any client has two connections from one port. Where one had, looks for others are worth more for some time. */
  #mayLookAround(): boolean {
    return this.#table.mayLookAround(this.#expectsMoreUntil > 0 && performance.now() < this.#expectsMoreUntil)
  }

  /** Lets go of doubts about ports of which no socket is known any more. */
  sweep(): void {
    for (const port of this.#doubted) if (this.#table.all(port).length === 0) this.#doubted.delete(port)
  }

  /** Lets go of everything. */
  clear(): void {
    this.#doubted.clear()
  }
}
