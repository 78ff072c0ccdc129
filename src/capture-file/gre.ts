/**
 * Generic Routing Encapsulation (RFC 1701, 2784, 2890, PPTP's of RFC 2637) and what only it carries.
 * @module
 */

import { frameRelay } from './ether-types.ts'
import { LAYER, STEP, type Step, type Walk } from './walk.ts'

const FLAG = { CHECKSUM: 0x8000, ROUTING: 0x4000, KEY: 0x2000, SEQUENCE: 0x1000, ACKNOWLEDGMENT: 0x0080 } as const
/** GRE protocol types that are no EtherTypes. */
const GRE_TYPE = {
  ERSPAN: 0x88be,
  ERSPAN_III: 0x22eb,
  WCCP: 0x883e,
  EOIP: 0x6400,
  FRAME_RELAY: 0x6559,
} as const

/** GRE (RFC 2784, RFC 2890), with RFC 1701's routing and RFC 2637's acknowledgment number. */
export function gre(walk: Walk): Step {
  if (!walk.has(4)) return STEP.SHORT
  const flags = walk.u16(0)
  const version = flags & 7
  const type = walk.u16(2)
  if (version > 1) return walk.closed('unsupported')
  let length = 4
  if ((flags & (FLAG.CHECKSUM | FLAG.ROUTING)) !== 0) length += 4
  if ((flags & FLAG.KEY) !== 0) length += 4
  if ((flags & FLAG.SEQUENCE) !== 0) length += 4
  if (version === 1 && (flags & FLAG.ACKNOWLEDGMENT) !== 0) length += 4
  if ((flags & FLAG.ROUTING) !== 0) {
    // RFC 1701: source route entries of address family, offset, length and that many octets; the last has neither.
    for (;;) {
      if (!walk.has(length + 4)) return STEP.SHORT
      const entry = walk.u8(length + 3)
      const isLast = walk.u16(length) === 0 && entry === 0
      length += 4 + entry
      if (isLast) break
    }
  }
  if (!walk.has(length)) return STEP.SHORT
  switch (type) {
    case GRE_TYPE.ERSPAN:
    case GRE_TYPE.ERSPAN_III:
      walk.at += length
      return erspan(walk.enter('erspan'), type === GRE_TYPE.ERSPAN && (flags & FLAG.SEQUENCE) === 0)
    case GRE_TYPE.WCCP:
      // Version 2 has a redirect header of four octets, version 1 none; an IP header begins with 4.
      walk.enter('wccp')
      if (!walk.has(length + 1)) return STEP.SHORT
      return walk.toIp(walk.u8(length) >> 4 === 4 ? length : length + 4)
    case GRE_TYPE.EOIP:
      // MikroTik's: in place of PPTP's call a tunnel identifier.
      return walk.enter('eoip').ethernet(length)
    case GRE_TYPE.FRAME_RELAY:
      walk.at += length
      return frameRelay(walk.enter('gre'))
    case 0:
      return STEP.END // A keepalive.
  }
  walk.enter(version === 1 ? 'pptp' : 'gre')
  return walk.next(length, LAYER.GRE_TYPE, type)
}

/**
 * draft-foschiano-erspan-03: type I has no header and no GRE sequence number. The header's version tells type II, eight octets, from type
 * III, twelve, and eight more if the last bit says so; there the frame type is 0 for Ethernet, 2 for IP.
 */
function erspan(walk: Walk, isTypeOne: boolean): Step {
  if (isTypeOne) return walk.ethernet(0)
  if (!walk.has(12)) return STEP.SHORT
  if (walk.u8(0) >> 4 !== 2) return walk.ethernet(8)
  const length = (walk.u8(11) & 1) === 0 ? 12 : 20
  const frameType = (walk.u16(10) >> 10) & 31
  return frameType === 2 ? walk.toIp(length) : walk.ethernet(length)
}
