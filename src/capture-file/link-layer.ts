/**
 * From a captured frame to the IP header in it: link types (https://www.tcpdump.org/linktypes.html) and the tags between
 * a link header and IP.
 * @module
 */

/** LINKTYPE_ values whose packets are understood. */
export const LINK = {
  NULL: 0,
  ETHERNET: 1,
  TOKEN_RING: 6,
  SLIP: 8,
  PPP: 9,
  FDDI: 10,
  /** DLT_RAW of most systems; DLT_LOOP of OpenBSD. */
  RAW_12: 12,
  /** DLT_RAW of OpenBSD. */
  RAW_14: 14,
  PPP_HDLC: 50,
  PPP_ETHER: 51,
  RAW: 101,
  C_HDLC: 104,
  IEEE802_11: 105,
  FRELAY: 107,
  LOOP: 108,
  ENC: 109,
  LINUX_SLL: 113,
  PFLOG: 117,
  PRISM: 119,
  IP_OVER_FC: 122,
  RADIOTAP: 127,
  APPLE_IP_OVER_IEEE1394: 138,
  /** DLT_USER2, which Apple's tcpdump uses for PKTAP. */
  USER2: 149,
  AVS: 163,
  PPP_PPPD: 166,
  PPI: 192,
  PPP_WITH_DIRECTION: 204,
  MPLS: 219,
  IPNET: 226,
  IPV4: 228,
  IPV6: 229,
  NFLOG: 239,
  PKTAP: 258,
  LINUX_SLL2: 276,
} as const

/** What `linkHeader` found. */
export const NETWORK = {
  /** An IP header, its version told by its first octet, starts at `at`. */
  IP: 0,
  /** Something else than IP. */
  OTHER: 1,
  /** The frame ends before that can be told. */
  SHORT: 2,
  /** The link type, left in `linkType`, is not known. */
  UNKNOWN: 3,
} as const

/** Where the answers that are not the return value are left. */
export interface NetworkStart {
  at: number
  linkType: number
}

/** EtherTypes (IEEE 802 numbers at IANA). */
const ETHER = {
  IPV4: 0x0800,
  IPV6: 0x86dd,
  VLAN: 0x8100,
  VLAN_SERVICE: 0x88a8,
  VLAN_9100: 0x9100,
  VLAN_9200: 0x9200,
  VLAN_9300: 0x9300,
  VN_TAG: 0x8926,
  E_TAG: 0x893f,
  BACKBONE_TAG: 0x88e7,
  TRANSPARENT_BRIDGING: 0x6558,
  MPLS: 0x8847,
  MPLS_UPSTREAM: 0x8848,
  PPP: 0x880b,
  PPPOE_SESSION: 0x8864,
  /** Linux: 802.3 frames without a length field, in cooked captures. */
  LLC: 0x0004,
} as const

/** Link headers inside link headers: no honest packet has more. */
const DEEPEST = 16

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

function u16le(bytes: Uint8Array, at: number): number {
  return (bytes[at + 1]! << 8) | bytes[at]!
}

function u32le(bytes: Uint8Array, at: number): number {
  return (u16le(bytes, at) | (u16le(bytes, at + 2) << 16)) >>> 0
}

function found(start: NetworkStart, at: number): number {
  start.at = at
  return NETWORK.IP
}

/**
 * Finds the network header of the frame in octets `at` to `end` and leaves its offset in `start.at`. Returns one of
 * `NETWORK`; for `UNKNOWN` the link type is in `start.linkType`. Reads nothing outside the frame; never throws.
 */
export function linkHeader(bytes: Uint8Array, at: number, end: number, linkType: number, start: NetworkStart): number {
  return frame(bytes, at, end, linkType, start, 0)
}

/** The same for what follows an EtherType. */
export function networkOf(bytes: Uint8Array, at: number, end: number, type: number, start: NetworkStart): number {
  return ethertype(bytes, at, end, type, start, 0)
}

