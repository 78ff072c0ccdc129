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

/** Octets kept back before a write. */
const CAPACITY = 512 * 1024

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
  #bytes = Buffer.allocUnsafe(CAPACITY)
  /** Octets of `#bytes` in use. */
  #length = 0
  readonly #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  /** What was added and not yet written. */
  get pending(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Makes room for `octets` more, by writing what is there or, for a very large piece, by growing. */
  #reserve(octets: number): void {
    if (this.#length + octets <= this.#bytes.length) return
    this.flush()
    if (octets > this.#bytes.length) this.#bytes = Buffer.allocUnsafe(octets)
  }

  /** Adds text. */
  text(text: string): void {
    this.#reserve(text.length * 3)
    this.#length += this.#bytes.write(text, this.#length, 'utf8')
  }

  /** Adds text whose characters are all below 128, which is faster. */
  ascii(text: string): void {
    this.#reserve(text.length)
    this.#length += this.#bytes.write(text, this.#length, 'latin1')
  }

  /** Adds octets. */
  octets(octets: Uint8Array): void {
    this.#reserve(octets.length)
    this.#bytes.set(octets, this.#length)
    this.#length += octets.length
  }

  /**
   * Writes what is there.
   *
   * @throws {OutputClosed} when the reader has gone.
   */
  flush(): void {
    const { pending } = this
    this.#length = 0
    if (pending.length > 0) writeAll(this.#fd, pending)
  }
}
