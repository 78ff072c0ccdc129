/**
 * Which request is a connection's first, and what changes after it: one row a connection, brought up to date once a minute.
 * @module
 */
import type { Fingerprint } from '../connection/fingerprint.ts'
import { FingerprintView, type Known } from '../connection/view.ts'
import { unrefTimer } from '../runtime/timers.ts'
import { observationOf } from './observation.ts'
import type { WriteQueue } from './queue.ts'
import { keptText, MAX_TEXT } from './text.ts'
import type { Observation, Subject } from './types.ts'

/** What a recorder adds to every row. */
export interface RecorderOptions {
  readonly boot: string
  readonly host: string
  readonly anonymize: boolean
  readonly keepSyn: boolean
  /** Gets what is thrown while a request is looked at: nothing of it reaches the request. */
  onError(error: unknown): void
}

/** A connection whose row is written or queued. */
interface Seen {
  readonly of: Recorder
  /** The recorder's `#generation` when it was last compared with what is forgotten. */
  generation: number
  readonly first: Observation
  requests: number
  /** Milliseconds since 1970, to a tenth of a second. */
  lastSeen: number
  /** As the application named it last, and as it is kept. */
  named: string
  account: string
  /** True while requests were seen that its row does not tell yet: it is among `#changed`. */
  hasChanged: boolean
}

/** Milliseconds between two updates of a row. */
const INTERVAL = 60_000
/** Milliseconds between two looks at the clock. */
const TICK = 100
/** Milliseconds until the queue may have room again. */
const ROOM_PAUSE = 250
/** Subjects of `forget` that are remembered; with more, every connection is met anew. */
const MAX_FORGOTTEN = 1000
/** Connections of one generation that are known by their endpoint: see `#byName`. */
const MAX_NAMES = 50_000

