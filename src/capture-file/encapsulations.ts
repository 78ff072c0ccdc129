/**
 * Everything that is opened on the way to a SYN: one row each.
 * @module
 */

import { EXTENSION_HEADER } from '../wire/ipv6.ts'
import * as ether from './ether-types.ts'
import { gre } from './gre.ts'
import * as ip from './ip-protocols.ts'
import * as link from './link-types.ts'
import * as ppp from './ppp.ts'
import * as tunnel from './udp-tunnels.ts'
import { type Decode, LAYER, type Layer, STEP } from './walk.ts'

/** One encapsulation. */
export interface Encapsulation {
  /** As its specification calls it. */
  readonly name: string
  readonly layer: Layer
  readonly numbers: readonly number[]
  readonly decode: Decode
}

const { LINK_TYPE, ETHERTYPE, IP_PROTOCOL, UDP_PORT, PPP_PROTOCOL, LLC_SAP } = LAYER
const row = (name: string, layer: Layer, numbers: readonly number[], decode: Decode): Encapsulation => ({
  name,
  layer,
  numbers,
  decode,
})

/** What is opened, in the order in which `pcap --help` lists it. */
export const ENCAPSULATIONS: readonly Encapsulation[] = [
  row('Ethernet, Cisco ISL', LINK_TYPE, [1], link.ethernet),
  row('raw IP', LINK_TYPE, [14, 101, 106, 228, 229], link.rawLink),
  row('raw IP or OpenBSD loopback', LINK_TYPE, [12], link.raw12),
  row('BSD loopback', LINK_TYPE, [0, 108], link.family),
  row('Linux cooked', LINK_TYPE, [113], link.sll),
  row('Linux cooked v2', LINK_TYPE, [276], link.sll2),
  row('PPP, Cisco HDLC', LINK_TYPE, [9, 50], link.hdlc),
  row('PPPoE without Ethernet', LINK_TYPE, [51], link.pppoe),
  row('Cisco HDLC', LINK_TYPE, [104, 112], link.hdlc),
  row('PPP of pppd', LINK_TYPE, [166], link.pppd),
  row('PPP with direction', LINK_TYPE, [204], link.pppWithDirection),
  row('802.11', LINK_TYPE, [105], link.wifi),
  row('radiotap', LINK_TYPE, [127], link.radiotap),
  row('Prism, AVS', LINK_TYPE, [119, 163], link.prism),
  row('PPI', LINK_TYPE, [192], link.ppi),
  row('Token Ring', LINK_TYPE, [6], link.tokenRing),
  row('FDDI', LINK_TYPE, [10], link.fddi),
  row('ATM with LLC', LINK_TYPE, [11, 100], ether.llc),
  row('Frame Relay', LINK_TYPE, [107], ether.frameRelay),
  row('IP over Fibre Channel', LINK_TYPE, [122], link.fibreChannel),
  row('IP over IEEE 1394', LINK_TYPE, [138], ether.tag(18)),
  row('Solaris IPNET', LINK_TYPE, [226], link.ipnet),
  row('OpenBSD enc', LINK_TYPE, [109], link.enc),
  row('OpenBSD pflog', LINK_TYPE, [117], link.pflog),
  row('Apple PKTAP', LINK_TYPE, [149, 258], link.pktap),
  row('MPLS', LINK_TYPE, [219], link.mplsFrame),
  row('Linux netfilter log', LINK_TYPE, [239], link.nflog),
  row('Endace ERF', LINK_TYPE, [197], link.erf),
  row('IP over InfiniBand', LINK_TYPE, [242], link.ipoib),

  row('IP', ETHERTYPE, [0x0800, 0x86dd], link.raw),
  row('802.1Q and 802.1ad tags', ETHERTYPE, [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300], ether.tag(4)),
  row('VN-Tag', ETHERTYPE, [0x8926], ether.tag(6)),
  row('E-Tag', ETHERTYPE, [0x893f], ether.tag(8)),
  row('provider backbone bridge', ETHERTYPE, [0x88e7], ether.tag(18)),
  row('HSR, FRER', ETHERTYPE, [0x892f, 0xf1c1], ether.tag(6)),
  row('Cisco MetaData', ETHERTYPE, [0x8909], ether.tag(8)),
  row('bridged Ethernet', ETHERTYPE, [0x6558], ether.bridge),
  row('MPLS', ETHERTYPE, [0x8847, 0x8848], ether.mpls),
  row('PPP', ETHERTYPE, [0x880b], ppp.ppp),
  row('PPPoE', ETHERTYPE, [ether.PPPOE_SESSION], ether.pppoeSession),
  row('TRILL', ETHERTYPE, [0x22f3], ether.trill),
  row('FabricPath', ETHERTYPE, [0x8903], ether.fabricPath),
  row('MACsec without encryption', ETHERTYPE, [0x88e5], ether.macsec),
  row('Arista time stamps', ETHERTYPE, [0xd28b], ether.aristaTimestamp),
  row('batman-adv', ETHERTYPE, [0x4305], ether.batman),
  row('NSH', ETHERTYPE, [0x894f], ether.nsh),
  row('LLC, SNAP', ETHERTYPE, [0x0004, 0x8870], ether.llc),

  row('PPP IPv4, IPv6', PPP_PROTOCOL, [0x21, 0x57, 0x800, 0x86dd], link.raw),
  row('PPP bridging', PPP_PROTOCOL, [0x31], ppp.bridged),
  row('PPP multilink', PPP_PROTOCOL, [0x3d], ppp.multilink),
  row('PPP Van Jacobson uncompressed', PPP_PROTOCOL, [0x2f], ppp.vjUncompressed),
  row('PPP MPLS', PPP_PROTOCOL, [0x281, 0x283], link.mplsFrame),

  row('TCP', IP_PROTOCOL, [6], ip.tcp),
  row('UDP, UDP-Lite', IP_PROTOCOL, [17, 136], ip.udp),
  row('IPv4 in IP', IP_PROTOCOL, [4, 94], ip.ipInIp),
  row('IPv6 in IP, 6in4, 6to4', IP_PROTOCOL, [41], ip.ipInIp),
  row('extension headers, AH, HIP, Shim6', IP_PROTOCOL, Object.values(EXTENSION_HEADER), ip.extension),
  row('GRE, PPTP, ERSPAN I to III, WCCP, EoIP', IP_PROTOCOL, [47], gre),
  row('EtherIP', IP_PROTOCOL, [97], ip.etherIp),
  row('PIM Register', IP_PROTOCOL, [103], ip.pim),
  row('L2TPv3', IP_PROTOCOL, [115], ip.l2tpOverIp),
  row('MPLS in IP', IP_PROTOCOL, [137], ip.mplsInIp),
  row('Ethernet in SRv6', IP_PROTOCOL, [143], ip.ethernetInIp),

  row('VXLAN', UDP_PORT, [4789, 8472], tunnel.vxlan),
  row('VXLAN-GPE', UDP_PORT, [4790], tunnel.vxlanGpe),
  row('Geneve', UDP_PORT, [6081], tunnel.geneve),
  row('GTP-U', UDP_PORT, [2152], tunnel.gtp),
  row('GTP version 0', UDP_PORT, [3386], tunnel.gtpZero),
  row('Teredo', UDP_PORT, [3544], tunnel.teredo),
  row('L2TP', UDP_PORT, [1701], tunnel.l2tp),
  row('CAPWAP', UDP_PORT, [5247], tunnel.capwap),
  row('AYIYA', UDP_PORT, [5072], tunnel.ayiya),
  row('MPLS in UDP', UDP_PORT, [6635], tunnel.mplsInUdp),
  row('GRE in UDP', UDP_PORT, [4754], tunnel.greInUdp),
  row('LISP', UDP_PORT, [4341], tunnel.lisp),
  row('LISP control', UDP_PORT, [4342], tunnel.lispControl),
  row('TZSP', UDP_PORT, [37008], tunnel.tzsp),
  row('Juniper mirror', UDP_PORT, [30030], tunnel.jmirror),
]

