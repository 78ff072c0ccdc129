/**
 * What TCP did between two requests of a connection: why an answer was slow for one client.
 *
 * The kernel counts from the beginning of the connection; what is told is the difference of two TCP_INFO structures.
 * @module
 */
import { u32le, u64le } from '../base/bytes.ts'
import type { TcpInfoOffset } from '../wire/tcp-info.ts'

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

const TOTAL_RETRANS: TcpInfoOffset<'total_retrans'> = 100
const BYTES_ACKED: TcpInfoOffset<'bytes_acked'> = 120
const DELIVERY_RATE: TcpInfoOffset<'delivery_rate'> = 160
const BUSY_TIME: TcpInfoOffset<'busy_time'> = 168
const RWND_LIMITED: TcpInfoOffset<'rwnd_limited'> = 176
const SNDBUF_LIMITED: TcpInfoOffset<'sndbuf_limited'> = 184
const BYTES_SENT: TcpInfoOffset<'bytes_sent'> = 200
const BYTES_RETRANS: TcpInfoOffset<'bytes_retrans'> = 208

/** Octets needed: up to `bytes_retrans`, which is there since Linux 4.19. */
const NEEDED = BYTES_RETRANS + 8

/**
 * The counts of a connection as of its last request that was asked for them. Kept with the connection: nine numbers. A plain object,
 * because another copy of this library, or the modules after a hot reload, read it too.
 */
export interface DeliveryCounts {
  /** Number of that request on its connection. */
  request: number
  /** When its TCP_INFO was read, milliseconds of a clock that does not jump. */
  readAt: number
  bytesSent: number
  bytesAcked: number
  bytesRetransmitted: number
  retransmits: number
  /** Microseconds, as the next two. */
  busy: number
  receiverLimited: number
  senderLimited: number
}

/** The counts in a TCP_INFO; `undefined` where the structure is too short. */
export function readCounts(octets: Uint8Array, request: number, readAt: number): DeliveryCounts | undefined {
  if (octets.length < NEEDED) return undefined
  return {
    request,
    readAt,
    bytesSent: u64le(octets, BYTES_SENT),
    bytesAcked: u64le(octets, BYTES_ACKED),
    bytesRetransmitted: u64le(octets, BYTES_RETRANS),
    retransmits: u32le(octets, TOTAL_RETRANS),
    busy: u64le(octets, BUSY_TIME),
    receiverLimited: u64le(octets, RWND_LIMITED),
    senderLimited: u64le(octets, SNDBUF_LIMITED),
  }
}

/**
 * What happened from the request of the counts to this later one, whose TCP_INFO is `octets`; the counts are then those of this one.
 * `undefined`, and nothing done, where this one is not later or the structure is too short.
 */
export function advance(
  counts: DeliveryCounts,
  octets: Uint8Array,
  request: number,
  readAt: number,
): Delivery | undefined {
  if (counts.request >= request || octets.length < NEEDED) return undefined
  const bytesSent = u64le(octets, BYTES_SENT)
  const bytesAcked = u64le(octets, BYTES_ACKED)
  const bytesRetransmitted = u64le(octets, BYTES_RETRANS)
  const retransmits = u32le(octets, TOTAL_RETRANS)
  const busy = u64le(octets, BUSY_TIME)
  const receiverLimited = u64le(octets, RWND_LIMITED)
  const senderLimited = u64le(octets, SNDBUF_LIMITED)
  const delivery: Delivery = {
    milliseconds: rounded(readAt - counts.readAt),
    bytesSent: bytesSent - counts.bytesSent,
    bytesAcked: bytesAcked - counts.bytesAcked,
    bytesRetransmitted: bytesRetransmitted - counts.bytesRetransmitted,
    retransmits: retransmits - counts.retransmits,
    busyMilliseconds: (busy - counts.busy) / 1000,
    receiverLimitedMilliseconds: (receiverLimited - counts.receiverLimited) / 1000,
    senderLimitedMilliseconds: (senderLimited - counts.senderLimited) / 1000,
    deliveryRate: u64le(octets, DELIVERY_RATE) || undefined,
  }
  counts.request = request
  counts.readAt = readAt
  counts.bytesSent = bytesSent
  counts.bytesAcked = bytesAcked
  counts.bytesRetransmitted = bytesRetransmitted
  counts.retransmits = retransmits
  counts.busy = busy
  counts.receiverLimited = receiverLimited
  counts.senderLimited = senderLimited
  return delivery
}

/**
 * What happened since the request that `connection` has the counts of, which are then those of this one. `undefined` where it is the
 * first that asks.
 */
export function deliveryOf(
  connection: { counts: DeliveryCounts | undefined },
  octets: Uint8Array,
  request: number,
  readAt: number,
): Delivery | undefined {
  if (connection.counts !== undefined) return advance(connection.counts, octets, request, readAt)
  connection.counts = readCounts(octets, request, readAt)
  return undefined
}

/** Whole microseconds. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000
}
