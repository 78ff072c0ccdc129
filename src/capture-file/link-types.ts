/**
 * Link types: what a capture file's frames begin with.
 * @module
 */

import { MAX_LENGTH_FIELD, PPPOE_SESSION } from './ether-types.ts'
import { chdlc, ppp } from './ppp.ts'
import { LAYER, STEP, type Step, type Walk } from './walk.ts'

/** Cisco ISL's group addresses: a frame to one of them has 26 octets before the frame that it carries. */
function isIsl(walk: Walk): boolean {
  return (walk.u8(0) === 1 || walk.u8(0) === 3 || walk.u8(0) === 0x0c) && walk.u16(1) === 0x000c && walk.u16(3) === 0
}

/** Ethernet (IEEE 802.3): addresses, then an EtherType or a length; or Cisco ISL. */
export function ethernet(walk: Walk): Step {
  if (!walk.has(14)) return STEP.SHORT
  if (isIsl(walk)) {
    // The upper half of the fifth octet of the destination says what is carried: 0 is Ethernet.
    return (walk.u8(5) & 0xf0) === 0 ? walk.ethernet(26) : walk.closed('unsupported')
  }
  return walk.next(14, LAYER.ETHERTYPE, walk.u16(12))
}

/** An IP header, whichever version. */
export const raw = (walk: Walk): Step => walk.toIp(0)

/** Drivers of Linux put PPP there too. */
export function rawLink(walk: Walk): Step {
  if (!walk.has(2)) return STEP.SHORT
  if (walk.u16(0) === 0xff03) return ppp(walk)
  const version = walk.u8(0) >> 4
  return version === 4 || version === 6 ? STEP.IP : walk.closed('unsupported')
}

/** DLT_RAW of most systems or DLT_LOOP of OpenBSD: an address family starts with a zero octet, an IP header never. */
export const raw12 = (walk: Walk): Step => (walk.has(1) && walk.u8(0) === 0 ? family(walk) : rawLink(walk))

/** BSD loopback: an address family, or an EtherType, in the byte order of the capturing host (NULL) or of the network (LOOP). */
export function family(walk: Walk): Step {
  if (!walk.has(4)) return STEP.SHORT
  const little = walk.u32le(0)
  const number = little <= 0xffff ? little : walk.u16(2)
  switch (number) {
    case 0:
      return walk.closed('unsupported')
    case 2: // AF_INET everywhere
    case 10: // AF_INET6 of Linux,
    case 23: // Windows,
    case 24: // NetBSD and OpenBSD,
    case 28: // FreeBSD,
    case 30: // macOS
      return walk.toIp(4)
    default:
      return number > MAX_LENGTH_FIELD ? walk.next(4, LAYER.ETHERTYPE, number) : STEP.END
  }
}

/** OpenBSD's IPsec interface: address family, security parameter index and flags, four octets each. */
export const enc = (walk: Walk): Step => walk.toIp(12)
/** Link types of devices (ARPHRD_, linux/if_arp.h) whose frames are kept whole: Frame Relay, 802.11, Prism, radiotap. */
const OF_DEVICES: Readonly<Record<number, number>> = { 770: 107, 801: 105, 802: 119, 803: 127 }

function cooked(walk: Walk, octets: number, device: number, protocol: number): Step {
  const linkType = OF_DEVICES[device]
  if (linkType !== undefined) return walk.next(octets, LAYER.LINK_TYPE, linkType)
  // ETH_P_ALL, ETH_P_PPP_MP ... of linux/if_ether.h: 3 is a whole frame, 7 is PPP.
  if (protocol === 3) return walk.ethernet(octets)
  return protocol === 7 ? walk.next(octets, LAYER.LINK_TYPE, 9) : walk.next(octets, LAYER.ETHERTYPE, protocol)
}

/** Linux cooked capture: device type at 2, protocol at 14. */
export const sll = (walk: Walk): Step => (walk.has(16) ? cooked(walk, 16, walk.u16(2), walk.u16(14)) : STEP.SHORT)
/** Version 2: protocol at 0, device type at 8. */
export const sll2 = (walk: Walk): Step => (walk.has(20) ? cooked(walk, 20, walk.u16(8), walk.u16(0)) : STEP.SHORT)
/** PPPoE session packets (RFC 2516) without Ethernet. */
export const pppoe = (walk: Walk): Step => walk.next(0, LAYER.ETHERTYPE, PPPOE_SESSION)
/** MPLS labels (RFC 3032), as Ethernet carries them. */
export const mplsFrame = (walk: Walk): Step => walk.next(0, LAYER.ETHERTYPE, 0x8847)
/** RFC 4391: behind the 40 octets of a global routing header, an EtherType and two reserved octets. */
export const ipoib = (walk: Walk): Step => (walk.has(44) ? walk.next(44, LAYER.ETHERTYPE, walk.u16(40)) : STEP.SHORT)

/** PPP, or Cisco's framing by its first octet: 0x0f unicast, 0x8f multicast. */
export function hdlc(walk: Walk): Step {
  if (!walk.has(2)) return STEP.SHORT
  return walk.u8(0) === 0x0f || walk.u8(0) === 0x8f ? chdlc(walk) : ppp(walk)
}

/** In place of PPP's address octet: the direction. */
export function pppd(walk: Walk): Step {
  if (!walk.has(2)) return STEP.SHORT
  walk.at += walk.u8(1) === 3 ? 2 : 1
  return ppp(walk)
}

/** An octet of direction, then PPP or Cisco's framing. */
export function pppWithDirection(walk: Walk): Step {
  if (!walk.has(1)) return STEP.SHORT
  walk.at += 1
  return hdlc(walk)
}

