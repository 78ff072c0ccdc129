/**
 * Text straight into octets, for writers that make millions of lines: constants eight octets at a time, numbers by table.
 *
 * Every function stores from `at` on, returns the place behind what it stored, and may store up to seven octets more
 * (which the next call overwrites): the caller keeps `SLACK` octets free.
 * @module
 */

/** Octets behind the end that may be stored to. */
export const SLACK = 8

/** A constant text, ready to be stored. */
export interface Segment {
  /**
   * Its UTF-8 octets as little-endian doubles, the last one filled up. No UTF-8 text makes a NaN (that would need the
   * octets f0 to ff before 7f, or ff), so each is stored as it is.
   */
  readonly words: Float64Array
  readonly length: number
}

/** Prepares a constant. */
export function segment(text: string): Segment {
  const octets = new TextEncoder().encode(text)
  const padded = new Uint8Array(Math.ceil(octets.length / 8) * 8)
  padded.set(octets)
  const view = new DataView(padded.buffer)
  const words = Float64Array.from({ length: padded.length / 8 }, (_, i) => view.getFloat64(i * 8, true))
  return { words, length: octets.length }
}

/** Stores a constant. */
export function putSegment(view: DataView, at: number, { words, length }: Segment): number {
  for (let i = 0, to = at; i < words.length; i++, to += 8) view.setFloat64(to, words[i]!, true)
  return at + length
}

function packed(text: string): number {
  let word = 0
  for (let i = 0; i < text.length; i++) word |= text.charCodeAt(i) << (8 * i)
  return word
}

/** 0 to 999: the digits as octets of a little-endian word, without and with leading zeros. */
const SHORT: Uint32Array = /* @__PURE__ */ Uint32Array.from({ length: 1000 }, (_, n) => packed(`${n}`))
const FULL: Uint32Array = /* @__PURE__ */ Uint32Array.from({ length: 1000 }, (_, n) => packed(`${n}`.padStart(3, '0')))
/** Two hexadecimal digits of each octet. */
const HEX: Uint16Array = /* @__PURE__ */ Uint16Array.from({ length: 256 }, (_, n) =>
  packed(n.toString(16).padStart(2, '0')),
)

function putBelow1000(view: DataView, at: number, n: number): number {
  view.setUint32(at, SHORT[n]!, true)
  return at + (n < 10 ? 1 : n < 100 ? 2 : 3)
}

/** Stores a whole number from 0 to 2^32 - 1 in decimal. */
export function putDecimal(view: DataView, at: number, n: number): number {
  if (n < 1000) return putBelow1000(view, at, n)
  if (n < 1_000_000) {
    const thousands = (n / 1000) | 0
    const to = putBelow1000(view, at, thousands)
    view.setUint32(to, FULL[n - thousands * 1000]!, true)
    return to + 3
  }
  const millions = (n / 1_000_000) | 0
  const rest = n - millions * 1_000_000
  const thousands = (rest / 1000) | 0
  let to: number
  if (millions < 1000) {
    to = putBelow1000(view, at, millions)
  } else {
    const milliards = (millions / 1000) | 0
    to = putBelow1000(view, at, milliards)
    view.setUint32(to, FULL[millions - milliards * 1000]!, true)
    to += 3
  }
  view.setUint32(to, FULL[thousands]!, true)
  view.setUint32(to + 3, FULL[rest - thousands * 1000]!, true)
  return to + 6
}

/** Stores octets `from` to `end` as lower-case hexadecimal. */
export function putHex(view: DataView, at: number, bytes: Uint8Array, from: number, end: number): number {
  let to = at
  for (let i = from; i < end; i++, to += 2) view.setUint16(to, HEX[bytes[i]!]!, true)
  return to
}

/** Stores text whose characters are all below 128. */
export function putAscii(view: DataView, at: number, text: string): number {
  const { length } = text
  for (let i = 0; i < length; i++) view.setUint8(at + i, text.charCodeAt(i))
  return at + length
}

/** Stores four octets as a dotted quad. */
export function putIpv4(view: DataView, at: number, bytes: Uint8Array, from: number): number {
  let to = putBelow1000(view, at, bytes[from]!)
  view.setUint8(to, 46)
  to = putBelow1000(view, to + 1, bytes[from + 1]!)
  view.setUint8(to, 46)
  to = putBelow1000(view, to + 1, bytes[from + 2]!)
  view.setUint8(to, 46)
  return putBelow1000(view, to + 1, bytes[from + 3]!)
}
