/**
 * Standard output in large pieces: a byte buffer over one descriptor.
 *
 * Written with synchronous system calls, so that a slow reader slows the command down and memory stays as it is.
 * @module
 */
import { writeSync } from 'node:fs'
import { blockFor } from '../base/block-for.ts'
import { errorCode, systemReason } from './system.ts'

/** Octets kept back before a write. */
const CAPACITY = 512 * 1024

/** Whoever read the output has gone (`EPIPE`): the command ends quietly. */
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
  /** The buffer. Writers of many small pieces call `reserve`, store from `length` on and move `length` themselves. */
  bytes: Uint8Array<ArrayBuffer>
  /** The same octets. */
  view: DataView<ArrayBuffer>
  /** Octets of `bytes` in use. */
  length = 0
  readonly #fd: number
  readonly #encoder = new TextEncoder()

  constructor(fd: number) {
    this.#fd = fd
    this.bytes = new Uint8Array(CAPACITY)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Makes room for `octets` more, by writing what is there or, for a very large piece, by growing. */
  reserve(octets: number): void {
    if (this.length + octets <= this.bytes.length) return
    this.flush()
    if (octets <= this.bytes.length) return
    this.bytes = new Uint8Array(octets)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Adds text. */
  text(text: string): void {
    this.reserve(text.length * 3)
    this.length += this.#encoder.encodeInto(text, this.bytes.subarray(this.length)).written
  }

  /**
   * Writes what is there.
   *
   * @throws {OutputClosed} when the reader has gone.
   */
  flush(): void {
    const { length } = this
    this.length = 0
    if (length > 0) writeAll(this.#fd, this.bytes.subarray(0, length))
  }
}
