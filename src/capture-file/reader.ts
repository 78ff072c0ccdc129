/**
 * Reads a capture file piece by piece, in memory that does not depend on the file.
 * @module
 */

import { toHex } from '../base/bytes.ts'
import { ByteQueue } from './byte-queue.ts'
import { PCAP_MAGIC, PcapParser } from './pcap-file.ts'
import { BLOCK, PcapngParser } from './pcapng-file.ts'
import type { CaptureHandler, Parser } from './types.ts'

/** Files that are often given in place of a capture, by their first octets. */
const OTHERS: readonly (readonly [string, string])[] = [
  ['1f8b', 'compressed with gzip'],
  ['28b52ffd', 'compressed with zstd: unpack it with "zstd -dc"'],
  ['fd377a585a00', 'compressed with xz: unpack it with "xz -dc"'],
  ['425a68', 'compressed with bzip2: unpack it with "bzip2 -dc"'],
  ['04224d18', 'compressed with lz4: unpack it with "lz4 -dc"'],
  ['504b0304', 'a zip archive: unpack it with "unzip -p"'],
  ['736e6f6f70000000', 'a snoop file: convert it with "editcap"'],
]

/** A capture file that arrives in pieces. */
export class CaptureReader {
  readonly #handler: CaptureHandler
  readonly #queue = new ByteQueue()
  #parser: Parser | undefined
  #done = false

  constructor(handler: CaptureHandler) {
    this.#handler = handler
  }

  /** True if the parser can use more octets: false after a part that cannot be read past. */
  get open(): boolean {
    return !this.#done
  }

  /** Takes the next octets of the file. They are copied: the caller may use the array again. */
  push(chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length && !this.#done; ) {
      from += this.#queue.push(chunk, from)
      this.#parser ??= this.#detect()
      if (this.#parser !== undefined && !this.#parser.parse(this.#queue)) this.#done = true
    }
  }

  /** The file has ended. */
  end(): void {
    if (this.#done) return
    this.#done = true
    const queue = this.#queue
    if (this.#parser !== undefined) this.#parser.end(queue)
    else if (queue.available === 0) {
      this.#handler.problem({ reason: 'empty-file', detail: 'it holds no octets', offset: 0 })
    } else {
      this.#handler.problem({
        reason: 'unknown-format',
        detail: `only ${queue.available} octets: ${toHex(queue.bytes, 0, queue.available)}`,
        offset: 0,
      })
    }
  }

  #detect(): Parser | undefined {
    const queue = this.#queue
    if (queue.available < 4) return undefined
    const magics: readonly number[] = Object.values(PCAP_MAGIC)
    for (const little of [true, false]) {
      const magic = queue.view.getUint32(0, little)
      if (magics.includes(magic)) return new PcapParser(this.#handler, magic, little)
      if (magic === BLOCK.SECTION_HEADER) return new PcapngParser(this.#handler)
    }
    const first = toHex(queue.bytes, 0, Math.min(queue.available, 8))
    const other = OTHERS.find(([start]) => first.startsWith(start))
    this.#handler.problem({
      reason: 'unknown-format',
      detail: other?.[1] ?? `neither pcap nor pcapng: it starts with the octets ${first}`,
      offset: 0,
    })
    this.#done = true
    return undefined
  }
}