function frame(
  bytes: Uint8Array,
  at: number,
  end: number,
  linkType: number,
  start: NetworkStart,
  depth: number,
): number {
  const size = end - at
  if (depth > DEEPEST) return NETWORK.OTHER
  switch (linkType) {
    case LINK.ETHERNET:
      if (size < 14) return NETWORK.SHORT
      return ethertype(bytes, at + 14, end, u16(bytes, at + 12), start, depth)
    case LINK.RAW:
    case LINK.RAW_14:
    case LINK.IPV4:
    case LINK.IPV6:
      return found(start, at)
    case LINK.RAW_12:
      // An address family (OpenBSD) starts with a zero octet, an IP header never.
      return size >= 4 && bytes[at] === 0 ? family(bytes, at, end, start) : found(start, at)
    case LINK.NULL:
    case LINK.LOOP:
      return family(bytes, at, end, start)
    case LINK.ENC:
      return size < 12 ? NETWORK.SHORT : found(start, at + 12)
    case LINK.LINUX_SLL:
      return size < 16 ? NETWORK.SHORT : ethertype(bytes, at + 16, end, u16(bytes, at + 14), start, depth)
    case LINK.LINUX_SLL2:
      return size < 20 ? NETWORK.SHORT : ethertype(bytes, at + 20, end, u16(bytes, at), start, depth)
    case LINK.PPP:
    case LINK.PPP_HDLC:
      return ppp(bytes, at, end, start, depth)
    case LINK.PPP_PPPD:
      // In place of the address octet: the direction.
      return size < 2 ? NETWORK.SHORT : ppp(bytes, bytes[at + 1] === 3 ? at + 2 : at + 1, end, start, depth)
    case LINK.PPP_WITH_DIRECTION:
      return ppp(bytes, at + 1, end, start, depth)
    case LINK.PPP_ETHER:
      return ethertype(bytes, at, end, ETHER.PPPOE_SESSION, start, depth)
    case LINK.C_HDLC:
      return size < 4 ? NETWORK.SHORT : ethertype(bytes, at + 4, end, u16(bytes, at + 2), start, depth)
    case LINK.FRELAY:
      return frameRelay(bytes, at, end, start, depth)
    case LINK.MPLS:
      return ethertype(bytes, at, end, ETHER.MPLS, start, depth)
    case LINK.SLIP:
      return size < 16 ? NETWORK.SHORT : found(start, at + 16)
    case LINK.IPNET:
      return size < 24 ? NETWORK.SHORT : found(start, at + 24)
    case LINK.PFLOG: {
      // The first octet is the header's length without its padding to a word; the second the address family.
      if (size < 2) return NETWORK.SHORT
      const length = (bytes[at]! + 3) & ~3
      return size < length ? NETWORK.SHORT : found(start, at + length)
    }
    case LINK.APPLE_IP_OVER_IEEE1394:
      return size < 18 ? NETWORK.SHORT : ethertype(bytes, at + 18, end, u16(bytes, at + 16), start, depth)
    case LINK.IP_OVER_FC:
      return llc(bytes, at + 16, end, start, depth)
    case LINK.FDDI:
      return llc(bytes, at + 13, end, start, depth)
    case LINK.TOKEN_RING: {
      if (size < 15) return NETWORK.SHORT
      // IEEE 802.5: the top bit of the source address says that routing information follows, its length in 5 bits.
      const routing = (bytes[at + 8]! & 0x80) !== 0 ? bytes[at + 14]! & 31 : 0
      return llc(bytes, at + 14 + routing, end, start, depth)
    }
    case LINK.IEEE802_11:
      return wifi(bytes, at, end, start, depth)
    case LINK.RADIOTAP: {
      if (size < 4) return NETWORK.SHORT
      return wifi(bytes, at + u16le(bytes, at + 2), end, start, depth)
    }
    case LINK.PRISM:
      // Some drivers say PRISM and write AVS, whose length is in the header.
      if (size < 8) return NETWORK.SHORT
      return wifi(bytes, at + (u16(bytes, at) === 0x8021 ? u16(bytes, at + 6) : 144), end, start, depth)
    case LINK.AVS:
      return size < 8 ? NETWORK.SHORT : wifi(bytes, at + u16(bytes, at + 6), end, start, depth)
    case LINK.PPI:
      if (size < 8) return NETWORK.SHORT
      return frame(bytes, Math.min(at + u16le(bytes, at + 2), end), end, u32le(bytes, at + 4), start, depth + 1)
    case LINK.PKTAP:
    case LINK.USER2: {
      // Length of this header, then (at 8) the link type of what follows it.
      if (size < 12) return NETWORK.SHORT
      const length = u32le(bytes, at)
      if (linkType === LINK.USER2 && (length < 12 || length > 1024)) return unknown(start, linkType)
      return frame(bytes, Math.min(at + length, end), end, u32le(bytes, at + 8), start, depth + 1)
    }
    case LINK.NFLOG:
      return nflog(bytes, at, end, start)
    default:
      return unknown(start, linkType)
  }
}

