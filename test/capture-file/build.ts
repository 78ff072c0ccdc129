/**
 * Capture files built octet by octet.
 * @module
 */

/** A SYN of a current Linux, IPv4 (hand-built; 192.0.2.1:54321 to 198.51.100.10:443). */
export const SYN4: Uint8Array = hex(
  '4500003c1c4640004006b1e6c0000201c633640ad43101bb5f1e2d3c00000000a002faf0fe300000020405b40402080a00c3a1b20000000001030307',
)
/** The same over IPv6, with a flow label (2001:db8::10 to 2001:db8::7). */
export const SYN6: Uint8Array = hex(
  '600123450028064020010db800000000000000000000001020010db8000000000000000000000007a8ca01bb1122334400000000a002fd2000000000020405a00402080a00a1b2c30000000001030307',
)

/** Octets of hexadecimal text; spaces are for the reader. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(' ', '')
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16))
}

/** All parts one after the other; numbers are octets. */
export function join(...parts: readonly (Uint8Array | number)[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => (typeof part === 'number' ? [part] : Array.from(part))))
}

/** A copy with one octet changed. */
export function withOctet(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = value
  return copy
}

function number(value: number, octets: number, little: boolean): Uint8Array {
  const bytes = Uint8Array.from({ length: octets }, (_, i) => Math.floor(value / 256 ** i) & 255)
  return little ? bytes : bytes.reverse()
}

/** 16 bits, big-endian unless told otherwise. */
export const u16 = (value: number, little = false): Uint8Array => number(value, 2, little)
/** 32 bits, big-endian unless told otherwise. */
export const u32 = (value: number, little = false): Uint8Array => number(value, 4, little)

/** How a pcap file is written. */
export interface PcapOptions {
  readonly little?: boolean
  readonly magic?: number
  readonly linkType?: number
  readonly snapLength?: number
  readonly version?: readonly [number, number]
  /** Octets that the packets had on the wire, where more than are kept. */
  readonly original?: number
}

/** A pcap file. */
export function pcap(packets: readonly Uint8Array[], options: PcapOptions = {}): Uint8Array {
  const { little = true, magic = 0xa1b2c3d4, linkType = 101, snapLength = 65535, version = [2, 4], original } = options
  const swapped = version[0] === 543 || version[1] < 3
  const header = [
    u32(magic, little),
    u16(version[0], little),
    u16(version[1], little),
    u32(0),
    u32(0),
    u32(snapLength, little),
    u32(linkType, little),
  ]
  const records = packets.flatMap((packet) => {
    const lengths = [u32(packet.length, little), u32(original ?? packet.length, little)]
    const extra = magic === 0xa1b2cd34 ? [u32(3), u32(0x00080000)] : []
    return [u32(1, little), u32(2, little), ...(swapped ? lengths.reverse() : lengths), ...extra, packet]
  })
  return join(...header, ...records)
}

/** Blocks of a pcapng file in one byte order. */
export interface PcapngBlocks {
  block(type: number, ...body: readonly (Uint8Array | number)[]): Uint8Array
  section(version?: number): Uint8Array
  interface(linkType: number, snapLength?: number): Uint8Array
  enhanced(packet: Uint8Array, id?: number, original?: number): Uint8Array
  simple(packet: Uint8Array, original?: number): Uint8Array
  obsolete(packet: Uint8Array, id?: number): Uint8Array
}

/** Makes blocks. */
export function pcapng(little = true): PcapngBlocks {
  const n16 = (value: number): Uint8Array => u16(value, little)
  const n32 = (value: number): Uint8Array => u32(value, little)
  const block = (type: number, ...body: readonly (Uint8Array | number)[]): Uint8Array => {
    const content = join(...body)
    const padded = join(content, new Uint8Array((4 - (content.length & 3)) & 3))
    const length = n32(padded.length + 12)
    return join(n32(type), length, padded, length)
  }
  return {
    block,
    section: (version = 1) => block(0x0a0d0d0a, n32(0x1a2b3c4d), n16(version), n16(0), new Uint8Array(8).fill(255)),
    interface: (linkType, snapLength = 0) => block(1, n16(linkType), n16(0), n32(snapLength)),
    enhanced: (packet, id = 0, original = packet.length) =>
      block(
        6,
        ...[n32(id), n32(1), n32(2), n32(packet.length), n32(original), packet],
        // Options begin at the next 32 bits: a comment of two octets.
        ...[new Uint8Array(-packet.length & 3), n16(1), n16(2), n32(0x61626364)],
      ),
    simple: (packet, original = packet.length) => block(3, n32(original), packet),
    obsolete: (packet, id = 0) =>
      block(2, n16(id), n16(0), n32(1), n32(2), n32(packet.length), n32(packet.length), packet),
  }
}

/** An Ethernet frame around an IP packet, with any tags (in octets) between addresses and EtherType. */
export function ethernet(packet: Uint8Array, tags: Uint8Array = new Uint8Array()): Uint8Array {
  return join(new Uint8Array(12).fill(2), tags, u16(packet[0]! >> 4 === 4 ? 0x0800 : 0x86dd), packet)
}

/** An IPv4 header without options in front of a payload. */
export function ipv4(protocol: number, payload: Uint8Array, fragment = 0x4000): Uint8Array {
  return join(
    hex('4500'),
    u16(20 + payload.length),
    hex('1234'),
    u16(fragment),
    64,
    protocol,
    hex('0000 0a000001 0a000002'),
    payload,
  )
}

/** A UDP header in front of a payload. */
export function udp(port: number, payload: Uint8Array): Uint8Array {
  // Its own source port for each tunnel: tshark remembers what a pair of ports has carried.
  return join(u16(40_000 + (port % 20_000)), u16(port), u16(8 + payload.length), u16(0), payload)
}
