/**
 * When things happened, as one request sees it.
 * @module
 */
import type { Timing } from './fingerprint.ts'
import type { FirstTiming, HandshakeRtt } from './handshake-timing.ts'

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
    this.acceptTimeMilliseconds = first?.acceptTimeMilliseconds
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
