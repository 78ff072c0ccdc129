/**
 * What TCP did between two requests of a connection: why an answer was slow for one client.
 *
 * The kernel counts from the beginning of the connection; what is told is the difference of two TCP_INFO structures.
 * @module
 */
import { tcpInfoOffset as at } from '../wire/tcp-info.ts'

/** What TCP did since the connection's request before. The counts are the kernel's. */
export interface Delivery {
  /** From the TCP_INFO of that request to the one of this. */
  readonly milliseconds: number
  /** Payload octets sent, those sent again included (`tcpi_bytes_sent`). */
  readonly bytesSent: number
  /** Payload octets that the peer has acknowledged. */
  readonly bytesAcked: number
  /** Payload octets that were sent again. */
  readonly bytesRetransmitted: number
  /** Segments that were sent again. */
  readonly retransmits: number
  /** With data under way or waiting, exact to a jiffy for each stretch. */
  readonly busyMilliseconds: number
  /** Of these, waiting for the peer to open its receive window: a client that reads slowly. */
  readonly receiverLimitedMilliseconds: number
  /** Of these, waiting for this server to write more: its send buffer is too small. */
  readonly senderLimitedMilliseconds: number
  /** The kernel's last estimate, octets per second; `undefined` where it has none. */
  readonly deliveryRate: number | undefined
}

/** Its members: name, OpenTelemetry attribute, unit. */
export const DELIVERY_FIELDS: readonly (readonly [keyof Delivery, string, 'milliseconds'?])[] = [
  ['milliseconds', 'tcp.delivery.duration', 'milliseconds'],
  ['bytesSent', 'tcp.delivery.bytes_sent'],
  ['bytesAcked', 'tcp.delivery.bytes_acked'],
  ['bytesRetransmitted', 'tcp.delivery.bytes_retransmitted'],
  ['retransmits', 'tcp.delivery.retransmits'],
  ['busyMilliseconds', 'tcp.delivery.busy_time', 'milliseconds'],
  ['receiverLimitedMilliseconds', 'tcp.delivery.receiver_limited_time', 'milliseconds'],
  ['senderLimitedMilliseconds', 'tcp.delivery.sender_limited_time', 'milliseconds'],
  ['deliveryRate', 'tcp.delivery.rate'],
]

const TOTAL_RETRANS = at('total_retrans')
const BYTES_ACKED = at('bytes_acked')
const DELIVERY_RATE = at('delivery_rate')
const BUSY_TIME = at('busy_time')
const RWND_LIMITED = at('rwnd_limited')
const SNDBUF_LIMITED = at('sndbuf_limited')
const BYTES_SENT = at('bytes_sent')
const BYTES_RETRANS = at('bytes_retrans')

/** Octets needed: up to `bytes_retrans`, which is there since Linux 4.19. */
const NEEDED = BYTES_RETRANS + 8

/**
 * The counts of a connection as of its last request that was asked for them. Kept with the connection: nine numbers, without private
 * fields, because another copy of this library, or the modules after a hot reload, read them too.
 */
export class DeliveryCounts {
  readonly request: number
  readonly readAt: number
  readonly bytesSent: number
  readonly bytesAcked: number
  readonly bytesRetransmitted: number
  readonly retransmits: number
  readonly busy: number
  readonly receiverLimited: number
  readonly senderLimited: number

  private constructor(info: DataView, request: number, readAt: number) {
    this.request = request
    this.readAt = readAt
    this.bytesSent = u64(info, BYTES_SENT)
    this.bytesAcked = u64(info, BYTES_ACKED)
    this.bytesRetransmitted = u64(info, BYTES_RETRANS)
    this.retransmits = info.getUint32(TOTAL_RETRANS, true)
    this.busy = u64(info, BUSY_TIME)
    this.receiverLimited = u64(info, RWND_LIMITED)
    this.senderLimited = u64(info, SNDBUF_LIMITED)
  }

  /**
   * The counts in a TCP_INFO; `undefined` where the structure is too short.
   *
   * @param request - the number of the request on its connection
   * @param readAt - when the TCP_INFO was read, milliseconds of a clock that does not jump
   */
  static of(octets: Uint8Array, request: number, readAt: number): DeliveryCounts | undefined {
    if (octets.length < NEEDED) return undefined
    return new DeliveryCounts(new DataView(octets.buffer, octets.byteOffset, octets.length), request, readAt)
  }

  /** True if these are of an earlier request than those. */
  precedes(later: DeliveryCounts): boolean {
    return this.request < later.request
  }

  /** What happened from an earlier request to this one, whose TCP_INFO is `octets`. */
  since(earlier: DeliveryCounts, octets: Uint8Array): Delivery {
    const rate = u64(new DataView(octets.buffer, octets.byteOffset, octets.length), DELIVERY_RATE)
    return {
      milliseconds: rounded(this.readAt - earlier.readAt),
      bytesSent: this.bytesSent - earlier.bytesSent,
      bytesAcked: this.bytesAcked - earlier.bytesAcked,
      bytesRetransmitted: this.bytesRetransmitted - earlier.bytesRetransmitted,
      retransmits: this.retransmits - earlier.retransmits,
      busyMilliseconds: (this.busy - earlier.busy) / 1000,
      receiverLimitedMilliseconds: (this.receiverLimited - earlier.receiverLimited) / 1000,
      senderLimitedMilliseconds: (this.senderLimited - earlier.senderLimited) / 1000,
      deliveryRate: rate === 0 ? undefined : rate,
    }
  }
}

function u64(info: DataView, offset: number): number {
  return info.getUint32(offset, true) + info.getUint32(offset + 4, true) * 0x1_0000_0000
}

/** Whole microseconds. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000
}