const end: Decode = () => STEP.END

/** What may hold a SYN that cannot be read, and what cannot hold one: the first is reported, the second is not. */
const OTHERS: readonly Encapsulation[] = [
  row('ICMP', IP_PROTOCOL, [1, 58], ip.icmp),
  row('ESP', IP_PROTOCOL, [50], (walk) => walk.closed('encrypted')),
  row('IPComp', IP_PROTOCOL, [108], (walk) => walk.closed('compressed')),
  row('ESP in UDP', UDP_PORT, [4500], tunnel.espInUdp),
  row('WireGuard', UDP_PORT, [51820], tunnel.wireguard),
  row('sFlow', UDP_PORT, [6343], tunnel.unsupported),
  row('Generic UDP Encapsulation', UDP_PORT, [6080], tunnel.unsupported),
  row('LWAPP', UDP_PORT, [12220, 12222], tunnel.unsupported),
  // Microsoft's clusters, B.A.T.M.A.N. III, TIPC, LLC
  row('rare tunnel', UDP_PORT, [3343, 4306, 6118, 12000, 12001, 12002, 12003, 12004], tunnel.rare),
  row('PPP compressed', PPP_PROTOCOL, [0xfd, 0xfb, 0x2d], (walk) => walk.closed('compressed')),
  row('PPP encrypted', PPP_PROTOCOL, [0x53, 0x55], (walk) => walk.closed('encrypted')),
  // ARP, RARP, Cisco's own, loopback test, PPPoE discovery, EAPOL, pause, slow, LLDP, PTP, CFM, PRP, HomePlug, 1905.1
  row(
    'control of links',
    ETHERTYPE,
    [
      0x0806, 0x8035, 0x2000, 0x9000, 0x8863, 0x888e, 0x8808, 0x8809, 0x88cc, 0x88f7, 0x8902, 0x88fb, 0x887b, 0x88e1,
      0x893a, 0x8899,
    ],
    end,
  ),
  // Spanning tree, IPX, NetBIOS
  row('control of links', LLC_SAP, [0x42, 0xe0, 0xf0], end),
  row('other transports', IP_PROTOCOL, ip.TRANSPORTS, end),
]

