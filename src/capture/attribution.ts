/**
 * Whose request it is, where a peer address may be that of more than one connection: on a listener with several local
 * addresses, or beside QUIC. The runtime says the peer alone; what tells its connections apart is which of them was just read from.
 * @module
 */
import type { DescriptorTable } from '../../ffi/descriptors/table.ts'
import type { Sockets } from '../../ffi/socket.ts'
import { type Connection, NOT_ASKED, STALE } from '../connection/connection.ts'
import type { AddressWords } from '../wire/sockaddr.ts'
import type { ConnectionStore } from './connection-store.ts'
import { consumedOctets, dataAge } from './octets-read.ts'
import { ANY_PORT, type Listener } from './server.ts'
import { TimeBudget } from './time-budget.ts'

/** How long more requests that could be more than one connection's are expected after one. */
const EXPECTED_MILLISECONDS = 10_000
/**
 * Share of the time that looks around may take where one can do without: usually, and while there is reason to expect that
 * they find something. Milliseconds that they may take at once.
 */
const SHARE = 0.01
const LARGER_SHARE = 0.1
const AT_ONCE = 20
/** Calls in a look at most, of a quarter of a microsecond each: where one can do without, and where there is reason for it. */
const MOST_SPARE = 1024
const MOST = 8192
/** Milliseconds after which octets are hardly those of the request in hand: a jiffy is up to 10. */
const FRESH = 12

/** Octets that a connection has received, and milliseconds since the last of them came, as a TCP_INFO says. */
export interface Received {
  readonly octets: number
  readonly age: number
}

/** See the module's comment. */
export class Evidence {
  readonly #sockets: Sockets
  readonly #table: DescriptorTable
  readonly #connections: ConnectionStore
  /** Peer ports of requests that could have been more than one connection's, as long as sockets with them are known. */
  readonly #doubted = new Set<number>()
  /** Until when more of them are expected, milliseconds of `performance.now()`. */
  #expectsMoreUntil = 0
  /** Time for looks that one can do without, and for those with a reason. */
  readonly #spare = new TimeBudget(AT_ONCE)
  readonly #rather = new TimeBudget(AT_ONCE)

  constructor(sockets: Sockets, table: DescriptorTable, connections: ConnectionStore) {
    this.#sockets = sockets
    this.#table = table
    this.#connections = connections
  }

  /**
   * Whether a connection that has been asked before, the only one known with its peer, is the request's without a look at others:
   * the process has read octets from it since its last request, which came a moment ago. One that is being answered was just
   * read, and nothing else was read since.
   */
  wasJustRead(connection: Connection): boolean {
    if (connection.consumed === STALE || this.#maySpare()) return false
    const consumed = consumedOctets(this.#sockets, connection.fd)
    if (consumed < 0 || consumed === connection.consumed || dataAge(this.#sockets.view) > FRESH) return false
    connection.consumed = consumed
    return true
  }

  /**
   * Whether a connection is the request's: it was read from since its last request, and no other of the same peer is found.
   * Over TLS the handshake is read too, pipelined or multiplexed requests are read at once, and Deno reads several
   * connections before any handler runs: there the likely descriptors are looked at.
   *
   * @param received - where a TCP_INFO was just read
   * @param isOther - whether a socket with this peer is another connection of the listener
   */
  speaksFor(
    connection: Connection,
    listener: Listener,
    peer: AddressWords,
    overTcp: boolean,
    received: Received | undefined,
    isOther: (fd: number) => boolean,
  ): boolean {
    const { port, consumed: before } = connection
    const consumed = consumedOctets(this.#sockets, connection.fd, received?.octets)
    connection.consumed = consumed
    // Nothing was read from it, or it is dead: whoever asks, it is another one.
    if (consumed <= 0) return false
    const wasRead = consumed !== before
    const isOld = (received?.age ?? dataAge(this.#sockets.view)) > FRESH
    // A QUIC peer may have the very address of a TCP one, whose handshake was read before. Later reads are requests, or nearly
    // all of them.
    if (listener.udp && !overTcp && (before === NOT_ASKED || !wasRead || isOld)) return false
    if (
      this.#isAnotherFound(
        before === STALE || (before === NOT_ASKED && this.#doubted.has(port)),
        isOld,
        port,
        peer,
        isOther,
      )
    ) {
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

  /**
   * Whether a look around finds another one. Octets were not counted for some time: whoever came meanwhile is found by looking.
   * Otherwise they may still be half of a request, and the one in hand another one's: there is a look as long as that costs
   * next to nothing, and rather where they came some time ago.
   */
  #isAnotherFound(
    isDoubtful: boolean,
    isOld: boolean,
    port: number,
    peer: AddressWords,
    isOther: (fd: number) => boolean,
  ): boolean {
    if (!isDoubtful && !(isOld ? this.#mayRather() : this.#maySpare())) return false
    const start = performance.now()
    const found = this.#table.findUnwatched(port, peer, isOther)
    if (!isDoubtful) (isOld ? this.#rather : this.#spare).spend(performance.now() - start)
    return found >= 0
  }

  /** Hardly any client has two connections from one port. Where one had, looks for others are worth more for some time. */
  #maySpare(): boolean {
    if (this.#table.unwatched > MOST_SPARE) return false
    const now = performance.now()
    return this.#spare.hasAny(now < this.#expectsMoreUntil ? LARGER_SHARE : SHARE, now)
  }

  #mayRather(): boolean {
    return this.#table.unwatched <= MOST && this.#rather.hasAny(LARGER_SHARE)
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

  /** Lets go of doubts about ports of which no socket is known any more. */
  sweep(): void {
    for (const port of this.#doubted) if (this.#table.all(port).length === 0) this.#doubted.delete(port)
  }

  /** Lets go of everything. */
  clear(): void {
    this.#doubted.clear()
  }
}
