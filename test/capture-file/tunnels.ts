/**
 * A packet builder: every encapsulation that is opened, around an IP packet. Those that carry frames are given as frames.
 * @module
 */

import { ethernet, hex, ipv4, join, u16, u32, udp } from './build.ts'

/** From an IP packet to an IP packet around it. */
export type Wrap = (packet: Uint8Array) => Uint8Array

const is4 = (packet: Uint8Array): boolean => packet[0]! >> 4 === 4
const etherType = (packet: Uint8Array): Uint8Array => u16(is4(packet) ? 0x0800 : 0x86dd)
const pppProtocol = (packet: Uint8Array): Uint8Array => u16(is4(packet) ? 0x0021 : 0x0057)

/** An IPv6 header in front of a payload. */
export function ipv6(next: number, payload: Uint8Array): Uint8Array {
  const address = (last: number): Uint8Array => join(hex('20010db8 0000000000000000 000000'), last)
  return join(hex('60000000'), u16(payload.length), next, 64, address(1), address(2), payload)
}

const gre =
  (flags: string, type: (packet: Uint8Array) => Uint8Array, fields: string, body: Wrap = (packet) => packet): Wrap =>
  (packet) =>
    ipv4(47, join(hex(flags), type(packet), hex(fields), body(packet)))
const over =
  (port: number, header: (packet: Uint8Array) => Uint8Array, body: Wrap = (packet) => packet): Wrap =>
  (packet) =>
    ipv4(17, udp(port, join(header(packet), body(packet))))
const fixed =
  (text: string): ((packet: Uint8Array) => Uint8Array) =>
  () =>
    hex(text)
const type = (number: number) => () => u16(number)
/** Next protocol of NSH and VXLAN-GPE. */
const nextProtocol = (packet: Uint8Array): number => (is4(packet) ? 1 : 2)
const WIFI_TO_DS = hex('0801 0000 020202020202 030303030303 040404040404 1000 aaaa03 000000')

