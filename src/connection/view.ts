/**
 * One view, {@link FingerprintView}, of a captured connection; over other sources of what is known of a request by subclasses: nothing, a
 * request that is looked up late, and a proxy's header (`src/proxy`). Everything that costs is computed when first read.
 * @module
 */
import { preciseNow } from '../base/clock.ts'
import type { Fingerprints } from '../fingerprint/strings.ts'
import type { Label } from '../label/match.ts'
import type { Syn } from '../wire/syn.ts'
import { decodeTcpInfo, type TcpInfo } from '../wire/tcp-info.ts'
import type { Connection, Kept, Reason } from './connection.ts'
import { type Delivery, deliveryOf } from './delivery.ts'
import { type EnvOptions, type EnvSource, envOf } from './facts.ts'
import type { Fingerprint, Source } from './fingerprint.ts'
import type { FirstTiming } from './handshake-timing.ts'
import { RequestTiming, rttOf, type Timing } from './request-timing.ts'
import type { SynFacts } from './syn-facts.ts'

/** The peer as the runtime gives it. */
export interface Peer {
  readonly address: string
  /** `undefined` where a trusted header names the address alone. */
  readonly port?: number | undefined
}

/**
 * Member of a framework's context that has the view of its request, for what reads it at every request: a variable of Hono's costs two
 * calls and a look into a `Map`.
 */
export const VIEW: unique symbol = Symbol.for('tcpfingerprint.view') as never

/** What is known of a connection apart from TCP_INFO: a `Connection`, or what a header says, or why nothing is known. */
export interface Known {
  /** Where facts come from, if there are any. */
  readonly source: 'kernel' | 'packet' | 'header'
  /** Why nothing is known, or `undefined`. */
  readonly reason: Reason | undefined
  /** Why there is no SYN, or `undefined`. */
  readonly synReason: Reason | undefined
  readonly peer: Peer | undefined
  readonly local: { readonly port: number } | undefined
  readonly cookie: string | undefined
  readonly syn: SynFacts | undefined
  readonly timing: FirstTiming | undefined
  /** null before it was read. */
  readonly handshakeTimeToLive: number | undefined | null
  /** The RTT, where it does not come with a TCP_INFO. */
  readonly rttMicroseconds: number | undefined
  /** Set on connections only. */
  kept?: Kept | undefined
  /** Reads `cookie`, `timing` and `handshakeTimeToLive` where they are read on demand. */
  complete?(): void
}

/** What a fingerprinter collects, and how: the same for all of its requests. */
export interface Collection {
  /** True if the SYN is wanted. */
  readonly syn: boolean
  /** When TCP_INFO is read: for each request, for the first of a connection, or never. */
  readonly tcpInfo: 'request' | 'connection' | 'off'
  readonly envOptions: EnvOptions
  /** TCP_INFO of the connection now, `undefined` where it has ended. */
  readInfo(connection: Connection): Uint8Array | undefined
  /** The label of a SYN, asked once per connection. */
  labelOf(syn: SynFacts, view: FingerprintView): Label | undefined
}

/** What was read or made for one request. */
class Memo {
  syn: Syn | undefined = undefined
  /** TCP_INFO; null before it was read. */
  info: Uint8Array | undefined | null = null
  tcpInfo: TcpInfo | undefined = undefined
  timing: Timing | undefined = undefined
  /** When `info` was read, by `preciseNow`; 0 where that was not noted. */
  readAt = 0
  /** null before it was asked for. */
  delivery: Delivery | undefined | null = null
}

/** True once a request has asked for its delivery: the clock takes as long as a tenth of reading TCP_INFO, and nothing else needs it. */
let isTimed = false

/**
 * A `Fingerprint` whose facts are found when the first of them is read: of a request whose connection is known; a subclass says where
 * else from. One is made for every request: it holds as little as it can, and is of the class without a superclass, because V8 does not
 * inline the constructor of another.
 */
export class FingerprintView implements EnvSource {
  readonly #collection: Collection
  readonly #known: Known
  readonly #request: number
  #memo: Memo | undefined

