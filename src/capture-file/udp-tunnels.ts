/**
 * Tunnels over UDP, known by their port.
 * @module
 */

import { PROTOCOL_TCP } from '../wire/ipv4.ts'
import { EXTENSION_HEADER } from '../wire/ipv6.ts'
import { genericProtocol } from './ether-types.ts'
import { l2tpPayload } from './ip-protocols.ts'
import { ppp } from './ppp.ts'
import { LAYER, STEP, type Step, type Walk } from './walk.ts'

/** RFC 7348: eight octets, of which only the network identifier counts: reserved bits are ignored on receipt. */
export const vxlan = (walk: Walk): Step => walk.enter('vxlan').ethernet(8)

/** draft-ietf-nvo3-vxlan-gpe: the P flag says that the fourth octet names what is carried; else it is Ethernet. */
export function vxlanGpe(walk: Walk): Step {
  if (!walk.has(8)) return STEP.SHORT
  walk.enter('vxlan-gpe')
  return (walk.u8(0) & 4) === 0 ? walk.ethernet(8) : genericProtocol(walk, 8, walk.u8(3))
}

/** RFC 8926: version 0, options in words. */
export function geneve(walk: Walk): Step {
  if (!walk.has(8)) return STEP.SHORT
  if (walk.u8(0) >> 6 !== 0) return walk.closed('unsupported')
  return walk.enter('geneve').next(8 + (walk.u8(0) & 63) * 4, LAYER.ETHERTYPE, walk.u16(2))
}

/** GTP version 0 (3GPP TS 29.060): a T-PDU (255) behind a header of 20 octets. */
export function gtpZero(walk: Walk): Step {
  if (!walk.has(20)) return STEP.SHORT
  return walk.u8(0) >> 5 === 0 && walk.u8(1) === 255 ? walk.enter('gtp').toIp(20) : STEP.END
}

/** 3GPP TS 29.281: version 1, a G-PDU (255); any of E, S, PN adds four octets, the last of which begins a chain. */
export function gtp(walk: Walk): Step {
  if (!walk.has(8)) return STEP.SHORT
  const flags = walk.u8(0)
  if ((flags & 0xf0) !== 0x30 || walk.u8(1) !== 255) return STEP.END
  let length = 8
  if ((flags & 7) !== 0) {
    if (!walk.has(12)) return STEP.SHORT
    length = 12
    let extension = (flags & 4) !== 0 ? walk.u8(11) : 0
    while (extension !== 0) {
      if (!walk.has(length + 1)) return STEP.SHORT
      const size = walk.u8(length) * 4
      if (size === 0 || !walk.has(length + size)) return STEP.SHORT
      extension = walk.u8(length + size - 1)
      length += size
    }
  }
  return walk.enter('gtp').toIp(length)
}

/** RFC 4380: an authentication and an origin indication may stand before the IPv6 header. */
export function teredo(walk: Walk): Step {
  let length = 0
  if (walk.has(13) && walk.u16(0) === 1) length = 13 + walk.u8(2) + walk.u8(3)
  if (walk.has(length + 8) && walk.u16(length) === 0) length += 8
  if (!walk.has(length + 1)) return STEP.SHORT
  return walk.u8(length) >> 4 === 6 ? walk.enter('teredo').toIp(length) : STEP.END
}

/** L2TP version 2 (RFC 2661): optional fields by flags, then PPP; version 3 (RFC 3931) see {@link l2tpPayload}. */
export function l2tp(walk: Walk): Step {
  if (!walk.has(6)) return STEP.SHORT
  const flags = walk.u16(0)
  if ((flags & 0x8000) !== 0) return STEP.END
  if ((flags & 15) === 3) {
    if (!walk.has(8)) return STEP.SHORT
    walk.at += 8
    return l2tpPayload(walk.enter('l2tp'))
  }
  if ((flags & 15) !== 2) return walk.closed('unsupported')
  let length = (flags & 0x4000) === 0 ? 6 : 8
  if ((flags & 0x0800) !== 0) length += 4
  if ((flags & 0x0200) !== 0) {
    if (!walk.has(length + 2)) return STEP.SHORT
    length += 2 + walk.u16(length)
  }
  if (!walk.has(length)) return STEP.SHORT
  walk.at += length
  return ppp(walk.enter('l2tp'))
}

