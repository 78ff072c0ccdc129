/**
 * Rows on their way to an engine: bounded, in batches, one write at a time, tried again until it succeeds.
 * @module
 */
import { toError } from '../base/report-once.ts'
import { unrefTimer } from '../runtime/timers.ts'
import type { Batch, Engine, Observation, Update } from './types.ts'

/** How a queue is doing. */
export interface QueueStatus {
  /** Rows that wait, those of a write under way included. */
  readonly queued: number
  /** Rows written since the start. */
  readonly written: number
  /** Rows given up: the queue was full, or the engine refused the row itself. */
  readonly dropped: number
  /** Writes that failed and were, or will be, tried again. */
  readonly failed: number
  /** Message of the last failure; `undefined` after a write that succeeded. */
  readonly lastError: string | undefined
  /** Age of the oldest row that waits; 0 where none does. */
  readonly oldestSeconds: number
}

/** Bounds of a queue. `undefined`: the engine's own. */
export interface QueueOptions {
  readonly limit: number
  readonly rows: number | undefined
  readonly milliseconds: number | undefined
  /** Milliseconds after which a write that the engine does not answer has failed. */
  readonly timeout?: number
  onError(error: Error): void
}

type Row = { readonly at: number; readonly observation: Observation } | { readonly at: number; readonly update: Update }

/** Pause after the first failure and at most, milliseconds. */
const FIRST_PAUSE = 1000
const LONGEST_PAUSE = 60_000
/** An engine that does not answer for so long has failed. */
const WRITE_TIMEOUT = 30_000
/** Milliseconds that `close` waits for what is queued. */
const CLOSE_TIMEOUT = 2000
const DEFAULT_BATCH = { rows: 32, milliseconds: 1000 }

export class WriteQueue {
  readonly #open: () => Promise<Engine>
  readonly #options: QueueOptions
  #engine: Engine | undefined
  #rows: Row[] = []
  /** Rows of the write under way. */
  #writing: readonly Row[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #timerAt = 0
  #flush: Promise<void> | undefined
  #pause = 0
  #resumeAt = 0
  #isClosed = false
  #written = 0
  #dropped = 0
  #failed = 0
  #lastError: string | undefined

  constructor(open: () => Promise<Engine>, options: QueueOptions) {
    this.#open = open
    this.#options = options
  }

  status(): QueueStatus {
    const oldest = this.#writing[0] ?? this.#rows[0]
    return {
      queued: this.#writing.length + this.#rows.length,
      written: this.#written,
      dropped: this.#dropped,
      failed: this.#failed,
      lastError: this.#lastError,
      oldestSeconds: oldest === undefined ? 0 : Math.max(0, (Date.now() - oldest.at) / 1000),
    }
  }

  /** Rows that may be added without filling more than half of the queue. */
  get room(): number {
    return Math.ceil(this.#options.limit / 2) - this.#rows.length - this.#writing.length
  }

  /** The engine has been opened, perhaps for a question: from now on the end of the process finds it. */
  opened(engine: Engine): void {
    this.#engine = engine
  }

  addObservation(observation: Observation): void {
    this.#add({ at: Date.now(), observation })
  }

  addUpdate(update: Update): void {
    this.#add({ at: Date.now(), update })
  }

  #add(row: Row): void {
    if (this.#isClosed) {
      this.#dropped++
      return
    }
    this.#rows.push(row)
    this.#trim()
    const { rows, milliseconds } = this.#batch
    this.#wakeIn(this.#rows.length >= rows ? 0 : milliseconds)
  }

  /** Drops the oldest rows above the limit, a sixteenth of it at once: one at a time would move all others each time. */
  #trim(): void {
    const { limit } = this.#options
    if (this.#rows.length + this.#writing.length <= limit) return
    const count = Math.min(this.#rows.length, Math.max(1, limit >> 4))
    this.#rows.splice(0, count)
    this.#dropped += count
  }

  get #batch(): Engine['batch'] {
    const { rows, milliseconds } = this.#options
    const own = this.#engine?.batch ?? DEFAULT_BATCH
    return { rows: rows ?? own.rows, milliseconds: milliseconds ?? own.milliseconds }
  }

