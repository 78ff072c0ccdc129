/**
 * pcapng files (draft-ietf-opsawg-pcapng): any number of sections and interfaces, both byte orders, Enhanced, Simple
 * and the obsolete Packet Block. Time stamps are not read.
 * @module
 */

import type { ByteQueue } from './byte-queue.ts'
import { type CaptureHandler, MAX_PACKET, type Parser } from './types.ts'

/** Block types. */
export const BLOCK = {
  SECTION_HEADER: 0x0a0d0d0a,
  INTERFACE: 1,
  PACKET: 2,
  SIMPLE_PACKET: 3,
  ENHANCED_PACKET: 6,
} as const

/**
 * Blocks without packets that Wireshark numbers like packets: systemd journal entries, custom blocks, Sysdig events (seen
 * with tshark 4.0.17).
 */
const NUMBERED: ReadonlySet<number> = new Set([9, 0xbad, 0x40000bad, 0x204, 0x208, 0x216, 0x217, 0x221, 0x222])

/** The most interfaces of one section that are remembered: a file of nothing but interfaces must not fill memory. */
const MOST_INTERFACES = 65_536
/** Block type and total length. */
const BLOCK_HEADER = 8
const BYTE_ORDER_MAGIC = 0x1a2b3c4d
/** Octets of each block's body that must be there before it is read: its fixed part. */
const FIXED: Readonly<Record<number, number>> = {
  [BLOCK.SECTION_HEADER]: 16,
  [BLOCK.INTERFACE]: 8,
  [BLOCK.PACKET]: 20,
  [BLOCK.SIMPLE_PACKET]: 4,
  [BLOCK.ENHANCED_PACKET]: 20,
}

/** Parses the blocks of one pcapng file. */
export class PcapngParser implements Parser {
  readonly #handler: CaptureHandler
  #little = false
  #linkTypes: number[] = []
  #snapLengths: number[] = []
  #interfaces = 0
  #told = new Set<number>()
  #frame = 0
  /** The total length that the end of the current block must repeat; 0: at the start of a block. */
  #trailer = 0
  #blockOffset = 0
  /** Two lengths that disagree in a row mean that the blocks are lost. */
  #lastDisagreed = false

  constructor(handler: CaptureHandler) {
    this.#handler = handler
  }

