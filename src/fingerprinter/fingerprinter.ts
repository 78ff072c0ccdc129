/**
 * From a request to its fingerprint: options, the connection of a request, what a trusted header says, counters. Behind the Hono
 * middleware and the plain calls alike; what differs between runtimes is asked of a `Runtime`.
 * @module
 */
import { type Report, reportOnce } from '../base/report-once.ts'
import { type Capture, type CaptureCounts, sharedCapture } from '../capture/capture.ts'
import type { ArmedListener } from '../capture/listening-sockets.ts'
import { ANY_PORT, type Listener } from '../capture/server.ts'
import type { Connection, Reason } from '../connection/connection.ts'
import { type EnvOptions, toEnv } from '../connection/facts.ts'
import {
  CapturedFingerprint,
  type Collection,
  type Fingerprint,
  type FingerprintView,
  LateFingerprint,
  MissingFingerprint,
  NOTHING,
} from '../connection/fingerprint.ts'
import type { SynFacts } from '../connection/syn-facts.ts'
import type { Database } from '../label/database.ts'
import { defaultDatabase } from '../label/default.ts'
import { type Label, labelByRule, match } from '../label/match.ts'
import { checkRuleLabel, type Labeller, type RuleLabel } from '../label/rule.ts'
import { HeaderFingerprint } from '../proxy/header-facts.ts'
import { hideHeaders } from '../proxy/request-headers.ts'
import type { TakenValues } from '../proxy/trusted-header.ts'
import { unrefTimer } from '../runtime/timers.ts'
import type { Endpoint, NoPeer, Runtime, ServerAddress } from '../runtime/types.ts'
import { unmapAddress } from '../wire/sockaddr.ts'
import { type Syn, safeParseSyn } from '../wire/syn.ts'
import { type FingerprintOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { noOutcomes, type Outcomes, type Status } from './status.ts'

/** A server and what was made of it. */
interface KnownServer {
  readonly listener: Listener | undefined
  /** Why none of its requests has a connection. */
  readonly reason: Reason | undefined
  /** True where the runtime does not say which listener of the process it is. */
  readonly isUnnamed: boolean
  readonly port: number | undefined
}

/** Between two looks for listeners that no request has announced, milliseconds. */
const LOOK_AGAIN = 1000

/** When listeners are looked for after a fingerprinter was made, milliseconds: a server may come after its handlers. */
const LOOKS = [0, 1, 5, 20, 100, 500, 2000]

/** Values of trusted headers that were taken off requests, by whichever fingerprinter came first. */
const taken = new WeakMap<Request, TakenValues>()

/** See the module's comment. `Subject` is what `skip` gets. */
export class Fingerprinter<Subject = Request> implements Collection {
  readonly syn: boolean
  readonly tcpInfo: 'request' | 'connection' | 'off'
  readonly envOptions: EnvOptions
  readonly #options: ResolvedOptions<Subject>
  readonly #runtime: Runtime
  readonly #report: Report
  readonly #requests: Record<keyof Outcomes, number> = noOutcomes()
  readonly #isEarly: boolean
  readonly #find: (request: Request | undefined, server: unknown) => FingerprintView
  #capture: Capture | undefined
  #unavailable: { readonly reason: 'unsupported' | 'denied'; readonly message: string } | undefined
  readonly #servers = new WeakMap<object, KnownServer>()
  /** The server of the last request: one of the few that a process has. */
  #lastServer: object | undefined
  #last: KnownServer | undefined
  #nextLook = 0
  readonly #seen = new WeakMap<object, FingerprintView>()
  /** For labellers, which may ask for the User-Agent. */
  readonly #requestOf = new WeakMap<FingerprintView, Request>()

  /** Arms the listeners of the process from now on. @throws {TypeError} for an unknown option or a wrong value */
  constructor(runtime: Runtime, options: FingerprintOptions<Subject> | undefined) {
    this.#options = resolveOptions(options)
    this.syn = this.#options.syn
    this.tcpInfo = this.#options.tcpInfo
    this.envOptions = this.#options.env
    this.#isEarly = this.#options.resolve === 'request' || runtime.outlivesPeer
    this.#runtime = runtime
    this.#report = reportOnce(this.#options.onError)
    this.#find = (request, server) => {
      const peer = runtime.peerOf(request, server)
      const seen = this.#see(request, server, peer)
      return this.#options.trustedHeaders === undefined ? seen : this.#behind(seen, request, peer)
    }
    this.#armSoon()
  }

  /** True if trusted headers are to be taken off requests, see {@link takeHeaders}. */
  get takesHeaders(): boolean {
    return this.#options.trustedHeaders !== undefined
  }

  /**
   * The fingerprint of a request, looked up now or when a fact is first read. `server` is what the runtime gave with the request,
   * or anything else: then the fingerprint says that there is no connection. Never throws.
   */
  of(request: Request | undefined, server: unknown, subject: Subject): FingerprintView {
    if (this.#options.skip !== undefined && this.#skips(subject)) return new MissingFingerprint(this, NOTHING)
    const view = this.#isEarly ? this.#find(request, server) : new LateFingerprint(this, request, server, this.#find)
    if (request !== undefined && this.#options.labeller !== undefined) this.#requestOf.set(view, request)
    return view
  }

  /**
   * The same for plain handlers: one fingerprint for a request, however often they ask. Trusted headers are taken off the very
   * object that the handler has. `key` stands for the request.
   */
  once(request: Request | undefined, server: unknown, key: object | undefined): FingerprintView {
    if (request !== undefined && this.takesHeaders) this.takeHeaders(request, hideHeaders)
    let found = key && this.#seen.get(key)
    if (found === undefined) {
      found = this.of(request, server, request as Subject)
      if (key !== undefined) this.#seen.set(key, found)
    }
    return found
  }

  /**
   * Takes trusted headers off a request before handlers see them, whoever sent it. Gives back the request to go on with: the
   * same one, or where the runtime does not let its headers be changed what `replace` makes of it.
   */
  takeHeaders(request: Request, replace: (request: Request, headers: Headers) => Request): Request {
    const trusted = this.#options.trustedHeaders
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

  /** The request's own connection, or why it is not known. */
  #see(request: Request | undefined, server: unknown, peer: Endpoint | NoPeer): FingerprintView {
    if (typeof peer === 'string') return this.#miss(peer)
    try {
      const { listener, reason, port, isUnnamed } = this.#server(this.#runtime.serverOf(server))
      if (listener === undefined) return this.#miss(reason!, peer, port)
      const capture = this.#capture!
      const { address, port: peerPort } = peer
      const named = this.#runtime.descriptorOf(request, server)
      // HTTP/2 and HTTP/3 forbid the field (RFC 9113 section 8.2.2, RFC 9114 section 4.2).
      const overTcp = listener.udp && request?.headers.has('connection') === true
      let found = capture.connection(listener, address, peerPort, named, overTcp)
      if (isUnnamed && isUnarmed(found, this.syn) && this.#looksAgain(capture) && found === 'not-found') {
        found = capture.connection(listener, address, peerPort, named, overTcp)
      }
      if (typeof found === 'string') return this.#miss(found, peer, port)
      if (found.synReason === undefined || !this.syn) this.#requests.ok++
      else this.#requests[found.synReason]++
      return new CapturedFingerprint(this, found, capture.lastInfo)
    } catch (error) {
      this.#report(error)
      return this.#miss('unsupported', peer)
    }
  }

  /** The request's connection is not known: there is none in a test, it has ended, or it is of another kind. */
  #miss(reason: Reason, peer?: Endpoint, port?: number): FingerprintView {
    this.#requests[reason]++
    return new MissingFingerprint(this, {
      ...NOTHING,
      reason,
      peer: peer && { address: unmapAddress(peer.address), port: peer.port },
      local: port === undefined ? undefined : { port },
    })
  }

  /**
   * What trusted headers say, where this peer may say it; otherwise what the kernel says, `seen`. Where the peer is trusted and the
   * headers say nothing, nothing is known of the client: what is seen is the proxy.
   */
  #behind(seen: FingerprintView, request: Request | undefined, peer: Endpoint | NoPeer): FingerprintView {
    const headers = this.#options.trustedHeaders!
    if (typeof peer === 'string' && peer !== 'unix-socket') return seen
    const address = typeof peer === 'string' ? undefined : unmapAddress(peer.address)
    if (!headers.trusts(address)) return seen
    const facts = headers.read(request && taken.get(request), address)
    for (const problem of facts.problems) {
      this.#report(new Error(`Cannot take fingerprint from ${address ?? 'unix socket'}: ${problem}`), problem)
    }
    return new HeaderFingerprint(this, facts, seen)
  }

  /** True if this request is to be left alone. A `skip` that throws skips nothing. */
  #skips(subject: Subject): boolean {
    try {
      return this.#options.skip!(subject) === true
    } catch (error) {
      this.#report(error, 'skip')
      return false
    }
  }

  /**
   * What is known of a server, looked up once. A server not seen before is armed at once: connections that come from now on
   * have their SYN kept.
   */
  #server(server: object): KnownServer {
    if (this.#lastServer === server) return this.#last!
    let known = this.#servers.get(server)
    if (known === undefined) {
      known = this.#meet(this.#runtime.addressOf(server))
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
    const facts = address.kind === 'tcp' ? address : { port: ANY_PORT, address: undefined, tls: false }
    return { listener: capture.listener(facts), reason: undefined, isUnnamed, port }
  }

  /** The capture, opened on first use; `undefined` where the system has none to offer. */
  #open(): Capture | undefined {
    if (this.#capture !== undefined || this.#unavailable !== undefined) return this.#capture
    const shared = sharedCapture(() => this.#runtime.openLibc(this.#options.libc))
    if (!(shared instanceof Object && 'listeners' in shared)) {
      this.#unavailable = shared
      const message = `Cannot capture connections: ${shared.message}`
      // A missing permission and the wrong entry are the operator's to mend: said aloud where the application does not listen.
      if (this.#options.onError === undefined && (shared.reason === 'denied' || this.#runtime.misplaced === true)) {
        this.#runtime.warn(message)
      }
      this.#report(new Error(message))
      return undefined
    }
    const { wishes } = shared
    wishes.syn ||= this.syn
    wishes.tcpInfo ||= this.tcpInfo !== 'off'
    wishes.keepInfo ||= this.tcpInfo === 'connection'
    wishes.maxConnections = Math.max(wishes.maxConnections, this.#options.maxConnections)
    this.#capture = shared
    return shared
  }

  /**
   * Arms the listeners of the process that are there now: the one on `port`, or all TCP listeners. The listeners armed.
   * Idempotent; the kernel's refusals go to `onError`.
   */
  #arm(port?: number): readonly ArmedListener[] {
    const capture = this.#open()
    if (capture === undefined) return []
    try {
      const clearDeferAccept = this.#options.deferAccept === 'clear'
      capture.arm({ saveSyn: this.syn, clearDeferAccept, port }, this.#report)
    } catch (error) {
      this.#report(error)
    }
    return capture.listeners.armed.filter((one) => port === undefined || one.port === port)
  }

  /** See `FingerprinterApi.arm`. */
  armServer(server: object | undefined): boolean {
    const address = server === undefined ? undefined : this.#runtime.addressOf(server)
    if (address?.kind === 'unix' || address?.kind === 'stopped') return false
    return this.#arm(address?.kind === 'tcp' ? address.port : undefined).some((one) => one.saveSyn)
  }

  /** Arms what listens after the code that is running now, and looks again for servers that come later. */
  #armSoon(): void {
    queueMicrotask(() => this.#arm())
    for (const delay of LOOKS) unrefTimer(setTimeout(() => this.#arm(), delay))
  }

  /**
   * Arms again where the runtime does not name the server, so that no request announces a new one. Once a second at most, at
   * once where a listener has gone: another one has likely taken its place.
   */
  #looksAgain(capture: Capture): boolean {
    const now = performance.now()
    if (now < this.#nextLook && capture.listeners.areIntact()) return false
    this.#arm()
    this.#nextLook = now + LOOK_AGAIN
    return true
  }

  /** See `Collection`. */
  readInfo(connection: Connection): Uint8Array | undefined {
    return this.#capture?.readInfo(connection)
  }

  /** See `Collection`. */
  labelOf(syn: SynFacts, view: FingerprintView): Label | undefined {
    const { labeller } = this.#options
    return syn.label(this, (decoded) => {
      const rule = labeller && syn.answer(this, () => this.#ask(labeller, syn, view))
      return rule === undefined ? this.#match(decoded) : labelByRule(rule, this.#database, decoded)
    })
  }

  get #database(): Database | undefined {
    const { database } = this.#options
    return database === false ? undefined : (database ?? defaultDatabase())
  }

  #match(syn: Syn): Label | undefined {
    const database = this.#database
    return database && match(database, syn)
  }

  /** What the labeller says of a connection; nothing where it throws. */
  #ask(labeller: Labeller, syn: SynFacts, view: FingerprintView): RuleLabel | undefined {
    const decoded = safeParseSyn(syn.bytes)
    if (!decoded.ok) return undefined
    const match = (): Label | undefined => this.#match(syn.own!)
    const userAgent = (): string | undefined => this.#requestOf.get(view)?.headers.get('user-agent') ?? undefined
    try {
      // A SYN of its own, because it may write into it.
      const answer = labeller(decoded.value, {
        fingerprints: { ...syn.strings! },
        get label() {
          return match()
        },
        get userAgent() {
          return userAgent()
        },
      })
      return checkRuleLabel(answer)
    } catch (error) {
      this.#report(error, 'labeller')
      return undefined
    }
  }

  /** The `FINGERPRINT_*` variables under its options. */
  env(fingerprint: Fingerprint): Record<string, string> {
    return toEnv(fingerprint, this.envOptions)
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

/** True if the connection came over a listener that is not known, or was not armed. */
function isUnarmed(found: Connection | Reason, wantsSyn: boolean): boolean {
  return typeof found === 'string' ? found === 'not-found' : wantsSyn && found.synReason === 'not-saved'
}
