/**
 * Addresses as socket calls and runtimes give them: text to 128-bit words and back, IPv4-mapped ones (RFC 4291 section
 * 2.5.5.2) recognised.
 * @module
 */

import { hexDigit } from '../base/bytes.ts'
import { formatIpv6Address } from './address.ts'

/** An IPv6 address, or an IPv4 one mapped into it, as four 32-bit words. */
export interface AddressWords {
  w0: number
  w1: number
  w2: number
  w3: number
}

/** Words 0 to 2 of every IPv4-mapped address are 0, 0 and this. */
const MAPPED_PREFIX = 0xffff

/** IANA Protocol Numbers. */
const IPPROTO_TCP = 6

const DOT = 46
const COLON = 58

/** A fresh all-zero address. */
export function createAddressWords(): AddressWords {
  return { w0: 0, w1: 0, w2: 0, w3: 0 }
}

/** True if the words are an IPv4-mapped address. */
export function isMapped(words: AddressWords): boolean {
  return words.w0 === 0 && words.w1 === 0 && words.w2 === MAPPED_PREFIX
}

/** True if the words are the unspecified address, 0.0.0.0 or ::. */
export function isUnspecified(words: AddressWords): boolean {
  return words.w0 === 0 && words.w1 === 0 && (words.w2 === 0 || words.w2 === MAPPED_PREFIX) && words.w3 === 0
}

/** True if the words are a link-local IPv6 address (RFC 4291 section 2.5.6): it names a host on one link only. */
export function isLinkLocal(words: AddressWords): boolean {
  return (words.w0 & 0xffc00000) === (0xfe800000 | 0)
}

/** True if two addresses are the same. */
export function sameAddress(a: AddressWords, b: AddressWords): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0
}

/**
 * Reads address text into `words`: dotted quad, IPv6 (RFC 4291 section 2.2, RFC 5952), also with an embedded dotted quad
 * and a `%zone`, which is passed over. False, with `words` in no particular state, for anything else.
 */
export function parseAddress(text: string, words: AddressWords): boolean {
  const isIpv6 = text.indexOf(':') >= 0
  // As dual-stack listeners give IPv4 peers.
  const start = isIpv6 && text.startsWith('::ffff:') ? 7 : 0
  const quad = isIpv6 && start === 0 ? -1 : parseQuad(text, start, text.length)
  if (quad < 0) return isIpv6 && parseIpv6(text, words)
  words.w0 = 0
  words.w1 = 0
  words.w2 = MAPPED_PREFIX
  words.w3 = quad
  return true
}

/** The four octets between two offsets as an unsigned word, -1 where they are no dotted quad. */
function parseQuad(text: string, start: number, end: number): number {
  let word = 0
  let octet = 0
  let digits = 0
  let dots = 0
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (digits === 0 || ++dots > 3) return -1
      word = (word << 8) | octet
      octet = 0
      digits = 0
    } else if (code >= 48 && code <= 57 && ++digits <= 3) {
      octet = octet * 10 + code - 48
      if (octet > 255) return -1
    } else {
      return -1
    }
  }
  return dots === 3 && digits > 0 ? ((word << 8) | octet) >>> 0 : -1
}

/** The groups of the address that is being parsed. */
const groups = new Uint16Array(8)

function parseIpv6(text: string, words: AddressWords): boolean {
  const zone = text.indexOf('%')
  const length = zone < 0 ? text.length : zone
  /** Groups read so far, and how many of them stand before `::`. */
  let count = 0
  let gap = -1
  let i = 0
  if (text.startsWith('::')) {
    gap = 0
    i = 2
  }
  while (i < length) {
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0 || i === 0) return false
      gap = count
      i++
      continue
    }
    let end = i
    let group = 0
    for (; end < length && end - i <= 4; end++) {
      const digit = hexDigit(text.charCodeAt(end))
      if (digit < 0) break
      group = (group << 4) | digit
    }
    if (count === 8) return false
    if (end < length && text.charCodeAt(end) === DOT) {
      const quad = parseQuad(text, i, length)
      if (quad < 0 || count === 7) return false
      groups[count++] = quad >>> 16
      groups[count++] = quad
      break
    }
    if (end - i > 4 || (end < length && text.charCodeAt(end) !== COLON)) return false
    groups[count++] = group
    i = end + 1
    // A colon at the end is good only as the second of '::'.
    if (i === length) return false
  }
  if (gap < 0 ? count !== 8 : count > 7) return false
  if (gap >= 0) {
    groups.copyWithin(8 - count + gap, gap, count)
    groups.fill(0, gap, 8 - count + gap)
  }
  words.w0 = ((groups[0]! << 16) | groups[1]!) >>> 0
  words.w1 = ((groups[2]! << 16) | groups[3]!) >>> 0
  words.w2 = ((groups[4]! << 16) | groups[5]!) >>> 0
  words.w3 = ((groups[6]! << 16) | groups[7]!) >>> 0
  return true
}

function formatQuad(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}

/**
 * Reads the source of a TCP packet, IP header first (RFC 791, RFC 8200), into `words`: its port. -1, with `words` as they were, where
 * TCP does not come right after the header, or not whole.
 */
export function readSource(packet: DataView, octets: number, words: AddressWords): number {
  if (octets < 40) return -1
  const version = packet.getUint8(0) >>> 4
  if (version === 6) {
    if (octets < 60 || packet.getUint8(6) !== IPPROTO_TCP) return -1
    words.w0 = packet.getUint32(8)
    words.w1 = packet.getUint32(12)
    words.w2 = packet.getUint32(16)
    words.w3 = packet.getUint32(20)
    return packet.getUint16(40)
  }
  const header = (packet.getUint8(0) & 15) * 4
  if (version !== 4 || header < 20 || octets < header + 20 || packet.getUint8(9) !== IPPROTO_TCP) return -1
  words.w0 = 0
  words.w1 = 0
  words.w2 = MAPPED_PREFIX
  words.w3 = packet.getUint32(12)
  return packet.getUint16(header)
}

/** Text of the address that {@link readSource} finds in a packet; empty where it finds none. */
export function sourceAddress(packet: Uint8Array): string {
  const words = createAddressWords()
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length)
  return readSource(view, packet.length, words) < 0 ? '' : formatAddress(words)
}

/** Text of an address (RFC 5952), an IPv4-mapped one as IPv4. */
export function formatAddress(words: AddressWords): string {
  if (isMapped(words)) return formatQuad(words.w3)
  const view = new DataView(new ArrayBuffer(16))
  view.setUint32(0, words.w0)
  view.setUint32(4, words.w1)
  view.setUint32(8, words.w2)
  view.setUint32(12, words.w3)
  return formatIpv6Address(new Uint8Array(view.buffer))
}

/** The address without an IPv4-mapped prefix: `::ffff:192.0.2.1` gives `192.0.2.1`, any other text is given back. */
export function unmapAddress(text: string): string {
  if (text.charCodeAt(0) !== COLON) return text
  // As runtimes give IPv4 peers of dual-stack listeners.
  if (text.startsWith('::ffff:') && parseQuad(text, 7, text.length) >= 0) return text.slice(7)
  const words = createAddressWords()
  return parseAddress(text, words) && isMapped(words) ? formatQuad(words.w3) : text
}
