/**
 * IPv4 header (RFC 791 section 3.1; RFC 2474 and RFC 3168 for the octet once called Type of Service).
 * @module
 */

import { copyOctets, u16be } from '../base/bytes.ts'
import { formatIpv4Address } from './address.ts'
import type { DecodeError } from './errors.ts'

/** Octets of the header without options. */
const IPV4_HEADER_LENGTH = 20
/** The protocol number of TCP, also its IPv6 next-header value. */
export const PROTOCOL_TCP = 6

/** The header as `JSON.stringify` gives it and `tcpfingerprint parse --json` prints it. */
export type Ipv4Record = Omit<Ipv4Header, 'sourceBytes' | 'optionBytes' | 'toJSON'>

/** An IPv4 header as it was on the wire. Numbers are own properties; text is made from the octets when it is read. */
export class Ipv4Header {
  readonly version = 4 as const
  /** Octets, options included: 20 to 60. */
  readonly headerLength: number
  /** Differentiated services code point, 0 to 63. */
  readonly dscp: number
  /** Explicit congestion notification, 0 to 3. */
  readonly ecn: number
  /** Octets of the whole datagram as the header states it; payload included, which a saved SYN does not hold. */
  readonly totalLength: number
  readonly identification: number
  /** The flag bit that must be zero. */
  readonly reservedFlag: boolean
  readonly dontFragment: boolean
  readonly moreFragments: boolean
  readonly timeToLive: number
  readonly protocol: number
  /** As sent; never verified. */
  readonly headerChecksum: number
  /** Octets of IP options: 0 to 40. */
  readonly optionsLength: number
  readonly #bytes: Uint8Array
  readonly #offset: number

  /** Made by {@link decodeIpv4}, which has checked that `headerLength` octets are there. */
  constructor(bytes: Uint8Array, offset: number) {
    const service = bytes[offset + 1]!
    const fragment = bytes[offset + 6]!
    this.headerLength = (bytes[offset]! & 15) << 2
    this.dscp = service >> 2
    this.ecn = service & 3
    this.totalLength = u16be(bytes, offset + 2)
    this.identification = u16be(bytes, offset + 4)
    this.reservedFlag = (fragment & 0x80) !== 0
    this.dontFragment = (fragment & 0x40) !== 0
    this.moreFragments = (fragment & 0x20) !== 0
    this.timeToLive = bytes[offset + 8]!
    this.protocol = bytes[offset + 9]!
    this.headerChecksum = u16be(bytes, offset + 10)
    this.optionsLength = this.headerLength - IPV4_HEADER_LENGTH
    this.#bytes = bytes
    this.#offset = offset
  }

  /** Source address as dotted quad. */
  get source(): string {
    return formatIpv4Address(this.#bytes, this.#offset + 12)
  }

  /** The header's own destination field as dotted quad, also under a source route. */
  get destination(): string {
    return formatIpv4Address(this.#bytes, this.#offset + 16)
  }

  /** The four octets of the source address. */
  get sourceBytes(): Uint8Array {
    return copyOctets(this.#bytes, this.#offset + 12, this.#offset + 16)
  }

  /** The octets of the IP options, empty without any. */
  get optionBytes(): Uint8Array {
    return copyOctets(this.#bytes, this.#offset + IPV4_HEADER_LENGTH, this.#offset + this.headerLength)
  }

  /** A plain object with every field, addresses as text. */
  toJSON(): Ipv4Record {
    return {
      version: 4,
      headerLength: this.headerLength,
      dscp: this.dscp,
      ecn: this.ecn,
      totalLength: this.totalLength,
      identification: this.identification,
      reservedFlag: this.reservedFlag,
      dontFragment: this.dontFragment,
      moreFragments: this.moreFragments,
      timeToLive: this.timeToLive,
      protocol: this.protocol,
      headerChecksum: this.headerChecksum,
      source: this.source,
      destination: this.destination,
      optionsLength: this.optionsLength,
    }
  }
}

/**
 * Decodes the IPv4 header at `offset`, or says why there is none that leads to a TCP header. The caller has seen the
 * version nibble 4. Reads nothing outside `bytes`; never throws.
 */
export function decodeIpv4(bytes: Uint8Array, offset: number): Ipv4Header | DecodeError {
  const available = bytes.length
  if (available < offset + IPV4_HEADER_LENGTH) {
    return { reason: 'truncated', offset, needed: offset + IPV4_HEADER_LENGTH, available }
  }
  const headerLength = (bytes[offset]! & 15) << 2
  if (headerLength < IPV4_HEADER_LENGTH) return { reason: 'bad-header-length', offset }
  if (available < offset + headerLength) {
    return { reason: 'truncated', offset, needed: offset + headerLength, available }
  }
  if (bytes[offset + 9] !== PROTOCOL_TCP) return { reason: 'not-tcp', offset: offset + 9 }
  if (((bytes[offset + 6]! & 0x1f) | bytes[offset + 7]!) !== 0) return { reason: 'fragment', offset: offset + 6 }
  return new Ipv4Header(bytes, offset)
}
