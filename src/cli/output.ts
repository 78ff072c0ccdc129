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
  #text = ''
  readonly #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  /** Adds text. It is encoded in large pieces, because every call into the runtime costs as much as a line. */
  text(text: string): void {
    this.#text += text
    if (this.#text.length >= CAPACITY) this.flush()
  }

  /**
   * Writes what is there.
   *
   * @throws {OutputClosed} when the reader has gone.
   */
  flush(): void {
    const text = this.#text
    this.#text = ''
    if (text !== '') writeAll(this.#fd, Buffer.from(text))
  }
}
