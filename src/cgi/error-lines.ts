/**
 * Standard error of a script as lines, bounded.
 * @module
 */

import { ignoreRejection } from '../base/report-once.ts'

/** What a script may write to standard error, handed on line by line. */
export class ErrorLines {
  readonly #decoder = new TextDecoder()
  readonly #onLine: (line: string) => void
  #left: number
  #line = ''

  /**
   * @param limit - octets; what comes after them is dropped, and one line says so
   * @param onLine - gets each line that is not empty; what it throws is ignored
   */
  constructor(limit: number, onLine: (line: string) => void) {
    this.#left = limit
    this.#onLine = onLine
  }

  add(octets: Uint8Array): void {
    if (this.#left <= 0) return
    const taken = octets.subarray(0, this.#left)
    this.#left -= taken.length
    const text = this.#decoder.decode(taken, { stream: true })
    const end = text.lastIndexOf('\n') + 1
    // A line that comes octet by octet is looked through once.
    if (end > 0) {
      for (const line of (this.#line + text.slice(0, end)).split(/\r?\n/)) this.#report(line)
      this.#line = ''
    }
    this.#line += text.slice(end)
    if (this.#left <= 0) {
      this.end()
      this.#report('(more was written to standard error and dropped)')
    }
  }

  /** Hands on a last line without a line end. */
  end(): void {
    if (this.#line !== '') this.#report(this.#line)
    this.#line = ''
  }

  #report(line: string): void {
    if (line === '') return
    try {
      ignoreRejection(this.#onLine(line))
    } catch {
      // An application's listener must not break the script.
    }
  }
}
