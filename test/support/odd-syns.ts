/**
 * SYNs that Linux answers and that are unusual in one way each, and seeded random ones: what a saved SYN must hold octet
 * by octet.
 * @module
 */

import type { SynFields } from '../lab/connect-options.ts'
import { extensionHeaders, FLAG, IPV6_HEADER, linuxOptions, option, tcpOptions } from '../lab/packet.ts'

/** One SYN. */
export interface OddSyn {
  readonly name: string
  readonly family: 'ipv4' | 'ipv6'
  readonly syn: SynFields
}

const plain = linuxOptions(1400, 5)
const ECN = FLAG.SYN | FLAG.ECE | FLAG.CWR

/** One of each kind, over the options of a Linux client where it is not about options. */
export const ODD_SYNS: readonly OddSyn[] = (
  [
    ['a plain one over IPv4', 'ipv4', {}],
    ['a plain one over IPv6', 'ipv6', {}],
    ['IPv4 with a router alert and NOPs', 'ipv4', { ipOptions: Uint8Array.of(148, 4, 0, 0, 1, 1, 1, 0) }],
    ['40 octets of IPv4 options', 'ipv4', { ipOptions: new Uint8Array(40).fill(1) }],
    [
      '40 octets of IPv4 and 40 of TCP options',
      'ipv4',
      { ipOptions: new Uint8Array(40).fill(1), options: new Uint8Array(40).fill(1) },
    ],
    ['IPv4 without DF, with an identification and TTL 3', 'ipv4', { dontFragment: false, ipId: 0xbeef, ttl: 3 }],
    ['IPv4 TTL 255 and a type of service', 'ipv4', { ttl: 255, tos: 0xb8 }],
    ['the reserved IPv4 flag', 'ipv4', { reservedFlag: true }],
    ['IPv6 with a flow label, class and hop limit', 'ipv6', { flowLabel: 0xfedcb, tos: 0x28, ttl: 255 }],
    ['a hop-by-hop header', 'ipv6', { extensionHeaders: extensionHeaders({ kind: IPV6_HEADER.hopByHop }) }],
    [
      'a destination options header of 16 octets',
      'ipv6',
      {
        extensionHeaders: extensionHeaders({
          kind: IPV6_HEADER.destination,
          options: [0x1e, 12, ...new Array<number>(12).fill(0xaa)],
        }),
      },
    ],
    [
      'hop-by-hop and destination options',
      'ipv6',
      { extensionHeaders: extensionHeaders({ kind: IPV6_HEADER.hopByHop }, { kind: IPV6_HEADER.destination }) },
    ],
    ['ECN', 'ipv4', { flags: ECN }],
    ['ECT(0) on the SYN itself', 'ipv4', { tos: 2, flags: ECN }],
    ['CE on the SYN itself', 'ipv6', { tos: 3 }],
    ['AccECN', 'ipv4', { flags: ECN | FLAG.AE }],
    ['AccECN over IPv6', 'ipv6', { flags: ECN | FLAG.AE }],
    [
      'AccECN with its option',
      'ipv6',
      { flags: ECN | FLAG.AE, options: tcpOptions(option.mss(1440), option.accEcn(1, 1, 0, 1)) },
    ],
    ['AE alone', 'ipv4', { flags: FLAG.SYN | FLAG.AE }],
    ['CWR alone', 'ipv4', { flags: FLAG.SYN | FLAG.CWR }],
    ['ECE alone', 'ipv4', { flags: FLAG.SYN | FLAG.ECE }],
    ['PSH', 'ipv4', { flags: FLAG.SYN | FLAG.PSH }],
    ['URG and an urgent pointer', 'ipv4', { flags: FLAG.SYN | FLAG.URG, urgentPointer: 0x1234 }],
    ['an urgent pointer without URG', 'ipv4', { urgentPointer: 7 }],
    ['an acknowledgment number without ACK', 'ipv4', { acknowledgment: 0xdeadbeef }],
    ['sequence number 0', 'ipv4', { sequence: 0 }],
    ['reserved bits', 'ipv6', { reservedBits: 7 }],
    ['window 0', 'ipv4', { window: 0 }],
    ['no TCP options', 'ipv4', { options: new Uint8Array(0) }],
    [
      '40 octets of TCP options',
      'ipv4',
      {
        options: tcpOptions(option.unknown(200, new Uint8Array(16)), option.unknown(253, new Uint8Array(20).fill(255))),
      },
    ],
    ['MPTCP', 'ipv6', { options: tcpOptions(option.mss(1440), option.mptcpCapable()) }],
    ['a Fast Open cookie request', 'ipv4', { options: tcpOptions(option.mss(1440), option.fastOpen()) }],
    ['a Fast Open cookie nobody gave out', 'ipv6', { options: tcpOptions(option.fastOpen([1, 2, 3, 4, 5, 6, 7, 8])) }],
    ['an MSS of 0', 'ipv4', { options: tcpOptions(option.mss(0)) }],
    ['two MSS options', 'ipv4', { options: tcpOptions(option.mss(1000), option.mss(1200)) }],
    ['a window scale of 255', 'ipv4', { options: tcpOptions(option.mss(1460), option.windowScale(255)) }],
    ['timestamps of 0', 'ipv4', { options: linuxOptions(1460, 0) }],
    ['timestamps with an echo', 'ipv4', { options: tcpOptions(option.mss(1460), option.timestamps(9, 0x01020304)) }],
    ['padding with octets that are not zero', 'ipv4', { options: Uint8Array.of(2, 4, 5, 0xb4, 0, 1, 2, 3) }],
    ['an option that is too long', 'ipv4', { options: Uint8Array.of(2, 4, 5, 0xb4, 99, 40, 0, 0) }],
    ['an option of length 0', 'ipv4', { options: Uint8Array.of(2, 4, 5, 0xb4, 99, 0, 0, 0) }],
  ] as const
).map(([name, family, syn]) => ({ name, family, syn: { options: plain, ...syn } }))

