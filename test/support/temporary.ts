/**
 * Directories that last as long as a test.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory that goes, with all that is in it, at the end of the block, or with {@link Temporary.remove}. */
export interface Temporary {
  readonly path: string
  /** A path inside. */
  file(name: string): string
  remove(): void
  [Symbol.dispose](): void
}

/** What is left to do when the tests have ended. */
const left = new Set<() => void>()

let isWatching = false

/** Calls `run` when the tests, or a benchmark, have ended: bun's test runner tells no listener of `exit`. */
export function atEnd(run: () => void): void {
  if (!isWatching) process.on('exit', end)
  isWatching = true
  left.add(run)
}

/** Removes what is there still: for `preload.ts`. */
export function end(): void {
  for (const run of left) run()
  left.clear()
}

/**
 * Makes a directory. It goes with the tests at the latest.
 *
 * @param prefix of its path; by default it is where the system keeps temporary files
 * @example using directory = temporaryDirectory()
 * @example const directory = temporaryDirectory(); afterAll(directory.remove)
 */
export function temporaryDirectory(prefix: string = join(tmpdir(), 'tcpfingerprint-')): Temporary {
  const path = mkdtempSync(prefix)
  const remove = (): void => {
    rmSync(path, { recursive: true, force: true })
    left.delete(remove)
  }
  atEnd(remove)
  return { path, file: (name) => join(path, name), remove, [Symbol.dispose]: remove }
}
