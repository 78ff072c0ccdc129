/**
 * How far a long file is, on a terminal.
 * @module
 */
import { plural } from '../base/text.ts'
import type { Io } from './io.ts'

/** Milliseconds before the first line, and between lines. */
const FIRST = 700
const EVERY = 200

/** Digits in groups of three. */
function grouped(value: number): string {
  return value.toLocaleString('en-US')
}

/** One line on standard error that is written over. */
export interface Progress {
  /** @param octets how much of the file was read. */
  update(octets: number, packets: number, syns: number): void
  /** Takes the line away: the work is done, or something else is to be written. */
  clear(): void
}

/**
 * Progress for a person: only where messages go to a terminal and the records go elsewhere.
 *
 * @param size octets of the file, `undefined` for a pipe.
 */
export function createProgress(io: Io, name: string, size: number | undefined): Progress {
  if (!io.noticeIsTerminal || io.outputIsTerminal) return { update: () => {}, clear: () => {} }
  let due = Date.now() + FIRST
  let shown = false
  return {
    update(octets, packets, syns) {
      const now = Date.now()
      if (now < due) return
      due = now + EVERY
      shown = true
      const far =
        size === undefined || size === 0
          ? `${(octets / 1048576).toFixed(0)} MiB`
          : `${Math.min(100, (100 * octets) / size).toFixed(0)} %`
      io.notice(
        `\r\x1b[K${name.slice(-40)}: ${far}, ${plural(packets, 'packet', grouped(packets))}, ${plural(syns, 'SYN', grouped(syns))}`,
      )
    },
    clear() {
      if (shown) io.notice('\r\x1b[K')
      shown = false
    },
  }
}