/** Tunnels: name, and what stands around a packet. */
export const TUNNELS: readonly (readonly [name: string, wrap: Wrap])[] = [
  ['IP in IPv4', (packet) => ipv4(is4(packet) ? 4 : 41, packet)],
  ['IP in IPv6', (packet) => ipv6(is4(packet) ? 4 : 41, packet)],
  ['GRE', gre('0000', etherType, '')],
  ['GRE over IPv6', (packet) => ipv6(47, join(hex('0000'), etherType(packet), packet))],
  ['GRE with checksum', gre('8000', etherType, '00000000')],
  ['GRE with key', gre('2000', etherType, '00000007')],
  ['GRE with sequence number', gre('1000', etherType, '00000001')],
  ['GRE with checksum, key and sequence number', gre('b000', etherType, '00000000 00000007 00000001')],
  ['GRE with routing', gre('4000', etherType, '00000000 0800 0404 c0000201 00000000')],
  ['GRE with Ethernet', gre('0000', type(0x6558), '', ethernet)],
  ['GRE with PPP', gre('0000', type(0x880b), '', (packet) => join(pppProtocol(packet), packet))],
  ['GRE with MPLS', gre('0000', type(0x8847), '00000140')],
  ['GRE with a tag', gre('0000', type(0x8100), '0007', (packet) => join(etherType(packet), packet))],
  [
    'PPTP',
    (packet) =>
      ipv4(
        47,
        join(hex('3081 880b'), u16(4 + packet.length), hex('0001 00000001 00000002 ff03'), pppProtocol(packet), packet),
      ),
  ],
  [
    'PPTP without acknowledgment',
    (packet) =>
      ipv4(47, join(hex('3001 880b'), u16(2 + packet.length), hex('0001 00000001'), pppProtocol(packet), packet)),
  ],
  ['ERSPAN I', gre('0000', type(0x88be), '', ethernet)],
  ['ERSPAN II', gre('1000', type(0x88be), '00000001 1005080100000000', ethernet)],
  ['ERSPAN III', gre('1000', type(0x22eb), '00000001 20050801 00000000 00000000', ethernet)],
  [
    'ERSPAN III with a subheader',
    gre('1000', type(0x22eb), '00000001 20050801 00000000 00000001 0000000000000000', ethernet),
  ],
  [
    'GRE with NSH',
    gre('0000', type(0x894f), '', (packet) => join(hex('0fc2 02'), nextProtocol(packet), hex('00000101'), packet)),
  ],
  ['EtherIP', (packet) => ipv4(97, join(hex('3000'), ethernet(packet)))],
  ['MPLS in IP', (packet) => ipv4(137, join(hex('00000140'), packet))],
  [
    'L2TPv2',
    over(
      1701,
      () => hex('0002 0001 0001'),
      (packet) => join(hex('ff03'), pppProtocol(packet), packet),
    ),
  ],
  [
    'L2TPv2 with length, sequence and offset',
    over(
      1701,
      (packet) => join(hex('4a02'), u16(20 + packet.length), hex('0001 0001 0000 0000 0002 0000 ff03')),
      (packet) => join(pppProtocol(packet), packet),
    ),
  ],
  ['VXLAN', over(4789, fixed('0800000000000700'), ethernet)],
  ['VXLAN with group policy', over(4789, fixed('8800000100000700'), ethernet)],
  ['VXLAN with reserved bits', over(4789, fixed('ffffffff000007ff'), ethernet)],
  ['VXLAN over IPv6', (packet) => ipv6(17, udp(4789, join(hex('0800000000000700'), ethernet(packet))))],
  ['VXLAN of Linux', over(8472, fixed('0800000000000700'), ethernet)],
  ['VXLAN-GPE', over(4790, (packet) => join(hex('0c0000'), nextProtocol(packet), hex('00000700')))],
  ['VXLAN-GPE with Ethernet', over(4790, fixed('0c00000300000700'), ethernet)],
  [
    'VXLAN-GPE with NSH',
    over(4790, fixed('0c00000400000700'), (packet) =>
      join(hex('0fc2 02'), nextProtocol(packet), hex('00000101'), packet),
    ),
  ],
  ['Geneve', over(6081, (packet) => join(hex('0000'), etherType(packet), hex('00000700')))],
  ['Geneve with Ethernet and an option', over(6081, fixed('0100 6558 00000700 00000000'), ethernet)],
  ['GTP-U', over(2152, (packet) => join(hex('30ff'), u16(packet.length), hex('00000001')))],
  [
    'GTP-U with an extension',
    over(2152, (packet) => join(hex('34ff'), u16(packet.length + 8), hex('00000001 0000 00 85 01 10 01 00'))),
  ],
  ['CAPWAP with 802.3', over(5247, fixed('00100000 00000000'), ethernet)],
  [
    'CAPWAP with 802.11',
    over(5247, fixed('00100300 00000000'), (packet) =>
      join(hex('0108'), WIFI_TO_DS.subarray(2), etherType(packet), packet),
    ),
  ],
  ['MPLS in UDP', over(6635, fixed('00000140'))],
  ['GRE in UDP', over(4754, (packet) => join(hex('0000'), etherType(packet)))],
  ['LISP', over(4341, fixed('80000001 00000001'))],
  ['TZSP', over(37008, fixed('01000001 01'), ethernet)],
  ['PIM Register', (packet) => ipv4(103, join(hex('21000000 00000000'), packet))],
  ['Ethernet in IP', (packet) => ipv4(143, ethernet(packet))],
  ['EoIP', (packet) => ipv4(47, join(hex('2001 6400'), u16(14 + packet.length), hex('0007'), ethernet(packet)))],
  ['GRE with Frame Relay', gre('0000', type(0x6559), '1841 03', (packet) => join(is4(packet) ? 0xcc : 0x8e, packet))],
  ['LISP control', over(4342, fixed('80000000'))],
  [
    'GTP version 0',
    over(3386, (packet) => join(hex('1eff'), u16(packet.length), hex('0000 0000 00 ffffff 0000000000000000'))),
  ],
  ['VXLAN over UDP-Lite', (packet) => ipv4(136, udp(4789, join(hex('0800000000000700'), ethernet(packet))))],
  ['L2TPv3 over UDP with Ethernet', over(1701, fixed('0003 0000 00000007'), ethernet)],
  ['L2TPv3 over UDP with a cookie', over(1701, fixed('0003 0000 00000007 deadbeef'), ethernet)],
  [
    'L2TPv3 over UDP with PPP',
    over(1701, fixed('0003 0000 00000007 ff03'), (packet) => join(pppProtocol(packet), packet)),
  ],
  ['L2TPv3 over IP', (packet) => ipv4(115, join(hex('00000007'), ethernet(packet)))],
  ['WCCP', gre('0000', type(0x883e), '00000000')],
  ['ERSPAN II by type III', gre('1000', type(0x22eb), '00000001 1005080100000000', ethernet)],
  ['Juniper mirror', over(30030, fixed('0000000100000002'))],
  ['PPP with EtherTypes', gre('0000', type(0x880b), '', (packet) => join(etherType(packet), packet))],
]

