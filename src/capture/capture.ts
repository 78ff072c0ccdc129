/**
 * From a request's peer address to its connection: composes the descriptor table, the system calls and what is kept for
 * each connection. One per thread of JavaScript, shared by every fingerprinter in it, because a SYN can be read only once.
 * @module
 */
import { DescriptorTable } from '../../ffi/descriptors/table.ts'
import { isLibc, type Libc, type OpenLibc } from '../../ffi/libc.ts'
import { Sockets } from '../../ffi/socket.ts'
import { Connection, type Reason } from '../connection/connection.ts'
import { type FirstTiming, firstTiming } from '../connection/handshake-timing.ts'
import { threadShared } from '../runtime/globals.ts'
import { onThreadEnd } from '../runtime/process-end.ts'
import { unrefTimer } from '../runtime/timers.ts'
import { isMapped, parseAddress } from '../wire/sockaddr.ts'
import { Attribution } from './attribution.ts'
import { ConnectionStore } from './connection-store.ts'
import { Identity } from './identity.ts'
import { type ArmOptions, Listeners } from './listening-sockets.ts'
import { bytesReceived, octetsRead } from './octets-read.ts'
import { SearchContext } from './search-context.ts'
import { ANY_PORT, isFor, Listener, type ServerFacts } from './server.ts'

/** What every fingerprinter of the thread wants, taken together. */
export interface CaptureWishes {
  syn: boolean
  /** TCP_INFO at the first request of a connection. */
  tcpInfo: boolean
  /** Whether that TCP_INFO stays with the connection. */
  keepInfo: boolean
  maxConnections: number
}

/** What the capture holds, for status. */
export interface CaptureCounts {
  /** Connections kept. */
  readonly connections: number
  /** Sockets with a peer that were met while looking for connections. */
  readonly sockets: number
  /** Those among them that have an inotify watch. */
  readonly watches: number
  /** `getpeername` calls made to find descriptors. */
  readonly probes: number
  /** Searches that had to look at every descriptor. */
  readonly fullScans: number
}

const SWEEP_MILLISECONDS = 1000
/** SYNs kept for whoever they belong to. */
const FOUND_SYNS = 64
/** Young numbers looked at in one sweep, and the pause before the next where more are left. */
const SWEEP_LIMIT = 64
const SWEEP_AGAIN_MILLISECONDS = 20
const NO_OCTETS = new Uint8Array(0)

/** See the module's comment. */
export class Capture {
  readonly wishes: CaptureWishes = { syn: false, tcpInfo: false, keepInfo: false, maxConnections: 1 }
  readonly listeners: Listeners
  readonly #sockets: Sockets
  readonly #table: DescriptorTable
  readonly #connections = new ConnectionStore()
  readonly #attribution: Attribution
  readonly #identity: Identity
  readonly #context = new SearchContext()
  readonly #accepts: (fd: number) => boolean
  readonly #acceptsOwnOnly: (fd: number) => boolean
  readonly #acceptsElsewhere: (fd: number) => boolean
  readonly #listeners = new Map<string, Listener>()
  /** SYNs that were read from sockets which turned out to be somebody else's, by cookie. */
  readonly #foundSyns = new Map<string, Uint8Array>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #timerAt = 0
  #armOptions: ArmOptions | undefined
  #armAgainAt = 0

