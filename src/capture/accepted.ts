/**
 * Connections of a runtime that names the socket of a request (Node): no search, no index, nothing ambiguous.
 *
 * The SYN is read when the socket is accepted, before any of its data, and so is the first TCP_INFO over TLS; they stay with the socket and
 * go with it. TCP_INFO without TLS, cookie, the handshake's TTL and the time of day are read as `read-ahead.ts` says. P1 to P3 of
 * `identity.ts` hold by the socket object, once its descriptor was verified; P4 is not asked.
 * @module
 */
import type { Socket } from 'node:net'
import { isLibc, type Libc, type LibcUnavailable, type OpenLibc } from '../../ffi/libc.ts'
import { Sockets } from '../../ffi/socket.ts'
import { preciseNow } from '../base/clock.ts'
import { memberMemo } from '../base/member-memo.ts'
import type { Connection, Reason } from '../connection/connection.ts'
import { type FirstTiming, firstTiming } from '../connection/handshake-timing.ts'
import { monotonicNow, threadShared } from '../runtime/globals.ts'
import { type AcceptedSocket, isParsed, nodeRequestOf } from '../runtime/node-request.ts'
import { descriptorOf, hasAnswered, hasRead, watchSockets } from '../runtime/node-sockets.ts'
import {
  createAddressWords,
  formatAddress,
  isLinkLocal,
  parseAddress,
  readSource,
  sameAddress,
} from '../wire/sockaddr.ts'
import type { TcpInfoOffset } from '../wire/tcp-info.ts'
import { AcceptedConnection } from './accepted-connection.ts'
import { AcceptedServers, type Place } from './accepted-servers.ts'
import type { CaptureCounts } from './capture-counts.ts'
import { Jiffies } from './jiffies.ts'
import { type ListeningSocket, readAddress } from './listening-sockets.ts'
import { ReadAhead } from './read-ahead.ts'
import { ThreadOptions } from './thread-options.ts'

const RTO: TcpInfoOffset<'rto'> = 8
const LAST_DATA_SENT: TcpInfoOffset<'last_data_sent'> = 44
const LAST_DATA_RECV: TcpInfoOffset<'last_data_recv'> = 52
const NO_OCTETS = new Uint8Array(0)

/** Milliseconds within which a client's first octets surely came: then the kernel need not be asked. */
const SURE = 2

/** One per thread. */
export class AcceptedCapture {
  readonly options: ThreadOptions = new ThreadOptions()
  readonly #libc: () => Libc | LibcUnavailable
  #sockets: Sockets | undefined
  readonly #servers: AcceptedServers
  readonly #peer = createAddressWords()
  readonly #named = createAddressWords()
  readonly #jiffies = new Jiffies(monotonicNow)
  /** True where several fingerprinters may look at one request. */
  #isShared = false
  #isUsed = false
  readonly #readAhead = new ReadAhead()
  /** Requests that were counted. */
  readonly #counted = memberMemo<true>()
  /** True if the application or standard error was told that nothing can be captured. */
  isReported = false
  /** TCP_INFO that the last `connectionOf` read, a copy; `undefined` where it read none. */
  lastInfo: Uint8Array | undefined

  constructor(openLibc: OpenLibc) {
    this.#libc = openLibc
    this.#servers = new AcceptedServers(this, this.options, () => this.#open())
  }

  /** Arms every listener from now on, and reads what sockets bring. */
  start(): void {
    watchSockets({
      listening: (fd, server) => this.#servers.meet(fd, server),
      accepted: (socket) => {
        // A listener of 'connection' comes before, and may have asked.
        if (this.options.early && socket.connection === undefined) this.#read(socket, true)
      },
      greeted: (socket) => this.#noteHello(socket),
      finished: (socket) => this.#noteFlight(socket),
    })
  }

  /** A fingerprinter looks requests up. */
  use(): void {
    this.#isShared = this.#isUsed
    this.#isUsed = true
  }

