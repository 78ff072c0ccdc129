/**
 * From a request to its fingerprint: options, the connection of a request, what a trusted header says, counters. Behind the Hono
 * middleware and the plain calls alike; what differs between runtimes is asked of a `Runtime`.
 * @module
 */
import type { Memo } from '../base/member-memo.ts'
import { answeredAtOnce, type Report, reportOnce, toError } from '../base/report-once.ts'
import { reasonOf } from '../capture/listening-sockets.ts'
import type { Connection, Reason } from '../connection/connection.ts'
import { type EnvOptions, toEnv } from '../connection/facts.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import type { SynFacts } from '../connection/syn-facts.ts'
import { type Collection, FingerprintView, LazyFingerprint, NOTHING, StatedFingerprint } from '../connection/view.ts'
import type { Database } from '../label/database.ts'
import { defaultDatabase } from '../label/default.ts'
import type { Labeller } from '../label/labeller.ts'
import { type Label, labelByRule, match } from '../label/match.ts'
import { checkRuleLabel, type RuleLabel } from '../label/rule.ts'
import { ClientFingerprint } from '../packets/client-fingerprint.ts'
import type { FoundClient } from '../packets/client-lookup.ts'
import type { ForwardedPeer } from '../proxy/forwarded.ts'
import { HeaderFingerprint } from '../proxy/header-facts.ts'
import { hideHeaders } from '../proxy/request-headers.ts'
import type { TakenValues } from '../proxy/trusted-header.ts'
import type { Endpoint, NoPeer, Peer, Runtime } from '../runtime/types.ts'
import { unmapAddress } from '../wire/sockaddr.ts'
import { type Syn, safeParseSyn } from '../wire/syn.ts'
import { Clients } from './clients.ts'
import type { ConnectionLookup, LookupContext, NotFound } from './lookup.ts'
import { type FingerprintOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { noOutcomes, type Outcomes, type Status } from './status.ts'

/** Values of trusted headers that were taken off requests, by whichever fingerprinter came first. */
const taken = new WeakMap<Request, TakenValues>()

/** Reasons for which the kernel's table of connections may still know TCP_INFO. */
const WITHOUT_DESCRIPTOR: ReadonlySet<Reason> = new Set(['not-found', 'unsupported', 'denied'])

/** By a member's value, which V8 reads faster than it tells whether there is one. See {@link ConnectionLookup.connectionOf}. */
const isConnection = (found: Connection | NotFound): found is Connection =>
  (found as Connection).cookieLow !== undefined

/** Answers each request with its fingerprint. `Subject` is what `skip` gets. */
export class Fingerprinter<Subject = Request> implements Collection {
  readonly syn: boolean
  readonly tcpInfo: 'request' | 'connection' | 'off'
  readonly envOptions: EnvOptions
  readonly #options: ResolvedOptions<Subject>
  readonly #report: Report
  readonly #requests: Record<keyof Outcomes, number> = noOutcomes()
  readonly #isEarly: boolean
  readonly #runtime: Runtime
  readonly #lookup: ConnectionLookup
  readonly #clients: Clients | undefined
  readonly #seen: Memo<FingerprintView>
  /** For labellers, which may ask for the User-Agent. */
  readonly #requestOf = new WeakMap<FingerprintView, Request>()

  /** Arms the listeners of the process from now on. @throws {TypeError} for an unknown option or a wrong value */
  constructor(
    runtime: Runtime,
    options: FingerprintOptions<Subject> | undefined,
    createLookup: (context: LookupContext) => ConnectionLookup,
    memo: Memo<FingerprintView> = new WeakMap<object, FingerprintView>(),
  ) {
    this.#seen = memo
    this.#options = resolveOptions(options)
    this.syn = this.#options.syn
    this.tcpInfo = this.#options.tcpInfo
    this.envOptions = this.#options.env
    this.#isEarly = this.#options.resolve === 'request' || runtime.outlivesPeer
    this.#report = reportOnce(this.#options.onError)
    this.#runtime = runtime
    const isHeard = this.#options.onError !== undefined
    const context = { runtime, options: this.#options, report: this.#report, isHeard }
    if (this.#options.packets !== false || this.#options.trustedHeaders?.namesClients === true)
      this.#clients = new Clients(context)
    this.#lookup = createLookup({
      ...context,
      isEarly: this.#isEarly,
      seesAll: this.#isEarly && this.#options.skip === undefined,
    })
  }

  /** True if trusted headers are to be taken off requests, see {@link takeHeaders}. */
  get takesHeaders(): boolean {
    return this.#options.trustedHeaders !== undefined
  }

  /** True if headers of a request are read: trusted ones, or for a labeller. */
  get readsHeaders(): boolean {
    return this.takesHeaders || this.#options.labeller !== undefined
  }

  /**
   * The fingerprint of a request, looked up now or when a fact is first read. `server` is what the runtime gave with the request,
   * or anything else: then the fingerprint says that there is no connection. Never throws.
   */
  of(request: Request | undefined, server: unknown, subject: Subject): FingerprintView {
    if (this.#options.skip !== undefined && this.#skips(subject)) return new StatedFingerprint(this, NOTHING)
    const view = this.#isEarly
      ? this.#find(request, server)
      : new LazyFingerprint(this, request, server, (one, other) => this.#find(one, other))
    const { labeller, observe } = this.#options
    if (request !== undefined && labeller !== undefined) this.#requestOf.set(view, request)
    if (observe !== undefined) this.#callObserver(observe, view)
    return view
  }

  #find(request: Request | undefined, server: unknown): FingerprintView {
    const peer = this.#runtime.peerOf(request, server)
    const seen = this.#see(request, server, peer)
    return this.#options.trustedHeaders === undefined ? seen : this.#behind(seen, request, peer)
  }

  #callObserver(observe: (fingerprint: Fingerprint) => void, view: FingerprintView): void {
    try {
      const answer = observe(view) as unknown
      if (answer instanceof Promise) answer.catch((error: unknown) => this.#report(error, 'observe'))
    } catch (error) {
      this.#report(error, 'observe')
    }
  }

  /**
   * The same for plain handlers: one fingerprint for a request, however often they ask. Trusted headers are taken off the very
   * object that the handler has. `key` stands for the request, `subject` is what `skip` gets.
   */
  once(
    request: Request | undefined,
    server: unknown,
    key: object | undefined,
    subject: Subject = request as Subject,
  ): FingerprintView {
    if (request !== undefined && this.takesHeaders) this.takeHeaders(request)
    // Whatever a test or a mistake passes.
    if (typeof key !== 'object' || key === null) return this.of(request, server, subject)
    let found = this.#seen.get(key)
    if (found === undefined) this.#seen.set(key, (found = this.of(request, server, subject)))
    return found
  }

  /** Takes trusted headers off a request before handlers see them, from every peer, and off what came with it. */
  takeHeaders(request: Request, server?: unknown): void {
    const trusted = this.#options.trustedHeaders
    try {
      const values = trusted?.values(request.headers)
      if (trusted === undefined || values === undefined) return
      const before = taken.get(request)
      taken.set(request, before === undefined ? values : new Map([...before, ...values]))
      hideHeaders(request, trusted.names)
      this.#runtime.hideHeaders(server, trusted.names)
    } catch (error) {
      // No request, or one that cannot be changed.
      this.#report(new Error(`Cannot hide trusted headers: ${toError(error).message}`), 'headers')
    }
  }

  /** The request's own connection, or why it is not known. What is rare is elsewhere: V8 inlines the rest. */
  #see(request: Request | undefined, server: unknown, peer: Peer | NoPeer): FingerprintView {
    if (typeof peer === 'string') return this.#miss(peer)
    let found: Connection | NotFound
    try {
      found = this.#lookup.connectionOf(request, server, peer)
      if (this.syn && (found as Connection).synReason === 'not-saved') this.#complete(found as Connection)
    } catch (error) {
      return this.#fail(error, peer, server)
    }
    if (!isConnection(found)) return this.#miss(found.reason, peer, found.port, server)
    if (found.synReason === undefined || !this.syn) this.#requests.ok++
    else this.#requests[found.synReason]++
    return new FingerprintView(this, found, found.requests, this.#lookup.lastInfo)
  }

  #fail(error: unknown, peer: Peer, server: unknown): FingerprintView {
    this.#report(error)
    return this.#miss(reasonOf(error), peer, undefined, server)
  }

  /** Its SYN may have come from the wire. */
  #complete(found: Connection): void {
    this.#clients?.complete(found, () => this.#lookup.lastInfo ?? this.#lookup.readInfo(found))
  }

  /** The request's connection is not known: there is none in a test, it has ended, or it is of another kind. */
  #miss(reason: Reason, peer?: Endpoint, port?: number, server?: unknown): FingerprintView {
    this.#requests[reason]++
    const known = {
      ...NOTHING,
      reason,
      peer: peer && { address: unmapAddress(peer.address), port: peer.port },
      local: port === undefined ? undefined : { port },
    }
    const info =
      peer && this.tcpInfo !== 'off' && WITHOUT_DESCRIPTOR.has(reason) ? this.#infoOf(server, peer) : undefined
    return new StatedFingerprint(this, known, info)
  }

  #infoOf(server: unknown, peer: Endpoint): Uint8Array | undefined {
    try {
      return this.#lookup.infoWithout(server, peer)
    } catch (error) {
      this.#report(error)
      return undefined
    }
  }

  /**
   * What trusted headers say, where this peer may say it; otherwise what the kernel says, `seen`. Where the peer is trusted and the
   * headers say nothing, nothing is known of the client: what is seen is the proxy.
   */
  #behind(seen: FingerprintView, request: Request | undefined, peer: Endpoint | NoPeer): FingerprintView {
    const headers = this.#options.trustedHeaders!
    if (typeof peer === 'string' && peer !== 'unix-socket') return seen
    const address = typeof peer === 'string' ? undefined : unmapAddress(peer.address)
    const facts = headers.read(request && taken.get(request), address)
    if (facts === undefined) return seen
    for (const problem of facts.problems) {
      if (this.#report.wants(problem))
        this.#report(new Error(`Cannot take fingerprint from ${address ?? 'unix socket'}: ${problem}`), problem)
    }
    // What the headers say of the connection goes before.
    if (facts.syn !== undefined || facts.tcpInfoBytes !== undefined || facts.rttMicroseconds !== undefined)
      return new HeaderFingerprint(this, facts, seen)
    const client = this.#findClient(facts.peer, peer)
    return typeof client === 'object'
      ? new ClientFingerprint(this, client, seen)
      : new HeaderFingerprint(this, facts, seen, client)
  }

  #findClient(client: ForwardedPeer | undefined, proxy: Endpoint | NoPeer): FoundClient | Reason | undefined {
    try {
      return this.#clients?.find(client, proxy)
    } catch (error) {
      this.#report(error)
      return reasonOf(error)
    }
  }

  /** True if this request is to be left alone. A `skip` that throws skips nothing. */
  #skips(subject: Subject): boolean {
    try {
      return answeredAtOnce('skip', this.#options.skip!(subject)) === true
    } catch (error) {
      this.#report(error, 'skip')
      return false
    }
  }

  /** See `Collection`. */
  readInfo(connection: Connection): Uint8Array | undefined {
    return this.#lookup.readInfo(connection)
  }

  /** See `Collection`. */
  labelOf(syn: SynFacts, view: FingerprintView): Label | undefined {
    const { labels, own } = syn
    const known = labels.get(this)
    if (known !== undefined || own === undefined || labels.has(this)) return known
    const rule = this.#ruleOf(syn, view)
    const label = rule === undefined ? this.#match(own) : labelByRule(rule, this.#database, own)
    labels.set(this, label)
    return label
  }

  /** What the labeller says of a connection, asked once. */
  #ruleOf(syn: SynFacts, view: FingerprintView): RuleLabel | undefined {
    const { labeller } = this.#options
    if (labeller === undefined) return undefined
    const { answers } = syn
    if (!answers.has(this)) answers.set(this, this.#ask(labeller, syn, view))
    return answers.get(this)
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
    const { listeners, unavailable } = this.#lookup
    return {
      ...this.#lookup.counts(),
      requests: { ...this.#requests },
      listeners: listeners.map(({ port, saveSyn, deferAccept, reason }) => ({
        port,
        saveSyn,
        deferAccept,
        ...(reason === undefined ? {} : { reason }),
      })),
      packets: this.#clients?.status(),
      unavailable,
    }
  }

  /** See `FingerprinterApi.arm`. */
  armServer(server: object | undefined): boolean {
    return this.#lookup.arm(server)
  }
}
