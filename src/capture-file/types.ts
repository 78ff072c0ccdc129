/**
 * What a capture-file parser reports to its caller.
 * @module
 */
import type { ByteQueue } from './byte-queue.ts'

/** Why a capture file, or a part of it, could not be read. */
export type CaptureReason =
  /** No octets at all. */
  | 'empty-file'
  /** Neither pcap nor pcapng; `detail` says what it looks like. */
  | 'unknown-format'
  /** A pcap or pcapng version whose layout is not known. */
  | 'unknown-version'
  /** The file ends inside a header, a record or a block. */
  | 'truncated-file'
  /** A pcap record whose length cannot be: what follows cannot be found. */
  | 'broken-record'
  /** A pcapng block that contradicts itself. */
  | 'broken-block'
  /** Packets of a link type that is not known. Told once for each interface. */
  | 'unknown-link-type'

/** Something in a capture file that could not be read. */
export interface CaptureProblem {
  readonly reason: CaptureReason
  /** What was seen, in words, without a full stop. */
  readonly detail: string
  /** Octets from the start of the file. */
  readonly offset: number
  /** Number of the packet it is about, from 1, as Wireshark counts. Absent: not about one packet. */
  readonly frame?: number
}

/** Receives what a capture file holds, in the order of the file. */
export interface CaptureHandler {
  /**
   * One packet: octets `start` to `end` of `bytes`, which is reused afterwards. Of a very large packet only the first
   * `MAX_PACKET` octets are given.
   *
   * @param linkType LINKTYPE_ value of its interface.
   * @param frame Number of the packet in the file, from 1.
   * @param cut True if the capture kept fewer octets than were on the wire.
   * @returns `false` for an unknown link type: the problem is then told once for the interface.
   */
  packet(bytes: Uint8Array, start: number, end: number, linkType: number, frame: number, cut: boolean): boolean
  problem(problem: CaptureProblem): void
}

/** Octets of one packet that are read: more than any chain of link, tunnel and IP headers can have before TCP. */
export const MAX_PACKET: number = 72 * 1024

/** A parser of one format over a queue. */
export interface Parser {
  /** Uses what is in the queue. `false`: nothing more can be read from this file. */
  parse(queue: ByteQueue): boolean
  /** The stream has ended. */
  end(queue: ByteQueue): void
}
