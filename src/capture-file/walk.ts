/**
 * The walk from a captured frame to a TCP header: where it stands, and what the number of the next header means there.
 * @module
 */

/** Registries that a header's number may be of. Values index the tables of `encapsulations.ts`. */
export const LAYER = {
  /** LINKTYPE_ values (https://www.tcpdump.org/linktypes.html). */
  LINK_TYPE: 0,
  /** IEEE 802 numbers at IANA; up to 1500 a length, then LLC. */
  ETHERTYPE: 1,
  /** IANA protocol numbers, for both IP versions. */
  IP_PROTOCOL: 2,
  /** GRE protocol types that are no EtherTypes. */
  GRE_TYPE: 3,
  /** Well-known ports of tunnels over UDP. */
  UDP_PORT: 4,
  /** PPP protocol numbers. */
  PPP_PROTOCOL: 5,
  /** IEEE 802.2 service access points. */
  LLC_SAP: 6,
} as const
/** One of the values of `LAYER`. */
export type Layer = (typeof LAYER)[keyof typeof LAYER]

/** Names of the registries for people, by value. */
export const LAYER_NAMES: readonly string[] = [
  'link type',
  'EtherType',
  'IP protocol',
  'GRE protocol type',
  'UDP port',
  'PPP protocol',
  'LLC service access point',
]

/** What reading one header came to. */
export const STEP = {
  /** The next header is at `at`; `layer` and `number` say what it is. */
  NEXT: 0,
  /** An IP header is at `at`, its version told by its first octet. */
  IP: 1,
  /** Nothing that could hold a TCP segment follows. */
  END: 2,
  /** The packet ends inside the header. */
  SHORT: 3,
  /** What follows cannot be read: `why` says so. */
  CLOSED: 4,
  /** A TCP header with SYN and without ACK and RST is at `at`. */
  SYN: 5,
} as const
/** One of the values of `STEP`. */
export type Step = (typeof STEP)[keyof typeof STEP]

/** Why something that may hold a SYN was not opened. */
export type NotOpenedReason =
  | 'unknown'
  | 'encrypted'
  | 'compressed'
  | 'fragment'
  | 'quoted'
  | 'unsupported'
  | 'too-short'
  | 'too-deep'

/**
 * Reads one header, at octets from `walk.at` to before `walk.end` alone. Never moves back, never throws. May restore octets there that the
 * encapsulation had changed (Van Jacobson's protocol, Cisco's frame control): a packet that is located again gives the same.
 */
export type Decode = (walk: Walk) => Step

const NOTHING = /* @__PURE__ */ new Uint8Array()

/** The state of a walk: one object serves a whole file. */
export class Walk {
  bytes: Uint8Array = NOTHING
  /** The header to read next. */
  at = 0
  /** Behind the last octet of what encloses it. */
  end = 0
  /** True if the capture kept fewer octets than that. */
  cut = false
  layer: Layer = LAYER.LINK_TYPE
  number = 0
  why: NotOpenedReason = 'unknown'
  /** True inside what an ICMP error quotes. */
  isQuoted = false
  /** The IP header that was read last. */
  ip = 0
  /** Octets of headers between that one, if it is IPv4, and what is at `at`. */
  between = 0
  /** Of UDP: where the number is no tunnel's, this port decides. */
  otherPort = 0
  /** The tunnels entered so far, outermost first. */
  tunnels: string[] | undefined = undefined

  /** True if `count` octets are there. */
  has(count: number): boolean {
    return this.end - this.at >= count
  }

  u8(offset: number): number {
    return this.bytes[this.at + offset]!
  }

  u16(offset: number): number {
    return (this.bytes[this.at + offset]! << 8) | this.bytes[this.at + offset + 1]!
  }

  u16le(offset: number): number {
    return (this.bytes[this.at + offset + 1]! << 8) | this.bytes[this.at + offset]!
  }

  u32le(offset: number): number {
    return (this.u16le(offset) | (this.u16le(offset + 2) << 16)) >>> 0
  }

  /** Goes on `octets` further to a header of a registry. */
  next(octets: number, layer: Layer, number: number): Step {
    if (!this.has(octets)) return STEP.SHORT
    this.at += octets
    this.layer = layer
    this.number = number
    return STEP.NEXT
  }

  /** Goes on to an Ethernet frame. */
  ethernet(octets: number): Step {
    return this.next(octets, LAYER.LINK_TYPE, 1)
  }

  /** Goes on to an IP header. */
  toIp(octets: number): Step {
    // One octet more tells its version.
    if (!this.has(octets + 1)) return STEP.SHORT
    this.at += octets
    return STEP.IP
  }

  /** Notes that what follows is inside a tunnel. */
  enter(tunnel: string): this {
    if (this.tunnels === undefined) this.tunnels = [tunnel]
    else this.tunnels.push(tunnel)
    return this
  }

  /** Ends the walk at something that may hold a SYN. */
  closed(why: NotOpenedReason): Step {
    this.why = why
    return STEP.CLOSED
  }
}
