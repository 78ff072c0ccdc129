/**
 * Times as a small curve.
 * @module
 */

/**
 * Points of an SVG polyline in a box of 100 by 30: times in their order, on a logarithmic scale, because a near and a far client
 * differ by a factor of a thousand; the empty string for fewer than two.
 *
 * @param times microseconds
 */
export function curvePoints(times: readonly number[]): string {
  if (times.length < 2) return ''
  const logs = times.map((time) => Math.log10(Math.max(1, time)))
  const [low, high] = [Math.min(...logs), Math.max(...logs)]
  const height = high - low || 1
  return logs
    .map((log, i) => `${((i * 100) / (logs.length - 1)).toFixed(1)},${(28 - ((log - low) / height) * 26).toFixed(1)}`)
    .join(' ')
}
