/**
 * Lines to a file, a pipe or a terminal: whole ones, in order, batched for a bounded time, never blocking a request.
 *
 * The file system and the timer are the caller's. The words are those of sonic-boom: `maxLength`, `flushSync`, `reopen`, drop.
 * @module
 */

import { ignoreRejection, toError } from '../base/report-once.ts'
import { appendText } from './format.ts'

/** An open file, pipe or terminal. */
export interface LogTarget {
  /** Appends octets and returns how many were taken; throws an error with a `code` where the system refuses. */
  write(octets: Uint8Array): number
  /** Most octets that are appended in one piece while other processes write too: `PIPE_BUF` of a pipe. */
  readonly atomic: number
  close(): void
}

/** What a writer needs of the outside. */
export interface LogWriterParts {
  /** Opens the target, now and again at {@link LogWriter.reopen}. */
  readonly open: () => LogTarget
  /** Calls `run` once after `milliseconds` and returns how to prevent it. Must not keep the process alive. */
  readonly schedule: (run: () => void, milliseconds: number) => () => void
  /** Blocks the thread. Used by {@link LogWriter.close} alone, while the reader of a full pipe catches up. */
  readonly pause: (milliseconds: number) => void
  /** Called when an error begins, and with the number of dropped lines when it is over. */
  readonly onError: (error: Error) => void
}

/** How long and how much a writer collects. */
export interface LogWriterLimits {
  /** Milliseconds that a line waits at most before it is written. */
  readonly delay: number
  /** Characters kept while the target takes nothing; further lines are dropped and counted. */
  readonly maxLength: number
}

/** Characters that are written without waiting for the delay. */
const BATCH = 65_536
/** Milliseconds after an error until the target is tried again. */
const RETRY = 1_000
/** Writes in a row that a signal may interrupt. */
const INTERRUPTED_AT_MOST = 16
/** Milliseconds that {@link LogWriter.close} waits for the reader of a full pipe. */
const LAST_TRY = 1_000
const encoder = new TextEncoder()
const NOTHING = new Uint8Array(0)
const NEWLINE = 0x0a

/** Collects lines and appends them. */
export class LogWriter {
  readonly #parts: LogWriterParts
  readonly #limits: LogWriterLimits
  #target: LogTarget | undefined
  /** Pieces of lines not yet encoded, and how many characters they have. An array: strings that grow cost more to flatten. */
  #pieces: string[] = []
  #characters = 0
  /** Octets that the target did not take, from `#at` on; before it, the part of a line that it took. */
  #rest: Uint8Array = NOTHING
  #at = 0
  /** Used again for every batch that the target takes as a whole. */
  #buffer: Uint8Array | undefined
  #cancel: (() => void) | undefined
  /** Code of the error that was reported and is not over. */
  #failing: string | undefined
  #dropped = 0
  #closed = false

  constructor(parts: LogWriterParts, limits: LogWriterLimits) {
    this.#parts = parts
    this.#limits = limits
    this.#open()
  }

  /** Takes one line, without its line end. Never throws. */
  write(text: string): void {
    this.append(appendText, text)
  }

