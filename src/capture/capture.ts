/**
 * From a request's peer address to its connection: composes the descriptor table, the system calls and what is kept for
 * each connection. One per thread of JavaScript, shared by every fingerprinter in it, because a SYN can be read only once.
 * @module
 */
import { DescriptorTable } from '../../ffi/descriptors/table.ts'
import type { Libc } from '../../ffi/libc.ts'
import { Sockets } from '../../ffi/socket.ts'
import { Connection, type Reason } from '../connection/connection.ts'
import { unrefTimer } from '../runtime/timers.ts'
import { isMapped, parseAddress } from '../wire/sockaddr.ts'
import { Attribution } from './attribution.ts'
import type { CaptureCounts } from './capture-counts.ts'
import { ConnectionStore } from './connection-store.ts'
import { Details } from './details.ts'
import { Identity } from './identity.ts'
import { ListeningSockets } from './listening-sockets.ts'
import { lookups, observed } from './lookup-channel.ts'
import { isUnanswered } from './octets-read.ts'
import { SearchContext } from './search-context.ts'
import { isFor, Server, type TcpServerAddress } from './server.ts'
import { ThreadOptions } from './thread-options.ts'

const SWEEP_MILLISECONDS = 1000
/** Pauses between the first scans for listening sockets after `arm`, milliseconds: a server may come after its handlers. */
const SCANS = [1, 20, 200]
/** How long a server is expected after `arm`, milliseconds: where none listens yet, and where one does. */
const EXPECTED = 60_000
const EXPECTED_AFTER_ONE = 10_000
/** SYNs kept until the request of their connection comes. */
const FOUND_SYNS = 64
/** Young numbers looked at in one sweep, and the pause before the next where more are left. */
const SWEEP_LIMIT = 64
const SWEEP_AGAIN_MILLISECONDS = 20
const NO_OCTETS = new Uint8Array(0)

/** Finds the connection of a request on Bun and Deno. One per thread. */
export class Capture {
  readonly options: ThreadOptions = new ThreadOptions()
  readonly listening: ListeningSockets
  readonly #sockets: Sockets
  readonly #table: DescriptorTable
  readonly #connections = new ConnectionStore()
  readonly #details: Details
  readonly #attribution: Attribution
  readonly #identity: Identity
  readonly #context = new SearchContext()
  readonly #accepts: (fd: number) => boolean
  readonly #acceptsOwnOnly: (fd: number) => boolean
  readonly #acceptsElsewhere: (fd: number) => boolean
  readonly #servers = new Map<string, Server>()
  /** SYNs that were read from sockets which turned out to be another server's, by cookie. */
  readonly #foundSyns = new Map<string, Uint8Array>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #timerAt = 0
  #isArmed = false
  #armAgainAt = 0
  /** Scans for listening sockets since the last `arm`. */
  #scans = 0
  /** Until when a server is expected that no request has announced, milliseconds of `performance.now()`. */
  #expectsUntil = 0