/** Tunnels of which one of the two IP versions alone is carried. */
export const TUNNELS_4: readonly (readonly [name: string, wrap: Wrap])[] = [
  ['WCCP without a redirect header', gre('0000', type(0x883e), '')],
  [
    'PPP with Van Jacobson',
    gre('0000', type(0x880b), '', (packet) => join(hex('002f'), packet.subarray(0, 9), 3, packet.subarray(10))),
  ],
]
export const TUNNELS_6: readonly (readonly [name: string, wrap: Wrap])[] = [
  ['IPv6 in protocol 4', (packet) => ipv4(4, packet)],
  ['Teredo', over(3544, fixed(''))],
  ['Teredo with authentication and origin', over(3544, fixed('0001 0000 0000000000000000 00 0000 f1f1 3fffff01'))],
  [
    'AYIYA',
    over(5072, fixed('42 52 11 29 00000000 20010db8000000000000000000000001 0000000000000000000000000000000000000000')),
  ],
]

const mac = hex('02000000000a 02000000000b')
const tagged =
  (text: string): Wrap =>
  (packet) =>
    join(mac, hex(text), etherType(packet), packet)

/** Ethernet frames in which an IP packet stands behind something. */
export const FRAMES: readonly (readonly [name: string, wrap: Wrap])[] = [
  ['Ethernet', ethernet],
  ['802.1Q', tagged('81000007')],
  ['802.1ad and 802.1Q', tagged('88a80005 81000007')],
  ['three old tags', tagged('91000001 91000002 81000003')],
  ['VN-Tag', tagged('8926 00000001')],
  ['E-Tag', tagged('893f 000000000000')],
  ['PBB', (packet) => join(mac, hex('88e7 00000001'), ethernet(packet))],
  ['PBB behind a B-tag', (packet) => join(mac, hex('88a80005 88e7 00000001'), ethernet(packet))],
  ['HSR', tagged('892f 0034 0001')],
  ['FRER', tagged('f1c1 0000 0001')],
  ['Cisco MetaData', tagged('8909 01 01 0001 0005')],
  ['MPLS', (packet) => join(mac, hex('8847 00001040 00002140'), packet)],
  ['MPLS with an Ethernet pseudowire', (packet) => join(mac, hex('8847 00002140 00000000'), ethernet(packet))],
  ['PPPoE', (packet) => join(mac, hex('8864 1100 0001'), u16(packet.length + 2), pppProtocol(packet), packet)],
  [
    'PPPoE with multilink',
    (packet) =>
      join(mac, hex('8864 1100 0001'), u16(packet.length + 8), hex('003d c0000001'), pppProtocol(packet), packet),
  ],
  ['TRILL', (packet) => join(mac, hex('22f3 0006 0001 0002'), ethernet(packet))],
  // With the FCS, which tshark takes off.
  ['FabricPath', (packet) => join(mac, hex('8903 0040'), ethernet(packet), u32(0))],
  [
    'MACsec without encryption',
    (packet) => join(mac, hex('88e5 2000 00000001 0200000000010001'), etherType(packet), packet, new Uint8Array(16)),
  ],
  ['Arista time stamps', tagged('d28b 0001 0010 00000000 00000000')],
  ['batman-adv', (packet) => join(mac, hex('4305 40 0f 32 00 020202020202'), ethernet(packet))],
  ['batman-adv broadcast', (packet) => join(mac, hex('4305 01 0f 32 00 00000001 020202020202'), ethernet(packet))],
  [
    'MACsec without a channel identifier',
    (packet) => join(mac, hex('88e5 0000 00000001'), etherType(packet), packet, new Uint8Array(16)),
  ],
  ['LLC of ISO', (packet) => join(mac, u16(packet.length + 4), hex('fefe03'), is4(packet) ? 0xcc : 0x8e, packet)],
  ['LLC of IP', (packet) => join(mac, u16(packet.length + 3), hex('060603'), packet)],
  ['NSH', (packet) => join(mac, hex('894f 0fc2 02'), nextProtocol(packet), hex('00000101'), packet)],
  [
    'NSH with metadata',
    (packet) => join(mac, hex('894f 0fc6 01'), nextProtocol(packet), hex('00000101'), new Uint8Array(16), packet),
  ],
  ['LLC and SNAP', (packet) => join(mac, u16(packet.length + 8), hex('aaaa03 000000'), etherType(packet), packet)],
  [
    'ISL',
    (packet) =>
      join(
        hex('01000c0000 00 02000000000b'),
        u16(packet.length + 40),
        hex('aaaa03 00000c 000e 0000 0000'),
        ethernet(packet),
        u32(0),
      ),
  ],
]

