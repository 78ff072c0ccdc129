/**
 * Arrays by descriptor number, which grow with the numbers.
 * @module
 */

/** A larger array that begins with the same numbers: with room for `size` of them at least, a power of two. */
export function grown<T extends Uint8Array | Uint16Array | Uint32Array | Int32Array>(array: T, size: number): T {
  const larger = new (array.constructor as new (length: number) => T)(2 ** Math.ceil(Math.log2(size)))
  larger.set(array)
  return larger
}
