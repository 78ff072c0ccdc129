/**
 * Standard output in large pieces: a byte buffer over a descriptor.
 *
 * Written with synchronous system calls, so that a slow reader slows the command down and memory stays as it is.
 * @module
 */
import { Buffer } from 'node:buffer'
import { writeSync } from 'node:fs'
import { blockFor } from '../base/block-for.ts'
import { errorCode, systemReason } from './system.ts'

/** Characters kept back before a write. */
const CAPACITY = 64 * 1024

/** The reader of the output has closed it (`EPIPE`): the command ends quietly. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed'
}

/**
 * Writes all octets to a descriptor, also a non-blocking one.
 *
 * @throws {OutputClosed} when the reader has gone; {Error} when there is no room left, or the like.
 */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at, bytes.length - at)
    } catch (error) {
      const code = errorCode(error)
      if (code === 'EAGAIN') blockFor(2)
      else if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') throw new OutputClosed('The reader has gone')
      else if (code !== 'EINTR') throw new Error(`Cannot write: ${systemReason(error)}`)
    }
  }
}

/** A buffered descriptor. Text is UTF-8. */
export class Output {
  /** Joined before a write: that costs less than a text that grows. */
  #pieces: string[] = []
  #length = 0
  readonly #fd: number
  readonly #bytes = Buffer.allocUnsafeSlow(4 * CAPACITY)

  constructor(fd: number) {
    this.#fd = fd
  }

  /** Adds text. It is encoded in large pieces, because every call into the runtime costs as much as a line. */
  text(text: string): void {
    this.#pieces.push(text)
    this.#length += text.length
    if (this.#length >= CAPACITY) this.flush()
  }

  /**
   * Writes what is there.
   *
   * @throws {OutputClosed} when the reader has gone.
   */
  flush(): void {
    if (this.#length === 0) return
    const text = this.#pieces.join('')
    this.#pieces = []
    this.#length = 0
    // UTF-8 has three octets at most for each of a text's units.
    const fits = 3 * text.length <= this.#bytes.length
    writeAll(this.#fd, fits ? this.#bytes.subarray(0, this.#bytes.write(text)) : Buffer.from(text))
  }
}
