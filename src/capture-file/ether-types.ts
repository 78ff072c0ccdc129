/**
 * What EtherTypes announce: tags, labels and frames inside frames.
 * @module
 */

import { ppp } from './ppp.ts'
import { LAYER, STEP, type Step, type Walk } from './walk.ts'

/** PPPoE session packets (RFC 2516). */
export const PPPOE_SESSION = 0x8864
/** Numbers up to this one are lengths (IEEE 802.3), and LLC follows. */
export const MAX_LENGTH_FIELD = 1500

/** A tag of `octets` that ends with the EtherType of what follows. */
export const tag =
  (octets: number): ((walk: Walk) => Step) =>
  (walk) =>
    walk.has(octets) ? walk.next(octets, LAYER.ETHERTYPE, walk.u16(octets - 2)) : STEP.SHORT

/** An Ethernet frame, right behind its EtherType. */
export const bridge = (walk: Walk): Step => walk.ethernet(0)
/** Cisco FabricPath: outer addresses and EtherType are passed, two octets of forwarding tag and TTL are left. */
export const fabricPath = (walk: Walk): Step => walk.ethernet(2)

/** Six octets, then PPP without its address octets. */
export function pppoeSession(walk: Walk): Step {
  if (!walk.has(6)) return STEP.SHORT
  walk.at += 6
  return ppp(walk)
}

/** RFC 6325: six octets, options in words, then an Ethernet frame. */
export function trill(walk: Walk): Step {
  if (!walk.has(6)) return STEP.SHORT
  if (walk.u8(0) >> 6 !== 0) return walk.closed('unsupported')
  return walk.ethernet(6 + ((walk.u16(0) >> 6) & 31) * 4)
}

/** IEEE 802.1AE: the E and C bits say that user data is encrypted or changed; SC, that eight octets of SCI follow. */
export function macsec(walk: Walk): Step {
  if (!walk.has(6)) return STEP.SHORT
  const control = walk.u8(0)
  if ((control & 0x0c) !== 0) return walk.closed('encrypted')
  const length = (control & 0x20) !== 0 ? 16 : 8
  return walk.has(length) ? walk.next(length, LAYER.ETHERTYPE, walk.u16(length - 2)) : STEP.SHORT
}

/** Network Service Header (RFC 8300): its length in words, six with metadata of type 1, and a protocol number of its own. */
export function nsh(walk: Walk): Step {
  if (!walk.has(8)) return STEP.SHORT
  if (walk.u8(0) >> 6 !== 0) return walk.closed('unsupported')
  const words = (walk.u8(2) & 15) === 1 ? 6 : Math.max(2, walk.u8(1) & 63)
  return genericProtocol(walk, words * 4, walk.u8(3))
}

/** Next protocols as NSH and VXLAN-GPE number them. */
export function genericProtocol(walk: Walk, octets: number, protocol: number): Step {
  switch (protocol) {
    case 1:
    case 2:
      return walk.toIp(octets)
    case 3:
      return walk.ethernet(octets)
    case 4:
      return walk.next(octets, LAYER.ETHERTYPE, 0x894f)
    case 5:
      return walk.next(octets, LAYER.ETHERTYPE, 0x8847)
    default:
      return walk.closed('unsupported')
  }
}

/** RFC 3032: labels of four octets, the last with its S bit set. Nothing says what follows but its first octets. */
export function mpls(walk: Walk): Step {
  for (;;) {
    if (!walk.has(4)) return STEP.SHORT
    walk.at += 4
    if ((walk.bytes[walk.at - 2]! & 1) !== 0) break
  }
  if (!walk.has(1)) return STEP.SHORT
  const nibble = walk.u8(0) >> 4
  if (nibble === 4 || nibble === 6) return walk.toIp(0)
  // RFC 4448: an Ethernet frame, behind a control word (RFC 4385: its first half octet is 0) or not.
  if (nibble === 0 && walk.has(18) && !looksLikeEthernet(walk, 0)) return walk.ethernet(4)
  return looksLikeEthernet(walk, 0) ? walk.ethernet(0) : walk.closed('unknown')
}

