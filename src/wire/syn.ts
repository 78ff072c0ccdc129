/**
 * A saved SYN: IP header, TCP header and options, as Linux keeps them for `TCP_SAVED_SYN`. The entry point of `wire/`.
 * @module
 */

import { copyOctets, fromHex, toHex, u16be } from '../base/bytes.ts'
import type { Result } from '../base/result.ts'
import { type DecodeError, DecodeFailure } from './errors.ts'
import { decodeIpv4, Ipv4Header, type Ipv4Record } from './ipv4.ts'
import { decodeIpv6, IPV6_HEADER_LENGTH, Ipv6Header, type Ipv6Record } from './ipv6.ts'
import { decodeTcp, TCP_HEADER_LENGTH, TcpHeader, type TcpRecord } from './tcp.ts'

/** The largest IPv6 packet without jumbograms, with room for a link header. Anything longer is no packet. */
export const MAX_SYN_OCTETS = 65_600

/** Octets of an Ethernet header without tags. */
export const ETHERNET_HEADER_LENGTH = 14

const ETHERTYPE_IPV4 = 0x0800
const ETHERTYPE_IPV6 = 0x86dd
/** Tags of four octets before the EtherType proper: 802.1Q, 802.1ad and its forerunner. */
const isTag = (type: number): boolean => type === 0x8100 || type === 0x88a8 || type === 0x9100

/** The SYN as `JSON.stringify` gives it. */
export interface SynRecord {
  readonly hex: string
  readonly ip: Ipv4Record | Ipv6Record
  readonly tcp: TcpRecord
}

/** The Ethernet header in front of a SYN saved with `TCP_SAVE_SYN` = 2. */
export interface EthernetHeader {
  /** Destination address, six octets as `aa:bb:cc:dd:ee:ff`. All zeros on loopback. */
  readonly destination: string
  /** Source address, likewise. */
  readonly source: string
  /** 0x0800 or 0x86dd: what follows the tags. */
  readonly etherType: number
  /** VLAN identifiers, outermost first. Linux strips tags before it saves a SYN; captures have them. */
  readonly vlans: readonly number[]
  /** Octets, tags included. */
  readonly length: number
}

/** The SYN itself; of one that came as JSON, or from another copy of this library, the same octets decoded here. */
export let decodedSyn: (syn: Syn) => Syn

/** The octets of a SYN themselves, which must not be changed: to copy them costs as much as to read them. */
export let octetsOf: (syn: Syn) => Uint8Array

/**
 * A decoded SYN. `ip` and `tcp` hold the fields under the names of the RFCs; `JSON.stringify` gives `hex`, `ip` and
 * `tcp` as `tcpfingerprint parse --json` prints them.
 */
export class Syn {
  /** The octets as given, not copied: text and objects are made from them when they are read. */
  readonly #bytes: Uint8Array
  readonly ip: Ipv4Header | Ipv6Header
  readonly tcp: TcpHeader
  /** Where the IP header starts: 0, or behind an Ethernet header. */
  readonly ipOffset: number
  readonly #text: string | undefined
  #hex: string | undefined = undefined

  /** Made by {@link parseSyn} and {@link safeParseSyn}. */
  constructor(
    bytes: Uint8Array,
    ipOffset: number,
    ip: Ipv4Header | Ipv6Header,
    tcp: TcpHeader,
    text: string | undefined,
  ) {
    this.#bytes = bytes
    this.ip = ip
    this.tcp = tcp
    this.ipOffset = ipOffset
    this.#text = text
  }

