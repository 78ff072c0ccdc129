/**
 * What is wrong with rules, or with libyara.
 * @module
 */

/** Rules that cannot be compiled. */
export class YaraError extends Error {
  override readonly name = 'YaraError'
  /** Name of the file; `undefined` where the library itself is the trouble. */
  readonly file: string | undefined
  /** Line of the file, from 1. */
  readonly line: number | undefined
  constructor(message: string, file?: string, line?: number) {
    super(message)
    this.file = file
    this.line = line
  }
}
