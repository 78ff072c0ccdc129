/**
 * When things happened, as bounds: on a busy machine no single time is right.
 * @module
 */

/** Something happened in the kernel between these two times, milliseconds on the clock of `performance.now()`. */
export interface Moment {
  readonly from: number
  readonly to: number
}

/**
 * When things really happened, as far as the peer can tell. On a busy machine a packet may go out later than it was set
 * to; a test that compares the kernel's figures with these bounds is right all the same.
 */
export interface PeerTimes {
  syn: Moment | undefined
  /** The kernel sent the SYN-ACK that was answered first. */
  synAck: Moment | undefined
  /** The kernel got the handshake ACK (or would have, had it not been lost). */
  ack: Moment | undefined
  firstData: Moment | undefined
}

/** Least and most time from one moment to another, milliseconds. @throws {Error} when one of them did not come */
export function between(first: Moment | undefined, second: Moment | undefined): Moment {
  if (first === undefined || second === undefined) throw new Error('Cannot tell the time between: one did not happen')
  return { from: Math.max(0, second.from - first.to), to: second.to - first.from }
}

/** How far `value` lies outside of the bounds; 0 inside. */
export function outside(value: number, bounds: Moment): number {
  return Math.max(0, bounds.from - value, value - bounds.to)
}
