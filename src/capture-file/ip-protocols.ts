/**
 * IP headers, and what their protocol numbers announce on the way to TCP.
 * @module
 */

import { PROTOCOL_TCP } from '../wire/ipv4.ts'
import { extensionHeaderLength } from '../wire/ipv6.ts'
import { TCP_FLAG } from '../wire/tcp.ts'
import { looksLikeEthernet } from './ether-types.ts'
import { ppp } from './ppp.ts'
import { LAYER, STEP, type Step, type Walk } from './walk.ts'

const PROTOCOL_UDP = 17
/** Destination Unreachable, Source Quench, Redirect, Time Exceeded, Parameter Problem. */
const ICMP_ERRORS: readonly number[] = [3, 4, 5, 11, 12]

/** IGMP, DCCP, RSVP, no next header, EIGRP, OSPF, VRRP, PGM, SCTP: none carries TCP. */
export const TRANSPORTS: readonly number[] = [2, 33, 46, 59, 88, 89, 112, 113, 132]
/** Headers that stand between IPv4 and TCP, as they are told in `tunnel`. */
const BETWEEN: Readonly<Record<number, string>> = { 51: 'ah', 135: 'mobility', 139: 'hip', 140: 'shim6' }

/** Reads the IP header at `at`. */
export function ip(walk: Walk): Step {
  walk.ip = walk.at
  walk.between = 0
  const version = walk.u8(0) >> 4
  if (version === 4) return ipv4(walk)
  return version === 6 ? ipv6(walk) : STEP.END
}

function ipv4(walk: Walk): Step {
  if (!walk.has(20)) return walk.has(10) && TRANSPORTS.includes(walk.u8(9)) ? STEP.END : STEP.SHORT
  const headerLength = (walk.u8(0) & 15) * 4
  if (headerLength < 20) return STEP.END
  walk.layer = LAYER.IP_PROTOCOL
  walk.number = walk.u8(9)
  // A later fragment has no further header.
  if (((walk.u8(6) & 0x1f) | walk.u8(7)) !== 0) return walk.closed('fragment')
  limit(walk, headerLength, walk.u16(2))
  return walk.next(headerLength, LAYER.IP_PROTOCOL, walk.number)
}

function ipv6(walk: Walk): Step {
  if (!walk.has(40)) return STEP.SHORT
  limit(walk, 40, walk.u16(4) + 40)
  return walk.next(40, LAYER.IP_PROTOCOL, walk.u8(6))
}

/** Octets behind the packet are padding of the link. A length of 0 was left to the network card or is a jumbogram's. */
function limit(walk: Walk, headerLength: number, length: number): void {
  if (length <= headerLength || length >= walk.end - walk.at) return
  walk.end = walk.at + length
  walk.cut = false
}

/** A header between IP and TCP: an IPv6 extension header, which IPv4 can have too (AH, HIP, Shim6, mobility). */
export function extension(walk: Walk): Step {
  if (!walk.has(8)) return STEP.SHORT
  const kind = walk.number
  const length = extensionHeaderLength(kind, walk.bytes, walk.at)
  // RFC 8200 section 4.5: only the first fragment goes on with the next header.
  if (kind === 44 && (walk.u16(2) & 0xfff8) !== 0) return walk.closed('fragment')
  if (walk.bytes[walk.ip]! >> 4 === 4) {
    walk.between += length
    walk.enter(BETWEEN[kind] ?? 'extension')
  }
  return walk.next(length, LAYER.IP_PROTOCOL, walk.u8(0))
}

/** RFC 9293 section 3.1: the control bits are in the fourteenth octet. */
export function tcp(walk: Walk): Step {
  if (!walk.has(14)) return STEP.SHORT
  if ((walk.u8(13) & (TCP_FLAG.SYN | TCP_FLAG.ACK | TCP_FLAG.RST)) !== TCP_FLAG.SYN) return STEP.END
  return walk.isQuoted ? walk.closed('quoted') : STEP.SYN
}