  parse(queue: ByteQueue): boolean {
    for (;;) {
      if (queue.skipping > 0) return true
      if (this.#trailer > 0) {
        if (queue.available < 4) return true
        if (!this.#endBlock(queue)) return false
        continue
      }
      if (queue.available < BLOCK_HEADER) return true
      const { view, at } = queue
      const section = view.getUint32(at, false) === BLOCK.SECTION_HEADER
      if (section) {
        if (queue.available < BLOCK_HEADER + 4) return true
        if (view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC) this.#little = true
        else if (view.getUint32(at + 8, false) === BYTE_ORDER_MAGIC) this.#little = false
        else return this.#lost(queue, 'a section without byte-order magic')
      }
      const type = section ? BLOCK.SECTION_HEADER : view.getUint32(at, this.#little)
      const stated = view.getUint32(at + 4, this.#little)
      // Blocks are padded to 32 bits; some writers forgot to count the padding.
      const total = stated + ((4 - (stated & 3)) & 3)
      const fixed = FIXED[type] ?? 0
      const body = total - BLOCK_HEADER - 4
      if (body < 0) return this.#lost(queue, `a block of type ${type} with a total length of ${stated} octets`)
      if (body < fixed) {
        if (section) return this.#lost(queue, `a section header of ${stated} octets`)
        if (type !== BLOCK.INTERFACE) this.#frame++
        this.#broken(queue, `a block of type ${type} with a total length of ${stated} octets`, type)
        if (type === BLOCK.INTERFACE) this.#addInterface(-1, 0)
      } else {
        const wanted = packetBlock(type) ? Math.min(body, MAX_PACKET) : fixed
        if (queue.available < BLOCK_HEADER + wanted) return true
        if (!this.#block(queue, type, body, wanted)) return false
      }
      this.#trailer = stated
      this.#blockOffset = queue.position
      queue.skip(BLOCK_HEADER + body)
    }
  }

  #block(queue: ByteQueue, type: number, body: number, wanted: number): boolean {
    const { view } = queue
    const at = queue.at + BLOCK_HEADER
    const little = this.#little
    switch (type) {
      case BLOCK.SECTION_HEADER: {
        const major = view.getUint16(at + 4, little)
        if (major !== 1) {
          this.#handler.problem({
            reason: 'unknown-version',
            detail: `pcapng version ${major}.${view.getUint16(at + 6, little)}`,
            offset: queue.position + BLOCK_HEADER + 4,
          })
          return false
        }
        this.#linkTypes = []
        this.#snapLengths = []
        this.#interfaces = 0
        this.#told.clear()
        return true
      }
      case BLOCK.INTERFACE:
        this.#addInterface(view.getUint16(at, little), view.getUint32(at + 4, little))
        return true
      case BLOCK.ENHANCED_PACKET:
      case BLOCK.PACKET: {
        const id = type === BLOCK.PACKET ? view.getUint16(at, little) : view.getUint32(at, little)
        const captured = view.getUint32(at + 12, little)
        this.#packet(queue, id, 20, captured, view.getUint32(at + 16, little), body, wanted)
        return true
      }
      case BLOCK.SIMPLE_PACKET: {
        const original = view.getUint32(at, little)
        const snapLength = this.#snapLengths[0] ?? 0
        const captured = Math.min(original, snapLength === 0 ? original : snapLength, body - 4)
        this.#packet(queue, 0, 4, captured, original, body, wanted)
        return true
      }
      default:
        if (NUMBERED.has(type)) this.#frame++
        return true
    }
  }

  #addInterface(linkType: number, snapLength: number): void {
    this.#interfaces++
    if (this.#linkTypes.length >= MOST_INTERFACES) return
    this.#linkTypes.push(linkType)
    this.#snapLengths.push(snapLength)
  }

  #packet(
    queue: ByteQueue,
    id: number,
    fixed: number,
    captured: number,
    original: number,
    body: number,
    wanted: number,
  ): void {
    const frame = ++this.#frame
    if (captured > body - fixed) {
      this.#broken(
        queue,
        `a captured length of ${captured} octets in a block with room for ${body - fixed}`,
        BLOCK.ENHANCED_PACKET,
      )
      return
    }
    const linkType = this.#linkTypes[id]
    if (linkType === undefined || linkType < 0) {
      // One message for each interface that is not there would still be as many as a hostile file likes.
      if (this.#told.has(-1)) return
      this.#told.add(-1)
      this.#handler.problem({
        reason: 'broken-block',
        detail: `a packet of interface ${id}, but ${described(this.#interfaces)} described; such packets are passed over`,
        offset: queue.position,
        frame,
      })
      return
    }
    const start = queue.at + BLOCK_HEADER + fixed
    const end = start + Math.min(captured, wanted - fixed)
    if (!this.#handler.packet(queue.bytes, start, end, linkType, frame, original > captured) && !this.#told.has(id)) {
      this.#told.add(id)
      this.#handler.problem({
        reason: 'unknown-link-type',
        detail: `link type ${linkType} of interface ${id}; its packets are passed over`,
        offset: queue.position,
        frame,
      })
    }
  }

  #endBlock(queue: ByteQueue): boolean {
    const again = queue.view.getUint32(queue.at, this.#little)
    const stated = this.#trailer
    if (again !== stated) {
      const detail = `a block whose total length is ${stated} octets at its start and ${again} at its end`
      const lost = this.#lastDisagreed
      this.#handler.problem({
        reason: 'broken-block',
        detail: lost ? `${detail}; the blocks behind it cannot be found` : detail,
        offset: this.#blockOffset,
      })
      if (lost) return false
    }
    this.#lastDisagreed = again !== stated
    this.#trailer = 0
    queue.skip(4)
    return true
  }

  #broken(queue: ByteQueue, detail: string, type: number): void {
    this.#handler.problem({
      reason: 'broken-block',
      detail,
      offset: queue.position,
      ...(packetBlock(type) ? { frame: this.#frame } : {}),
    })
  }

  #lost(queue: ByteQueue, detail: string): false {
    this.#handler.problem({
      reason: 'broken-block',
      detail: `${detail}; the blocks behind it cannot be found`,
      offset: queue.position,
      frame: this.#frame + 1,
    })
    return false
  }

  end(queue: ByteQueue): void {
    if (queue.available === 0 && queue.skipping === 0 && this.#trailer === 0) return
    this.#handler.problem({
      reason: 'truncated-file',
      detail: 'it ends inside a block',
      offset: queue.position + queue.available,
      // Inside a block whose packet was already given it is that packet.
      frame: this.#trailer > 0 ? Math.max(this.#frame, 1) : this.#frame + 1,
    })
  }
}

function described(interfaces: number): string {
  if (interfaces === 0) return 'none was'
  return interfaces === 1 ? 'only interface 0 was' : `only ${interfaces} were`
}

function packetBlock(type: number): boolean {
  return type === BLOCK.ENHANCED_PACKET || type === BLOCK.PACKET || type === BLOCK.SIMPLE_PACKET
}