  /**
   * Takes one line in pieces: `append` puts them, without a line end, at the end of its second argument, and returns how many
   * characters they have. Throws what `append` throws; then there is no line.
   */
  append<Source>(append: (source: Source, into: string[]) => number, source: Source): void {
    if (this.#characters + this.#rest.length >= this.#limits.maxLength) {
      this.#dropped += 1
      return
    }
    const pieces = this.#pieces
    const { length } = pieces
    try {
      this.#characters += append(source, pieces) + 1
    } catch (error) {
      pieces.length = length
      throw error
    }
    pieces.push('\n')
    if (this.#closed) {
      this.flushSync()
      this.#release()
    } else if (this.#cancel === undefined) this.#later(this.#limits.delay)
    else if (this.#characters >= BATCH && this.#rest.length === 0 && this.#failing === undefined) this.flushSync()
  }

  /** Writes what waits, as far as the target takes it now. True if nothing is left. */
  flushSync(): boolean {
    this.#cancel?.()
    this.#cancel = undefined
    if (this.#pieces.length === 0 && this.#rest.length === 0) return true
    if (this.#target === undefined && !this.#open()) {
      this.#later(RETRY)
      return false
    }
    try {
      do {
        if (this.#rest.length === 0) this.#encode()
        this.#writeOut(this.#target!)
        this.#rest = NOTHING
        this.#at = 0
      } while (this.#pieces.length > 0)
    } catch (error) {
      const code = codeOf(error)
      // A full pipe is reported only when lines are dropped: until then its reader is merely slow.
      if (code !== 'EAGAIN' || this.#dropped > 0) this.#report(error, code)
      this.#later(code === 'EAGAIN' ? this.#limits.delay : RETRY)
      return false
    }
    this.#recovered()
    return true
  }

  /** Writes what waits to the old file, then opens the path again: after a rotation has renamed it. */
  reopen(): void {
    if (this.#closed) return
    this.flushSync()
    let target: LogTarget
    try {
      target = this.#parts.open()
    } catch (error) {
      this.#report(error, codeOf(error))
      return
    }
    this.#target?.close()
    this.#target = target
    // The old file has the beginning of a line; the new one gets the whole of it.
    this.#at = 0
    this.flushSync()
  }

  /** Writes what waits. A pipe that is full gets a second, in which the thread waits. */
  drain(): void {
    const isFull = (): boolean => this.#failing === undefined || this.#failing === 'EAGAIN'
    for (let waited = 0; !this.flushSync() && isFull() && waited < LAST_TRY; waited += 10) this.#parts.pause(10)
  }

  /** The same, and closes. Lines that come later still go to the target. */
  close(): void {
    if (this.#closed) return
    this.drain()
    this.#cancel?.()
    this.#cancel = undefined
    this.#closed = true
    this.#release()
  }

  #release(): void {
    this.#target?.close()
    this.#target = undefined
  }

  #open(): boolean {
    try {
      this.#target = this.#parts.open()
      return true
    } catch (error) {
      this.#report(error, codeOf(error))
      return false
    }
  }

  /** What waits becomes `#rest`, of which nothing is left: while a target takes nothing, nothing is copied. */
  #encode(): void {
    const text = this.#pieces.join('')
    this.#pieces = []
    this.#characters = 0
    const { read, written } = encoder.encodeInto(text, (this.#buffer ??= new Uint8Array(2 * BATCH)))
    this.#rest = read === text.length ? this.#buffer.subarray(0, written) : encoder.encode(text)
  }

  /** Writes all of `#rest` or throws. What was taken is remembered either way, to the octet. */
  #writeOut(target: LogTarget): void {
    while (this.#at < this.#rest.length) {
      const end = wholeLines(this.#rest, this.#at, target.atomic)
      this.#at += this.#take(target, this.#rest.subarray(this.#at, end))
      if (this.#at === this.#rest.length) break
      // Lines that are out are forgotten, so that a line that was cut stands at the beginning.
      const start = this.#rest.lastIndexOf(NEWLINE, this.#at - 1) + 1
      this.#rest = this.#rest.subarray(start)
      this.#at -= start
    }
  }

  #take(target: LogTarget, octets: Uint8Array): number {
    for (let left = INTERRUPTED_AT_MOST; ; left--) {
      try {
        const taken = target.write(octets)
        if (taken <= 0) throw Object.assign(new Error('Cannot write log: nothing was taken'), { code: 'EAGAIN' })
        return taken
      } catch (error) {
        if (codeOf(error) !== 'EINTR' || left === 0) throw error
      }
    }
  }

  #later(milliseconds: number): void {
    if (this.#closed) return
    this.#cancel ??= this.#parts.schedule(() => {
      this.#cancel = undefined
      this.flushSync()
    }, milliseconds)
  }

  #report(error: unknown, code: string): void {
    if (this.#failing === code) return
    this.#failing = code
    this.#emit(toError(error))
  }

  #recovered(): void {
    this.#failing = undefined
    if (this.#dropped === 0) return
    const dropped = this.#dropped
    this.#dropped = 0
    this.#emit(new Error(`Access log writes again: ${dropped} lines were dropped meanwhile`))
  }

  #emit(error: Error): void {
    try {
      ignoreRejection(this.#parts.onError(error))
    } catch {
      // An error of the listener must not reach the log, nor a request.
    }
  }
}

/** Where to stop writing so that only whole lines of at most `limit` octets go out; one longer line goes alone. */
function wholeLines(octets: Uint8Array, start: number, limit: number): number {
  if (octets.length - start <= limit) return octets.length
  const last = octets.lastIndexOf(NEWLINE, start + limit - 1)
  if (last >= start) return last + 1
  const next = octets.indexOf(NEWLINE, start)
  return next < 0 ? octets.length : next + 1
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown'
}