/** RFC 5415: header length in words, T and wireless binding for 802.11 frames, F for fragments, K for keepalives. */
export function capwap(walk: Walk): Step {
  if (!walk.has(8)) return STEP.SHORT
  if ((walk.u8(0) & 15) === 1) return walk.closed('encrypted')
  const flags = walk.u8(3)
  if ((flags & 0x08) !== 0) return STEP.END
  const length = (walk.u8(1) >> 3) * 4
  if ((flags & 0x80) !== 0 && walk.u16(6) >> 3 !== 0) return walk.closed('fragment')
  walk.enter('capwap')
  if ((walk.u8(2) & 1) === 0) return walk.ethernet(length)
  if (((walk.u8(2) >> 1) & 31) !== 1) return walk.closed('unsupported')
  if (walk.has(length + 2) && (walk.u8(length) & 0x0c) !== 8 && (walk.u8(length + 1) & 0x0c) === 8) {
    // Cisco's controllers swap the two octets of 802.11's frame control; they are put in order here.
    const { bytes } = walk
    const at = walk.at + length
    const first = bytes[at]!
    bytes[at] = bytes[at + 1]!
    bytes[at + 1] = first
  }
  return walk.next(length, LAYER.LINK_TYPE, 105)
}

/** draft-massar-v6ops-ayiya-02: lengths of identity and signature, operation 1 is forward, then a next header. */
export function ayiya(walk: Walk): Step {
  if (!walk.has(8)) return STEP.SHORT
  if ((walk.u8(2) & 15) !== 1) return STEP.END
  const identity = 2 ** (walk.u8(0) >> 4)
  const signature = (walk.u8(1) >> 4) * 4
  const next = walk.u8(3)
  if (next === 41 || next === 4) return walk.enter('ayiya').toIp(8 + identity + signature)
  // What belongs behind an IP header, without one: no SYN that can be decoded.
  if (next === PROTOCOL_TCP || Object.values<number>(EXTENSION_HEADER).includes(next)) return walk.closed('unsupported')
  return walk.enter('ayiya').next(8 + identity + signature, LAYER.IP_PROTOCOL, next)
}

/** RFC 7510. */
export const mplsInUdp = (walk: Walk): Step => walk.enter('mpls').next(0, LAYER.ETHERTYPE, 0x8847)
/** RFC 8086. */
export const greInUdp = (walk: Walk): Step => walk.next(0, LAYER.IP_PROTOCOL, 47)
/** RFC 9300: eight octets, then an IP header. */
export const lisp = (walk: Walk): Step => walk.enter('lisp').toIp(8)

/** RFC 9301: type 8 encapsulates the IP packet of a map request. */
export function lispControl(walk: Walk): Step {
  if (!walk.has(4)) return STEP.SHORT
  return walk.u8(0) >> 4 === 8 ? walk.enter('lisp').toIp(4) : STEP.END
}

/** TaZmen Sniffer Protocol: type 4 is a keepalive, 5 opens a port; the frame's link type, fields until one with number 1. */
export function tzsp(walk: Walk): Step {
  if (!walk.has(4)) return STEP.SHORT
  if (walk.u8(1) === 4 || walk.u8(1) === 5) return STEP.END
  const frame = walk.u16(2)
  let length = 4
  for (;;) {
    if (!walk.has(length + 1)) return STEP.SHORT
    const field = walk.u8(length)
    length += 1
    if (field === 1) break
    if (field === 0) continue
    if (!walk.has(length + 1)) return STEP.SHORT
    length += 1 + walk.u8(length)
  }
  if (frame === 1) return walk.enter('tzsp').ethernet(length)
  if (frame === 0x12) return walk.enter('tzsp').next(length, LAYER.LINK_TYPE, 105)
  return walk.closed('unsupported')
}

/** Behind eight octets, as Juniper's routers mirror it. */
export function jmirror(walk: Walk): Step {
  if (!walk.has(9)) return STEP.END
  const version = walk.u8(8) >> 4
  return version === 4 || version === 6 ? walk.enter('jmirror').toIp(8) : STEP.END
}

/** Known to carry packets of others, in ways that are not read here. */
export const unsupported = (walk: Walk): Step => walk.closed('unsupported')
/** The same; 12000 and its neighbours are ports of any program unless SNAP stands there. */
export const rare = (walk: Walk): Step =>
  walk.number < 12_000 || (walk.has(2) && walk.u16(0) === 0xaaaa) ? walk.closed('unsupported') : STEP.END

/** RFC 3948: IKE begins with four zero octets, a keepalive is one octet; all else is ESP. */
export function espInUdp(walk: Walk): Step {
  if (!walk.has(4) || (walk.u16(0) | walk.u16(2)) === 0) return STEP.END
  return walk.closed('encrypted')
}

/** WireGuard transport data: type 4. */
export const wireguard = (walk: Walk): Step =>
  walk.has(4) && walk.u32le(0) === 4 ? walk.closed('encrypted') : STEP.END