/** A row by registry and number. */
const TABLES: readonly Map<number, Encapsulation>[] = Array.from({ length: 7 }, () => new Map<number, Encapsulation>())
for (const encapsulation of [...ENCAPSULATIONS, ...OTHERS]) {
  for (const number of encapsulation.numbers) TABLES[encapsulation.layer]!.set(number, encapsulation)
}

/** The row of a number; `undefined` where it is not known. */
export function encapsulationOf(layer: Layer, number: number): Encapsulation | undefined {
  const found = TABLES[layer]!.get(number)
  if (found !== undefined) return found
  if (layer === LAYER.GRE_TYPE) return TABLES[ETHERTYPE]!.get(number)
  if (layer === ETHERTYPE && number <= ether.MAX_LENGTH_FIELD) return TABLES[ETHERTYPE]!.get(0x0004)
  // PPP's control and negotiation protocols (RFC 1661 section 2).
  if (layer === PPP_PROTOCOL && number >= 0x8000) return CONTROL
  return undefined
}

const CONTROL = row('PPP control', PPP_PROTOCOL, [], end)

const WHERE: readonly (readonly [title: string, layer: Layer])[] = [
  ['Link types', LINK_TYPE],
  ['In frames', ETHERTYPE],
  ['In PPP', PPP_PROTOCOL],
  ['In IP', IP_PROTOCOL],
  ['In UDP', UDP_PORT],
]

/** What is opened, as sentences for people, each encapsulation with its numbers. */
export function describeEncapsulations(): string[] {
  return WHERE.map(([title, layer]) => {
    const rows = ENCAPSULATIONS.filter((one) => one.layer === layer)
    const inHex = layer === ETHERTYPE || layer === PPP_PROTOCOL
    const list = rows.map(({ name, numbers }) => {
      const digits = numbers.map((number) => (inHex ? number.toString(16).padStart(4, '0') : `${number}`))
      return `${name} (${digits.join(', ')})`
    })
    return `${title}: ${list.join('; ')}.`
  })
}
