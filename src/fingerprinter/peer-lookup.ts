/**
 * Lookup by the peer that the runtime reports: the capture searches the process's descriptors for it. For runtimes that do not name
 * the socket of a request.
 * @module
 */

import { isLibc } from '../../ffi/libc.ts'
import type { Capture } from '../capture/capture.ts'
import type { CaptureCounts } from '../capture/capture-counts.ts'
import { KernelInfo } from '../capture/kernel-info.ts'
import type { ListeningSocket } from '../capture/listening-sockets.ts'
import type { Server } from '../capture/server.ts'
import { sharedCapture } from '../capture/shared-capture.ts'
import type { Connection, Reason } from '../connection/connection.ts'
import { tlsRoundTrip } from '../connection/tls-round-trip.ts'
import { isWildcard } from '../runtime/common.ts'
import { unrefTimer } from '../runtime/timers.ts'
import type { Endpoint, Peer, ServerAddress } from '../runtime/types.ts'
import { type ConnectionLookup, type LookupContext, type NotFound, reportUnavailable } from './lookup.ts'

/** A server and what was made of it. */
interface KnownServer {
  readonly listener: Server | undefined
  /** Why none of its requests has a connection. */
  readonly reason: Reason | undefined
  /** True where the runtime does not say which listener of the process it is. */
  readonly isUnnamed: boolean
  readonly port: number | undefined
}

/** Between two looks for listeners that no request has announced, milliseconds. */
const LOOK_AGAIN = 1000

/** Stands for all servers of a runtime that does not say which one a request came to. */
const ANY_SERVER = {}
const UNNAMED: ServerAddress = { kind: 'unnamed' }

const NO_COUNTS: CaptureCounts = { connections: 0, sockets: 0, watches: 0, probes: 0, fullScans: 0 }

/** The lookup of a fingerprinter. Listeners of the process are armed from now on. */
export function createPeerLookup(context: LookupContext): ConnectionLookup {
  return new PeerLookup(context)
}

/** Requests that were counted, where several fingerprinters may look at one. */
const counted = new WeakSet<Request>()
let isUsed = false
let isShared = false

class PeerLookup implements ConnectionLookup {
  readonly #context: LookupContext
  #capture: Capture | undefined
  #unavailable: ConnectionLookup['unavailable']
  readonly #servers = new WeakMap<object, KnownServer>()
  /** The server of the last request: one of the few that a process has. */
  #lastServer: object | undefined
  #last: KnownServer | undefined
  #nextLook = 0
  #kernelInfo: KernelInfo | undefined

  constructor(context: LookupContext) {
    this.#context = context
    isShared = isUsed
    isUsed = true
    this.#armSoon()
  }