  /**
   * `known` is a `Connection`, unless a subclass reads its facts; `request` its number on the connection. `info` is a TCP_INFO that was read
   * for this request while its connection was looked up.
   */
  constructor(collection: Collection, known: Known, request: number, info?: Uint8Array) {
    this.#collection = collection
    this.#known = known
    this.#request = request
    this.#memo = undefined
    if (info !== undefined && collection.tcpInfo === 'request') this.#facts().info = info
  }

  /** What is known of the connection. Cheap: called for every fact that is read. */
  resolve(): Known {
    return this.#known
  }

  /** Number of the request on its connection, from 1. */
  requestNumber(): number {
    return this.#request
  }

  /** TCP_INFO of this request. Called once, and not where TCP_INFO is not wanted. */
  protected readInfo(collection: Collection): Uint8Array | undefined {
    const connection = this.#known as Connection
    // A copy of what the connection keeps: it is for all of its requests.
    if (collection.tcpInfo === 'connection') return connection.firstInfo?.slice()
    return collection.readInfo(connection)
  }

  /** A method, because V8 takes as long for a private getter as for a small call into libc. */
  #facts(): Memo {
    return (this.#memo ??= new Memo())
  }

  /** What follows from the SYN, where it is wanted. */
  get synFacts(): SynFacts | undefined {
    return this.#collection.syn ? this.resolve().syn : undefined
  }

  get envOptions(): EnvOptions {
    return this.#collection.envOptions
  }

  get available(): boolean {
    return this.source !== 'none'
  }

  get source(): Source {
    const known = this.resolve()
    const isKnown =
      this.synFacts?.own !== undefined || this.tcpInfoBytes !== undefined || known.rttMicroseconds !== undefined
    return isKnown ? known.source : 'none'
  }