export class Recorder {
  readonly #queue: WriteQueue
  readonly #options: RecorderOptions
  /** Connections of which another recorder has `kept`, by the library's object, which lives as long as the connection does. */
  #byConnection = new WeakMap<object, Seen>()
  /**
   * By name, where there is no such object: clients of a proxy's header. Two generations. No entry is deleted, the older generation
   * is thrown away as a whole: a Map whose entries come and go singly is rebuilt again and again.
   */
  #byName = new Map<string, Seen>()
  #older = new Map<string, Seen>()
  /** Connections with requests that their rows do not tell yet. */
  #changed = new Set<Seen>()
  /**
   * The time, read ten times a second while requests come: on a virtual machine a read costs 60 ns, four times as much as everything
   * else that is done for a request.
   */
  #now = 0
  #ticks: ReturnType<typeof setInterval> | undefined
  /** True if the time was asked for since the last tick. */
  #isTimeUsed = false
  /** Counts `forget`. Connections met before `#begin` are forgotten, those of other generations may be. */
  #generation = 0
  #begin = 0
  #forgotten: { readonly subject: Subject; readonly generation: number }[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(queue: WriteQueue, options: RecorderOptions) {
    this.#queue = queue
    this.#options = options
  }

  /** Reads what is to be kept of a connection's first request, while the client is there. Never throws. */
  look(fingerprint: Fingerprint): void {
    try {
      if (fingerprint instanceof FingerprintView && this.#known(fingerprint.resolve()) !== undefined) return
      void fingerprint.available
    } catch (error) {
      this.#options.onError(error)
    }
  }

  /** Keeps what is known of a request's connection. `account` is whatever the application gave. Never throws. */
  observe(fingerprint: Fingerprint, account: unknown): void {
    try {
      if (fingerprint instanceof FingerprintView) this.#observeView(fingerprint, account)
      else this.#observeNamed(fingerprint, accountText(account))
    } catch (error) {
      this.#options.onError(error)
    }
  }

  /** See `Observer`. Never throws. */
  observeAgain<Asked>(fingerprint: Fingerprint, ask: (of: Asked) => unknown, of: Asked): boolean {
    try {
      if (!(fingerprint instanceof FingerprintView)) return false
      const kept = fingerprint.resolve().kept as Seen | undefined
      if (kept?.of !== this || kept.named === '') return false
      const account = ask(of)
      if (accountText(account) !== kept.named) return false
      this.#observeView(fingerprint, account)
      return true
    } catch {
      return false
    }
  }

  /** Nearly all requests: nothing more than this is done for them. False where there is more to do. */
  #quickly(view: FingerprintView, facts: Known, account: unknown): boolean {
    const kept = facts.kept as Seen | undefined
    if (kept?.of !== this || !kept.hasChanged || kept.generation !== this.#generation) return false
    if (account !== undefined && account !== kept.named) return false
    kept.requests = view.requestNumber()
    kept.lastSeen = this.#time()
    return true
  }

  #observeView(view: FingerprintView, account: unknown): void {
    const facts = view.resolve()
    if (this.#quickly(view, facts, account)) return
    const name = accountText(account)
    const known = this.#known(facts)
    if (known !== undefined) this.#again(known, view.requestNumber(), name)
    else if (isConnection(facts)) this.#meet(view, name, (seen) => this.#keep(facts, seen))
    else this.#observeNamed(view, name)
  }

  #observeNamed(fingerprint: Fingerprint, account: string): void {
    const name = nameOf(fingerprint)
    if (name === undefined) return
    const known = this.#find(name)
    if (known === undefined) this.#meet(fingerprint, account, (seen) => this.#remember(name, seen))
    else this.#again(known, fingerprint.connection?.request ?? known.requests + 1, account)
  }

  #known(facts: Known): Seen | undefined {
    const { kept } = facts
    if (kept === undefined) return undefined
    return this.#unforgotten(kept.of === this ? (kept as Seen) : this.#byConnection.get(facts))
  }

  #keep(facts: Known, seen: Seen): void {
    if (facts.kept === undefined || facts.kept.of === this) facts.kept = seen
    else this.#byConnection.set(facts, seen)
  }

  #unforgotten(seen: Seen | undefined): Seen | undefined {
    if (seen === undefined || seen.generation === this.#generation) return seen
    if (seen.generation < this.#begin || this.#isForgotten(seen)) return undefined
    seen.generation = this.#generation
    return seen
  }

  #find(name: string): Seen | undefined {
    const young = this.#byName.get(name)
    if (young !== undefined) return this.#unforgotten(young)
    const old = this.#unforgotten(this.#older.get(name))
    if (old !== undefined) this.#remember(name, old)
    return old
  }

  #remember(name: string, seen: Seen): void {
    if (this.#byName.size >= MAX_NAMES) {
      this.#older = this.#byName
      this.#byName = new Map()
    }
    this.#byName.set(name, seen)
  }

  #meet(fingerprint: Fingerprint, account: string, keep: (seen: Seen) => void): void {
    if (this.#isClosed) return
    const now = wallTime()
    const { connection, source } = fingerprint
    // Not the client's endpoint, which `anonymize` must not write.
    const cookie = connection !== undefined && source !== 'header' ? connection.cookie : crypto.randomUUID()
    const first = observationOf(fingerprint, { ...this.#options, cookie, account: keptText(account), seen: now * 1000 })
    if (first === undefined) return
    keep({
      of: this,
      generation: this.#generation,
      first,
      requests: first.requests,
      lastSeen: now,
      named: boundedName(account, first.account),
      account: first.account,
      hasChanged: false,
    })
    this.#queue.addObservation(first)
  }

  #again(known: Seen, requests: number, account: string): void {
    known.requests = requests
    known.lastSeen = this.#time()
    if (account !== known.named && account !== '') {
      const kept = keptText(account)
      const isNew = kept !== known.account
      known.named = boundedName(account, kept)
      known.account = kept
      // Who it is should not wait a minute.
      if (isNew && this.#queue.room > 0) {
        this.#update(known)
        return
      }
    }
    if (known.hasChanged) return
    known.hasChanged = true
    this.#changed.add(known)
    this.#wakeIn(INTERVAL)
  }

  /** Milliseconds since 1970, to a tenth of a second. */
  #time(): number {
    this.#isTimeUsed = true
    if (this.#ticks === undefined) this.#startTicks()
    return this.#now
  }

  #startTicks(): void {
    this.#now = wallTime()
    this.#ticks = setInterval(() => {
      this.#now = wallTime()
      // An idle process is not woken.
      if (!this.#isTimeUsed) this.#stopTicks()
      this.#isTimeUsed = false
    }, TICK)
    unrefTimer(this.#ticks)
  }

  #stopTicks(): void {
    clearInterval(this.#ticks)
    this.#ticks = undefined
  }

  #update(one: Seen): void {
    this.#drop(one)
    const { first, requests, account } = one
    this.#queue.addUpdate({ first, lastSeen: Math.max(first.seen, one.lastSeen * 1000), requests, account })
  }

  #drop(one: Seen): void {
    one.hasChanged = false
    this.#changed.delete(one)
  }

  #wakeIn(milliseconds: number): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.bringUpToDate()
    }, milliseconds)
    unrefTimer(this.#timer)
  }

  /** Connections with requests that neither their rows nor the queue tell yet. */
  get changed(): number {
    return this.#changed.size
  }

  /** Queues what has changed, as far as the queue has room beside rows of new connections; the rest follows. How many it queued. */
  bringUpToDate(): number {
    const before = this.#changed.size
    let { room } = this.#queue
    for (const one of this.#changed) {
      if (room-- <= 0) break
      this.#update(one)
    }
    if (this.#changed.size > 0) this.#wakeIn(ROOM_PAUSE)
    return before - this.#changed.size
  }

  /** Connections of these are met anew; all others stay known, since a row of theirs is there. */
  forget(subject: Subject): void {
    this.#generation++
    if (this.#forgotten.length >= MAX_FORGOTTEN) {
      this.#forgotten = []
      this.#forgetAll()
      return
    }
    this.#forgotten.push({ subject, generation: this.#generation })
    for (const one of this.#changed) if (this.#isForgotten(one)) this.#drop(one)
  }

  /** By what was forgotten since it was last compared. Not by time: clocks go back. */
  #isForgotten({ first, account, generation }: Seen): boolean {
    return this.#forgotten.some((forgotten) => {
      if (forgotten.generation <= generation) return false
      const { subject } = forgotten
      if (subject.kind === 'account') return account !== '' && subject.account === account
      return (
        subject.network === first.network &&
        (subject.kind === 'network' || [subject.address, subject.network].includes(first.address))
      )
    })
  }

  #forgetAll(): void {
    this.#begin = this.#generation
    this.#byConnection = new WeakMap()
    this.#byName = new Map()
    this.#older = new Map()
    this.#changed = new Set()
  }

  /** Takes no more. How many connections have requests that are not kept. */
  close(): number {
    const { changed } = this
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#stopTicks()
    this.#generation++
    this.#forgetAll()
    return changed
  }
}

