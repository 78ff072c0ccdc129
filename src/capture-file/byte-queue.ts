/**
 * A bounded view of a byte stream: what came but was not yet used, and how much of what will come is to be dropped.
 * @module
 */

const CAPACITY = 2 * 1024 * 1024

/** The unread part of a stream. Memory is fixed; a parser may ask for at most half of it in one piece. */
export class ByteQueue {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly view: DataView<ArrayBuffer>
  /** First unread octet in `bytes`. */
  at = 0
  /** Octet behind the last one that came. */
  end = 0
  /** Octets still to drop before the next one that counts. */
  skipping = 0
  /** Position of `bytes[0]` in the stream. */
  #base = 0

  constructor(capacity: number = CAPACITY) {
    this.bytes = new Uint8Array(capacity)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Octets that can be read now. */
  get available(): number {
    return this.end - this.at
  }

  /** Position of the next unread octet in the stream. */
  get position(): number {
    return this.#base + this.at
  }

  /** Takes octets of `chunk` from `from` on; returns how many it took: 0 only when nothing was used since it was full. */
  push(chunk: Uint8Array, from: number): number {
    let taken = 0
    if (this.skipping > 0) {
      taken = Math.min(this.skipping, chunk.length - from)
      this.skipping -= taken
      this.#base += taken
    }
    const left = chunk.length - from - taken
    if (left === 0) return taken
    if (this.end + left > this.bytes.length && this.at > 0) {
      this.bytes.copyWithin(0, this.at, this.end)
      this.#base += this.at
      this.end -= this.at
      this.at = 0
    }
    const fits = Math.min(left, this.bytes.length - this.end)
    this.bytes.set(chunk.subarray(from + taken, from + taken + fits), this.end)
    this.end += fits
    return taken + fits
  }

  /** Moves on by `octets`, also past what came so far. */
  skip(octets: number): void {
    const here = Math.min(octets, this.end - this.at)
    this.at += here
    if (octets > here) {
      this.skipping = octets - here
      // Everything here was used: `position` follows `base` while octets are dropped.
      this.#base += this.at
      this.at = this.end = 0
    }
  }
}
