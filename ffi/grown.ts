/**
 * Arrays by descriptor number, which grow with the numbers.
 * @module
 */

/** A larger array that begins with the same numbers. */
export function grown<T extends Uint8Array | Uint16Array | Uint32Array | Int32Array>(array: T, size: number): T {
  const larger = new (array.constructor as new (length: number) => T)(size)
  larger.set(array)
  return larger
}
