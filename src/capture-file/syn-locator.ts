/**
 * Finds the TCP SYN in a captured packet: through link headers, VLAN tags, tunnels and IP headers to the octets that
 * `parseSyn` takes. Reads only inside the packet, allocates nothing for packets without tunnels, never throws.
 * @module
 */
import { linkHeader, NETWORK, type NetworkStart, networkOf } from './link-layer.ts'

/** What a packet turned out to be. */
export const VERDICT = {
  /** Anything else: not TCP, another segment, a later fragment. */
  OTHER: 0,
  /** TCP with SYN set, ACK and RST clear. Its headers may still be cut short or broken: `parseSyn` says how. */
  SYN: 1,
  /** The capture kept too little of the packet to tell. */
  CUT: 2,
  /** The link type is not known. */
  UNKNOWN_LINK: 3,
} as const
/** One of the values of `VERDICT`. */
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT]

/** Headers inside headers: no honest packet has more. */
const DEEPEST = 8

const PROTOCOL = {
  HOP_BY_HOP: 0,
  IPV4: 4,
  TCP: 6,
  UDP: 17,
  IPV6: 41,
  ROUTING: 43,
  FRAGMENT: 44,
  GRE: 47,
  AH: 51,
} as const
/** IPv6 extension headers whose second octet is their length in units of 8 octets, the first not counted (IANA). */
const EXTENSION = new Uint8Array(256)
for (const kind of [0, 43, 60, 135, 139, 140, 253, 254]) EXTENSION[kind] = 1

const UDP_TUNNEL = { TEREDO: 3544, GTP: 2152, VXLAN: 4789, VXLAN_LINUX: 8472, GENEVE: 6081 } as const
const FLAG = { SYN: 0x02, RST: 0x04, ACK: 0x10 } as const

/** Finds SYNs, one packet after the other. One object serves a whole file: its fields are those of the last packet. */
export class SynLocator implements NetworkStart {
  /** Where the IP header of the SYN starts. */
  start = 0
  /** Behind the last octet of its TCP options, or of what is there of them. */
  end = 0
  /** The tunnels the SYN lay in, outermost first; `undefined`: none. */
  tunnels: string[] | undefined
  /** The link type that is not known, for `UNKNOWN_LINK`: of the interface, or one named inside the packet. */
  linkType = 0
  /** Where `linkHeader` found the network layer. */
  at = 0

  /**
   * Looks at the packet in octets `start` to `end`.
   *
   * @param cut Whether the capture kept only the beginning of the packet.
   */
  locate(bytes: Uint8Array, start: number, end: number, linkType: number, cut: boolean): Verdict {
    this.tunnels = undefined
    // Most packets of most files: Ethernet, IPv4 without options, TCP.
    if (linkType === 1 && end - start >= 54 && bytes[start + 12] === 8 && bytes[start + 13] === 0) {
      const at = start + 14
      if (bytes[at] === 0x45 && bytes[at + 9] === PROTOCOL.TCP) return this.#ipv4(bytes, at, end, cut, 0)
    }
    this.linkType = linkType
    return this.#network(bytes, linkHeader(bytes, start, end, linkType, this), end, cut, 0)
  }