  #wakeIn(milliseconds: number): void {
    if (this.#flush !== undefined) return
    const now = performance.now()
    const at = Math.max(now + milliseconds, this.#resumeAt)
    if (this.#timer !== undefined) {
      if (this.#timerAt <= at) return
      clearTimeout(this.#timer)
    }
    this.#timerAt = at
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#start()
    }, at - now)
    unrefTimer(this.#timer)
  }

  #start(): Promise<void> {
    this.#flush ??= this.#writeOne().finally(() => {
      this.#flush = undefined
      if (this.#rows.length === 0 || this.#isClosed) return
      const { rows, milliseconds } = this.#batch
      this.#wakeIn(this.#rows.length >= rows ? 0 : milliseconds)
    })
    return this.#flush
  }

  async #writeOne(): Promise<void> {
    let refused = false
    try {
      this.#engine ??= await this.#open()
      this.#writing = this.#rows.splice(0, this.#batch.rows)
      if (this.#writing.length === 0) return
      try {
        await within(this.#engine.write(batchOf(this.#writing)), this.#options.timeout ?? WRITE_TIMEOUT)
      } catch (error) {
        refused = this.#engine.isRefusal?.(error) === true
        throw error
      }
      this.#succeed(this.#writing.length)
    } catch (thrown) {
      this.#fail(thrown)
      if (refused) await this.#writeEach()
      else {
        this.#putBack(this.#writing)
        this.#pause = Math.min(LONGEST_PAUSE, Math.max(FIRST_PAUSE, 2 * this.#pause))
        this.#resumeAt = performance.now() + this.#pause
      }
    } finally {
      this.#writing = []
    }
  }

  /** One row at a time: the engine refused some of them, which are dropped; where it fails otherwise the rest waits. */
  async #writeEach(): Promise<void> {
    const rows = this.#writing
    for (const [i, row] of rows.entries()) {
      this.#writing = rows.slice(i)
      try {
        await within(this.#engine!.write(batchOf([row])), this.#options.timeout ?? WRITE_TIMEOUT)
        this.#succeed(1)
      } catch (error) {
        if (this.#engine!.isRefusal?.(error) !== true) {
          this.#putBack(rows.slice(i))
          this.#resumeAt = performance.now() + FIRST_PAUSE
          return
        }
        this.#dropped++
        this.#lastError = toError(error).message
      }
    }
  }

  /** Rows of a write that failed are the first of the next. */
  #putBack(rows: readonly Row[]): void {
    this.#writing = []
    if (this.#isClosed) {
      this.#dropped += rows.length
      return
    }
    this.#rows = [...rows, ...this.#rows]
    this.#trim()
  }

  #succeed(count: number): void {
    this.#written += count
    this.#lastError = undefined
    this.#pause = 0
    this.#resumeAt = 0
  }

  #fail(thrown: unknown): void {
    const error = toError(thrown)
    this.#failed++
    this.#lastError = error.message
    this.#options.onError(error)
  }

  /**
   * Writes what waits at the end of the process, never throws: at once where the engine can, else within two seconds, for which a
   * signal waits.
   */
  flushAtEnd(write: () => Promise<void> = () => this.flush()): void | Promise<void> {
    const engine = this.#engine
    if (this.#rows.length + this.#writing.length === 0) return
    if (engine?.writeNow === undefined) return within(write(), CLOSE_TIMEOUT).catch(() => {})
    // Those of a write that waits for a lock as well: the same rows twice are kept once.
    const rows = [...this.#writing, ...this.#rows]
    try {
      engine.writeNow(batchOf(rows))
      this.#succeed(this.#rows.length)
      this.#rows = []
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  /** Writes everything that waits now; resolves when done, or after the first failure. */
  async flush(): Promise<void> {
    const failed = this.#failed
    this.#resumeAt = 0
    await this.#flush
    // Not those that come in the meantime, which may never end.
    const end = this.#written + this.#dropped + this.#rows.length
    while (this.#rows.length > 0 && this.#written + this.#dropped < end && this.#failed === failed) await this.#start()
  }

  /** Rows that were not added because the store closed. */
  countDropped(count: number): void {
    this.#dropped += count
  }

  /** Writes what waits by `write`, for up to two seconds, and takes no more. */
  async close(write: () => Promise<void> = () => this.flush()): Promise<void> {
    clearTimeout(this.#timer)
    await within(write(), CLOSE_TIMEOUT).catch(() => {})
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#dropped += this.#rows.length
    this.#rows = []
  }
}

function batchOf(rows: readonly Row[]): Batch {
  const observations: Observation[] = []
  const updates: Update[] = []
  for (const row of rows) {
    if ('observation' in row) observations.push(row.observation)
    else updates.push(row.update)
  }
  return { observations, updates }
}

async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The store did not answer within ${milliseconds} ms`)), milliseconds)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
