/**
 * Connections of a runtime that names the socket of a request (Node): no search, no index, nothing ambiguous.
 *
 * SYN, first TCP_INFO and the handshake's TTL are read when the socket is accepted, before any of its data; they stay with the
 * socket and go with it. P1 to P3 of `identity.ts` hold by the socket object, once its descriptor was verified; P4 is not asked.
 * @module
 */
import { isLibc, type Libc, type LibcUnavailable, type OpenLibc } from '../../ffi/libc.ts'
import { Sockets } from '../../ffi/socket.ts'
import { Connection, type Reason } from '../connection/connection.ts'
import { type FirstTiming, firstTiming } from '../connection/handshake-timing.ts'
import { threadShared } from '../runtime/globals.ts'
import { type AcceptedSocket, descriptorOf, hasAnswered, preciseNow, watchSockets } from '../runtime/node-sockets.ts'
import { createAddressWords, isMapped, parseAddress, sameAddress } from '../wire/sockaddr.ts'
import { tcpInfoOffset } from '../wire/tcp-info.ts'
import type { CaptureCounts, CaptureWishes } from './capture.ts'
import { identifyListener, type ListeningSocket, readAddress, setListener } from './listening-sockets.ts'

/** What the fingerprinters of a thread want, taken together. */
export interface AcceptedWishes extends CaptureWishes {
  /** Facts are read when a socket is accepted; without it when a request asks. */
  atAccept: boolean
  clearDeferAccept: boolean
}

/** Milliseconds by which the kernel's clock of jiffies may differ from a precise one (100 jiffies a second are the fewest). */
const JIFFY = 10
const LAST_DATA_SENT = tcpInfoOffset('last_data_sent')
const LAST_DATA_RECV = tcpInfoOffset('last_data_recv')
const NO_OCTETS = new Uint8Array(0)

/** A connection with the socket that it is. */
class AcceptedConnection extends Connection {
  readonly accepted: AcceptedSocket

  constructor(accepted: AcceptedSocket, facts: ConstructorParameters<typeof Connection>[0]) {
    super(facts)
    this.accepted = accepted
  }
}

/** See the module's comment. One per thread. */
export class AcceptedCapture {
  readonly wishes: AcceptedWishes = {
    syn: false,
    tcpInfo: false,
    keepInfo: false,
    maxConnections: 1,
    atAccept: false,
    clearDeferAccept: false,
  }
  readonly #libc: () => Libc | LibcUnavailable
  #sockets: Sockets | undefined
  readonly #servers = new Map<object, ListeningSocket>()
  readonly #peer = createAddressWords()
  readonly #named = createAddressWords()
  #connections = 0
  /** TCP_INFO that the last `connectionOf` read, a copy; `undefined` where it read none. */
  lastInfo: Uint8Array | undefined

  constructor(openLibc: OpenLibc) {
    this.#libc = openLibc
  }