  get reason(): Reason | undefined {
    const { reason, synReason, syn } = this.resolve()
    if (reason !== undefined || !this.#collection.syn) return reason
    // Octets that hold no SYN, from a kernel or a link that this library does not know.
    return synReason ?? (syn !== undefined && syn.own === undefined ? 'unsupported' : undefined)
  }

  get peer(): Peer | undefined {
    return this.resolve().peer
  }

  get local(): { readonly port: number } | undefined {
    return this.resolve().local
  }

  get connection(): { readonly cookie: string; readonly request: number } | undefined {
    const known = this.resolve()
    if (known.cookie === undefined) known.complete?.()
    const { cookie } = known
    return cookie === undefined ? undefined : { cookie, request: this.requestNumber() }
  }

  get syn(): Syn | undefined {
    const facts = this.synFacts
    if (facts === undefined) return undefined
    return this.#memo?.syn ?? facts.shared ?? (this.#facts().syn = facts.forRequest)
  }

  /** The SYN for this library's own use: not to be handed out. */
  get ownSyn(): Syn | undefined {
    return this.synFacts?.own
  }

  get fingerprints(): Fingerprints | undefined {
    const strings = this.synFacts?.strings
    // A copy: the connection's own are for all of its requests.
    return strings && { p0f: strings.p0f, muonfp: strings.muonfp, haproxy: strings.haproxy }
  }

  get label(): Label | undefined {
    const facts = this.synFacts
    return facts && this.#collection.labelOf(facts, this)
  }

  get tcpInfoBytes(): Uint8Array | undefined {
    const facts = this.#facts()
    if (facts.info === null) {
      facts.info = this.#collection.tcpInfo === 'off' ? undefined : this.readInfo(this.#collection)
      if (isTimed) facts.readAt = preciseNow()
    }
    return facts.info
  }

  get tcpInfo(): TcpInfo | undefined {
    const bytes = this.tcpInfoBytes
    return bytes && (this.#facts().tcpInfo ??= decodeTcpInfo(bytes))
  }

  get timing(): Timing {
    return (this.#facts().timing ??= this.#readTiming())
  }

  #readTiming(): Timing {
    const known = this.resolve()
    known.complete?.()
    const { timing, handshakeTimeToLive, rttMicroseconds } = known
    return new RequestTiming(timing, handshakeTimeToLive ?? undefined, rttMicroseconds ?? rttOf(this.tcpInfoBytes))
  }

  get delivery(): Delivery | undefined {
    const facts = this.#facts()
    if (facts.delivery === null) {
      isTimed = true
      const bytes = this.#collection.tcpInfo === 'request' ? this.tcpInfoBytes : undefined
      facts.delivery = bytes && this.#deliveryOf(bytes, facts.readAt)
    }
    return facts.delivery
  }

  /** With a TCP_INFO of now, where it was not noted when that of the request was read. */
  #deliveryOf(info: Uint8Array, readAt: number): Delivery | undefined {
    if (readAt !== 0) return this.readDelivery(info, readAt)
    return this.readDelivery(this.readInfoNow(this.#collection) ?? info, preciseNow())
  }

  readTcpInfo(): TcpInfo | undefined {
    const bytes = this.#collection.tcpInfo === 'off' ? undefined : this.readInfoNow(this.#collection)
    return bytes && decodeTcpInfo(bytes)
  }

  /** TCP_INFO now. */
  protected readInfoNow(collection: Collection): Uint8Array | undefined {
    return collection.readInfo(this.#known as Connection)
  }

  /** What TCP did since the request before, with TCP_INFO of this one. Called once. */
  protected readDelivery(info: Uint8Array, readAt: number): Delivery | undefined {
    return deliveryOf(this.#known as Connection, info, this.#request, readAt)
  }

  get env(): Record<string, string> {
    return envOf(this)
  }

  get hop(): Fingerprint | undefined {
    return undefined
  }

  toJSON(): object {
    const { available, source, reason, peer, local, connection, syn, fingerprints, label, tcpInfo, timing } = this
    const { delivery, hop } = this
    const facts = { available, source, reason, peer, local, connection, syn, fingerprints, label, tcpInfo, timing }
    if (delivery === undefined && hop === undefined) return facts
    return { ...facts, delivery, hop: hop?.toJSON() }
  }
}

/** Nothing is known but what the members say. */
export const NOTHING: Known = /* @__PURE__ */ Object.freeze({
  source: 'kernel',
  reason: undefined,
  synReason: undefined,
  peer: undefined,
  local: undefined,
  cookie: undefined,
  syn: undefined,
  timing: undefined,
  handshakeTimeToLive: undefined,
  rttMicroseconds: undefined,
})

/** A request of which everything is at hand: its connection is not known, or a proxy speaks for the client. */
export class StatedFingerprint extends FingerprintView {
  readonly #info: Uint8Array | undefined

  /** `info` is TCP_INFO where the kernel has it by the connection's ends, or the proxy hands it on. */
  constructor(collection: Collection, known: Known, info?: Uint8Array, request = 0) {
    super(collection, known, request, info)
    this.#info = info
  }

  protected override readInfo(_collection: Collection): Uint8Array | undefined {
    return this.#info
  }

  protected override readInfoNow(): Uint8Array | undefined {
    return undefined
  }

  protected override readDelivery(_info: Uint8Array, _readAt: number): Delivery | undefined {
    return undefined
  }
}

/** A request that is looked up when a fact is first read. */
export class LazyFingerprint<Subject, Server> extends StatedFingerprint {
  readonly #subject: Subject
  readonly #server: Server
  readonly #find: (subject: Subject, server: Server) => FingerprintView
  #found: FingerprintView | undefined

  /** `find` is called once, when a fact is first read. */
  constructor(
    collection: Collection,
    subject: Subject,
    server: Server,
    find: (subject: Subject, server: Server) => FingerprintView,
  ) {
    super(collection, NOTHING)
    this.#subject = subject
    this.#server = server
    this.#find = find
  }

  #view(): FingerprintView {
    return (this.#found ??= this.#find(this.#subject, this.#server))
  }

  override resolve(): Known {
    return this.#view().resolve()
  }

  override requestNumber(): number {
    return this.#view().requestNumber()
  }

  protected override readInfo(): Uint8Array | undefined {
    return this.#view().tcpInfoBytes
  }

  override readTcpInfo(): TcpInfo | undefined {
    return this.#view().readTcpInfo()
  }

  protected override readDelivery(): Delivery | undefined {
    return this.#view().delivery
  }

  override get hop(): Fingerprint | undefined {
    return this.#view().hop
  }
}
