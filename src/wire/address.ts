/**
 * Text of IP addresses: dotted quad (RFC 6943 section 3.1.1) and RFC 5952.
 * @module
 */

import { u16be } from '../base/bytes.ts'

/** Dotted quad of the four octets at `offset`. */
export function formatIpv4Address(bytes: Uint8Array, offset = 0): string {
  return `${bytes[offset]!}.${bytes[offset + 1]!}.${bytes[offset + 2]!}.${bytes[offset + 3]!}`
}

/**
 * RFC 5952 text of the sixteen octets at `offset`: lower case, no leading zeros, the first longest run of at least two
 * zero groups as `::`. IPv4-mapped addresses keep their dotted quad (section 5): `::ffff:192.0.2.1`.
 */
export function formatIpv6Address(bytes: Uint8Array, offset = 0): string {
  let runStart = -1
  let runLength = 1
  for (let i = 0; i < 8; ) {
    if (u16be(bytes, offset + 2 * i) !== 0) {
      i += 1
      continue
    }
    let end = i + 1
    while (end < 8 && u16be(bytes, offset + 2 * end) === 0) end += 1
    if (end - i > runLength) {
      runStart = i
      runLength = end - i
    }
    i = end
  }
  if (runStart === 0 && runLength === 5 && u16be(bytes, offset + 10) === 0xffff) {
    return `::ffff:${formatIpv4Address(bytes, offset + 12)}`
  }
  let text = ''
  for (let i = 0; i < 8; ) {
    if (i === runStart) {
      text += '::'
      i += runLength
      continue
    }
    if (i > 0 && i !== runStart + runLength) text += ':'
    text += u16be(bytes, offset + 2 * i).toString(16)
    i += 1
  }
  return text
}
