/**
 * Input by synchronous reads: standard input, files, and lines of either with bounded memory.
 * @module
 */
import { Buffer } from 'node:buffer'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { blockFor } from '../base/block-for.ts'
import { errorCode } from './system.ts'

/**
 * Reads up to `length` octets, waiting for at least one. 0 means the end.
 *
 * @throws the system's error, except for those that ask to try again.
 */
export function readSome(fd: number, bytes: Uint8Array, offset: number, length: number): number {
  for (;;) {
    try {
      return readSync(fd, bytes, offset, length, null)
    } catch (error) {
      const code = errorCode(error)
      if (code === 'EOF') return 0 // Windows: a pipe whose writer has gone
      if (code === 'EAGAIN') blockFor(5)
      else if (code !== 'EINTR') throw error
    }
  }
}

/** An open file or standard input. */
export interface Source {
  readonly fd: number
  /** Octets, where known: a regular file. */
  readonly size: number | undefined
  close(): void
}

/**
 * Opens a file, or standard input for `-`.
 *
 * @throws the system's error, also for a directory (`EISDIR`).
 */
export function openSource(path: string): Source {
  const fd = path === '-' ? 0 : openSync(path, 'r')
  try {
    const stat = fstatSync(fd)
    if (stat.isDirectory()) throw Object.assign(new Error('Is a directory'), { code: 'EISDIR' })
    return {
      fd,
      size: stat.isFile() ? stat.size : undefined,
      close: () => {
        if (path !== '-') closeSync(fd)
      },
    }
  } catch (error) {
    if (path !== '-') closeSync(fd)
    throw error
  }
}

/** The longest line that is looked at, in octets. The longest saved SYN is a small part of it. */
export const LONGEST_LINE: number = 256 * 1024
const CHUNK = 64 * 1024

/**
 * Calls `line` for every line of a descriptor: the text, or `undefined` for a line longer than `LONGEST_LINE`, whose
 * octets are counted and dropped. The last line may lack its line end. With `latin1` each octet is one character.
 *
 * `idle` is called before every read, that is before any wait: the place to write what is ready.
 */
export function readLines(
  fd: number,
  line: (text: string | undefined, octets: number) => void,
  idle: () => void,
  encoding: 'latin1' | 'utf8' = 'latin1',
): void {
  const bytes = Buffer.allocUnsafe(LONGEST_LINE + CHUNK)
  let kept = 0
  let dropped = 0
  for (;;) {
    idle()
    const got = readSome(fd, bytes, kept, CHUNK)
    if (got === 0) break
    const end = kept + got
    let start = 0
    let search = kept
    for (;;) {
      const at = bytes.indexOf(10, search)
      if (at < 0 || at >= end) break
      const octets = dropped + at - start
      line(octets > LONGEST_LINE ? undefined : bytes.toString(encoding, start, at), octets)
      dropped = 0
      start = search = at + 1
    }
    kept = end - start
    if (dropped > 0 || kept > LONGEST_LINE) {
      dropped += kept
      kept = 0
    } else if (start > 0) {
      bytes.copyWithin(0, start, end)
    }
  }
  if (kept + dropped > 0) line(dropped > 0 ? undefined : bytes.toString(encoding, 0, kept), kept + dropped)
}