function unknown(start: NetworkStart, linkType: number): number {
  start.linkType = linkType
  return NETWORK.UNKNOWN
}

/** What an EtherType announces, from `at` on, through all tags. */
function ethertype(
  bytes: Uint8Array,
  at: number,
  end: number,
  type: number,
  start: NetworkStart,
  depth: number,
): number {
  for (;;) {
    let tag: number
    switch (type) {
      case ETHER.IPV4:
      case ETHER.IPV6:
        return found(start, at)
      case ETHER.VLAN:
      case ETHER.VLAN_SERVICE:
      case ETHER.VLAN_9100:
      case ETHER.VLAN_9200:
      case ETHER.VLAN_9300:
        tag = 4
        break
      case ETHER.VN_TAG:
        tag = 6
        break
      case ETHER.E_TAG:
        tag = 8
        break
      case ETHER.BACKBONE_TAG:
        tag = 18
        break
      case ETHER.MPLS:
      case ETHER.MPLS_UPSTREAM:
        // RFC 3032: labels of four octets, the last with its S bit set.
        for (;;) {
          if (end - at < 4) return NETWORK.SHORT
          at += 4
          if ((bytes[at - 2]! & 1) !== 0) break
        }
        if (at >= end) return NETWORK.SHORT
        return pseudowire(bytes, at, end, start, depth)
      case ETHER.PPPOE_SESSION:
        // RFC 2516: six octets, then PPP without its address octets.
        return end - at < 6 ? NETWORK.SHORT : ppp(bytes, at + 6, end, start, depth)
      case ETHER.PPP:
        return ppp(bytes, at, end, start, depth)
      case ETHER.TRANSPARENT_BRIDGING:
        return frame(bytes, at, end, LINK.ETHERNET, start, depth + 1)
      case ETHER.LLC:
        return llc(bytes, at, end, start, depth)
      default:
        // IEEE 802.3: a length, then LLC.
        return type <= 1500 ? llc(bytes, at, end, start, depth) : NETWORK.OTHER
    }
    if (end - at < tag) return NETWORK.SHORT
    at += tag
    type = u16(bytes, at - 2)
  }
}

/** Behind the last MPLS label nothing says what follows but its first octet (RFC 4385 section 3). */
function pseudowire(bytes: Uint8Array, at: number, end: number, start: NetworkStart, depth: number): number {
  const nibble = bytes[at]! >> 4
  if (nibble === 4 || nibble === 6) return found(start, at)
  // A control word, then an Ethernet frame (RFC 4448).
  return nibble === 0 && end - at > 18 ? frame(bytes, at + 4, end, LINK.ETHERNET, start, depth + 1) : NETWORK.OTHER
}

/** BSD loopback: an address family in the byte order of whoever captured (NULL) or of the network (LOOP). */
function family(bytes: Uint8Array, at: number, end: number, start: NetworkStart): number {
  if (end - at < 4) return NETWORK.SHORT
  const little = u32le(bytes, at)
  switch (little <= 0xffff ? little : u16(bytes, at + 2)) {
    case 2: // AF_INET everywhere
    case 10: // AF_INET6 of Linux,
    case 23: // Windows,
    case 24: // NetBSD and OpenBSD,
    case 28: // FreeBSD,
    case 30: // macOS
      return found(start, at + 4)
    default:
      return NETWORK.OTHER
  }
}

/** PPP (RFC 1661, RFC 1662), with or without address and control octets, the protocol in one octet or two. */
function ppp(bytes: Uint8Array, at: number, end: number, start: NetworkStart, depth: number): number {
  let here = at
  if (end - here >= 2 && bytes[here] === 0xff && bytes[here + 1] === 3) here += 2
  if (end - here < 2) return NETWORK.SHORT
  const short = (bytes[here]! & 1) !== 0
  const protocol = short ? bytes[here]! : u16(bytes, here)
  here += short ? 1 : 2
  switch (protocol) {
    case 0x0021:
    case 0x0057:
      return found(start, here)
    case 0x0031: // BCP (RFC 3518): flags, type 1 is Ethernet
      if (end - here < 2) return NETWORK.SHORT
      return bytes[here + 1] === 1 ? frame(bytes, here + 2, end, LINK.ETHERNET, start, depth + 1) : NETWORK.OTHER
    case 0x0281:
      return ethertype(bytes, here, end, ETHER.MPLS, start, depth)
    default:
      return NETWORK.OTHER
  }
}