  connectionOf(request: Request | undefined, server: unknown, peer: Peer): Connection | NotFound {
    const { runtime, options } = this.#context
    const known = this.#server(runtime.namesServer ? (server as object) : ANY_SERVER)
    const { listener, reason, port, isUnnamed } = known
    if (listener === undefined) return { reason: reason!, port }
    const capture = this.#capture!
    // HTTP/2 and HTTP/3 forbid the field (RFC 9113 section 8.2.2, RFC 9114 section 4.2).
    const overTcp = listener.udp && request?.headers.has('connection') === true
    const isCounted = isShared && request !== undefined && counted.has(request)
    let found = capture.connection(listener, peer.address, peer.port, peer.descriptor, overTcp, isCounted)
    if (isUnnamed && isUnarmed(found, options.syn) && this.#looksAgain(capture) && found === 'not-found') {
      found = capture.connection(listener, peer.address, peer.port, peer.descriptor, overTcp, isCounted)
    }
    if (typeof found === 'string') return { reason: found, port }
    // The request's client may have gone during the search, so that a duplicate peer was the only one that was left.
    if (capture.hasSearched && listener.peersMayCoincide && !isUnnamed) {
      const now = runtime.peerOf(request, server)
      if (typeof now === 'string') {
        if (!isCounted) found.requests--
        return { reason: now, port }
      }
    }
    if (isCounted) return found
    if (isShared && request !== undefined) counted.add(request)
    if (found.requests === 1 && this.#context.seesAll) this.#noteTls(found, request)
    return found
  }

  /** The TLS round trip, at a connection's first request: before it was answered, and where HTTP/2 has sent nothing of its own. */
  #noteTls(connection: Connection, request: Request | undefined): void {
    if (this.#context.options.tcpInfo === 'off' || request === undefined) return
    // In this order: a runtime makes the headers of a request when they are asked for.
    if (!request.url.startsWith('https:') || !request.headers.has('connection')) return
    const info = this.lastInfo ?? this.#capture!.readDetails(connection)
    const { timing } = connection
    if (timing === undefined || info === undefined) return
    const sender = this.#context.runtime.name === 'deno' ? 'rustls' : 'boringssl'
    const view = new DataView(info.buffer, info.byteOffset, info.length)
    connection.timing = { ...timing, tlsRoundTripMilliseconds: tlsRoundTrip(view, info.length, sender) }
  }

  get lastInfo(): Uint8Array | undefined {
    return this.#capture?.lastInfo
  }

  readInfo(connection: Connection): Uint8Array | undefined {
    return this.#capture?.readInfo(connection)
  }

  infoWithout(server: unknown, peer: Endpoint): Uint8Array | undefined {
    const { runtime, options } = this.#context
    const address = runtime.addressOf(server as object)
    // A runtime that outlives the peer may name one whose port is another connection's by now.
    if (address.kind !== 'tcp' || runtime.outlivesPeer) return undefined
    const libc = runtime.openLibc(options.libc)
    if (!isLibc(libc)) return undefined
    this.#kernelInfo ??= new KernelInfo(libc)
    return this.#kernelInfo.find(peer, address.port, isWildcard(address.address) ? undefined : address.address)
  }

  get listeners(): readonly ListeningSocket[] {
    return this.#capture?.listening.armed ?? []
  }

  counts(): CaptureCounts {
    return this.#capture?.counts() ?? NO_COUNTS
  }

  get unavailable(): ConnectionLookup['unavailable'] {
    return this.#unavailable
  }

  /**
   * What is known of a server, looked up once. A server not seen before is armed at once: connections that come from now on
   * have their SYN kept.
   */
  #server(server: object): KnownServer {
    if (this.#lastServer === server) return this.#last!
    let known = this.#servers.get(server)
    if (known === undefined) {
      known = this.#meet(server === ANY_SERVER ? UNNAMED : this.#context.runtime.addressOf(server))
      this.#servers.set(server, known)
    }
    this.#lastServer = server
    this.#last = known
    return known
  }

  #meet(address: ServerAddress): KnownServer {
    const isUnnamed = address.kind === 'unnamed'
    const port = address.kind === 'tcp' ? address.port : undefined
    const without = (reason: Reason): KnownServer => ({ listener: undefined, reason, isUnnamed, port })
    if (address.kind === 'unix') return without('unix-socket')
    if (address.kind === 'stopped') return without('not-found')
    const capture = this.#open()
    if (capture === undefined) return without(this.#unavailable!.reason)
    this.#arm(port)
    return { listener: capture.server(address), reason: undefined, isUnnamed, port }
  }

  /** The capture, opened on first use; `undefined` where the system has none to offer. */
  #open(): Capture | undefined {
    if (this.#capture !== undefined || this.#unavailable !== undefined) return this.#capture
    const shared = sharedCapture(() => this.#context.runtime.openLibc(this.#context.options.libc))
    if (!(shared instanceof Object && 'listening' in shared)) {
      this.#unavailable = shared
      reportUnavailable(this.#context, shared)
      return undefined
    }
    shared.options.join(this.#context.options, this.#context.isEarly)
    this.#capture = shared
    return shared
  }

  /**
   * Arms the listeners of the process that are there now: the one on `port`, or all TCP listeners. The listeners armed.
   * Idempotent; the kernel's refusals go to `onError`.
   */
  #arm(port?: number): readonly ListeningSocket[] {
    const capture = this.#open()
    if (capture === undefined) return []
    try {
      capture.arm(port, this.#context.report)
    } catch (error) {
      this.#context.report(error)
    }
    return capture.listening.armed.filter((one) => port === undefined || one.port === port)
  }

  arm(server: object | undefined): boolean {
    const address = server === undefined ? undefined : this.#context.runtime.addressOf(server)
    if (address?.kind === 'unix' || address?.kind === 'stopped') return false
    return this.#arm(address?.kind === 'tcp' ? address.port : undefined).some((one) => one.saveSyn)
  }

  /** Arms what listens after the code that is running now, and at the end of this turn. The capture looks for later servers. */
  #armSoon(): void {
    queueMicrotask(() => this.#arm())
    unrefTimer(setTimeout(() => this.#arm(), 0))
  }

  /**
   * Arms again where the runtime does not name the server, so that no request announces a new one. Once a second at most, at
   * once where a listener has gone: another one has likely taken its place.
   */
  #looksAgain(capture: Capture): boolean {
    const now = performance.now()
    if (now < this.#nextLook && capture.listening.areIntact()) return false
    this.#arm()
    this.#nextLook = now + LOOK_AGAIN
    return true
  }
}

/** True if the connection came over a listener that is not known, or was not armed. */
function isUnarmed(found: Connection | Reason, wantsSyn: boolean): boolean {
  return typeof found === 'string' ? found === 'not-found' : wantsSyn && found.synReason === 'not-saved'
}
