/**
 * When things happened, as one request sees it.
 * @module
 */
import { u32le } from '../base/bytes.ts'
import type { TcpInfoOffset } from '../wire/tcp-info.ts'
import type { FirstTiming, HandshakeRtt } from './handshake-timing.ts'

/** When things happened on the connection. Empty where nothing is known. */
export interface Timing {
  /** SYN-ACK to final ACK, with how it is known. Does not change over the connection. */
  readonly handshakeRtt?: HandshakeRtt | undefined
  /** The kernel's smoothed RTT (`tcpi_rtt`), read for this request; with `tcpInfo: 'connection'` at the connection's first. */
  readonly rtt?: { readonly microseconds: number } | undefined
  /** From handshake completion to the first octets of the client's data, exact to two jiffies. */
  readonly firstDataDelayMilliseconds?: number | undefined
  /**
   * Over TLS: from the server's last handshake octets to the client's data of the first request, milliseconds: the round trip to the
   * machine that ends the TLS session, and what the client waited. Does not change over the connection.
   */
  readonly tlsRoundTripMilliseconds?: number | undefined
  /** When the handshake completed, ISO 8601, exact to a jiffy. */
  readonly acceptTime?: string | undefined
  /** The same in milliseconds since 1970. Not in the JSON form. */
  readonly acceptTimeMilliseconds?: number | undefined
  /** TTL or hop limit of the segment that completed the handshake. */
  readonly handshakeTimeToLive?: number | undefined
}

const RTT: TcpInfoOffset<'rtt'> = 68

/** The last time that a `Date` can be, milliseconds. */
const LAST_DATE = 8.64e15

/** When things happened, as far as it is known for one request. Absent facts are `undefined`, and absent keys in JSON. */
export class RequestTiming implements Timing {
  readonly handshakeRtt: HandshakeRtt | undefined
  readonly rtt: { readonly microseconds: number } | undefined
  readonly firstDataDelayMilliseconds: number | undefined
  readonly tlsRoundTripMilliseconds: number | undefined
  readonly acceptTimeMilliseconds: number | undefined
  readonly handshakeTimeToLive: number | undefined

  constructor(first: FirstTiming | undefined, timeToLive: number | undefined, rttMicroseconds: number | undefined) {
    const handshake = first?.handshakeRtt
    // A copy: the connection's own is for all of its requests.
    this.handshakeRtt = handshake && { microseconds: handshake.microseconds, provenance: handshake.provenance }
    // The kernel says 0 where it has no sample.
    this.rtt = rttMicroseconds ? { microseconds: rttMicroseconds } : undefined
    this.firstDataDelayMilliseconds = first?.firstDataDelayMilliseconds
    this.tlsRoundTripMilliseconds = first?.tlsRoundTripMilliseconds
    const time = first?.acceptTimeMilliseconds
    // An application may have changed Date.now().
    this.acceptTimeMilliseconds = time !== undefined && Math.abs(time) <= LAST_DATE ? time : undefined
    this.handshakeTimeToLive = timeToLive
  }

  get acceptTime(): string | undefined {
    const { acceptTimeMilliseconds: time } = this
    return time === undefined ? undefined : new Date(time).toISOString()
  }

  toJSON(): object {
    const { handshakeRtt, rtt, firstDataDelayMilliseconds, tlsRoundTripMilliseconds, acceptTime, handshakeTimeToLive } =
      this
    return { handshakeRtt, rtt, firstDataDelayMilliseconds, tlsRoundTripMilliseconds, acceptTime, handshakeTimeToLive }
  }
}

/** `tcpi_rtt` of a TCP_INFO, microseconds; `undefined` where it is too short. */
export function rttOf(info: Uint8Array | undefined): number | undefined {
  if (info === undefined || info.length < RTT + 4) return undefined
  return u32le(info, RTT)
}
