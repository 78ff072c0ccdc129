/**
 * Which request is a connection's first, and what changes after it: one row a connection, brought up to date once a minute.
 * @module
 */
import type { Fingerprint } from '../connection/fingerprint.ts'
import { unrefTimer } from '../runtime/timers.ts'
import { cleanAccount, observationOf } from './observation.ts'
import type { WriteQueue } from './queue.ts'
import type { Observation } from './types.ts'

/** What a recorder adds to every row. */
export interface RecorderOptions {
  readonly boot: string
  readonly host: string
  readonly anonymize: boolean
  readonly keepSyn: boolean
}

/** A connection whose row is written or queued. */
interface Seen {
  readonly first: Observation
  requests: number
  lastSeen: number
  account: string
  /** True if the row does not say all of it yet. */
  isDirty: boolean
}

/** Milliseconds between two looks at what has changed. */
const INTERVAL = 60_000
/** Connections met between two looks at most: with more, the next look comes early. */
const MAX_SEEN = 100_000

/** See the module's comment. */
export class Recorder {
  readonly #queue: WriteQueue
  readonly #options: RecorderOptions
  /**
   * Connections met since the last look, and before it. Nothing is ever deleted from one of them, only both thrown away in turn: a
   * Map whose entries come and go singly is rebuilt again and again.
   */
  #young = new Map<string, Seen>()
  #old = new Map<string, Seen>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(queue: WriteQueue, options: RecorderOptions) {
    this.#queue = queue
    this.#options = options
  }

  /** Keeps what is known of a request's connection. Never throws. */
  observe(fingerprint: Fingerprint, account: string): void {
    const key = identityOf(fingerprint)
    if (key === undefined) return
    const now = Date.now() * 1000
    const known = this.#find(key)
    if (known === undefined) this.#meet(key, fingerprint, account, now)
    else this.#again(known, fingerprint, account, now)
  }

  #find(key: string): Seen | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.#young.set(key, old)
    return old
  }

  #meet(key: string, fingerprint: Fingerprint, account: string, now: number): void {
    const first = observationOf(fingerprint, { ...this.#options, cookie: key, account, seen: now })
    if (first === undefined) return
    if (this.#young.size >= MAX_SEEN) this.bringUpToDate()
    this.#young.set(key, { first, requests: first.requests, lastSeen: now, account: first.account, isDirty: false })
    this.#queue.addObservation(first)
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#look(), INTERVAL)
    unrefTimer(this.#timer)
  }

  #again(known: Seen, fingerprint: Fingerprint, account: string, now: number): void {
    known.requests = fingerprint.connection?.request ?? known.requests + 1
    known.lastSeen = now
    known.isDirty = true
    const named = cleanAccount(account)
    if (named === '' || named === known.account) return
    // Who it is should not wait a minute.
    known.account = named
    this.#update(known)
  }

  #update(one: Seen): void {
    one.isDirty = false
    this.#queue.addUpdate({ first: one.first, lastSeen: one.lastSeen, requests: one.requests, account: one.account })
  }

  #look(): void {
    this.#timer = undefined
    this.bringUpToDate()
    if (this.#young.size + this.#old.size === 0) return
    this.#timer = setTimeout(() => this.#look(), INTERVAL)
    unrefTimer(this.#timer)
  }

  /** Queues what has changed, and forgets the connections of which nothing came since the look before. */
  bringUpToDate(): void {
    for (const seen of [this.#old, this.#young]) for (const one of seen.values()) if (one.isDirty) this.#update(one)
    this.#old = this.#young
    this.#young = new Map()
  }

  /** Forgets all connections: they are met anew. */
  forgetAll(): void {
    this.#old = new Map()
    this.#young = new Map()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.bringUpToDate()
    this.#old = new Map()
  }
}

const HOUR = 3_600_000

/**
 * What tells a connection from all others: its socket's cookie; behind a proxy the client's endpoint and the sequence number of its
 * SYN; without a SYN the endpoint, for an hour. `undefined` where the peer is not known.
 */
function identityOf({ connection, peer, syn, source }: Fingerprint): string | undefined {
  if (peer === undefined) return undefined
  if (connection !== undefined && source !== 'header') return connection.cookie
  const rest = syn === undefined ? `h${Math.floor(Date.now() / HOUR)}` : syn.tcp.sequenceNumber
  return `${peer.address} ${peer.port} ${rest}`
}