  /** A copy of the octets: those of a connection are shared by its requests, and octets cannot be frozen. */
  get bytes(): Uint8Array {
    return copyOctets(this.#bytes)
  }

  static {
    decodedSyn = (syn) => (#bytes in syn ? syn : parseSyn((syn as Syn).hex))
    octetsOf = (syn) => decodedSyn(syn).#bytes
  }

  /** The octets as given, lower-case hexadecimal. */
  get hex(): string {
    return (this.#hex ??= this.#text === undefined ? toHex(this.#bytes) : this.#text.trim().toLowerCase())
  }

  /** The Ethernet header, where one was saved in front. */
  get link(): EthernetHeader | undefined {
    return this.ipOffset === 0 ? undefined : decodeEthernet(this.#bytes, this.ipOffset)
  }

  /**
   * Octets of data in the SYN, by the lengths in the IP header (a saved SYN holds no data itself). 0 where these are
   * shorter than the headers.
   */
  get payloadLength(): number {
    const { ip } = this
    const stated = ip.version === 4 ? ip.totalLength - ip.headerLength : ip.payloadLength - ip.extensionsLength
    return Math.max(0, stated - this.tcp.dataOffset * 4)
  }

  /** A plain object of `hex`, `ip` and `tcp`; absent facts are absent keys. */
  toJSON(): SynRecord {
    return { hex: this.hex, ip: this.ip.toJSON(), tcp: this.tcp.toJSON() }
  }
}

/**
 * Decodes a saved SYN.
 *
 * Takes what `TCP_SAVED_SYN` gives: an IPv4 or IPv6 header with all its options or extension headers and a TCP header with
 * its options; also with the Ethernet header that `TCP_SAVE_SYN` = 2 puts in front (VLAN tags included). What follows the
 * TCP header is in `bytes` and otherwise ignored. Text is hexadecimal digits in either case with nothing between.
 *
 * Octets are kept, not copied: pass a copy (`bytes.slice()`) if the buffer will be used again.
 *
 * @throws {DecodeFailure} the octets hold no SYN, or the text is not hexadecimal; `error` says why and where
 * @throws {TypeError} the argument is neither text nor a `Uint8Array`
 * @see {@link https://www.rfc-editor.org/rfc/rfc9293 RFC 9293}, 791, 8200; `tcp(7)`
 * @example
 * const syn = parseSyn('4500003c1234400039064343c000020ac6336407a8ca01bb1122334400000000a002faf000000000' +
 *   '020405b40402080a00a1b2c30000000001030307')
 * syn.tcp.mss // 1460
 */
export function parseSyn(bytesOrHex: Uint8Array | string): Syn {
  const found = decode(bytesOrHex)
  if (found instanceof Syn) return found
  throw new DecodeFailure('SYN', found)
}

/**
 * As {@link parseSyn}, with a result in place of an exception: no octets and no text make it throw.
 *
 * @throws {TypeError} the argument is neither text nor a `Uint8Array`
 */
export function safeParseSyn(bytesOrHex: Uint8Array | string): Result<Syn, DecodeError> {
  const found = decode(bytesOrHex)
  return found instanceof Syn ? { ok: true, value: found } : { ok: false, error: found }
}

function decode(input: Uint8Array | string): Syn | DecodeError {
  if (typeof input === 'string') {
    if (input.length > 4 * MAX_SYN_OCTETS) return { reason: 'too-long', offset: 0 }
    const read = fromHex(input)
    return read.ok ? decodeBytes(read.value, input) : read.error
  }
  if (input instanceof Uint8Array) return decodeBytes(input, undefined)
  throw new TypeError(`Cannot decode SYN: text or a Uint8Array expected: ${typeof input}`)
}

function decodeBytes(bytes: Uint8Array, text: string | undefined): Syn | DecodeError {
  const available = bytes.length
  if (available === 0) return { reason: 'empty', offset: 0 }
  if (available > MAX_SYN_OCTETS) return { reason: 'too-long', offset: 0, available }
  const plain = decodePacket(bytes, 0, text)
  // Only what has the shape of a kernel-saved SYN is certain; a MAC address can look like the start of an IP header.
  if (plain instanceof Syn && bytes.length === endOf(plain)) return plain
  const ipOffset = etherTypeEnd(bytes)
  if (ipOffset === 0) return plain
  const framed = decodePacket(bytes, ipOffset, text)
  if (framed instanceof Syn) return plain instanceof Syn && bytes.length !== endOf(framed) ? plain : framed
  return plain instanceof Syn ? plain : framed
}

/** Where in `bytes` the TCP options start; they go to {@link endOf}. Reading them there costs less than a view of them. */
export function optionsAt(syn: Syn): number {
  const { ip } = syn
  const ipLength = ip.version === 4 ? ip.headerLength : IPV6_HEADER_LENGTH + ip.extensionsLength
  return syn.ipOffset + ipLength + TCP_HEADER_LENGTH
}

/** Octets up to the end of the TCP header. */
export function endOf(syn: Syn): number {
  return optionsAt(syn) + syn.tcp.dataOffset * 4 - TCP_HEADER_LENGTH
}

function decodePacket(bytes: Uint8Array, offset: number, text: string | undefined): Syn | DecodeError {
  const version = bytes[offset]! >> 4
  if (version === 4) {
    const ip = decodeIpv4(bytes, offset)
    if (!(ip instanceof Ipv4Header)) return ip
    const tcp = decodeTcp(bytes, offset + ip.headerLength)
    return tcp instanceof TcpHeader ? new Syn(bytes, offset, ip, tcp, text) : tcp
  }
  if (version === 6) {
    const ip = decodeIpv6(bytes, offset)
    if (!(ip instanceof Ipv6Header)) return ip
    const tcp = decodeTcp(bytes, offset + IPV6_HEADER_LENGTH + ip.extensionsLength)
    return tcp instanceof TcpHeader ? new Syn(bytes, offset, ip, tcp, text) : tcp
  }
  return { reason: 'bad-version', offset }
}

/** Where the IP header behind an Ethernet header starts; 0 if the octets do not look like one. */
function etherTypeEnd(bytes: Uint8Array): number {
  let at = ETHERNET_HEADER_LENGTH - 2
  while (at + 4 < bytes.length && isTag(u16be(bytes, at))) at += 4
  if (at + 2 >= bytes.length) return 0
  const type = u16be(bytes, at)
  const version = bytes[at + 2]! >> 4
  return (type === ETHERTYPE_IPV4 && version === 4) || (type === ETHERTYPE_IPV6 && version === 6) ? at + 2 : 0
}

function decodeEthernet(bytes: Uint8Array, length: number): EthernetHeader {
  const vlans: number[] = []
  for (let at = ETHERNET_HEADER_LENGTH - 2; at + 2 < length; at += 4) vlans.push(u16be(bytes, at + 2) & 0xfff)
  return {
    destination: hardwareAddress(bytes, 0),
    source: hardwareAddress(bytes, 6),
    etherType: u16be(bytes, length - 2),
    vlans,
    length,
  }
}

function hardwareAddress(bytes: Uint8Array, offset: number): string {
  return toHex(bytes, offset, offset + 6).replace(/..(?=.)/g, '$&:')
}