/** True if an EtherType that often follows Ethernet addresses stands where it would, and with it what it announces. */
export function looksLikeEthernet(walk: Walk, offset: number): boolean {
  if (!walk.has(offset + 15)) return false
  switch (walk.u16(offset + 12)) {
    case 0x0800:
      return walk.u8(offset + 14) >> 4 === 4
    case 0x86dd:
      return walk.u8(offset + 14) >> 4 === 6
    case 0x8100:
    case 0x88a8:
    case 0x8847:
    case 0x0806:
      return true
    default:
      return false
  }
}

/** IEEE 802.2 LLC, with SNAP (RFC 1042), or a service access point of IP or of ISO network layer protocols. */
export function llc(walk: Walk): Step {
  if (!walk.has(3)) return STEP.SHORT
  const accessPoint = walk.u8(0)
  if (accessPoint === 6 && walk.u8(1) === 6) return walk.toIp(3)
  if (accessPoint === 0xfe && walk.u8(1) === 0xfe) return networkLayerProtocol(walk, 3)
  if (accessPoint !== 0xaa || walk.u8(1) !== 0xaa) return walk.next(3, LAYER.LLC_SAP, accessPoint)
  return snap(walk, 3)
}

/** An organization of three octets and a number of its own. */
function snap(walk: Walk, offset: number): Step {
  if (!walk.has(offset + 5)) return STEP.SHORT
  const organization = (walk.u8(offset) << 16) | walk.u16(offset + 1)
  const type = walk.u16(offset + 3)
  // 00-00-00: EtherType (RFC 1042); 00-00-f8: bridge tunnel. 00-80-c2: bridged frames (RFC 2427), with or without checksum.
  if ((organization === 0 || organization === 0xf8) && type > MAX_LENGTH_FIELD) {
    return walk.next(offset + 5, LAYER.ETHERTYPE, type)
  }
  if (organization === 0x0080c2 && (type === 1 || type === 7)) return walk.ethernet(offset + 5)
  // What organizations number for themselves is signalling between switches: CDP, VTP, PVST, DTP ...
  return STEP.END
}

/** ISO/IEC TR 9577 identifiers: 0xcc IPv4, 0x8e IPv6, 0x80 SNAP; all else is ISO's own routing. */
function networkLayerProtocol(walk: Walk, offset: number): Step {
  if (!walk.has(offset + 1)) return STEP.SHORT
  const identifier = walk.u8(offset)
  if (identifier === 0xcc || identifier === 0x8e) return walk.toIp(offset + 1)
  return identifier === 0x80 ? snap(walk, offset + 1) : STEP.END
}

/** RFC 2427: an address of two to four octets, the last with its lowest bit set, control, padding, then an identifier. */
export function frameRelay(walk: Walk): Step {
  let offset = 0
  do {
    if (!walk.has(offset + 4)) return STEP.SHORT
    offset += 1
  } while (offset < 4 && (walk.u8(offset - 1) & 1) === 0)
  if (walk.u8(offset) !== 3) return walk.closed('unsupported')
  return networkLayerProtocol(walk, walk.u8(offset + 1) === 0 ? offset + 2 : offset + 1)
}

/** Arista's time stamps: subtype 1, then a version whose upper half octet says how long they are. */
export function aristaTimestamp(walk: Walk): Step {
  if (!walk.has(4)) return STEP.SHORT
  const length = walk.u16(2) >> 4 === 1 ? 14 : 12
  if (walk.u16(0) !== 1) return walk.closed('unsupported')
  return walk.has(length) ? walk.next(length, LAYER.ETHERTYPE, walk.u16(length - 2)) : STEP.SHORT
}

/** B.A.T.M.A.N. advanced, compatibility version 15 (linux/batadv_packet.h): broadcast, unicast, unicast with source. */
export function batman(walk: Walk): Step {
  if (!walk.has(2)) return STEP.SHORT
  if (walk.u8(1) !== 15) return walk.closed('unsupported')
  switch (walk.u8(0)) {
    case 0x01:
      return walk.ethernet(14)
    case 0x40:
      return walk.ethernet(10)
    case 0x42:
      return walk.ethernet(18)
    case 0x41:
      return walk.closed('fragment')
    default:
      return STEP.END
  }
}