/**
 * A SYN with everything chosen at random that Linux leaves alone. `random` gives numbers from 0 to below 1.
 *
 * MD5 and TCP-AO options are left out: a listener without keys drops them.
 */
export function randomSyn(random: () => number): OddSyn {
  const below = (n: number): number => Math.floor(random() * n)
  const octets = (n: number): number[] => Array.from({ length: n }, () => below(256))
  const u32 = (): number => below(2 ** 32)
  const maybe = (): boolean => random() < 0.3
  const parts: number[][] = []
  let room = 40
  for (let n = below(9); n > 0; n -= 1) {
    const kinds = [
      () => option.nop(),
      () => option.mss(maybe() ? below(65_536) : 536 + below(1000)),
      () => option.windowScale(below(16)),
      () => option.sackPermitted(),
      () => option.timestamps(u32(), maybe() ? u32() : 0),
      () => option.mptcpCapable(),
      () => option.accEcn(below(2) === 0 ? 0 : 1, below(2 ** 24), below(2 ** 24), below(2 ** 24)),
      () => option.unknown([5, 9, 14, 27, 100, 200, 253, 255][below(8)]!, octets(below(9))),
    ]
    const part = kinds[below(kinds.length)]!()
    if (part.length > room) break
    parts.push(part)
    room -= part.length
  }
  const flags = [FLAG.PSH, FLAG.URG, FLAG.ECE, FLAG.CWR, FLAG.AE].reduce(
    (sum, flag) => (maybe() ? sum | flag : sum),
    FLAG.SYN as number,
  )
  const family = below(2) === 0 ? 'ipv4' : 'ipv6'
  const common = {
    ttl: 1 + below(255),
    tos: below(256),
    sequence: u32(),
    flags,
    reservedBits: maybe() ? below(8) : 0,
    window: below(65_536),
    urgentPointer: maybe() ? below(65_536) : 0,
    acknowledgment: maybe() ? u32() : 0,
    options: tcpOptions(...parts),
  }
  if (family === 'ipv4') {
    const ipOptions = maybe() ? { ipOptions: new Uint8Array(4 * (1 + below(10))).fill(1) } : {}
    return {
      name: 'random',
      family,
      syn: { ...common, ...ipOptions, ipId: below(65_536), dontFragment: !maybe(), reservedFlag: maybe() },
    }
  }
  const kinds = [[], [0], [60], [0, 60]][below(4)]!
  const headers = kinds.map((kind) => ({ kind, options: maybe() ? [0x1e, 12, ...octets(12)] : [1, 4, 0, 0, 0, 0] }))
  return {
    name: 'random',
    family,
    syn: {
      ...common,
      flowLabel: below(2 ** 20),
      ...(headers.length > 0 ? { extensionHeaders: extensionHeaders(...headers) } : {}),
    },
  }
}