  constructor(libc: Libc) {
    this.#sockets = new Sockets(libc)
    this.listening = new ListeningSockets(this.#sockets)
    this.#table = new DescriptorTable(this.#sockets, {
      gone: (fd) => this.#connections.delete(fd),
    })
    this.#attribution = new Attribution(this.#sockets, this.#table)
    this.#identity = new Identity(this.#sockets, this.#table, this.#connections, this.#attribution)
    this.#details = new Details(this.#sockets, this.options)
    const context = this.#context
    this.#accepts = (fd) => this.#isAlone(context.server) || this.#identity.isOurs(fd, context)
    this.#acceptsOwnOnly = (fd) => this.#identity.isOurs(fd, context)
    this.#acceptsElsewhere = (fd) => this.#identity.isAtPort(fd, context)
  }

  /** What is held now. */
  counts(): CaptureCounts {
    return { connections: this.#connections.size, ...this.#table.counts() }
  }

  /**
   * Sets on the process's listening sockets what the options ask for, on `port` or on all, and on those that come later: they are
   * looked for after a moment, then each second while a server is expected or connections are kept. Refusals of the kernel go to
   * `onError`.
   */
  arm(port: number | undefined, onError: (error: Error) => void): void {
    this.#isArmed = true
    this.#arm(port, onError)
    const now = performance.now()
    this.#expectsUntil = now + (this.listening.armed.length > 0 ? EXPECTED_AFTER_ONE : EXPECTED)
    this.#scans = 0
    this.#armAgainAt = now + SCANS[0]!
    this.#wakeIn(SCANS[0]!)
  }

  #arm(port: number | undefined, onError: (error: Error) => void, isConnection?: (fd: number) => boolean): void {
    const { syn: saveSyn, clearDeferAccept } = this.options
    this.listening.arm({ saveSyn, clearDeferAccept, port }, onError, isConnection)
    for (const [key, server] of this.#servers) {
      this.#update(server)
      if (server.armed.length === 0 && !server.isUnnamed) this.#servers.delete(key)
    }
    this.#table.watcher.setListeners(this.listening.armed.map((one) => one.fd))
  }

  /** The server that listens here, the same object for the same address. */
  server(where: TcpServerAddress): Server {
    // HTTP/3 is over TLS.
    const udp = where.kind === 'tcp' && where.tls && this.listening.hasUdp(where.port)
    const key = where.kind === 'tcp' ? `${where.port} ${where.address} ${where.tls} ${udp}` : where.kind
    let server = this.#servers.get(key)
    if (server === undefined) {
      server = new Server(where, udp, this.#details)
      this.#update(server)
      this.#servers.set(key, server)
    }
    return server
  }

  #update(server: Server): void {
    const { listening } = this
    if (server.isUnnamed) server.update(listening.armed, [])
    else server.update(listening.at(server.port, server.address), listening.addresses(server.port))
  }

  /**
   * The connection with this peer on this server, its request counted, or why it cannot be told. `address` and `port` must be what
   * the runtime reported of the request in this turn: the kernel is asked whether it still holds.
   *
   * @param named - the descriptor, where the runtime names it
   * @param overTcp - whether the request surely did not come over QUIC
   * @param isCounted - whether the request was counted before: another fingerprinter has looked at it
   * @throws {SocketError} where the kernel or a sandbox refuses calls without which no connection can be told
   */
  connection(
    server: Server,
    address: string,
    port: number,
    named: number | undefined,
    overTcp: boolean,
    isCounted = false,
  ): Connection | Reason {
    const context = this.#context
    context.start(server, address, port, named, overTcp, isCounted)
    return lookups.hasSubscribers
      ? observed(this.#sockets.libc, context, () => this.#lookUp(context))
      : this.#lookUp(context)
  }

  #lookUp(context: SearchContext): Connection | Reason {
    const { address, named, port, server } = context
    const known = this.#connections.get(named ?? this.#table.onlyWithPort(port))
    if (
      known !== undefined &&
      known.port === port &&
      known.address === address &&
      known.acceptedOn.owner === server &&
      this.#attribution.isStillOnly(known, context) &&
      this.#identity.holds(known)
    ) {
      context.rule = 'P3'
      context.candidates = 1
      this.#count(known, context)
      return known
    }
    return this.#search(context, known !== undefined)
  }

  /** True if the last `connection` call has searched, which takes a while. */
  get hasSearched(): boolean {
    return this.#context.rule === 'P4'
  }

  /** TCP_INFO that the last `connection` call read, a copy; `undefined` where it read none. */
  get lastInfo(): Uint8Array | undefined {
    return this.#context.info
  }

  #search(context: SearchContext, isKnown: boolean): Connection | Reason {
    const { server } = context
    if (!parseAddress(context.address, context.peer)) return 'not-found'
    context.keepsInfo = this.#details.wantsInfo
    this.#attribution.prepare(context, isKnown)
    let fd = this.#find(context)
    if (fd < 0 && this.#table.refusal !== 0) throw this.#sockets.peerError(this.#table.refusal)
    if (fd < 0) return server.udp ? 'not-tcp' : 'not-found'
    if (fd !== context.guessed) context.forgetInfo()
    context.candidates++
    if (this.#identity.isUnread(fd, context)) {
      const unread = fd
      fd = this.#findOne(
        context,
        (one) => one !== unread && this.#accepts(one) && !this.#identity.isUnread(one, context),
      )
      // On Deno a request is reported after its client has gone, too.
      if (fd < 0) return 'ambiguous'
      if (context.infoOf !== fd) context.forgetInfo()
    }
    const connection = this.#keep(fd, context) ?? this.#keepOwn(context)
    if (connection === undefined) return server.udp ? 'not-tcp' : 'not-found'
    context.rule = 'P4'
    if (server.peersMayCoincide && !this.#identity.isOnly(connection, context)) return 'ambiguous'
    this.#count(connection, context)
    return connection
  }

  /**
   * Counts a request. On Deno a request of a client that has gone may have been taken for this connection's first one: no second one
   * comes before an answer.
   */
  #count(connection: Connection, { server, isCounted }: SearchContext): void {
    const { requests } = connection
    if (requests > 0 && isCounted) return
    if (server.isUnnamed && requests === 1 && isUnanswered(this.#sockets, connection.fd)) return
    connection.requests++
  }

  /** A descriptor that has P1 and P2, -1 where there is none. */
  #find(context: SearchContext): number {
    const { server, named, port, peer } = context
    if (named !== undefined && this.#table.check(named, port, peer) && this.#identity.isOurs(named, context))
      return named
    let fd = this.#findOne(context, this.#accepts)
    // It may have been accepted before another server got its address, or after that has gone.
    if (fd < 0 && server.sharesPort && (context.overTcp || !server.udp)) {
      fd = this.#table.findKnown(port, peer, this.#acceptsElsewhere)
    }
    return fd
  }

  #findOne({ port, peer, uniqueness, guessed }: SearchContext, accept: (fd: number) => boolean): number {
    // After a census the table lists all there are.
    if (uniqueness === 'census') return this.#table.findListed(port, peer, guessed, accept)
    const fd = this.#table.find(port, peer, accept)
    return fd < 0 && this.#table.takeCensus(false) ? this.#table.findKnown(port, peer, accept) : fd
  }

  /** The connection is another server's: one that is surely this server's. */
  #keepOwn(context: SearchContext): Connection | undefined {
    context.forgetInfo()
    const fd = this.#findOne(context, this.#acceptsOwnOnly)
    return fd < 0 ? undefined : this.#keep(fd, context)
  }

  /** True if no other server of the process can have accepted a connection, so that its SYN tells whose it is. */
  #isAlone(server: Server): boolean {
    return this.options.syn && server.armed.length === 1 && this.listening.armed.length === 1
  }

  /**
   * The connection kept for a descriptor that was just verified, made where it is a new one. `undefined` where the socket turns out
   * not to be one of the server's.
   */
  #keep(fd: number, context: SearchContext): Connection | undefined {
    const sockets = this.#sockets
    const { server } = context
    if (!sockets.cookie(fd)) throw sockets.cookieError(fd)
    const cookieLow = sockets.view.getUint32(0, true)
    const cookieHigh = sockets.view.getUint32(4, true)
    const known = this.#connections.get(fd)
    if (known !== undefined && known.cookieLow === cookieLow && known.cookieHigh === cookieHigh) {
      if (known.acceptedOn.owner === server) return known
      if (!this.#identity.isOurs(fd, context)) return undefined
      // Its SYN was read already.
      known.acceptedOn = server.acceptedOn(context.localPort)
      return known
    }
    // A census has just read the notices.
    if (context.uniqueness !== 'census') this.#table.renew(fd)
    let synBytes: Uint8Array = NO_OCTETS
    // A fingerprinter that wants the SYN later, when it is perhaps gone, is told so.
    let synReason: Reason | undefined = this.options.syn ? undefined : 'not-saved'
    if (this.options.syn) {
      const found = this.#foundSyns.size > 0 ? this.#takeFoundSyn(cookieLow, cookieHigh) : undefined
      const octets = found === undefined ? sockets.savedSyn(fd) : 0
      if (found !== undefined) synBytes = found
      else if (octets > 0) synBytes = sockets.copySyn(octets)
      else synReason = octets < 0 ? 'unsupported' : server.synReason
    }
    if (this.#isAlone(server)) {
      // The local name was not asked for yet: the SYN says as much, if there is one.
      if (isFor(synBytes, server)) context.localPort = server.ports[0]!
      else if (!this.#identity.isOurs(fd, context)) {
        // A server came that was not known, or one has gone: the SYN waits for the request of its server.
        if (synBytes.length > 0) this.#keepFoundSyn(cookieLow, cookieHigh, synBytes)
        return undefined
      }
    }
    if (context.keepsInfo && context.infoOf !== fd) context.takeInfo(sockets, fd)
    // Perhaps read before the SYN, which is now in its place.
    else if (context.info !== undefined) sockets.value.set(context.info)
    const { info } = context
    const connection = new Connection({
      fd,
      cookieLow,
      cookieHigh,
      address: context.address,
      port: context.port,
      acceptedOn: server.acceptedOn(context.localPort),
      synBytes,
      synReason,
      timing: info && this.#details.timingOf(info.length, synBytes, server),
      firstInfo: this.options.keepInfo ? info?.slice() : undefined,
      handshakeTimeToLive: this.#details.timeToLiveOf(fd, isMapped(context.peer)),
    })
    this.#connections.limit = this.options.maxConnections
    this.#connections.set(connection)
    if (this.#timer === undefined) {
      this.#wakeIn(SWEEP_MILLISECONDS)
      // Where the runtime does not name the server, one that came while the process was idle must be known before the next request.
      if (server.isUnnamed) this.#armOthers()
    }
    return connection
  }

  #keepFoundSyn(cookieLow: number, cookieHigh: number, synBytes: Uint8Array): void {
    if (this.#foundSyns.size === FOUND_SYNS) this.#foundSyns.delete(this.#foundSyns.keys().next().value!)
    this.#foundSyns.set(`${cookieHigh} ${cookieLow}`, synBytes)
  }

  #takeFoundSyn(cookieLow: number, cookieHigh: number): Uint8Array | undefined {
    const key = `${cookieHigh} ${cookieLow}`
    const found = this.#foundSyns.get(key)
    this.#foundSyns.delete(key)
    return found
  }

  /** See {@link Details.read}. */
  readDetails(connection: Connection): Uint8Array | undefined {
    return this.#details.read(connection)
  }

  /** TCP_INFO of a kept connection now, a copy; `undefined` where it is gone. */
  readInfo(connection: Connection): Uint8Array | undefined {
    const sockets = this.#sockets
    this.#details.noteAsked()
    if (!sockets.hasCookie(connection.fd, connection.cookieLow, connection.cookieHigh)) return undefined
    const octets = sockets.tcpInfo(connection.fd)
    return octets > 0 ? sockets.copy(octets) : undefined
  }

  #wakeIn(milliseconds: number): void {
    const at = performance.now() + milliseconds
    if (this.#timer !== undefined && this.#timerAt <= at) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = setTimeout(() => this.#sweep(), milliseconds)
    unrefTimer(this.#timer)
  }

  #armOthers(): void {
    this.#arm(
      undefined,
      () => {},
      (fd) => this.#table.isWatched(fd),
    )
  }

  /** Forgets what was closed, watches what stays, arms listening sockets that came. Wakes again only while something may change. */
  #sweep(): void {
    this.#timer = undefined
    const now = performance.now()
    const isMoreLeft = this.#table.sweep(SWEEP_LIMIT)
    this.#attribution.retry()
    for (const server of this.#servers.values()) if (server.kernelTells === false) server.kernelTells = undefined
    if (this.#isArmed && now >= this.#armAgainAt) {
      const pause = SCANS[++this.#scans] ?? SWEEP_MILLISECONDS
      this.#armAgainAt = now + pause - 1
      this.#armOthers()
      if (pause < SWEEP_MILLISECONDS) this.#wakeIn(pause)
    }
    if (isMoreLeft) this.#wakeIn(SWEEP_AGAIN_MILLISECONDS)
    else if (this.#connections.size > 0 || now < this.#expectsUntil) this.#wakeIn(SWEEP_MILLISECONDS)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isArmed = false
    this.#expectsUntil = 0
    this.#table.close()
    this.#connections.clear()
    this.#attribution.close()
    this.#servers.clear()
    this.#foundSyns.clear()
  }
}
