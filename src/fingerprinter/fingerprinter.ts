/**
 * Fingerprinter: options, the shared capture and counters behind both faces, the Hono middleware and the plain calls.
 * What differs between runtimes comes in as a `Runtime`.
 * @module
 */
import type { OpenLibc } from '../../ffi/libc.ts'
import { type Capture, type CaptureCounts, sharedCapture } from '../capture/capture.ts'
import type { ArmedListener } from '../capture/listening-sockets.ts'
import { ANY_PORT, type Listener, type ServerFacts, STOPPED } from '../capture/server.ts'
import type { Connection, Reason } from '../connection/connection.ts'
import { toEnv } from '../connection/env.ts'
import {
  CapturedFingerprint,
  type Fingerprint,
  type FingerprintSource,
  LateFingerprint,
  MissingFingerprint,
  type Peer,
} from '../connection/fingerprint.ts'
import { type Fingerprints, fingerprints } from '../fingerprint/index.ts'
import { defaultDatabase } from '../label/default.ts'
import { type Label, match } from '../label/match.ts'
import { HeaderFingerprint } from '../proxy/header-fingerprint.ts'
import type { TakenValues } from '../proxy/trusted-header.ts'
import { unrefTimer } from '../runtime/timers.ts'
import { unmapAddress } from '../wire/sockaddr.ts'
import type { Syn } from '../wire/syn.ts'
import { type FingerprintOptions, type ResolvedOptions, resolveOptions } from './options.ts'

/** What a fingerprinter needs of the runtime. */
export interface Runtime {
  readonly openLibc: OpenLibc
  /** Whether it tells a request's peer also when that has gone and its address may be another connection's. */
  readonly outlivesPeer?: boolean
  /** What the runtime says of a server. */
  facts(server: object): ServerFacts
  /** Says a missing permission aloud where nobody listens to errors. */
  warn?(message: string): void
}

/** Requests by outcome: `ok`, or the reason of what was missing. Counts since the fingerprinter was made. */
export type Outcomes = Readonly<Record<'ok' | Reason, number>>

/** How a fingerprinter is doing, for the user's own metrics. Read it as often as you like: it makes no system call. */
export interface Status extends CaptureCounts {
  /** Requests looked at, by outcome. `skipped` ones are in none. */
  readonly requests: Outcomes
  /** TCP listeners of the process and what could be set on them. */
  readonly listeners: readonly {
    readonly port: number
    /** Whether it keeps SYNs. */
    readonly saveSyn: boolean
    /** TCP_DEFER_ACCEPT in seconds; 0 is needed for the handshake's RTT. */
    readonly deferAccept: number
    readonly reason?: Reason
  }[]
  /** Why nothing can be captured in this process, `undefined` where it can. */
  readonly unavailable: { readonly reason: Reason; readonly message: string } | undefined
}

/** A server and what was made of it. */
interface KnownServer {
  readonly listener: Listener | undefined
  /** Why none of its requests has a connection. */
  readonly reason: Reason | undefined
  readonly port: number | undefined
}

/** Between two looks for listeners that nobody announced, milliseconds. */
const LOOK_AGAIN = 1000

/** When listeners are looked for after a fingerprinter was made, milliseconds: a server may come after its handlers. */
const LOOKS = [0, 1, 5, 20, 100, 500, 2000]

/** Kinds of errors told at most: one that has numbers or names of its own in its message must not be told for ever. */
const KINDS = 100

/** Values of trusted headers that were taken off requests, by whichever fingerprinter came first. */
const taken = new WeakMap<Request, TakenValues>()

