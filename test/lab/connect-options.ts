/**
 * What a connection of the TUN peer sends, and when.
 * @module
 */
import type { Endpoint, PacketFields } from './packet.ts'

/** The fields of a SYN; what is left out is what a current Linux client sends. */
export type SynFields = Omit<PacketFields, 'source' | 'destination'>

/** How a connection behaves. Delays are milliseconds, fractions count. */
export interface ConnectOptions {
  readonly destination: Endpoint
  /** Default: an address and port of its own for every connection. */
  readonly source?: Endpoint
  readonly syn?: SynFields
  /** The whole SYN packet, sent as it is; `source`, `destination` and `syn` are read from it. */
  readonly raw?: Uint8Array
  /** From the arrival of a SYN-ACK to the ACK that answers it. Default 0. */
  readonly ackDelayMs?: number
  /**
   * The way of everything after the SYN to the server, in order: with 30 the path has a round-trip time of 30 ms, and what
   * the client answers to anything arrives 30 ms after it. `ackDelayMs` and the others add to it. Default 0.
   */
  readonly pathDelayMs?: number
  /** The bare ACK never arrives: data completes the handshake. */
  readonly ackLost?: boolean
  /** TTL of the handshake ACK. Default: the SYN's. */
  readonly ackTtl?: number
  /** TOS of the handshake ACK. Default: the SYN's without its ECN bits. */
  readonly ackTos?: number
  /** Sends the SYN again, each number so long after the first. */
  readonly resendSynMs?: readonly number[]
  /** SYN-ACKs that get lost on the way. Our own SYN is not repeated then, unless `resendSynMs` says so. */
  readonly dropSynAcks?: number
  /** First data, sent `dataDelayMs` after the handshake ACK. */
  readonly data?: string | Uint8Array
  readonly dataDelayMs?: number
  /** TTL of data and of later ACKs. Default: the SYN's. */
  readonly dataTtl?: number
  /** From the arrival of a data segment to its ACK, the same for all or by number (0 is the first). Default 0. */
  readonly dataAckDelayMs?: number | ((index: number) => number)
  /** Most payload octets of a segment. Default: the server's MSS, less the timestamps. */
  readonly segmentSize?: number
  /** Window field of segments after the SYN. Default: the SYN's, 64,240 octets at least, scaled when scaling is on. */
  readonly window?: number
  /** Loses data segments of the server, by number (0 is the first): they count, and nothing else happens. */
  readonly dropData?: (index: number) => boolean
  /** Sends nothing by itself: every step of the handshake is called. ACKs of data are automatic all the same. */
  readonly manual?: boolean
  /** Repeats a SYN after 1 s and data after 1 s without an answer. Default true. */
  readonly retransmit?: boolean
}

/** How to send data or an ACK. */
export interface SendOptions {
  readonly ttl?: number
  readonly tos?: number
  readonly segmentSize?: number
  /** Sum of `FLAG` values; default ACK, and PSH on the last segment of data. */
  readonly flags?: number
  readonly urgentPointer?: number
}
