/**
 * Windows by arithmetic: stacks that start with the largest multiple of the MSS that the field can hold.
 * @module
 */

/** The window field's largest value. */
const MOST = 65_535
/** Octets of a timestamps option with its padding: Windows and old stacks take them off the MSS before they multiply. */
const TIMESTAMPS = 12
/** MSS of Ethernet over IPv4, and the smallest MSS that senders behind a router which lowers it are taken to have had. */
const ETHERNET_MSS = 1460
const LEAST_LOWERED = 1200

/**
 * The MSS of which a window is the largest multiple up to 65535, 0 if there is none: the MSS given, that less 12 octets of
 * timestamps, or one up to 1460 that was lowered on the way.
 *
 * 65535 itself is the largest multiple of nothing: a window that fills the field is what stacks without this arithmetic send.
 *
 * @param mss as received; 0 where absent
 */
export function multipliedMss(window: number, mss: number): number {
  if (mss < 100 || window === MOST || window === 0) return 0
  if (window === MOST - (MOST % mss)) return mss
  const less = mss - TIMESTAMPS
  if (window === MOST - (MOST % less)) return less
  // What was lowered may have been multiplied without the timestamps.
  const least = Math.max(less, LEAST_LOWERED)
  const last = Math.floor(MOST / least)
  for (let n = Math.floor(MOST / ETHERNET_MSS); n <= last; n++) {
    const one = window / n
    if (Number.isInteger(one) && one >= least && one <= ETHERNET_MSS && window + one > MOST) return one
  }
  return 0
}

/** True if {@link multipliedMss} finds an MSS. */
export function isLargestMultiple(window: number, mss: number): boolean {
  return multipliedMss(window, mss) !== 0
}