/** See the module's comment. `Subject` is what `skip` gets. */
export class Fingerprinter<Subject = Request> implements FingerprintSource {
  readonly options: ResolvedOptions<Subject>
  readonly syn: boolean
  readonly tcpInfo: 'request' | 'connection' | 'off'
  readonly #runtime: Runtime
  readonly #onError: (thrown: unknown, kind?: string) => void
  readonly #requests: Record<'ok' | Reason, number> = {
    ok: 0,
    'no-connection': 0,
    'unix-socket': 0,
    'not-tcp': 0,
    ambiguous: 0,
    'not-found': 0,
    'not-saved': 0,
    unsupported: 0,
    denied: 0,
  }
  readonly #early: boolean
  #capture: Capture | undefined
  #unavailable: { readonly reason: 'unsupported' | 'denied'; readonly message: string } | undefined
  readonly #servers = new WeakMap<object, KnownServer>()
  /** The server of the last request: one of the few that a process has. */
  #lastServer: object | undefined
  #last: KnownServer | undefined
  #nextLook = 0

  constructor(runtime: Runtime, options: FingerprintOptions<Subject> | undefined) {
    this.options = resolveOptions(options)
    this.syn = this.options.syn
    this.tcpInfo = this.options.tcpInfo
    this.#early = this.options.resolve === 'request' || runtime.outlivesPeer === true
    this.#runtime = runtime
    const told = new Set<string>()
    this.#onError = (thrown, kindOf) => {
      const error = asError(thrown)
      const kind =
        kindOf ?? ('code' in error ? `${error.code} ${'option' in error ? error.option : ''}` : error.message)
      if (told.has(kind) || told.size === KINDS) return
      told.add(kind)
      try {
        this.options.onError?.(error)
      } catch {
        // A listener's mistake is not the request's.
      }
    }
  }

  /** The capture, opened on first use; `undefined` where the system has none to offer. */
  capture(): Capture | undefined {
    if (this.#capture !== undefined || this.#unavailable !== undefined) return this.#capture
    const shared = sharedCapture(() => this.#runtime.openLibc(this.options.libc))
    if (!(shared instanceof Object && 'listeners' in shared)) {
      this.#unavailable = shared
      const message = `Cannot capture connections: ${shared.message}`
      if (this.options.onError === undefined && shared.reason === 'denied') this.#runtime.warn?.(message)
      this.#onError(new Error(message))
      return undefined
    }
    const { wishes } = shared
    wishes.syn ||= this.syn
    wishes.tcpInfo ||= this.tcpInfo !== 'off'
    wishes.keepInfo ||= this.tcpInfo === 'connection'
    wishes.maxConnections = Math.max(wishes.maxConnections, this.options.maxConnections)
    this.#capture = shared
    return shared
  }

  /**
   * Arms the listeners of the process that are there now: the one on `port`, or all TCP listeners. The listeners armed.
   * Idempotent; says nothing but through `onError` where the kernel refuses.
   */
  arm(port?: number): readonly ArmedListener[] {
    const capture = this.capture()
    if (capture === undefined) return []
    try {
      capture.arm({ saveSyn: this.syn, clearDeferAccept: this.options.deferAccept === 'clear', port }, this.#onError)
    } catch (error) {
      this.#onError(error)
    }
    return capture.listeners.armed.filter((one) => port === undefined || one.port === port)
  }

  /** Arms what listens after the code that is running now, and looks again for servers that come later. */
  armSoon(): void {
    queueMicrotask(() => this.arm())
    for (const delay of LOOKS) unrefTimer(setTimeout(() => this.arm(), delay))
  }

  /**
   * What is known of a server, looked up once. A server not seen before is armed at once: connections that come from now on
   * have their SYN kept.
   */
  #server(server: object): KnownServer {
    if (this.#lastServer === server) return this.#last!
    let known = this.#servers.get(server)
    if (known === undefined) {
      known = this.#meet(this.#runtime.facts(server))
      this.#servers.set(server, known)
    }
    this.#lastServer = server
    this.#last = known
    return known
  }

  #meet(facts: ServerFacts): KnownServer {
    const { port } = facts
    if (port === undefined) return { listener: undefined, reason: 'unix-socket', port }
    if (port === STOPPED) return { listener: undefined, reason: 'not-found', port: undefined }
    const capture = this.capture()
    if (capture === undefined) return { listener: undefined, reason: this.#unavailable!.reason, port }
    this.arm(port === ANY_PORT ? undefined : port)
    return { listener: capture.listener({ ...facts, port }), reason: undefined, port }
  }

  /**
   * The fingerprint of the request whose peer `requestIP` is: to be called in the turn in which the runtime gave the peer.
   * `named` is the descriptor, where the runtime can name it. Never throws.
   */
  find(server: object, request: Request | undefined, peer: Peer | null, named: number | undefined): Fingerprint {
    const seen = this.#see(server, request, peer, named)
    return this.options.trustedHeaders === undefined ? seen : this.behind(seen, request, peer)
  }

  /**
   * What a trusted header says, where this peer may say it; otherwise what the kernel says, `seen`. No peer is a unix socket.
   * Where the peer is trusted and the header says nothing, nothing is known of the client: what is seen is the proxy.
   */
  behind(seen: Fingerprint, request: Request | undefined, peer: Peer | null): Fingerprint {
    const headers = this.options.trustedHeaders
    if (headers === undefined) return seen
    if (peer === null && seen.reason !== 'unix-socket') return seen
    const address = peer === null ? undefined : unmapAddress(peer.address)
    if (!headers.trusts(address)) return seen
    const facts = headers.read(request && taken.get(request), address)
    for (const problem of facts.problems) {
      this.#onError(new Error(`Cannot take fingerprint from ${address ?? 'unix socket'}: ${problem}`), problem)
    }
    return new HeaderFingerprint(this, facts, seen)
  }

  /**
   * Takes trusted headers off a request before anybody else sees them, whoever sent it. Gives back the request to go on with:
   * the same one, or where the runtime does not let its headers be changed what `replace` makes of it.
   */
  takeHeaders(request: Request, replace: (request: Request, headers: Headers) => Request): Request {
    const trusted = this.options.trustedHeaders
    const values = trusted?.values(request.headers)
    if (trusted === undefined || values === undefined) return request
    const before = taken.get(request)
    const all = before === undefined ? values : new Map([...before, ...values])
    taken.set(request, all)
    try {
      trusted.remove(request.headers)
      return request
    } catch {
      const headers = new Headers(request.headers)
      trusted.remove(headers)
      const replaced = replace(request, headers)
      taken.set(replaced, all)
      return replaced
    }
  }

  #see(server: object, request: Request | undefined, peer: Peer | null, named: number | undefined): Fingerprint {
    try {
      const { listener, reason, port } = this.#server(server)
      if (listener === undefined) return this.miss(reason!, peer, port)
      if (peer === null) return this.miss('no-connection')
      const capture = this.#capture!
      // HTTP/2 and HTTP/3 forbid the field (RFC 9113 section 8.2.2, RFC 9114 section 4.2).
      const overTcp = listener.udp && request?.headers.has('connection') === true
      let found = capture.connection(listener, peer.address, peer.port, named, overTcp)
      if (
        listener.port === ANY_PORT &&
        isUnarmed(found, this.syn) &&
        this.#looksAgain(capture) &&
        found === 'not-found'
      ) {
        found = capture.connection(listener, peer.address, peer.port, named, overTcp)
      }
      if (typeof found === 'string') return this.miss(found, peer, port)
      if (found.synReason === undefined || !this.syn) this.#requests.ok++
      else this.#requests[found.synReason]++
      return new CapturedFingerprint(this, found, capture.lastInfo)
    } catch (error) {
      this.#onError(error)
      return this.miss('unsupported', peer)
    }
  }

  /**
   * Arms again where the runtime does not name the server, so that nobody says when a new one is there. Once a second at
   * most, at once where a listener has gone: another one has likely taken its place.
   */
  #looksAgain(capture: Capture): boolean {
    const now = performance.now()
    if (now < this.#nextLook && capture.listeners.areIntact()) return false
    this.arm()
    this.#nextLook = now + LOOK_AGAIN
    return true
  }

  /** The request has no connection: without a server in a test, answered, aborted, or of another kind. */
  miss(reason: Reason, peer?: Peer | null, localPort?: number): Fingerprint {
    this.#requests[reason]++
    return new MissingFingerprint(this, reason, peer, localPort === ANY_PORT ? undefined : localPort)
  }

  /**
   * The fingerprint of a request under the options: nothing where it is to be skipped, looked for by `find` now or when
   * a fact is first read.
   */
  fingerprint(subject: Subject, find: (subject: Subject) => Fingerprint): Fingerprint {
    if (this.options.skip !== undefined && this.skips(subject)) return new MissingFingerprint(this)
    return this.#early ? find(subject) : new LateFingerprint(subject, find)
  }

  /** Whether this request is to be skipped. A `skip` that throws skips nothing. */
  skips(subject: Subject): boolean {
    const { skip } = this.options
    if (skip === undefined) return false
    try {
      return skip(subject) === true
    } catch (error) {
      this.#onError(error, 'skip')
      return false
    }
  }

  /** See `FingerprintSource`. */
  readInfo(connection: Connection): Uint8Array | undefined {
    return this.#capture?.readInfo(connection)
  }

  /** See `FingerprintSource`. */
  fingerprints(syn: Syn): Fingerprints {
    return fingerprints(syn)
  }

  /** See `FingerprintSource`. */
  label(syn: Syn): Label | undefined {
    const { database } = this.options
    return database === false ? undefined : match(database ?? defaultDatabase(), syn)
  }

  /** See `FingerprintSource`. */
  env(fingerprint: Fingerprint): Record<string, string> {
    return toEnv(fingerprint, this.options.env)
  }

  /** How it is doing. */
  status(): Status {
    const capture = this.#capture
    const counts: CaptureCounts = capture?.counts() ?? {
      connections: 0,
      sockets: 0,
      watches: 0,
      probes: 0,
      fullScans: 0,
    }
    return {
      ...counts,
      requests: { ...this.#requests },
      listeners: (capture?.listeners.armed ?? []).map(({ port, saveSyn, deferAccept, reason }) => ({
        port,
        saveSyn,
        deferAccept,
        ...(reason === undefined ? {} : { reason }),
      })),
      unavailable: this.#unavailable,
    }
  }
}

/** Whether the connection came over a listener that is not known, or was not armed. */
function isUnarmed(found: Connection | Reason, wantsSyn: boolean): boolean {
  return typeof found === 'string' ? found === 'not-found' : wantsSyn && found.synReason === 'not-saved'
}

/** Whatever a function of the user's threw, as an error. */
function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  try {
    return new Error(String(thrown))
  } catch {
    return new Error('Something was thrown that is no error and has no text')
  }
}