  /** Arms every listener from now on, and reads what sockets bring. */
  start(): void {
    watchSockets({
      listening: (fd, server) => {
        const sockets = this.#open()
        const listener = sockets && identifyListener(sockets, fd)
        if (listener === undefined) return
        this.#servers.set(server, listener)
        server.once('close', () => this.#servers.delete(server))
        this.#arm(listener)
      },
      accepted: (socket) => {
        if (this.wishes.atAccept) this.#read(socket)
      },
      finished: (socket) => this.#noteFlight(socket),
    })
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

  /** The listeners of this thread's servers and what could be set on them. */
  get armed(): readonly ListeningSocket[] {
    return [...this.#servers.values()]
  }

  counts(): CaptureCounts {
    return { connections: this.#connections, sockets: 0, watches: 0, probes: 0, fullScans: 0 }
  }

  /** Makes the listeners keep SYNs (also before any fingerprinter wants them), and clears TCP_DEFER_ACCEPT where that is wanted. */
  arm(onError: (error: Error) => void): void {
    for (const listener of this.#servers.values()) this.#arm(listener, onError)
  }

  #arm(listener: ListeningSocket, onError: (error: Error) => void = () => {}): void {
    const { clearDeferAccept } = this.wishes
    setListener(this.#sockets!, listener, { saveSyn: true, clearDeferAccept }, onError)
  }

  /**
   * The connection of a socket, its request counted, or why it cannot be told.
   *
   * @param seesAll - whether the first request to be counted is surely the connection's first, and comes in its own turn
   */
  connectionOf(accepted: AcceptedSocket, seesAll: boolean): Connection | Reason {
    this.lastInfo = undefined
    if (this.#open() === undefined) return this.unavailable!.reason
    const known = accepted.connection ?? this.#read(accepted)
    if (!(known instanceof AcceptedConnection)) return known as Reason
    if (known.requests++ === 0 && this.wishes.tcpInfo) {
      const info = this.readInfo(known)
      this.lastInfo = info
      if (seesAll && info !== undefined) this.#noteTls(known, info)
      this.#noteFirstData(known, info)
    }
    return known
  }

  /** At the first request: the time since the server's last octets of the TLS handshake. */
  #noteTls(connection: AcceptedConnection, info: Uint8Array): void {
    const { timing, accepted } = connection
    const { flightAt } = accepted
    // The first that is looked at may come after others.
    if (timing === undefined || flightAt === undefined || hasAnswered(accepted)) return
    const octets = new DataView(info.buffer, info.byteOffset, info.length)
    const waited = info.length < LAST_DATA_RECV + 4 ? 0 : octets.getUint32(LAST_DATA_RECV, true)
    // The kernel's time is coarser, but does not count a wait for this thread.
    const askedAt = preciseNow() - (waited > JIFFY ? waited : 0)
    connection.timing = { ...timing, tlsRoundTripMilliseconds: Math.max(0, Math.round(askedAt - flightAt)) }
  }

  /** When the server sent its flight, from the kernel: Node did not see it leave. */
  #noteFlight(accepted: AcceptedSocket): void {
    const sockets = this.#sockets
    const { connection } = accepted
    if (sockets === undefined || !this.wishes.tcpInfo || !(connection instanceof AcceptedConnection)) return
    if (descriptorOf(accepted.socket) !== connection.fd) return
    const octets = sockets.tcpInfo(connection.fd)
    if (octets >= LAST_DATA_SENT + 4) accepted.flightAt = preciseNow() - sockets.view.getUint32(LAST_DATA_SENT, true)
  }

  /** Reads what a socket's kernel side says, once. The connection, or why there is none, is kept with the socket. */
  #read(accepted: AcceptedSocket): Connection | Reason {
    const { socket } = accepted
    const sockets = this.#open()
    const fd = descriptorOf(socket)
    const found = sockets === undefined || fd < 0 ? 'no-connection' : this.#readFrom(sockets, fd, accepted)
    accepted.connection = found
    return found
  }

  #readFrom(sockets: Sockets, fd: number, accepted: AcceptedSocket): Connection | Reason {
    const { remoteAddress: address, remotePort: port, localPort = 0 } = accepted.socket
    if (address === undefined || port === undefined) return 'no-connection'
    // The number is from an internal field of Node's: that it is this socket's is the kernel's to say.
    const family = sockets.peerName(fd)
    if (family <= 0 || sockets.port() !== port || !parseAddress(address, this.#named)) return 'unsupported'
    readAddress(sockets, family, this.#peer)
    if (!sameAddress(this.#peer, this.#named)) return 'unsupported'
    if (!sockets.cookie(fd)) return 'unsupported'
    const cookieLow = sockets.view.getUint32(0, true)
    const cookieHigh = sockets.view.getUint32(4, true)
    const octets = this.wishes.syn ? sockets.savedSyn(fd) : 0
    const synBytes = octets > 0 ? sockets.value.slice(0, octets) : NO_OCTETS
    let timing: FirstTiming | undefined
    let firstInfo: Uint8Array | undefined
    if (this.wishes.tcpInfo) {
      const length = sockets.tcpInfo(fd)
      if (length > 0) {
        const circumstances = { synSaved: octets > 0, deferAccept: this.#mayDefer, readAt: preciseNow() }
        // An object of its own: the first data's delay is added when it is known.
        timing = { ...firstTiming(sockets.view, length, circumstances) }
        if (this.wishes.keepInfo) firstInfo = sockets.value.slice(0, length)
      }
    }
    this.#connections++
    accepted.socket.once('close', () => this.#connections--)
    return new AcceptedConnection(accepted, {
      fd,
      cookieLow,
      cookieHigh,
      address,
      port,
      acceptedOn: { port: localPort, owner: this },
      synBytes,
      synReason: octets > 0 ? undefined : octets < 0 ? 'unsupported' : 'not-saved',
      handshakeTimeToLive: sockets.handshakeTimeToLive(fd, isMapped(this.#peer) ? 4 : 6),
      timing,
      firstInfo,
    })
  }

  get #mayDefer(): boolean {
    for (const one of this.#servers.values()) if (one.deferAccept !== 0) return true
    return false
  }

  /**
   * At the first request: how long the client waited before its first octets. The kernel tells whether that can be known, to two
   * jiffies; Node's clock is finer. Over TLS the first octets are the ClientHello's, of which only Node knows.
   */
  #noteFirstData(connection: AcceptedConnection, info: Uint8Array | undefined): void {
    const { accepted, timing } = connection
    if (timing === undefined || info === undefined || timing.acceptTimeMilliseconds === undefined) return
    const since = (at: number): number => Math.max(0, Math.round(at - timing.acceptTimeMilliseconds!))
    let delay: number | undefined
    if (accepted.helloAt !== undefined) delay = since(accepted.helloAt)
    else {
      const view = new DataView(info.buffer, info.byteOffset, info.length)
      const circumstances = {
        synSaved: connection.synBytes.length > 0,
        deferAccept: this.#mayDefer,
        readAt: preciseNow(),
      }
      const coarse = firstTiming(view, info.length, circumstances).firstDataDelayMilliseconds
      const fine = since(preciseNow())
      delay = coarse !== undefined && Math.abs(fine - coarse) <= JIFFY ? fine : coarse
    }
    ;(timing as { firstDataDelayMilliseconds: number | undefined }).firstDataDelayMilliseconds = delay
  }

  /** TCP_INFO of a connection now, a copy; `undefined` where it has ended. */
  readInfo(connection: Connection): Uint8Array | undefined {
    const sockets = this.#sockets!
    if (!(connection instanceof AcceptedConnection)) return undefined
    // Node forgets the handle when it closes the descriptor, whose number may then be another socket's.
    if (descriptorOf(connection.accepted.socket) !== connection.fd) return undefined
    const octets = sockets.tcpInfo(connection.fd)
    return octets > 0 ? sockets.value.slice(0, octets) : undefined
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
const SHARED: symbol = Symbol.for('tcpfingerprint.accepted.1')
