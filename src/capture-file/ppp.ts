/**
 * PPP (RFC 1661, RFC 1662) and Cisco HDLC.
 * @module
 */

import { LAYER, STEP, type Step, type Walk } from './walk.ts'

/** With or without address and control octets, the protocol in one octet or two. */
export function ppp(walk: Walk): Step {
  if (walk.has(2) && walk.u8(0) === 0xff && walk.u8(1) === 3) walk.at += 2
  if (!walk.has(2)) return STEP.SHORT
  return (walk.u8(0) & 1) !== 0
    ? walk.next(1, LAYER.PPP_PROTOCOL, walk.u8(0))
    : walk.next(2, LAYER.PPP_PROTOCOL, walk.u16(0))
}

/** Address, control, EtherType. */
export const chdlc = (walk: Walk): Step => (walk.has(4) ? walk.next(4, LAYER.ETHERTYPE, walk.u16(2)) : STEP.SHORT)

/** Bridging (RFC 3518): flags, type 1 is Ethernet. */
export function bridged(walk: Walk): Step {
  if (!walk.has(2)) return STEP.SHORT
  return walk.u8(1) === 1 ? walk.ethernet(2) : walk.closed('unsupported')
}

/** Multilink (RFC 1990) with long sequence numbers: the fragment with the B bit begins with a PPP protocol. */
export function multilink(walk: Walk): Step {
  if (!walk.has(4)) return STEP.SHORT
  if ((walk.u8(0) & 0x80) === 0) return walk.closed('fragment')
  walk.at += 4
  return ppp(walk)
}

/** Van Jacobson's uncompressed packets (RFC 1144): a connection number stands where the IPv4 protocol was, which is TCP. */
export function vjUncompressed(walk: Walk): Step {
  if (!walk.has(20)) return STEP.SHORT
  walk.bytes[walk.at + 9] = 6
  return STEP.IP
}