/** An error's message quotes the packet that it is about (RFC 792, RFC 4443). A SYN there is told, because it was captured elsewhere if at all. */
export function icmp(walk: Walk): Step {
  if (!walk.has(9)) return STEP.END
  const type = walk.u8(0)
  walk.isQuoted = true
  return (walk.number === 58 ? type < 128 : ICMP_ERRORS.includes(type)) ? walk.toIp(8) : STEP.END
}

/** UDP (RFC 768) and UDP-Lite (RFC 3828): the port of the destination, else that of the source, says what is carried. */
export function udp(walk: Walk): Step {
  if (!walk.has(8)) return STEP.SHORT
  const length = walk.u16(4)
  // UDP-Lite (RFC 3828) has the length that its checksum covers there.
  if (walk.number === PROTOCOL_UDP && length >= 8 && length < walk.end - walk.at) {
    walk.end = walk.at + length
    walk.cut = false
  }
  walk.otherPort = walk.u16(0)
  return walk.next(8, LAYER.UDP_PORT, walk.u16(2))
}

/** 4 and 41 say which version is inside (RFC 2003, RFC 4213), its first octet says so again, and counts. */
export function ipInIp(walk: Walk): Step {
  if (!walk.has(1)) return STEP.SHORT
  return walk.enter(walk.u8(0) >> 4 === 6 ? 'ipv6' : 'ipv4').toIp(0)
}

/** RFC 3378: version 3, then an Ethernet frame. */
export const etherIp = (walk: Walk): Step => walk.enter('etherip').ethernet(2)
/** RFC 4023: MPLS labels, as Ethernet carries them. */
export const mplsInIp = (walk: Walk): Step => walk.enter('mpls').next(0, LAYER.ETHERTYPE, 0x8847)
/** RFC 8986 section 4.9: an Ethernet frame. */
export const ethernetInIp = (walk: Walk): Step => walk.enter('ethernet').ethernet(0)

/** RFC 7761 section 4.9.3: a Register message carries the packet behind eight octets. */
export function pim(walk: Walk): Step {
  if (!walk.has(1)) return STEP.SHORT
  return walk.u8(0) === 0x21 && walk.has(9) ? walk.enter('pim').toIp(8) : STEP.END
}

/** RFC 3931 section 4.1.1: a session identifier, 0 for control messages. */
export function l2tpOverIp(walk: Walk): Step {
  if (!walk.has(4)) return STEP.SHORT
  if ((walk.u16(0) | walk.u16(2)) === 0) return STEP.END
  walk.at += 4
  return l2tpPayload(walk.enter('l2tp'))
}

/**
 * L2TP version 3 says nowhere how long its cookie is (0, 4 or 8 octets), whether a sublayer of 4 follows, and what is
 * carried: that was agreed when the session began. What looks like an Ethernet frame, else like PPP or IP, is taken.
 */
export function l2tpPayload(walk: Walk): Step {
  for (let offset = 0; offset <= 12; offset += 4) if (looksLikeEthernet(walk, offset)) return walk.ethernet(offset)
  for (let offset = 0; offset <= 12; offset += 4) {
    if (!walk.has(offset + 20)) break
    const first = walk.u16(offset)
    if (first === 0xff03) {
      walk.at += offset
      return ppp(walk)
    }
    if (first === 0x0f00 && walk.u16(offset + 2) === 0x0800) return walk.next(offset + 4, LAYER.ETHERTYPE, 0x0800)
    if (first >> 8 === 0x45 && walk.u16(offset + 2) <= walk.end - walk.at - offset) return walk.toIp(offset)
    if (first >> 12 === 6 && (walk.u8(offset + 6) === PROTOCOL_TCP || walk.u8(offset + 6) === PROTOCOL_UDP)) {
      if (walk.u16(offset + 4) + 40 <= walk.end - walk.at - offset) return walk.toIp(offset)
    }
  }
  return walk.closed('unknown')
}
