/**
 * A store: what was seen of connections, in a database, and the questions that it answers.
 * @module
 */
import { reportOnce, toError } from '../base/report-once.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { openOfEvaluation } from '../runtime/globals.ts'
import { onProcessEnd } from '../runtime/process-end.ts'
import { unrefTimer } from '../runtime/timers.ts'
import { readPlace } from './address.ts'
import { firstDay } from './answers.ts'
import { createRecordMiddleware, type RecordMiddleware, type RecordOptions } from './hono.ts'
import { machineIdentity } from './machine.ts'
import { openEngine } from './open-engine.ts'
import { type ResolvedStoreOptions, resolveStoreOptions, type StoreOptions } from './options.ts'
import { type QueueStatus, WriteQueue } from './queue.ts'
import { Recorder } from './recorder.ts'
import { keptText } from './text.ts'
import type { Engine, HostRow, LabelDayRow, LabelRow, StackRow } from './types.ts'

/** How far back a question looks. */
export interface Period {
  /** UTC days, today included, by the start of the connections. Default 7. */
  readonly days?: number
}

/** Whose observations {@link Store.forget} removes: an address (or network, `ADDRESS/24`), or an account. */
export type Forgotten = { readonly address: string } | { readonly account: string }

/**
 * Observations of connections, kept in a database. Recording never throws, is never awaited by a request, and is bounded: what
 * cannot be kept is counted. Questions reject where the database cannot answer.
 */
export interface Store {
  /** Resolves when the database is open and its tables are up to date; rejects with the reason. Recording does not wait for it. */
  ready(): Promise<void>
  /** Hono middleware that keeps each request's connection. Mount it after `fingerprint()`. */
  record(options?: RecordOptions): RecordMiddleware
  /**
   * The same without Hono: call it once for each request, or once a connection. `account` is the application's word. Needs no `this`:
   * `fingerprint({ observe: store.observe })` records every request for less than a middleware costs.
   */
  readonly observe: (fingerprint: Fingerprint, facts?: { readonly account?: string | undefined }) => void
  /**
   * The systems behind an address, or network (`ADDRESS/24`, `ADDRESS/64`): distinct stacks, the one seen last first. An IPv6
   * address stands for its /64.
   *
   * @throws {TypeError} (rejects) for text that is no address
   */
  hosts(address: string, period?: Period): Promise<HostRow[]>
  /** The stacks that an account came with, by network, the one seen last first. */
  stacks(account: string, period?: Period): Promise<StackRow[]>
  /** Labels by connections, most first. */
  labels(period?: Period): Promise<LabelRow[]>
  /** Labels for each UTC day. */
  labelsByDay(period?: Period): Promise<LabelDayRow[]>
  /** Removes what is kept of an address, a network or an account, rows that wait included. How many connections that were. */
  forget(subject: Forgotten): Promise<number>
  /** How recording is doing. Makes no call to the database. */
  status(): QueueStatus
  /** Writes what waits, now; resolves when it is written, or after a failure. */
  flush(): Promise<void>
  /** Writes what waits, for up to two seconds, and closes the database. */
  close(): Promise<void>
}

/** Milliseconds between two looks at what has expired, and between two slices of it. */
const EXPIRE_EVERY = 3_600_000
const EXPIRE_PAUSE = 100
/** Milliseconds that rows of a day have to be written after it, before it can expire. */
const LATE = 600_000
/** Slices at most in a row. */
const EXPIRE_SLICES = 10_000

/**
 * Opens a store. Nothing is connected before this call returns; a database that is away is tried again and again.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 * @example
 * const store = openStore({ url: 'sqlite:observations.sqlite' })
 * app.use(fingerprint()).use(store.record({ account: (c) => c.get('user')?.id }))
 * await store.hosts('198.51.100.7', { days: 7 })
 */
export function openStore(options: StoreOptions): Store {
  const open = openOfEvaluation<DatabaseStore>('stores')
  const store = new DatabaseStore(resolveStoreOptions(options), () => open.delete(store))
  open.add(store)
  return store
}

class DatabaseStore implements Store {
  readonly #options: ResolvedStoreOptions
  readonly #queue: WriteQueue
  readonly #recorder: Recorder
  readonly observe: Store['observe']
  readonly #takeBack: () => void
  #engine: Promise<Engine> | undefined
  #expiry: ReturnType<typeof setTimeout> | undefined
  readonly #report: (thrown: unknown) => void
  readonly #onClose: () => void
  #isClosed = false
  #closing: Promise<void> | undefined

