/**
 * From a request's peer address to its connection: composes the descriptor table, the system calls and what is kept for
 * each connection. One per thread of JavaScript, shared by every fingerprinter in it, because a SYN can be read only once.
 * @module
 */
import { DescriptorTable } from '../../ffi/descriptors/table.ts'
import { isLibc, type Libc, type OpenLibc } from '../../ffi/libc.ts'
import { Sockets } from '../../ffi/socket.ts'
import { Connection, type Reason, STALE } from '../connection/connection.ts'
import { type FirstTiming, firstTiming } from '../connection/handshake-timing.ts'
import { threadShared } from '../runtime/globals.ts'
import { onThreadEnd } from '../runtime/process-end.ts'
import { unrefTimer } from '../runtime/timers.ts'
import { type AddressWords, createAddressWords, isMapped, parseAddress } from '../wire/sockaddr.ts'
import { Evidence, type Received } from './attribution.ts'
import { ConnectionStore } from './connection-store.ts'
import { type ArmOptions, Listeners, readAddress } from './listening-sockets.ts'
import { consumedOctets, dataAge, receivedOctets } from './octets-read.ts'
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

/** Requests after which a connection is worth a watch: it costs about as much as verifying it twenty times. */
const OFTEN = 20
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
  readonly #evidence: Evidence
  readonly #wanted: AddressWords = createAddressWords()
  readonly #local: AddressWords = createAddressWords()
  readonly #acceptsOwn: (fd: number) => boolean
  readonly #acceptsOwnOnly: (fd: number) => boolean
  readonly #acceptsElsewhere: (fd: number) => boolean
  readonly #acceptsOther: (fd: number) => boolean
  readonly #listeners = new Map<string, Listener>()
  #listener: Listener | undefined
  /** The connection that others with its peer are looked for. */
  #first: Connection | undefined
  /** Local port of the socket that `#belongs` looked at last. */
  #localPort = 0
  /** The connection made in this call, and what its TCP_INFO said. */
  #newest: Connection | undefined
  #newestReceived: Received | undefined
  /** SYNs that were read from sockets which turned out to be somebody else's, by cookie. */
  readonly #foundSyns = new Map<string, Uint8Array>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #timerAt = 0
  #armOptions: ArmOptions | undefined
  #armAgainAt = 0
  /** TCP_INFO that the last `connection` call read, a copy; `undefined` where it read none. */
  lastInfo: Uint8Array | undefined

  constructor(libc: Libc) {
    this.#sockets = new Sockets(libc)
    this.listeners = new Listeners(this.#sockets)
    this.#table = new DescriptorTable(this.#sockets, {
      gone: (fd) => this.#connections.delete(fd),
    })
    this.#evidence = new Evidence(this.#sockets, this.#table, this.#connections)
    this.#acceptsOwn = (fd) => this.#isAlone(this.#listener!) || this.#belongs(fd, this.#listener!)
    this.#acceptsOwnOnly = (fd) => this.#belongs(fd, this.#listener!)
    this.#acceptsElsewhere = (fd) => this.#isAtPort(fd, this.#listener!)
    // Where any listener may be meant there may also be one that is not known yet.
    this.#acceptsOther = (fd) =>
      this.#isOther(fd) && (this.#listener!.port === ANY_PORT || this.#belongs(fd, this.#listener!))
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
   * the runtime said of the request a moment ago, in the same turn: the kernel is asked again whether it still holds.
   * `named` is the descriptor, where the runtime can name it; `overTcp` says that the request surely did not come over QUIC.
   */
  connection(
    listener: Listener,
    address: string,
    port: number,
    named: number | undefined,
    overTcp: boolean,
  ): Connection | Reason {
    this.lastInfo = undefined
    const isOnly = listener.exposed && this.#isOnly(listener)
    const known = this.#connections.get(named ?? this.#table.sole(port))
    if (
      known !== undefined &&
      known.port === port &&
      known.address === address &&
      known.listener.owner === listener &&
      // While no connection comes and no watched one ends, the bell has spoken for both.
      ((isOnly && known.verifiedIn === this.#table.watcher.generation) || this.#isAlive(known))
    ) {
      if (isOnly) known.consumed = STALE
      if (isOnly || !listener.exposed || named !== undefined || this.#evidence.wasJustRead(known)) {
        known.requests++
        return known
      }
    }
    return this.#search(listener, address, port, named, overTcp)
  }

  /**
   * Whether the one socket that the table knows for a peer port is the only one there is, so that no evidence is needed. Not
   * where requests may come over UDP.
   */
  #isOnly(listener: Listener): boolean {
    return !listener.udp && this.#table.isComplete()
  }

  /**
   * Whether the socket is still the one it was, by its cookie, and still has its peer, by `getpeername`: after a reset and an
   * instant reconnect from the same port the old descriptor still answers with its cookie. A connection of many requests is
   * watched, and both are known to hold as long as nothing happened to any watched socket.
   */
  #isAlive(known: Connection): boolean {
    const { watcher } = this.#table
    if (known.verifiedIn === watcher.generation) {
      watcher.look()
      if (known.verifiedIn === watcher.generation) return true
    }
    const { fd } = known
    if (!this.#sockets.hasCookie(fd, known.cookieLow, known.cookieHigh) || !this.#sockets.isConnected(fd)) {
      this.#table.forget(fd)
      return false
    }
    if (known.requests >= OFTEN) {
      this.#table.watch(fd)
      if (watcher.has(fd)) known.verifiedIn = watcher.generation
    }
    return true
  }

  #search(
    listener: Listener,
    address: string,
    port: number,
    named: number | undefined,
    overTcp: boolean,
  ): Connection | Reason {
    if (!parseAddress(address, this.#wanted)) return 'not-found'
    this.#listener = listener
    this.#newest = undefined
    if (named !== undefined && this.#table.check(named, port, this.#wanted) && this.#belongs(named, listener)) {
      return this.#seen(this.#keep(named, listener, address, port)!)
    }
    let fd = this.#table.find(port, this.#wanted, this.#acceptsOwn)
    // It may have been accepted before another listener got its address, or after that has gone.
    if (fd < 0 && listener.sharesPort && (overTcp || !listener.udp)) {
      fd = this.#table.find(port, this.#wanted, this.#acceptsElsewhere)
    }
    if (fd < 0) return listener.udp ? 'not-tcp' : 'not-found'
    // A request whose connection has gone must not take the SYN of a namesake, which another thread may serve.
    if (listener.port === ANY_PORT && consumedOctets(this.#sockets, fd) === 0) return 'ambiguous'
    let first = this.#keep(fd, listener, address, port)
    if (first === undefined) {
      const other = this.#table.find(port, this.#wanted, this.#acceptsOwnOnly)
      if (other >= 0) first = this.#keep(other, listener, address, port)
      if (first === undefined) return listener.udp ? 'not-tcp' : 'not-found'
    }
    if (!listener.exposed) return this.#seen(first)
    this.#first = first
    const received = first === this.#newest ? this.#newestReceived : undefined
    if (this.#evidence.speaksFor(first, listener, this.#wanted, overTcp, received, this.#acceptsOther)) {
      return this.#seen(first)
    }
    // Over UDP it was perhaps nobody's.
    if (!listener.udp) this.#evidence.mistrust(port)
    return 'ambiguous'
  }

  #seen(connection: Connection): Connection {
    connection.requests++
    return connection
  }

  /** Whether no other listener of the process can have accepted a connection, so that its SYN tells whose it is. */
  #isAlone(listener: Listener): boolean {
    return (
      this.wishes.syn && listener.port !== ANY_PORT && listener.armed.length === 1 && this.listeners.armed.length === 1
    )
  }

  /** Whether the socket is a connection of this listener, by its local port and address, or known as one of its own. */
  #belongs(fd: number, listener: Listener): boolean {
    if (!this.#isAtPort(fd, listener)) return false
    if (listener.hasAddress(this.#local)) return true
    const known = this.#connections.get(fd)
    return known?.listener.owner === listener && this.#sockets.hasCookie(fd, known.cookieLow, known.cookieHigh)
  }

  /** Whether it is another socket than the first one, of which there may be copies. */
  #isOther(fd: number): boolean {
    const first = this.#first!
    return fd !== first.fd && !this.#sockets.hasCookie(fd, first.cookieLow, first.cookieHigh)
  }

  /** Whether the socket's local port is one that the listener accepts at; its local address is then in `#local`. */
  #isAtPort(fd: number, listener: Listener): boolean {
    const family = this.#sockets.localName(fd)
    if (family <= 0) return false
    this.#localPort = this.#sockets.port()
    if (!listener.accepts(this.#localPort)) return false
    readAddress(this.#sockets, family, this.#local)
    return true
  }

  /**
   * The connection kept for a descriptor that was just verified; made where it is a new one. `undefined` where the socket turns out
   * not to be one of the listener's.
   */
  #keep(fd: number, listener: Listener, address: string, port: number): Connection | undefined {
    const sockets = this.#sockets
    sockets.cookie(fd)
    const cookieLow = sockets.view.getUint32(0, true)
    const cookieHigh = sockets.view.getUint32(4, true)
    const known = this.#connections.get(fd)
    if (known !== undefined && known.cookieLow === cookieLow && known.cookieHigh === cookieHigh) {
      if (known.listener.owner === listener) return known
      if (!this.#belongs(fd, listener)) return undefined
      // Its SYN was read already.
      known.listener = listener.place(this.#localPort)
      return known
    }
    this.#table.renew(fd)
    let synBytes: Uint8Array = NO_OCTETS
    // Whoever wants it later, when it is perhaps gone, is told so.
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
      if (isFor(synBytes, listener)) this.#localPort = listener.port
      else if (!this.#belongs(fd, listener)) {
        // A listener came that was not known, or one has gone: whoever serves this one will ask.
        if (synBytes.length > 0) this.#keepFoundSyn(cookieLow, cookieHigh, synBytes)
        return undefined
      }
    }
    let timing: FirstTiming | undefined
    let received: Received | undefined
    if (this.wishes.tcpInfo) {
      const octets = sockets.tcpInfo(fd)
      if (octets > 0) {
        const synSaved = synBytes.length > 0
        const deferAccept = listener.mayHaveDeferred(synSaved)
        timing = firstTiming(sockets.view, octets, { synSaved, deferAccept, readAt: Date.now() })
        this.lastInfo = sockets.value.slice(0, octets)
        received = { octets: receivedOctets(sockets.view, octets), age: dataAge(sockets.view) }
      }
    }
    const connection = new Connection({
      fd,
      cookieLow,
      cookieHigh,
      address,
      port,
      listener: listener.place(this.#localPort),
      synBytes,
      synReason,
      handshakeTimeToLive: sockets.handshakeTimeToLive(fd, isMapped(this.#wanted) ? 4 : 6),
      timing,
      firstInfo: this.wishes.keepInfo ? this.lastInfo : undefined,
    })
    this.#connections.limit = this.wishes.maxConnections
    this.#connections.set(connection)
    this.#newest = connection
    this.#newestReceived = received
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
    this.#evidence.sweep()
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
    this.#evidence.clear()
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