/** Headers between an IP header of either version and TCP: name, protocol number, octets with the next one left out. */
export const BETWEEN: readonly (readonly [name: string, protocol: number, rest: string])[] = [
  ['AH', 51, '04 0000 00000001 00000001 000000000000000000000000'],
  ['HIP', 139, '04 01 11 00000000 00000000000000000000000000000000 00000000000000000000000000000000'],
  ['Shim6', 140, '00 80 0000000000'],
  ['mobility', 135, '00 00 00 0000 0000'],
  ['destination options', 60, '00 010400000000'],
]

/** A packet with a header between IP and TCP. */
export function between(packet: Uint8Array, protocol: number, rest: string): Uint8Array {
  const header = join(6, hex(rest))
  const at = is4(packet) ? 20 : 40
  const result = join(packet.subarray(0, at), header, packet.subarray(at))
  if (is4(packet)) {
    result.set(u16(result.length), 2)
    result[9] = protocol
  } else {
    result.set(u16(result.length - 40), 4)
    result[6] = protocol
  }
  return result
}

/**
 * What tshark 4.0.17 does not open in packets that this library reads by the specification named. Found by
 * `tshark.test.ts`: a row that tshark comes to open fails it.
 */
export const NOT_OPENED_BY_TSHARK: Readonly<Record<string, string>> = {
  'GRE with a tag': 'an EtherType of 802.1Q in GRE (RFC 2784 section 2.4)',
  'VXLAN of Linux': "port 8472, Linux's default (drivers/net/vxlan)",
  'L2TPv3 over UDP with Ethernet':
    'what a session carries is agreed beforehand (RFC 3931): tshark is told by preferences',
  'L2TPv3 over UDP with a cookie': 'the same',
  'L2TPv3 over UDP with PPP': 'the same',
  'L2TPv3 over IP': 'the same',
  HIP: 'RFC 7401 section 5.1: a next header, 59 in all that is sent today',
  mobility: 'RFC 6275 section 6.1.1: a next header, 59 in all that is sent today',
}
