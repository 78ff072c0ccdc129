/**
 * The queue of a packet socket in memory that the kernel shares (Documentation/networking/packet_mmap.rst, TPACKET_V2): packets are
 * taken without a call, and net.core.rmem_max does not bound how many wait. Only where the runtime has a view of such memory.
 * @module
 */
import { PACKET_RX_RING, PACKET_VERSION, SOL_PACKET } from './constants.ts'
import type { Libc } from './libc.ts'

const TPACKET_V2 = 1
/** Octets of a frame: the kernel's 80, and 432 of a packet from its IP header on. */
const FRAME_OCTETS = 512
const FRAMES = 16_384
/** The kernel takes its memory in blocks; pages are of 4 to 64 KiB. */
const BLOCK_OCTETS = 65_536
/** Words in a frame, and where things are in `struct tpacket2_hdr` (linux/if_packet.h). */
const FRAME_WORDS = FRAME_OCTETS / 4
const STATUS_WORD = 0
const CAPTURED_WORD = 2
const NETWORK_OFFSET = 14
const SECONDS_WORD = 4
const NANOSECONDS_WORD = 5
/** The frame is the process's; 0 gives it back. */
const TP_STATUS_USER = 1

/** The frames of one socket. */
export class PacketRing {
  /** Packets that can wait. */
  readonly capacity: number = FRAMES
  readonly #words: Uint32Array
  readonly #octets: Uint8Array
  readonly #unmap: () => void
  #next = 0
  /** When the packet taken last was received, milliseconds since 1970. */
  stamp = 0

  private constructor(words: Uint32Array, unmap: () => void) {
    this.#words = words
    this.#octets = new Uint8Array(words.buffer as ArrayBuffer)
    this.#unmap = unmap
  }

  /** Gives a packet socket that is not bound yet a ring; `undefined` where the kernel or the runtime has none, and nothing is changed. */
  static open(libc: Libc, fd: number): PacketRing | undefined {
    if (libc.mapShared === undefined) return undefined
    const version = new Uint8Array(Uint32Array.of(TPACKET_V2).buffer)
    if (libc.setsockopt(fd, SOL_PACKET, PACKET_VERSION, version, 4) !== 0) return undefined
    const octets = FRAMES * FRAME_OCTETS
    const setRing = (...request: number[]): boolean =>
      libc.setsockopt(fd, SOL_PACKET, PACKET_RX_RING, new Uint8Array(Uint32Array.from(request).buffer), 16) === 0
    if (!setRing(BLOCK_OCTETS, octets / BLOCK_OCTETS, FRAME_OCTETS, FRAMES)) return undefined
    const mapped = libc.mapShared(fd, octets)
    if (mapped !== undefined) return new PacketRing(mapped.words, mapped.unmap)
    setRing(0, 0, 0, 0)
    return undefined
  }

  /** Takes the packet that came first into `packet`: its octets, -1 where there is none. */
  take(packet: Uint8Array): number {
    const words = this.#words
    const at = this.#next * FRAME_WORDS
    // The kernel writes the rest of a frame before its status, and takes the frame back when the status says so: atomic, for the order.
    if ((Atomics.load(words, at + STATUS_WORD) & TP_STATUS_USER) === 0) return -1
    const start = 4 * at
    const octets = this.#octets
    const from = octets[start + NETWORK_OFFSET]! | (octets[start + NETWORK_OFFSET + 1]! << 8)
    const length = Math.min(words[at + CAPTURED_WORD]!, FRAME_OCTETS - from, packet.length)
    this.stamp = words[at + SECONDS_WORD]! * 1000 + words[at + NANOSECONDS_WORD]! / 1e6
    for (let i = 0; i < length; i++) packet[i] = octets[start + from + i]!
    Atomics.store(words, at + STATUS_WORD, 0)
    this.#next = (this.#next + 1) % FRAMES
    return Math.max(0, length)
  }

  close(): void {
    this.#unmap()
  }
}
