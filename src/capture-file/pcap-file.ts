/**
 * pcap files (draft-ietf-opsawg-pcap), both byte orders, microseconds and nanoseconds, with the longer records of
 * Alexey Kuznetzov's patched libpcap and the swapped lengths of old versions.
 * @module
 */

import type { ByteQueue } from './byte-queue.ts'
import { type CaptureHandler, MAX_PACKET, type Parser } from './types.ts'

/** First four octets read as big-endian, of files whose numbers are big-endian. */
export const PCAP_MAGIC = { MICROSECONDS: 0xa1b2c3d4, NANOSECONDS: 0xa1b23c4d, MODIFIED: 0xa1b2cd34 } as const

/** No packet is longer: libpcap's limit for D-Bus and USB, its largest. */
const LONGEST_PACKET = 128 * 1024 * 1024
/** Every reader accepts packets up to this length, whatever snap length the header states (Wireshark, libpcap). */
const USUAL_SNAP_LENGTH = 262_144
const FILE_HEADER = 24

/** LINKTYPE_ values of AIX's. */
const AIX_LINK_TYPES: Readonly<Record<number, number>> = { 6: 1, 24: 0 }

/** Parses the records of one pcap file. */
export class PcapParser implements Parser {
  readonly #handler: CaptureHandler
  readonly #little: boolean
  readonly #recordHeader: number
  #linkType = -1
  #limit = 0
  #swapped: 'never' | 'always' | 'guess' = 'never'
  #frame = 0
  #unknownLink = false

  /** @param magic the file's first four octets as a big-endian number after putting them in order. */
  constructor(handler: CaptureHandler, magic: number, littleEndian: boolean) {
    this.#handler = handler
    this.#little = littleEndian
    this.#recordHeader = magic === PCAP_MAGIC.MODIFIED ? 24 : 16
  }

  #header(queue: ByteQueue): boolean {
    const { view, at } = queue
    const little = this.#little
    const major = view.getUint16(at + 4, little)
    const minor = view.getUint16(at + 6, little)
    // 543.0 is what DG/UX's tcpdump wrote, with the lengths swapped as before 2.3.
    if (major === 543 && minor === 0) this.#swapped = 'always'
    else if (major !== 2) {
      this.#handler.problem({
        reason: 'unknown-version',
        detail: `pcap version ${major}.${minor}`,
        offset: queue.position + 4,
      })
      return false
    } else if (minor < 3) this.#swapped = 'always'
    else if (minor === 3) this.#swapped = 'guess'
    const snapLength = view.getUint32(at + 16, little)
    this.#limit = Math.min(Math.max(snapLength, USUAL_SNAP_LENGTH), LONGEST_PACKET)
    // The upper half holds the length of the frame check sequence.
    this.#linkType = view.getUint32(at + 20, little) & 0xffff
    // AIX writes version 2.2 and RFC 1573 ifTypes: 6 is Ethernet, 24 loopback.
    if (!little && minor === 2) this.#linkType = AIX_LINK_TYPES[this.#linkType] ?? this.#linkType
    queue.skip(FILE_HEADER)
    return true
  }

  parse(queue: ByteQueue): boolean {
    if (this.#linkType < 0) {
      if (queue.available < FILE_HEADER) return true
      if (!this.#header(queue)) return false
    }
    const { view, bytes } = queue
    const little = this.#little
    const size = this.#recordHeader
    const handler = this.#handler
    const linkType = this.#linkType
    while (queue.end - queue.at >= size) {
      const { at } = queue
      let captured = view.getUint32(at + 8, little)
      let original = view.getUint32(at + 12, little)
      if (this.#swapped === 'always' || (this.#swapped === 'guess' && captured > original)) {
        const other = captured
        captured = original
        original = other
      }
      if (captured > this.#limit) {
        handler.problem({
          reason: 'broken-record',
          detail: `a captured length of ${captured} octets, more than the snap length allows; nothing behind it can be found`,
          offset: queue.position + 8,
          frame: this.#frame + 1,
        })
        return false
      }
      const wanted = Math.min(captured, MAX_PACKET)
      if (queue.end - at < size + wanted) return true
      const frame = ++this.#frame
      const start = at + size
      if (!handler.packet(bytes, start, start + wanted, linkType, frame, original > captured) && !this.#unknownLink) {
        this.#unknownLink = true
        handler.problem({
          reason: 'unknown-link-type',
          detail: `link type ${linkType}; its packets are passed over`,
          offset: 20,
          frame,
        })
      }
      if (queue.end - start >= captured) queue.at = start + captured
      else queue.skip(size + captured)
      if (queue.skipping > 0) return true
    }
    return true
  }

  end(queue: ByteQueue): void {
    if (this.#linkType < 0) {
      this.#handler.problem({
        reason: 'truncated-file',
        detail: 'it ends inside the file header',
        offset: queue.position + queue.available,
      })
    } else if (queue.available > 0 || queue.skipping > 0) {
      // A packet that was already given belongs to the record that is cut.
      const frame = queue.skipping > 0 ? this.#frame : this.#frame + 1
      this.#handler.problem({
        reason: 'truncated-file',
        detail: 'it ends inside a packet',
        offset: queue.position + queue.available,
        frame,
      })
    }
  }
}