  constructor(libc: Libc) {
    this.#sockets = new Sockets(libc)
    this.listeners = new Listeners(this.#sockets)
    this.#table = new DescriptorTable(this.#sockets, {
      gone: (fd) => this.#connections.delete(fd),
    })
    this.#attribution = new Attribution(this.#sockets, this.#table)
    this.#identity = new Identity(this.#sockets, this.#table, this.#connections, this.#attribution)
    const context = this.#context
    this.#accepts = (fd) => this.#isAlone(context.listener) || this.#identity.isOurs(fd, context)
    this.#acceptsOwnOnly = (fd) => this.#identity.isOurs(fd, context)
    this.#acceptsElsewhere = (fd) => this.#identity.isAtPort(fd, context)
  }

  /** What is held now. */
  counts(): CaptureCounts {
    return { connections: this.#connections.size, ...this.#table.counts() }
  }

  /** Makes the process's listeners keep SYNs from now on, and keeps them so. Errors of the kernel go to `onError`. */
  arm(options: ArmOptions, onError: (error: Error) => void): void {
    // What one fingerprinter wants of listeners that come later, no other takes back.
    this.#armOptions = {
      saveSyn: options.saveSyn || this.#armOptions?.saveSyn === true,
      clearDeferAccept: options.clearDeferAccept || this.#armOptions?.clearDeferAccept === true,
    }
    this.#arm(options, onError)
    this.#armAgainAt = performance.now() + SWEEP_MILLISECONDS
    this.#wakeIn(SWEEP_MILLISECONDS)
  }

  #arm(options: ArmOptions, onError: (error: Error) => void, isConnection?: (fd: number) => boolean): void {
    this.listeners.arm(options, onError, isConnection)
    for (const [key, listener] of this.#listeners) {
      this.#update(listener)
      if (listener.armed.length === 0 && listener.port !== ANY_PORT) this.#listeners.delete(key)
    }
    this.#table.watcher.setListeners(this.listeners.armed.map((one) => one.fd))
  }

  /** The listener behind a server, the same one for the same server. */
  listener(facts: ServerFacts & { port: number }): Listener {
    // HTTP/3 is over TLS.
    const udp = facts.tls && facts.port !== ANY_PORT && this.listeners.hasUdp(facts.port)
    const key = `${facts.port} ${facts.address} ${facts.tls} ${udp}`
    let listener = this.#listeners.get(key)
    if (listener === undefined) {
      listener = new Listener(facts, udp)
      this.#update(listener)
      this.#listeners.set(key, listener)
    }
    return listener
  }

  #update(listener: Listener): void {
    const { listeners } = this
    if (listener.port === ANY_PORT) listener.update(listeners.armed, [])
    else listener.update(listeners.at(listener.port, listener.address), listeners.addresses(listener.port))
  }

  /**
   * The connection with this peer on this listener, its request counted, or why it cannot be told. `address` and `port` must be what
   * the runtime reported of the request in this turn: the kernel is asked whether it still holds.
   *
   * @param named - the descriptor, where the runtime names it
   * @param overTcp - whether the request surely did not come over QUIC
   * @throws {SocketError} where the kernel or a sandbox refuses calls without which no connection can be told
   */
  connection(
    listener: Listener,
    address: string,
    port: number,
    named: number | undefined,
    overTcp: boolean,
  ): Connection | Reason {
    const context = this.#context
    context.start(listener, address, port, named, overTcp)
    const known = this.#connections.get(named ?? this.#table.onlyWithPort(port))
    if (
      known !== undefined &&
      known.port === port &&
      known.address === address &&
      known.listener.owner === listener &&
      this.#attribution.isStillOnly(known, context) &&
      this.#identity.holds(known)
    ) {
      known.requests++
      return known
    }
    return this.#search(context, known !== undefined)
  }

  /** TCP_INFO that the last `connection` call read, a copy; `undefined` where it read none. */
  get lastInfo(): Uint8Array | undefined {
    return this.#context.info
  }

  #search(context: SearchContext, isKnown: boolean): Connection | Reason {
    const { listener } = context
    if (!parseAddress(context.address, context.peer)) return 'not-found'
    this.#attribution.prepare(context, isKnown)
    const fd = this.#find(context)
    if (fd < 0 && this.#table.refusal !== 0) throw this.#sockets.peerError(this.#table.refusal)
    if (fd < 0) return listener.udp ? 'not-tcp' : 'not-found'
    context.candidates++
    // On Deno a request is reported after its client has gone: it must not take the SYN of a duplicate peer.
    if (listener.port === ANY_PORT && octetsRead(this.#sockets, fd) === 0) return 'ambiguous'
    const connection = this.#keep(fd, context) ?? this.#keepOwn(context)
    if (connection === undefined) return listener.udp ? 'not-tcp' : 'not-found'
    context.rule = 'P4'
    if (listener.exposed && !this.#identity.isOnly(connection, context)) return 'ambiguous'
    connection.requests++
    return connection
  }

  /** A descriptor that has P1 and P2, -1 where there is none. */
  #find(context: SearchContext): number {
    const { listener, named, port, peer } = context
    if (named !== undefined && this.#table.check(named, port, peer) && this.#identity.isOurs(named, context))
      return named
    let fd = this.#findOne(context, this.#accepts)
    // It may have been accepted before another listener got its address, or after that has gone.
    if (fd < 0 && listener.sharesPort && (context.overTcp || !listener.udp)) {
      fd = this.#table.findKnown(port, peer, this.#acceptsElsewhere)
    }
    return fd
  }

  #findOne({ port, peer, uniqueness }: SearchContext, accept: (fd: number) => boolean): number {
    // After a census the table lists all there are.
    if (uniqueness === 'census') return this.#table.findKnown(port, peer, accept)
    const fd = this.#table.find(port, peer, accept)
    return fd < 0 && this.#table.takeCensus(false) ? this.#table.findKnown(port, peer, accept) : fd
  }

  /** The connection is another server's: one that is surely this server's. */
  #keepOwn(context: SearchContext): Connection | undefined {
    const fd = this.#findOne(context, this.#acceptsOwnOnly)
    return fd < 0 ? undefined : this.#keep(fd, context)
  }

  /** True if no other listener of the process can have accepted a connection, so that its SYN tells whose it is. */
  #isAlone(listener: Listener): boolean {
    return (
      this.wishes.syn && listener.port !== ANY_PORT && listener.armed.length === 1 && this.listeners.armed.length === 1
    )
  }

  /**
   * The connection kept for a descriptor that was just verified, made where it is a new one. `undefined` where the socket turns out
   * not to be one of the server's.
   */
  #keep(fd: number, context: SearchContext): Connection | undefined {
    const sockets = this.#sockets
    const { listener } = context
    if (!sockets.cookie(fd)) throw sockets.cookieError(fd)
    const cookieLow = sockets.view.getUint32(0, true)
    const cookieHigh = sockets.view.getUint32(4, true)
    const known = this.#connections.get(fd)
    if (known !== undefined && known.cookieLow === cookieLow && known.cookieHigh === cookieHigh) {
      if (known.listener.owner === listener) return known
      if (!this.#identity.isOurs(fd, context)) return undefined
      // Its SYN was read already.
      known.listener = listener.place(context.localPort)
      return known
    }
    // A census has just read the notices.
    if (context.uniqueness !== 'census') this.#table.renew(fd)
    let synBytes: Uint8Array = NO_OCTETS
    // A fingerprinter that wants the SYN later, when it is perhaps gone, is told so.
    let synReason: Reason | undefined = this.wishes.syn ? undefined : 'not-saved'
    if (this.wishes.syn) {
      const found = this.#foundSyns.size > 0 ? this.#takeFoundSyn(cookieLow, cookieHigh) : undefined
      const octets = found === undefined ? sockets.savedSyn(fd) : 0
      if (found !== undefined) synBytes = found
      else if (octets > 0) synBytes = sockets.value.slice(0, octets)
      else synReason = octets < 0 ? 'unsupported' : listener.synReason
    }
    if (this.#isAlone(listener)) {
      // The local name was not asked for yet: the SYN says as much, if there is one.
      if (isFor(synBytes, listener)) context.localPort = listener.port
      else if (!this.#identity.isOurs(fd, context)) {
        // A listener came that was not known, or one has gone: the SYN waits for the request of its server.
        if (synBytes.length > 0) this.#keepFoundSyn(cookieLow, cookieHigh, synBytes)
        return undefined
      }
    }
    let timing: FirstTiming | undefined
    if (this.wishes.tcpInfo) {
      const octets = sockets.tcpInfo(fd)
      if (octets > 0) {
        const synSaved = synBytes.length > 0
        const deferAccept = listener.mayHaveDeferred(synSaved)
        timing = firstTiming(sockets.view, octets, { synSaved, deferAccept, readAt: Date.now() })
        context.info = sockets.value.slice(0, octets)
        context.received = bytesReceived(sockets.view, octets)
      }
    }
    const connection = new Connection({
      fd,
      cookieLow,
      cookieHigh,
      address: context.address,
      port: context.port,
      listener: listener.place(context.localPort),
      synBytes,
      synReason,
      handshakeTimeToLive: sockets.handshakeTimeToLive(fd, isMapped(context.peer) ? 4 : 6),
      timing,
      firstInfo: this.wishes.keepInfo ? context.info : undefined,
    })
    this.#connections.limit = this.wishes.maxConnections
    this.#connections.set(connection)
    if (this.#timer === undefined) this.#wakeIn(SWEEP_MILLISECONDS)
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

  /** TCP_INFO of a kept connection now, a copy; `undefined` where it is gone. */
  readInfo(connection: Connection): Uint8Array | undefined {
    const sockets = this.#sockets
    if (!sockets.hasCookie(connection.fd, connection.cookieLow, connection.cookieHigh)) return undefined
    const octets = sockets.tcpInfo(connection.fd)
    return octets > 0 ? sockets.value.slice(0, octets) : undefined
  }

  #wakeIn(milliseconds: number): void {
    const at = performance.now() + milliseconds
    if (this.#timer !== undefined && this.#timerAt <= at) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = setTimeout(() => this.#sweep(), milliseconds)
    unrefTimer(this.#timer)
  }

  /** Lets go of what was closed, watches what stays, arms listeners that came. */
  #sweep(): void {
    this.#timer = undefined
    const more = this.#table.sweep(SWEEP_LIMIT)
    const now = performance.now()
    if (this.#armOptions !== undefined && now >= this.#armAgainAt) {
      this.#armAgainAt = now + SWEEP_MILLISECONDS - 1
      this.#arm(
        this.#armOptions,
        () => {},
        (fd) => this.#table.isWatched(fd),
      )
    }
    if (more) this.#wakeIn(SWEEP_AGAIN_MILLISECONDS)
    else if (this.#connections.size > 0 || this.#armOptions !== undefined) this.#wakeIn(SWEEP_MILLISECONDS)
  }

  /** Lets go of everything. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#armOptions = undefined
    this.#table.close()
    this.#connections.clear()
    this.#attribution.close()
    this.#listeners.clear()
    this.#foundSyns.clear()
  }
}

/**
 * The capture of this thread, made on first use. It is shared, so that two copies of the library, or the old and
 * the new module after a hot reload, share it: each of them alone would find SYNs already read.
 */
export function sharedCapture(
  openLibc: OpenLibc,
): Capture | { readonly reason: 'unsupported' | 'denied'; readonly message: string } {
  const place = threadShared<Capture>(SHARED)
  const shared = place.get()
  if (shared !== undefined) return shared
  const libc = openLibc()
  if (!isLibc(libc)) return libc
  const capture = new Capture(libc)
  place.set(capture)
  // A Worker's descriptors outlive it. One that is ended from outside, by `terminate()`, is not asked.
  onThreadEnd(() => capture.close())
  return capture
}

/** The number changes with the shape of `Capture`: copies of different shapes do not share. */
const SHARED: symbol = Symbol.for('tcpfingerprint.capture.1')