  /** `undefined` where libc cannot be had; `unavailable` says why. */
  #open(): Sockets | undefined {
    if (this.#sockets === undefined) {
      const libc = this.#libc()
      if (isLibc(libc)) this.#sockets = new Sockets(libc)
    }
    return this.#sockets
  }

  /** Why nothing can be captured; `undefined` where it can. */
  get unavailable(): LibcUnavailable | undefined {
    if (this.#open() !== undefined) return undefined
    return this.#libc() as LibcUnavailable
  }

  /** What an operator can mend, for the application's `onError`. */
  get problem(): string | undefined {
    return this.#servers.problem
  }

  /** The listeners of this thread's servers and what could be set on them. */
  get armed(): readonly ListeningSocket[] {
    return this.#servers.armed
  }

  counts(): CaptureCounts {
    return { connections: this.#servers.connections, sockets: 0, watches: 0, probes: 0, fullScans: 0 }
  }

  /** See {@link AcceptedServers.arm}. */
  arm(onError: (error: Error) => void): void {
    this.#servers.arm(this.#sockets!, onError)
  }

  /**
   * The connection of a socket, its request counted, or why it cannot be told.
   *
   * @param request - the request, or what frameworks hand on in its place
   * @param seesAll - whether the first request to be counted is surely the connection's first, and comes in its own turn
   */
  connectionOf(accepted: AcceptedSocket, request: unknown, seesAll: boolean): Connection | Reason {
    const known = (accepted.connection ?? this.#read(accepted, false)) as AcceptedConnection | Reason
    return typeof known === 'string' ? known : this.count(known, request, seesAll)
  }

  /** The same of a connection that is known. */
  count(known: AcceptedConnection, request: unknown, seesAll: boolean): Connection {
    this.lastInfo = undefined
    if (this.#isShared && this.#isCounted(nodeRequestOf(request)!)) return known
    known.requests++
    if (!known.isNoted) this.#note(known, request, seesAll)
    return known
  }

  /** At the first request of a connection. */
  #note(known: AcceptedConnection, request: unknown, seesAll: boolean): void {
    // A listener of 'connection' may ask before the client has sent anything.
    if (!isParsed(request) && !hasRead(known.accepted.socket)) return
    known.isNoted = true
    if (known.timing !== undefined) this.#noteFirst(known, seesAll)
  }

  /** True if another fingerprinter has counted this request. */
  #isCounted(request: object): boolean {
    if (this.#counted.get(request) === true) return true
    this.#counted.set(request, true)
    return false
  }

  /** Its times. */
  #noteFirst(connection: AcceptedConnection, seesAll: boolean): void {
    const { accepted, completedAt } = connection
    if (accepted.tls !== undefined && seesAll) this.#noteTls(connection)
    if (completedAt === undefined) return
    // Over TLS the first octets are the ClientHello's, of which only Node knows.
    const passed = (accepted.helloAt ?? preciseNow()) - completedAt
    if (accepted.helloAt !== undefined || passed <= SURE) {
      connection.setFirstDataDelay(passed)
      return
    }
    connection.seenAfter = passed
    if (this.#readAhead.isOn) this.lastInfo = this.#noteFirstData(connection, passed)
  }

  /** At the first request: the time since the server's last octets of the TLS handshake. */
  #noteTls(connection: AcceptedConnection): void {
    const { timing, accepted } = connection
    const { flightAt } = accepted
    // The first that is looked at may come after others.
    if (timing === undefined || flightAt === undefined) return
    // Node 20 dies when a session that has ended is asked for its protocol.
    if (!connection.isOpen || hasAnswered(accepted)) return
    const info = this.readInfo(connection)
    this.lastInfo = info
    if (info === undefined) return
    const octets = new DataView(info.buffer, info.byteOffset, info.length)
    const counted = info.length < LAST_DATA_RECV + 4 ? 0 : octets.getUint32(LAST_DATA_RECV, true)
    // The kernel's time does not count a wait for this thread.
    const askedAt = preciseNow() - this.#jiffies.passed(counted)
    timing.tlsRoundTripMilliseconds = Math.max(0, Math.round(askedAt - flightAt))
  }

  /** When the server sent its flight, from the kernel: Node did not see it leave. */
  #noteFlight(accepted: AcceptedSocket): void {
    const passed = this.#sinceLast(accepted, LAST_DATA_SENT)
    if (passed !== undefined) accepted.flightAt = preciseNow() - passed
  }

  /** When the ClientHello came: this thread may have been late. */
  #noteHello(accepted: AcceptedSocket): void {
    const passed = this.#sinceLast(accepted, LAST_DATA_RECV)
    if (passed !== undefined) accepted.helloAt! -= passed
  }

  /** Milliseconds by `last_data_sent` or `last_data_recv` of an open connection. */
  #sinceLast({ connection }: AcceptedSocket, field: number): number | undefined {
    const sockets = this.#sockets
    if (sockets === undefined || !this.options.tcpInfo || !(connection instanceof AcceptedConnection)) return undefined
    if (!connection.isOpen) return undefined
    const octets = sockets.tcpInfo(connection.fd)
    return octets < field + 4 ? undefined : this.#jiffies.passed(sockets.view.getUint32(field, true))
  }

  /**
   * Reads what a socket's kernel side says, once. The connection, or why there is none, is kept with the socket. `isNew`: it was accepted
   * in this turn.
   */
  #read(accepted: AcceptedSocket, isNew: boolean): Connection | Reason {
    const sockets = this.#open()
    // Without libc nothing is kept: each request says why.
    if (sockets === undefined) return 'unsupported'
    const fd = descriptorOf(accepted.socket)
    const found = fd < 0 ? 'no-connection' : this.#readFrom(sockets, fd, accepted, isNew)
    accepted.connection = found
    return found
  }

  #readFrom(sockets: Sockets, fd: number, accepted: AcceptedSocket, isNew: boolean): Connection | Reason {
    const { socket } = accepted
    const server = this.#servers.serverOf(socket)
    const place = this.#servers.placeOf(socket, server)
    const peer = this.#peer
    let port = -1
    let isInSyn = false
    // The number is from an internal field of Node's: that it is this socket's is the kernel's to say. Node's own address costs a
    // system call and more, so it is asked for the first new connection of a server, and for each that is looked at later.
    if (!(isNew && place.isVerified)) {
      port = this.#readPeer(sockets, fd)
      if (port < 0) return socket.remoteAddress === undefined ? 'no-connection' : 'unsupported'
      if (!this.#isPeerOf(socket, port)) return socket.remoteAddress === undefined ? 'no-connection' : 'unsupported'
      place.isVerified = true
    }
    const octets = this.options.syn ? sockets.savedSyn(fd) : 0
    const synBytes = octets > 0 ? sockets.value.slice(0, octets) : NO_OCTETS
    if (port < 0) {
      // The SYN that the kernel kept for this descriptor names the peer.
      port = octets > 0 ? readSource(sockets.view, octets, peer) : -1
      isInSyn = port >= 0
      if (!isInSyn) port = this.#readPeer(sockets, fd)
      if (port < 0) return socket.remoteAddress === undefined ? 'no-connection' : 'unsupported'
    }
    if (octets === 0 && this.options.syn) this.#servers.meetServerOf(server, fd)
    const { options } = this
    const isWhole = this.#readAhead.isOn || octets <= 0
    // Over TLS the server sends before there is a request: later, TCP_INFO does not tell the handshake any more.
    const readsInfo = options.tcpInfo && (isWhole || options.keepInfo || accepted.tls !== undefined)
    const infoOctets = readsInfo ? sockets.tcpInfo(fd) : 0
    let timing: FirstTiming | undefined
    let completedAt: number | undefined
    if (infoOctets > 0) {
      timing = this.#timingOf(sockets, infoOctets, octets > 0, place)
      // Counted from 0, this is the time since then.
      const { acceptTimeMilliseconds: before } = timing
      if (before !== undefined)
        completedAt = Math.min(
          accepted.seenAt ?? Number.POSITIVE_INFINITY,
          preciseNow() - this.#jiffies.passed(-before),
        )
    }
    this.#servers.count(socket, server)
    const connection = new AcceptedConnection(this, accepted, completedAt, {
      fd,
      cookieLow: 0,
      cookieHigh: 0,
      // A zone is Node's to name.
      address: isLinkLocal(peer) ? (socket.remoteAddress ?? '') : isInSyn ? undefined : formatAddress(peer),
      port,
      acceptedOn: place,
      synBytes,
      synReason: octets > 0 ? undefined : octets < 0 ? 'unsupported' : 'not-saved',
      handshakeTimeToLive: undefined,
      timing,
      firstInfo: infoOctets > 0 && options.keepInfo ? sockets.value.slice(0, infoOctets) : undefined,
    })
    if (isWhole) this.#readRest(sockets, connection)
    this.#readAhead.count()
    return connection
  }

  /** What the TCP_INFO that was just read says of a connection's beginning; when it was accepted is counted from now. */
  #timingOf({ view }: Sockets, octets: number, synSaved: boolean, { listener }: Place): FirstTiming {
    const deferAccept = listener === undefined ? this.#servers.mayDefer : listener.deferAccept !== 0
    this.#jiffies.learn(view.getUint32(RTO, true))
    return firstTiming(view, octets, { synSaved, deferAccept, readAt: 0 })
  }

  /** The time of day, which takes as long as a call; of a socket that is still open cookie, TTL and times that were not read. */
  #readRest(sockets: Sockets | undefined, connection: AcceptedConnection): void {
    const { fd, completedAt, synBytes, acceptedOn } = connection
    connection.isWhole = true
    let passed = completedAt === undefined ? undefined : preciseNow() - completedAt
    if (connection.timing === undefined && sockets !== undefined && this.options.tcpInfo) {
      const octets = sockets.tcpInfo(fd)
      if (octets > 0) {
        connection.timing = this.#timingOf(sockets, octets, synBytes.length > 0, acceptedOn as Place)
        const { acceptTimeMilliseconds: before } = connection.timing
        if (before !== undefined) passed = this.#jiffies.passed(-before)
      }
    }
    const { timing } = connection
    if (timing !== undefined && passed !== undefined) timing.acceptTimeMilliseconds = Math.round(Date.now() - passed)
    if (sockets === undefined) return
    if (sockets.cookie(fd)) {
      connection.cookieLow = sockets.view.getUint32(0, true)
      connection.cookieHigh = sockets.view.getUint32(4, true)
    }
    connection.handshakeTimeToLive = sockets.handshakeTimeToLive(fd, connection.address.includes(':') ? 6 : 4)
  }

  /**
   * A request asks for what is read on demand. It goes with the socket: from now on it is read of every connection as soon as that is
   * accepted.
   */
  complete(connection: AcceptedConnection): void {
    this.#readAhead.ask()
    const { isWhole, seenAfter, fd } = connection
    if (!isWhole) {
      const sockets = this.#sockets!
      // A while after it was accepted the kernel says once more that it is this socket.
      const isThis =
        connection.isOpen && this.#readPeer(sockets, fd) === connection.port && this.#isNamed(connection.address)
      this.#readRest(isThis ? sockets : undefined, connection)
    }
    if (seenAfter !== undefined && connection.requests === 1) this.#noteFirstData(connection, seenAfter)
  }

  /** The kernel's peer of a descriptor into `#peer`: its port, -1 where there is none. */
  #readPeer(sockets: Sockets, fd: number): number {
    const family = sockets.peerName(fd)
    if (family <= 0) return -1
    readAddress(sockets, family, this.#peer)
    return sockets.port()
  }

  /** True if the peer that the kernel named, `#peer` and `port`, is the one that Node names. */
  #isPeerOf({ remoteAddress, remotePort }: Socket, port: number): boolean {
    return remoteAddress !== undefined && remotePort === port && this.#isNamed(remoteAddress)
  }

  /** True if this is the address that the kernel named, `#peer`. */
  #isNamed(address: string): boolean {
    return parseAddress(address, this.#named) && sameAddress(this.#peer, this.#named)
  }

  /**
   * How long the client waited before its first octets. The kernel tells to two jiffies; Node's clock, which says `seen`, is finer where
   * the request was looked at as soon as it came. The TCP_INFO that was read.
   */
  #noteFirstData(connection: AcceptedConnection, seen: number): Uint8Array | undefined {
    connection.seenAfter = undefined
    const info = this.readInfo(connection)
    if (info === undefined) return undefined
    const view = new DataView(info.buffer, info.byteOffset, info.length)
    const circumstances = { synSaved: connection.synBytes.length > 0, deferAccept: this.#servers.mayDefer, readAt: 0 }
    const counted = firstTiming(view, info.length, circumstances).firstDataDelayMilliseconds
    connection.setFirstDataDelay(
      counted !== undefined && Math.abs(seen - counted) <= this.#jiffies.length ? seen : counted,
    )
    return info
  }

  /** TCP_INFO of a connection now, a copy; `undefined` where it has ended. */
  readInfo(connection: Connection): Uint8Array | undefined {
    const sockets = this.#sockets!
    if (!(connection as AcceptedConnection).isOpen) return undefined
    const octets = sockets.tcpInfo(connection.fd)
    return octets > 0 ? sockets.copy(octets) : undefined
  }
}

/** The capture of this thread. Shared, so that two copies of the library read each SYN once. */
export function acceptedCapture(openLibc: OpenLibc): AcceptedCapture {
  const place = threadShared<AcceptedCapture>(SHARED)
  let capture = place.get()
  if (capture === undefined) {
    capture = new AcceptedCapture(openLibc)
    place.set(capture)
    capture.start()
  }
  return capture
}

/** The number changes with the shape of `AcceptedCapture`: copies of different shapes do not share. */
const SHARED: symbol = Symbol.for('tcpfingerprint.accepted.5')
