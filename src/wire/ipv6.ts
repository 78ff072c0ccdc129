/**
 * IPv6 header and the walk over its extension headers (RFC 8200; RFC 4302 for the Authentication Header).
 * @module
 */

import { copyOctets, u16be } from '../base/bytes.ts'
import { formatIpv6Address } from './address.ts'
import type { DecodeError } from './errors.ts'
import { PROTOCOL_TCP } from './ipv4.ts'

/** Octets of the fixed header. */
export const IPV6_HEADER_LENGTH = 40

/** Extension headers, IANA "IPv6 Extension Header Types", as far as a TCP header can stand behind them in the clear. */
export const EXTENSION_HEADER = {
  HOP_BY_HOP: 0,
  ROUTING: 43,
  FRAGMENT: 44,
  AUTHENTICATION: 51,
  DESTINATION_OPTIONS: 60,
  MOBILITY: 135,
  HOST_IDENTITY: 139,
  SHIM6: 140,
  EXPERIMENT_1: 253,
  EXPERIMENT_2: 254,
} as const

/** The header as `JSON.stringify` gives it and `tcpfingerprint parse --json` prints it. */
export type Ipv6Record = Omit<Ipv6Header, 'sourceBytes' | 'toJSON'>

const NO_EXTENSIONS: readonly number[] = /* @__PURE__ */ Object.freeze([])

/** An IPv6 header as it was on the wire. Numbers are own properties; text is made from the octets when it is read. */
export class Ipv6Header {
  readonly version = 6 as const
  /** The eight bits that hold `dscp` and `ecn`. */
  readonly trafficClass: number
  /** Differentiated services code point, 0 to 63. */
  readonly dscp: number
  /** Explicit congestion notification, 0 to 3. */
  readonly ecn: number
  /** 20 bits. */
  readonly flowLabel: number
  /** Octets after the fixed header as the header states it: extension headers, TCP header and data. */
  readonly payloadLength: number
  /** The fixed header's own field: 6, or the first extension header's kind. */
  readonly nextHeader: number
  readonly hopLimit: number
  /** Kinds of the extension headers in wire order. */
  readonly extensionHeaders: readonly number[]
  /** Octets of all extension headers. */
  readonly extensionsLength: number
  readonly #bytes: Uint8Array
  readonly #offset: number

  /** Made by {@link decodeIpv6}, which has walked the chain. */
  constructor(bytes: Uint8Array, offset: number, extensionHeaders: readonly number[], extensionsLength: number) {
    const first = (bytes[offset]! << 8) | bytes[offset + 1]!
    this.trafficClass = (first >> 4) & 0xff
    this.dscp = (first >> 6) & 63
    this.ecn = (first >> 4) & 3
    this.flowLabel = ((first & 15) << 16) | u16be(bytes, offset + 2)
    this.payloadLength = u16be(bytes, offset + 4)
    this.nextHeader = bytes[offset + 6]!
    this.hopLimit = bytes[offset + 7]!
    this.extensionHeaders = extensionHeaders
    this.extensionsLength = extensionsLength
    this.#bytes = bytes
    this.#offset = offset
  }

  /** Source address, RFC 5952 text. */
  get source(): string {
    return formatIpv6Address(this.#bytes, this.#offset + 8)
  }

  /** Destination address of the fixed header, RFC 5952 text, also under a routing header. */
  get destination(): string {
    return formatIpv6Address(this.#bytes, this.#offset + 24)
  }

  /** The sixteen octets of the source address. */
  get sourceBytes(): Uint8Array {
    return copyOctets(this.#bytes, this.#offset + 8, this.#offset + 24)
  }

  /** A plain object with every field, addresses as text. */
  toJSON(): Ipv6Record {
    return {
      version: 6,
      trafficClass: this.trafficClass,
      dscp: this.dscp,
      ecn: this.ecn,
      flowLabel: this.flowLabel,
      payloadLength: this.payloadLength,
      nextHeader: this.nextHeader,
      hopLimit: this.hopLimit,
      source: this.source,
      destination: this.destination,
      extensionHeaders: this.extensionHeaders,
      extensionsLength: this.extensionsLength,
    }
  }
}

/**
 * Decodes the IPv6 header at `offset` and walks its extension headers to TCP, or says why it does not get there. The
 * caller has seen the version nibble 6. Each step consumes at least eight octets of `bytes`, so the walk ends.
 */
export function decodeIpv6(bytes: Uint8Array, offset: number): Ipv6Header | DecodeError {
  const available = bytes.length
  let at = offset + IPV6_HEADER_LENGTH
  if (available < at) return { reason: 'truncated', offset, needed: at, available }
  let next = bytes[offset + 6]!
  if (next === PROTOCOL_TCP) return new Ipv6Header(bytes, offset, NO_EXTENSIONS, 0)

  const kinds: number[] = []
  let pointer = offset + 6
  while (next !== PROTOCOL_TCP) {
    if (!isExtensionHeader(next)) return { reason: 'not-tcp', offset: pointer }
    if (available < at + 8) return { reason: 'truncated', offset: at, needed: at + 8, available }
    kinds.push(next)
    // RFC 8200 4.5: only the first fragment begins with the TCP header.
    if (next === EXTENSION_HEADER.FRAGMENT && (u16be(bytes, at + 2) & 0xfff8) !== 0) {
      return { reason: 'fragment', offset: at + 2 }
    }
    const length = extensionHeaderLength(next, bytes, at)
    if (available < at + length) return { reason: 'truncated', offset: at, needed: at + length, available }
    pointer = at
    next = bytes[at]!
    at += length
  }
  return new Ipv6Header(bytes, offset, Object.freeze(kinds), at - offset - IPV6_HEADER_LENGTH)
}

/** True for the kinds of {@link EXTENSION_HEADER}. */
function isExtensionHeader(kind: number): boolean {
  switch (kind) {
    case EXTENSION_HEADER.HOP_BY_HOP:
    case EXTENSION_HEADER.ROUTING:
    case EXTENSION_HEADER.FRAGMENT:
    case EXTENSION_HEADER.AUTHENTICATION:
    case EXTENSION_HEADER.DESTINATION_OPTIONS:
    case EXTENSION_HEADER.MOBILITY:
    case EXTENSION_HEADER.HOST_IDENTITY:
    case EXTENSION_HEADER.SHIM6:
    case EXTENSION_HEADER.EXPERIMENT_1:
    case EXTENSION_HEADER.EXPERIMENT_2:
      return true
    default:
      return false
  }
}

/** Octets of the extension header of this kind at `at`: 8 or more. The caller has checked that its second octet is there. */
export function extensionHeaderLength(kind: number, bytes: Uint8Array, at: number): number {
  if (kind === EXTENSION_HEADER.FRAGMENT) return 8
  // RFC 4302 2.2: counts 4-octet units, minus 2.
  if (kind === EXTENSION_HEADER.AUTHENTICATION) return (bytes[at + 1]! + 2) * 4
  return (bytes[at + 1]! + 1) * 8
}
