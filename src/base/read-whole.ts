/**
 * Files that are read whole, up to a bound.
 * @module
 */

const MEBIBYTES = 16

/**
 * The octets that `read` puts into arrays, until it puts none.
 *
 * @throws {Error} above 16 MiB
 */
export function readWhole(read: (into: Uint8Array) => number): Uint8Array {
  let octets = new Uint8Array(65_536)
  for (let length = 0; ; ) {
    const got = read(octets.subarray(length))
    if (got === 0) return octets.subarray(0, length)
    length += got
    if (length > MEBIBYTES * 1048576) throw new Error(`it has more than ${MEBIBYTES} MiB`)
    if (length < octets.length) continue
    const more = new Uint8Array(2 * length)
    more.set(octets)
    octets = more
  }
}