/**
 * Milliseconds since 1970, whatever the clock says: the days of ClickHouse's `Date` end on 2149-06-06, exact numbers of microseconds
 * in 2255.
 */
const wallTime = (): number => Math.min(Math.max(0, Date.now()), 65_535 * 86_400_000)

/** A name by which the next request is compared: of long ones as they are kept, since every connection has one. */
const boundedName = (account: string, kept: string): string => (account.length > MAX_TEXT ? kept : account)

/** An account as text; `''` for what names none. */
function accountText(account: unknown): string {
  if (typeof account === 'string') return account
  return typeof account === 'number' || typeof account === 'bigint' ? String(account) : ''
}

/** True if these are the facts of a connection, which are one object for all of its requests. */
const isConnection = ({ source, cookie }: Known): boolean => source !== 'header' && cookie !== undefined

const HOUR = 3_600_000

/**
 * What tells a connection from all others where there is no object of it: its socket's cookie; behind a proxy the client's endpoint
 * and the sequence number of its SYN; without a SYN the endpoint, for an hour. `undefined` where the peer is not known.
 */
function nameOf({ connection, peer, syn, source }: Fingerprint): string | undefined {
  if (peer === undefined) return undefined
  if (connection !== undefined && source !== 'header') return connection.cookie
  const rest = syn === undefined ? `h${Math.floor(Date.now() / HOUR)}` : syn.tcp.sequenceNumber
  return `${peer.address} ${peer.port} ${rest}`
}