/** OpenBSD's packet filter: the first octet is the header's length without its padding to a word. */
export const pflog = (walk: Walk): Step => (walk.has(1) ? walk.toIp((walk.u8(0) + 3) & ~3) : STEP.SHORT)

/** Radiotap: the header's length (at 2), then an 802.11 frame. */
export const radiotap = (walk: Walk): Step =>
  walk.has(4) ? walk.next(walk.u16le(2), LAYER.LINK_TYPE, 105) : STEP.SHORT

/** AVS begins with its version and length, Prism with a message's code; it has 144 octets. */
export function prism(walk: Walk): Step {
  if (!walk.has(8)) return STEP.SHORT
  return walk.next(walk.u16(0) === 0x8021 ? walk.u16(6) : 144, LAYER.LINK_TYPE, 105)
}

/** CACE's Per-Packet Information: the header's length (at 2), then the link type of what follows. */
export const ppi = (walk: Walk): Step =>
  walk.has(8) ? walk.next(walk.u16le(2), LAYER.LINK_TYPE, walk.u32le(4)) : STEP.SHORT

/** IEEE 802.5: control octets and addresses, routing if the first bit of the source says so, LLC if the frame control does. */
export function tokenRing(walk: Walk): Step {
  if (!walk.has(15)) return STEP.SHORT
  if ((walk.u8(1) & 0xc0) !== 0x40) return STEP.END
  return walk.next((walk.u8(8) & 0x80) === 0 ? 14 : 14 + (walk.u8(14) & 31), LAYER.ETHERTYPE, 4)
}

/** Frame control (LLC if 0x50 to 0x57) and addresses. */
export const fddi = (walk: Walk): Step =>
  walk.has(13) && walk.u8(0) >> 3 !== 10 ? STEP.END : walk.next(13, LAYER.ETHERTYPE, 4)
/** RFC 2625: two addresses of eight octets. */
export const fibreChannel = (walk: Walk): Step => walk.next(16, LAYER.ETHERTYPE, 4)
/** Solaris: a header of 24 octets, then an IP header. */
export const ipnet = (walk: Walk): Step => walk.toIp(24)

/** Apple's PKTAP: length of this header, then (at 8) the link type of what follows it. */
export function pktap(walk: Walk): Step {
  if (!walk.has(12)) return STEP.SHORT
  const length = walk.u32le(0)
  // DLT_USER2, which Apple's tcpdump uses for it, may be anything.
  if (walk.number === 149 && (length < 12 || length > 1024)) return walk.closed('unknown')
  return walk.next(Math.max(length, 12), LAYER.LINK_TYPE, walk.u32le(8))
}

/** Linux netfilter log: attributes of type, length and value; the packet is the attribute of type 9. */
export function nflog(walk: Walk): Step {
  if (!walk.has(4)) return STEP.SHORT
  walk.at += 4
  while (walk.has(4)) {
    const length = walk.u16le(0)
    if ((walk.u16le(2) & 0x7fff) === 9) return walk.toIp(4)
    if (length < 4) return STEP.END
    walk.at += (length + 3) & ~3
  }
  return STEP.SHORT
}

/** Endace ERF records: 16 octets, extension headers of eight while bit 7 of the type and of each says so. */
export function erf(walk: Walk): Step {
  if (!walk.has(16)) return STEP.SHORT
  const type = walk.u8(8) & 0x7f
  let more = (walk.u8(8) & 0x80) !== 0
  walk.at += 16
  while (more) {
    if (!walk.has(8)) return STEP.SHORT
    more = (walk.u8(0) & 0x80) !== 0
    walk.at += 8
  }
  switch (type) {
    case 1: // TYPE_HDLC_POS, TYPE_COLOR_HDLC_POS, TYPE_DSM_COLOR_HDLC_POS, TYPE_COLOR_MC_HDLC_POS
    case 10:
    case 15:
    case 17:
      return hdlc(walk)
    case 2: // TYPE_ETH, TYPE_COLOR_ETH, TYPE_DSM_COLOR_ETH, TYPE_COLOR_HASH_ETH: two octets of padding
    case 11:
    case 16:
    case 20:
      return walk.ethernet(2)
    case 5: // TYPE_MC_HDLC: four octets of its own
      if (!walk.has(4)) return STEP.SHORT
      walk.at += 4
      return hdlc(walk)
    case 22: // TYPE_IPV4, TYPE_IPV6
    case 23:
      return walk.toIp(0)
    default:
      return walk.closed('unsupported')
  }
}

/** IEEE 802.11 data frames that are not encrypted. */
export function wifi(walk: Walk): Step {
  if (!walk.has(24)) return STEP.SHORT
  const type = walk.u8(0)
  const flags = walk.u8(1)
  // Type 2 is data; bit 6 of the subtype: a frame without data; flag 0x40: encrypted.
  if ((type & 0x0c) !== 8 || (type & 0x40) !== 0) return STEP.END
  if ((flags & 0x40) !== 0) return walk.closed('encrypted')
  let length = (flags & 3) === 3 ? 30 : 24
  if ((type & 0x80) !== 0) {
    const control = walk.has(length + 1) ? walk.u8(length) : 0
    length += 2
    if ((flags & 0x80) !== 0) length += 4
    // An aggregate: the first of its frames starts with two addresses and a length.
    if ((control & 0x80) !== 0) length += 14
  }
  // Atheros pads the header to a word and does not say so here.
  if (length % 4 === 2 && walk.has(length + 4) && walk.u16(length) !== 0xaaaa && walk.u16(length + 2) === 0xaaaa)
    length += 2
  return walk.next(length, LAYER.ETHERTYPE, 4)
}