/** IEEE 802.2 LLC, with SNAP (RFC 1042) or the IP service access point. */
function llc(bytes: Uint8Array, at: number, end: number, start: NetworkStart, depth: number): number {
  if (end - at < 3) return NETWORK.SHORT
  if (bytes[at] === 0x06 && bytes[at + 1] === 0x06) return found(start, at + 3)
  if (bytes[at] !== 0xaa || bytes[at + 1] !== 0xaa || bytes[at + 2] !== 3) return NETWORK.OTHER
  if (end - at < 8) return NETWORK.SHORT
  const organization = (bytes[at + 3]! << 16) | u16(bytes, at + 4)
  const type = u16(bytes, at + 6)
  // 00-00-00: EtherType (RFC 1042); 00-00-f8: bridge tunnel. A length here would lead around in circles.
  if ((organization !== 0 && organization !== 0xf8) || type <= 1500 || depth > DEEPEST) return NETWORK.OTHER
  return ethertype(bytes, at + 8, end, type, start, depth + 1)
}

/** Frame Relay (RFC 2427): an address of two to four octets, control, then a network-layer protocol identifier. */
function frameRelay(bytes: Uint8Array, at: number, end: number, start: NetworkStart, depth: number): number {
  let here = at
  while (here < end && here - at < 4 && (bytes[here]! & 1) === 0) here++
  here++
  if (end - here < 2) return NETWORK.SHORT
  // Cisco's encapsulation has an EtherType right behind the address.
  if (bytes[here] !== 3) return ethertype(bytes, here + 2, end, u16(bytes, here), start, depth)
  here += 1
  if (bytes[here] === 0) here += 1
  if (here >= end) return NETWORK.SHORT
  switch (bytes[here]) {
    case 0xcc:
    case 0x8e:
      return found(start, here + 1)
    case 0x80:
      if (end - here < 6) return NETWORK.SHORT
      return (bytes[here + 1]! | u16(bytes, here + 2)) === 0 && u16(bytes, here + 4) > 1500
        ? ethertype(bytes, here + 6, end, u16(bytes, here + 4), start, depth + 1)
        : NETWORK.OTHER
    default:
      return NETWORK.OTHER
  }
}

/** IEEE 802.11 data frames that are not encrypted. */
function wifi(bytes: Uint8Array, at: number, end: number, start: NetworkStart, depth: number): number {
  if (end - at < 24) return NETWORK.SHORT
  const type = bytes[at]!
  const flags = bytes[at + 1]!
  // Type 2 is data; bit 6 of the subtype: a frame without data; flag 0x40: encrypted.
  if ((type & 0x0c) !== 8 || (type & 0x40) !== 0 || (flags & 0x40) !== 0) return NETWORK.OTHER
  let here = at + 24
  if ((flags & 3) === 3) here += 6
  if ((type & 0x80) !== 0) {
    const control = here < end ? bytes[here]! : 0
    here += 2
    if ((flags & 0x80) !== 0) here += 4
    // An aggregate: the first of its frames starts with two addresses and a length.
    if ((control & 0x80) !== 0) here += 14
  }
  const straight = llc(bytes, here, end, start, depth)
  // Atheros pads the header to a word and does not say so here.
  return straight === NETWORK.OTHER && (here - at) % 4 === 2 ? llc(bytes, here + 2, end, start, depth) : straight
}

/** Linux netfilter log: attributes of type, length and value; the packet is the attribute of type 9. */
function nflog(bytes: Uint8Array, at: number, end: number, start: NetworkStart): number {
  let here = at + 4
  while (end - here >= 4) {
    const length = u16le(bytes, here)
    if ((u16le(bytes, here + 2) & 0x7fff) === 9) return found(start, here + 4)
    if (length < 4) return NETWORK.OTHER
    here += (length + 3) & ~3
  }
  return NETWORK.SHORT
}
