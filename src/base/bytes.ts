/**
 * Small readers of octets and of hexadecimal text, shared by `wire/`.
 * @module
 */

import { lazy } from './lazy.ts'
import type { Result } from './result.ts'

/** Unsigned 16-bit big-endian number at `offset`. The caller has checked that two octets are there. */
export function u16be(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!
}

/** Unsigned 32-bit big-endian number at `offset`. The caller has checked that four octets are there. */
export function u32be(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0
}

/**
 * Unsigned 32-bit little-endian number at `offset`. The caller has checked that four octets are there.
 *
 * Read octet by octet, because a `DataView` needs the `buffer` of a short array, which Bun makes on first demand, in 2 µs.
 */
export function u32le(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>> 0
}

/** Unsigned 64-bit little-endian number at `offset`, exact to 2^53. The caller has checked that eight octets are there. */
export function u64le(bytes: Uint8Array, offset: number): number {
  return u32le(bytes, offset) + u32le(bytes, offset + 4) * 0x1_0000_0000
}

/** The 64-bit number of two words, decimal: SO_COOKIE as this library names it. */
export function u64Text(low: number, high: number): string {
  return high < 0x20_0000 ? String(high * 0x1_0000_0000 + low) : ((BigInt(high) << 32n) | BigInt(low)).toString()
}

/** Two lower-case hexadecimal digits of every octet value. */
const octetTexts: () => readonly string[] = /* @__PURE__ */ lazy(() =>
  Array.from({ length: 256 }, (_, octet) => (octet + 256).toString(16).slice(1)),
)

/** `Uint8Array.prototype.toHex` of ECMAScript 2026, where the runtime has it. */
interface HexWriter {
  toHex?: () => string
}

/** Lower-case hexadecimal text, two digits an octet, of `bytes` from `start` to before `end`. */
export function toHex(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  const part = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
  const writer = part as HexWriter
  if (writer.toHex !== undefined) return writer.toHex()
  const texts = octetTexts()
  let text = ''
  for (let i = 0; i < part.length; i++) text += texts[part[i]!]!
  return text
}

/** Value of a UTF-16 unit, or of an octet of ASCII, as a hexadecimal digit; -1 where it is none. */
export function hexDigit(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  const letter = unit | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

/** Where text is not pairs of hexadecimal digits. */
export interface HexError {
  readonly reason: 'bad-hex'
  /** Characters from the start of the text. */
  readonly offset: number
}

/** `Uint8Array.fromHex` of ECMAScript 2026, where the runtime has it. */
interface HexReader {
  fromHex?: (text: string) => Uint8Array
}

/**
 * Octets of hexadecimal text: pairs of digits in either case, nothing between them. White space around is ignored,
 * everything else (a `0x` prefix, separators, an odd digit) is refused with the offset of the first wrong character;
 * for an odd digit that is the end of the text.
 */
export function fromHex(text: string): Result<Uint8Array, HexError> {
  const trimmed = text.trim()
  const reader = Uint8Array as unknown as HexReader
  if (reader.fromHex !== undefined && (trimmed.length & 1) === 0) {
    try {
      return { ok: true, value: reader.fromHex(trimmed) }
    } catch {
      // Read again below to find the wrong character.
    }
  }
  const start = trimmed.length === text.length ? 0 : text.length - text.trimStart().length
  const bytes = new Uint8Array(trimmed.length >> 1)
  for (let i = 0, at = 0; i < bytes.length; i++, at += 2) {
    const high = hexDigit(trimmed.charCodeAt(at))
    const low = hexDigit(trimmed.charCodeAt(at + 1))
    if ((high | low) < 0) return badHex(start + at + (high < 0 ? 0 : 1))
    bytes[i] = (high << 4) | low
  }
  if ((trimmed.length & 1) === 0) return { ok: true, value: bytes }
  return badHex(start + trimmed.length - (hexDigit(trimmed.charCodeAt(trimmed.length - 1)) < 0 ? 1 : 0))
}

function badHex(offset: number): Result<Uint8Array, HexError> {
  return { ok: false, error: { reason: 'bad-hex', offset } }
}

/** A copy of octets, a plain Uint8Array: `slice` of Node's Buffer copies nothing. */
export function copyOctets(bytes: Uint8Array, from = 0, to: number = bytes.length): Uint8Array {
  return new Uint8Array(bytes.subarray(from, to))
}
