/**
 * Which request is a connection's first, and what changes after it: one row a connection, brought up to date once a minute.
 * @module
 */
import type { Fingerprint } from '../connection/fingerprint.ts'
import { FingerprintView, type Known } from '../connection/view.ts'
import { unrefTimer } from '../runtime/timers.ts'
import { observationOf } from './observation.ts'
import type { WriteQueue } from './queue.ts'
import { keptText } from './text.ts'
import type { Observation, Subject } from './types.ts'

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
  /** `performance.now()`, which costs a twentieth of `Date.now()`. */
  lastSeen: number
  /** As the application named it last, and as it is kept. */
  named: string
  account: string
  /** True while requests were seen that its row does not tell yet: it is among `#changed`. */
  hasChanged: boolean
}

/** Milliseconds between two updates of a row. */
const INTERVAL = 60_000
/** Milliseconds until the queue may have room again. */
const ROOM_PAUSE = 250
/** Subjects of `forget` that are remembered; with more, every connection is met anew. */
const MAX_FORGOTTEN = 1000
/** Connections of one generation that are known by their endpoint: see `#byName`. */
const MAX_NAMES = 50_000

/** See the module's comment. */
export class Recorder {
  readonly #queue: WriteQueue
  readonly #options: RecorderOptions
  /** By the library's own object of a connection, which lives as long as the connection does. */
  #byConnection = new WeakMap<object, Seen>()
  /**
   * By name, where there is no such object: clients of a proxy's header. Two generations. No entry is deleted, the older generation
   * is thrown away as a whole: a Map whose entries come and go singly is rebuilt again and again.
   */
  #byName = new Map<string, Seen>()
  #older = new Map<string, Seen>()
  /** Connections with requests that their rows do not tell yet. */
  #changed = new Set<Seen>()
  #forgotten: { readonly subject: Subject; readonly at: number }[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(queue: WriteQueue, options: RecorderOptions) {
    this.#queue = queue
    this.#options = options
  }

  /** Reads what is to be kept of a connection's first request, while the client is there. */
  look(fingerprint: Fingerprint): void {
    if (fingerprint instanceof FingerprintView && this.#byConnection.has(fingerprint.resolve())) return
    void fingerprint.available
  }

  /** Keeps what is known of a request's connection. */
  observe(fingerprint: Fingerprint, account: string): void {
    if (fingerprint instanceof FingerprintView) {
      // Of nearly all requests: nothing more than this is done for them.
      const facts = fingerprint.resolve()
      const known = this.#byConnection.get(facts)
      if (known !== undefined && (this.#forgotten.length === 0 || !this.#isForgotten(known))) {
        this.#again(known, fingerprint.requestNumber(), account)
        return
      }
      if (isConnection(facts)) {
        this.#meet(fingerprint, account, (seen) => this.#byConnection.set(facts, seen))
        return
      }
    }
    const name = nameOf(fingerprint)
    if (name === undefined) return
    const known = this.#find(name)
    if (known === undefined || this.#isForgotten(known))
      this.#meet(fingerprint, account, (seen) => this.#remember(name, seen))
    else this.#again(known, fingerprint.connection?.request ?? known.requests + 1, account)
  }

  #find(name: string): Seen | undefined {
    const young = this.#byName.get(name)
    if (young !== undefined) return young
    const old = this.#older.get(name)
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
    const now = Date.now() * 1000
    const { connection, source } = fingerprint
    // Not the client's endpoint, which `anonymize` must not write.
    const cookie = connection !== undefined && source !== 'header' ? connection.cookie : crypto.randomUUID()
    const first = observationOf(fingerprint, { ...this.#options, cookie, account: keptText(account), seen: now })
    if (first === undefined) return
    keep({
      first,
      requests: first.requests,
      lastSeen: performance.now(),
      named: account,
      account: first.account,
      hasChanged: false,
    })
    this.#queue.addObservation(first)
  }

  #again(known: Seen, requests: number, account: string): void {
    known.requests = requests
    known.lastSeen = performance.now()
    if (account !== known.named && account !== '') {
      known.named = account
      known.account = keptText(account)
      // Who it is should not wait a minute.
      if (this.#queue.room > 0) {
        this.#update(known)
        return
      }
    }
    if (known.hasChanged) return
    known.hasChanged = true
    this.#changed.add(known)
    this.#wakeIn(INTERVAL)
  }

  #update(one: Seen): void {
    this.#drop(one)
    const { first, requests, account } = one
    const lastSeen = Date.now() * 1000 - Math.round((performance.now() - one.lastSeen) * 1000)
    this.#queue.addUpdate({ first, lastSeen: Math.max(first.seen, lastSeen), requests, account })
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

  /** Queues what has changed, as far as the queue has room beside rows of new connections; the rest follows. */
  bringUpToDate(): void {
    let { room } = this.#queue
    for (const one of this.#changed) {
      if (room-- <= 0) break
      this.#update(one)
    }
    if (this.#changed.size > 0) this.#wakeIn(ROOM_PAUSE)
  }

  /** Connections of these are met anew; all others stay known, since a row of theirs is there. */
  forget(subject: Subject): void {
    if (this.#forgotten.length >= MAX_FORGOTTEN) {
      this.#forgotten = []
      this.#forgetAll()
      return
    }
    this.#forgotten.push({ subject, at: Date.now() * 1000 })
    for (const one of this.#changed) if (this.#isForgotten(one)) this.#drop(one)
  }

  #isForgotten({ first, account }: Seen): boolean {
    return this.#forgotten.some(({ subject, at }) => {
      if (first.seen > at) return false
      if (subject.kind === 'account') return subject.account === account
      return (
        subject.network === first.network &&
        (subject.kind === 'network' || [subject.address, subject.network].includes(first.address))
      )
    })
  }

  #forgetAll(): void {
    this.#byConnection = new WeakMap()
    this.#byName = new Map()
    this.#older = new Map()
    this.#changed = new Set()
  }

  close(): void {
    this.bringUpToDate()
    clearTimeout(this.#timer)
    this.#forgetAll()
  }
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