  #network(bytes: Uint8Array, network: number, end: number, cut: boolean, depth: number): Verdict {
    const { at } = this
    switch (network) {
      case NETWORK.IP: {
        if (at >= end) return cut ? VERDICT.CUT : VERDICT.OTHER
        const version = bytes[at]! >> 4
        if (version === 4) return this.#ipv4(bytes, at, end, cut, depth)
        return version === 6 ? this.#ipv6(bytes, at, end, cut, depth) : VERDICT.OTHER
      }
      case NETWORK.SHORT:
        return cut ? VERDICT.CUT : VERDICT.OTHER
      case NETWORK.UNKNOWN:
        return VERDICT.UNKNOWN_LINK
      default:
        return VERDICT.OTHER
    }
  }

  #ipv4(bytes: Uint8Array, at: number, end: number, cut: boolean, depth: number): Verdict {
    if (end - at < 20) {
      return cut && !(end - at > 9 && !carries(bytes[at + 9]!)) ? VERDICT.CUT : VERDICT.OTHER
    }
    const headerLength = (bytes[at]! & 15) * 4
    // A later fragment has no TCP header.
    if (headerLength < 20 || ((bytes[at + 6]! & 0x1f) | bytes[at + 7]!) !== 0) return VERDICT.OTHER
    const totalLength = (bytes[at + 2]! << 8) | bytes[at + 3]!
    // 0: the length was left to the network card. Octets behind the packet are padding of the link, not options.
    if (totalLength >= headerLength && totalLength < end - at)
      return this.#payload(bytes, at, at + headerLength, at + totalLength, false, bytes[at + 9]!, depth)
    return this.#payload(bytes, at, at + headerLength, end, cut, bytes[at + 9]!, depth)
  }

  #ipv6(bytes: Uint8Array, at: number, end: number, cut: boolean, depth: number): Verdict {
    if (end - at < 40) return cut ? VERDICT.CUT : VERDICT.OTHER
    const payloadLength = (bytes[at + 4]! << 8) | bytes[at + 5]!
    let limit = end
    let short = cut
    if (payloadLength > 0 && payloadLength + 40 < end - at) {
      limit = at + 40 + payloadLength
      short = false
    }
    let next = bytes[at + 6]!
    let here = at + 40
    for (;;) {
      let length: number
      if (EXTENSION[next] === 1) length = 8
      else if (next === PROTOCOL.FRAGMENT || next === PROTOCOL.AH) length = 8
      else return this.#payload(bytes, at, here, limit, short, next, depth)
      if (limit - here < length) return short ? VERDICT.CUT : VERDICT.OTHER
      if (next === PROTOCOL.FRAGMENT) {
        if (((bytes[here + 2]! << 8) | bytes[here + 3]!) >= 8) return VERDICT.OTHER
      } else {
        length = next === PROTOCOL.AH ? (bytes[here + 1]! + 2) * 4 : (bytes[here + 1]! + 1) * 8
      }
      next = bytes[here]!
      here += length
    }
  }

  /** The octets behind an IP header that starts at `ip`. */
  #payload(
    bytes: Uint8Array,
    ip: number,
    at: number,
    end: number,
    cut: boolean,
    protocol: number,
    depth: number,
  ): Verdict {
    if (protocol === PROTOCOL.TCP) {
      if (end - at < 14) return cut ? VERDICT.CUT : VERDICT.OTHER
      if ((bytes[at + 13]! & (FLAG.SYN | FLAG.ACK | FLAG.RST)) !== FLAG.SYN) return VERDICT.OTHER
      const headerEnd = at + Math.max(20, (bytes[at + 12]! >> 4) * 4)
      this.start = ip
      this.end = Math.min(headerEnd, end)
      return VERDICT.SYN
    }
    if (!carries(protocol) || depth >= DEEPEST) return VERDICT.OTHER
    return this.#tunnel(bytes, at, end, cut, protocol, depth)
  }

  #tunnel(bytes: Uint8Array, at: number, end: number, cut: boolean, protocol: number, depth: number): Verdict {
    const short = cut ? VERDICT.CUT : VERDICT.OTHER
    switch (protocol) {
      case PROTOCOL.IPV4:
      case PROTOCOL.IPV6:
        // 4 and 41 say which version is inside (RFC 2003, RFC 4213).
        if (at < end && bytes[at]! >> 4 !== (protocol === PROTOCOL.IPV4 ? 4 : 6)) return VERDICT.OTHER
        return this.#inside(bytes, at, end, cut, depth, protocol === PROTOCOL.IPV4 ? 'ipv4' : 'ipv6', 0x0800)
      case PROTOCOL.GRE: {
        // RFC 2784, RFC 2890; version 1 is PPTP (RFC 2637).
        if (end - at < 4) return short
        const flags = bytes[at]!
        const version = bytes[at + 1]! & 7
        const type = (bytes[at + 2]! << 8) | bytes[at + 3]!
        if (version > 1 || (flags & 0x40) !== 0) return VERDICT.OTHER
        let length =
          4 + ((flags & 0x80) !== 0 ? 4 : 0) + ((flags & 0x20) !== 0 ? 4 : 0) + ((flags & 0x10) !== 0 ? 4 : 0)
        if (version === 1 && (bytes[at + 1]! & 0x80) !== 0) length += 4
        return this.#inside(bytes, at + length, end, cut, depth, version === 1 ? 'pptp' : 'gre', type)
      }
      case PROTOCOL.UDP:
        if (end - at < 8) return short
        return this.#udp(
          bytes,
          (bytes[at]! << 8) | bytes[at + 1]!,
          (bytes[at + 2]! << 8) | bytes[at + 3]!,
          at + 8,
          end,
          cut,
          depth,
        )
      default:
        return VERDICT.OTHER
    }
  }

  #udp(bytes: Uint8Array, from: number, to: number, at: number, end: number, cut: boolean, depth: number): Verdict {
    const short = cut && end === at ? VERDICT.CUT : VERDICT.OTHER
    switch (to) {
      case UDP_TUNNEL.VXLAN:
      case UDP_TUNNEL.VXLAN_LINUX:
        // RFC 7348: only the I flag, the rest reserved.
        if (end - at < 8) return short
        if (bytes[at] !== 8) return VERDICT.OTHER
        return this.#inside(bytes, at + 8, end, cut, depth, 'vxlan', 0x6558)
      case UDP_TUNNEL.GENEVE: {
        // RFC 8926: version 0, options in words.
        if (end - at < 8) return short
        if (bytes[at]! >> 6 !== 0) return VERDICT.OTHER
        return this.#inside(
          bytes,
          at + 8 + (bytes[at]! & 63) * 4,
          end,
          cut,
          depth,
          'geneve',
          (bytes[at + 2]! << 8) | bytes[at + 3]!,
        )
      }
      case UDP_TUNNEL.GTP: {
        // 3GPP TS 29.281: version 1, a G-PDU (255); any of E, S, PN adds four octets.
        if (end - at < 8) return short
        if ((bytes[at]! & 0xf0) !== 0x30 || bytes[at + 1] !== 255) return VERDICT.OTHER
        let inner = at + 8
        if ((bytes[at]! & 7) !== 0) {
          inner += 4
          let extension = inner <= end && (bytes[at]! & 4) !== 0 ? bytes[inner - 1]! : 0
          for (let i = 0; extension !== 0 && i < DEEPEST && inner < end; i++) {
            const length = bytes[inner]! * 4
            if (length === 0 || inner + length > end) return short
            extension = bytes[inner + length - 1]!
            inner += length
          }
        }
        return this.#inside(bytes, inner, end, cut, depth, 'gtp', 0x0800)
      }
    }
    if (to === UDP_TUNNEL.TEREDO || from === UDP_TUNNEL.TEREDO) {
      // RFC 4380: an authentication and an origin indication may stand before the IPv6 header.
      let inner = at
      if (end - inner >= 13 && bytes[inner] === 0 && bytes[inner + 1] === 1)
        inner += 13 + bytes[inner + 2]! + bytes[inner + 3]!
      if (end - inner >= 8 && bytes[inner] === 0 && bytes[inner + 1] === 0) inner += 8
      if (inner < end && bytes[inner]! >> 4 === 6) return this.#inside(bytes, inner, end, cut, depth, 'teredo', 0x0800)
    }
    return VERDICT.OTHER
  }

  /** What a tunnel carries, named by an EtherType. */
  #inside(
    bytes: Uint8Array,
    at: number,
    end: number,
    cut: boolean,
    depth: number,
    name: string,
    type: number,
  ): Verdict {
    if (at > end) return cut ? VERDICT.CUT : VERDICT.OTHER
    this.at = at
    // 0x6558: an Ethernet frame.
    const network = type === 0x6558 ? linkHeader(bytes, at, end, 1, this) : networkOf(bytes, at, end, type, this)
    const verdict = this.#network(bytes, network, end, cut, depth + 1)
    if (verdict === VERDICT.SYN) {
      if (this.tunnels === undefined) this.tunnels = [name]
      else this.tunnels.unshift(name)
    }
    return verdict
  }
}

/** Whether what this IP protocol carries may hold a TCP segment. */
function carries(protocol: number): boolean {
  switch (protocol) {
    case PROTOCOL.TCP:
    case PROTOCOL.UDP:
    case PROTOCOL.IPV4:
    case PROTOCOL.IPV6:
    case PROTOCOL.GRE:
      return true
    default:
      return false
  }
}