  constructor(options: ResolvedStoreOptions, onClose: () => void) {
    this.#options = options
    this.#onClose = onClose
    const report = reportOnce(options.onError)
    this.#report = (thrown) => {
      const error = toError(thrown)
      // By message: all errors of SQLite have one code.
      report(error, error.message)
    }
    this.#queue = new WriteQueue(() => this.#open(), {
      limit: options.queue,
      ...options.batch,
      onError: (error) => this.#report(error),
    })
    const { anonymize, syn: keepSyn } = options
    const recorder = new Recorder(this.#queue, {
      ...machineIdentity(options.host),
      anonymize,
      keepSyn,
      onError: (error) => this.#report(error),
    })
    this.#recorder = recorder
    this.observe = (fingerprint, facts) => recorder.observe(fingerprint, facts?.account)
    this.#takeBack = onProcessEnd(() => this.#writeAtEnd())
    // Opened in a turn of its own, so that the tables are there before the first request.
    queueMicrotask(() => this.#open().catch(() => {}))
  }

  /** The engine, opened once; after a failure tried anew by the next caller. */
  #open(): Promise<Engine> {
    if (this.#isClosed) return Promise.reject(new Error('The store is closed'))
    this.#engine ??= openEngine(this.#options.target).then(
      (engine) => {
        this.#queue.opened(engine)
        this.#expireIn(EXPIRE_EVERY / 60)
        return engine
      },
      (error: unknown) => {
        this.#engine = undefined
        throw error
      },
    )
    return this.#engine
  }

  async ready(): Promise<void> {
    await this.#open()
  }

  record(options?: RecordOptions): RecordMiddleware {
    return createRecordMiddleware(this.#recorder, options)
  }

  async hosts(address: string, period?: Period): Promise<HostRow[]> {
    const place = readPlace(address)
    return (await this.#open()).hosts(place, since(period))
  }

  async stacks(account: string, period?: Period): Promise<StackRow[]> {
    const first = since(period)
    return (await this.#open()).stacks(keptText(account), first)
  }

  async labels(period?: Period): Promise<LabelRow[]> {
    const first = since(period)
    return (await this.#open()).labels(first)
  }

  async labelsByDay(period?: Period): Promise<LabelDayRow[]> {
    const first = since(period)
    return (await this.#open()).labelsByDay(first)
  }

  async forget(subject: Forgotten): Promise<number> {
    const whom =
      'account' in subject
        ? ({ kind: 'account', account: keptText(subject.account) } as const)
        : readPlace(subject.address)
    // Rows that wait would bring it back.
    this.#recorder.forget(whom)
    const { failed } = this.#queue.status()
    await this.#queue.flush()
    const status = this.#queue.status()
    if (status.failed > failed) throw new Error(`Cannot forget while rows wait to be written: ${status.lastError}`)
    return (await this.#open()).forget(whom)
  }

  status(): QueueStatus {
    return this.#queue.status()
  }

  flush(): Promise<void> {
    return this.#writeAll()
  }

  /** Writes what waits, and what has changed, as the queue has room for it; ends with the first failure. */
  async #writeAll(): Promise<void> {
    const { failed } = this.#queue.status()
    await this.#queue.flush()
    // Not what changes in the meantime, which may never end.
    for (let left = this.#recorder.changed; left > 0 && this.#queue.status().failed === failed; ) {
      const queued = this.#recorder.bringUpToDate()
      if (queued === 0) return
      left -= queued
      await this.#queue.flush()
    }
  }

  /** The same at the end of the process: at once where the engine can. */
  #writeAtEnd(): void | Promise<void> {
    const { failed } = this.#queue.status()
    for (;;) {
      const queued = this.#recorder.bringUpToDate()
      const writing = this.#queue.flushAtEnd(() => this.#writeAll())
      if (writing !== undefined || queued === 0 || this.#queue.status().failed > failed) return writing
    }
  }

  #expireIn(milliseconds: number): void {
    if (this.#isClosed) return
    clearTimeout(this.#expiry)
    this.#expiry = setTimeout(() => void this.#expire(), milliseconds)
    unrefTimer(this.#expiry)
  }

  async #expire(): Promise<void> {
    const { observations, daily } = this.#options.retention
    const now = Date.now() - LATE
    try {
      const engine = await this.#open()
      for (let slice = 0; slice < EXPIRE_SLICES && !this.#isClosed; slice++) {
        if (!(await engine.expire(firstDay(observations, now), firstDay(daily, now)))) break
        await new Promise<void>((resolve) => unrefTimer(setTimeout(resolve, EXPIRE_PAUSE)))
      }
    } catch (error) {
      // What is closed meanwhile breaks off.
      if (!this.#isClosed) this.#report(error)
    }
    this.#expireIn(EXPIRE_EVERY)
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#onClose()
    this.#takeBack()
    clearTimeout(this.#expiry)
    await this.#queue.close(() => this.#writeAll())
    this.#queue.countDropped(this.#recorder.close())
    this.#isClosed = true
    const engine = await this.#engine?.catch(() => undefined)
    await engine?.close()
  }
}

function since({ days = 7 }: Period = {}): string {
  if (!Number.isInteger(days) || days < 1 || days > 36_500) {
    throw new RangeError(`Cannot look back ${days} days: expected an integer from 1 to 36500`)
  }
  return firstDay(days)
}
