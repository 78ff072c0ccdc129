import { describe, expect, test } from 'bun:test'
import { SynLocator, VERDICT } from '../../src/capture-file/syn-locator.ts'
import { LAYER_NAMES } from '../../src/capture-file/walk.ts'
import { ethernet, hex, ipv4, join, SYN4, SYN6, u16, u32, udp, withOctet } from './build.ts'
import { ipv6 } from './tunnels.ts'

/** Looks at a packet in the middle of other octets, which must not matter. */
function look(
  packet: Uint8Array,
  linkType = 101,
  cut = false,
): { verdict: number; syn: string; tunnels: readonly string[] | undefined } {
  const answers = [0x00, 0xff, 0x45].map((filler) => {
    const bytes = join(new Uint8Array(64).fill(filler), packet, new Uint8Array(96).fill(filler))
    const locator = new SynLocator()
    const verdict = locator.locate(bytes, 64, 64 + packet.length, linkType, cut)
    const syn = verdict === VERDICT.SYN ? Buffer.from(bytes.subarray(locator.start, locator.end)).toString('hex') : ''
    if (verdict === VERDICT.SYN) {
      expect(locator.start).toBeGreaterThanOrEqual(64)
      expect(locator.end).toBeLessThanOrEqual(64 + packet.length)
    }
    return { verdict, syn, tunnels: locator.tunnels }
  })
  expect(answers[1]).toEqual(answers[0]!)
  expect(answers[2]).toEqual(answers[0]!)
  return answers[0]!
}

const text4 = Buffer.from(SYN4).toString('hex')
const text6 = Buffer.from(SYN6).toString('hex')
const SNAP = hex('aaaa03 000000')
/** 802.11 data frame header to a distribution system. */
const WIFI = hex('0801 0000 020202020202 030303030303 040404040404 1000')

/** Name, link type, what stands before the IP header. */
const LINKS: readonly (readonly [string, number, (type: number) => Uint8Array])[] = [
  ['Ethernet', 1, (type) => join(new Uint8Array(12), u16(type))],
  ['Ethernet with an 802.1Q tag', 1, (type) => join(new Uint8Array(12), hex('81000007'), u16(type))],
  ['Ethernet with 802.1ad and 802.1Q tags', 1, (type) => join(new Uint8Array(12), hex('88a80005 81000007'), u16(type))],
  ['Ethernet with three old tags', 1, (type) => join(new Uint8Array(12), hex('91000001 92000002 93000003'), u16(type))],
  ['Ethernet with a VN tag', 1, (type) => join(new Uint8Array(12), hex('8926 00000001'), u16(type))],
  ['Ethernet with an E tag', 1, (type) => join(new Uint8Array(12), hex('893f 000000000000'), u16(type))],
  [
    'Ethernet in a backbone',
    1,
    (type) => join(new Uint8Array(12), hex('88e7 00000001'), new Uint8Array(12), u16(type)),
  ],
  ['Ethernet with LLC and SNAP', 1, (type) => join(new Uint8Array(12), u16(68), SNAP, u16(type))],
  ['Ethernet with two MPLS labels', 1, () => join(new Uint8Array(12), hex('8847 00001040 00002140'))],
  [
    'an Ethernet pseudowire in MPLS',
    1,
    (type) => join(new Uint8Array(12), hex('8847 00002140 00000000'), new Uint8Array(12), u16(type)),
  ],
  ['PPPoE', 1, (type) => join(new Uint8Array(12), hex('8864 1100 0001 003e'), u16(type === 0x800 ? 0x21 : 0x57))],
  ['raw IP', 101, () => new Uint8Array()],
  ['raw IP as 12', 12, () => new Uint8Array()],
  ['raw IP as 14', 14, () => new Uint8Array()],
  ['OpenBSD loopback as 12', 12, (type) => u32(type === 0x800 ? 2 : 24)],
  ['Linux cooked v1', 113, (type) => join(hex('0000 0001 0006 020202020202 0000'), u16(type))],
  [
    'Linux cooked v1 with a VLAN tag',
    113,
    (type) => join(hex('0000 0001 0006 020202020202 0000 8100 0007'), u16(type)),
  ],
  ['Linux cooked v2', 276, (type) => join(u16(type), hex('0000 00000002 0001 00 06 020202020202 0000'))],
  ['null, little-endian', 0, (type) => u32(type === 0x800 ? 2 : 30, true)],
  ['null, big-endian', 0, (type) => u32(type === 0x800 ? 2 : 28)],
  ['null of Linux and Windows', 0, (type) => u32(type === 0x800 ? 2 : 10, true)],
  ['loop', 108, (type) => u32(type === 0x800 ? 2 : 24)],
  ['PPP', 9, (type) => u16(type === 0x800 ? 0x21 : 0x57)],
  ['PPP with address and control', 9, (type) => join(hex('ff03'), u16(type === 0x800 ? 0x21 : 0x57))],
  ['PPP with a short protocol', 50, (type) => hex(type === 0x800 ? 'ff0321' : 'ff0357')],
  ['PPP of pppd', 166, (type) => join(hex('0103'), u16(type === 0x800 ? 0x21 : 0x57))],
  ['PPP with direction', 204, (type) => join(hex('00ff03'), u16(type === 0x800 ? 0x21 : 0x57))],
  ['PPPoE without Ethernet', 51, (type) => join(hex('1100 0001 003e'), u16(type === 0x800 ? 0x21 : 0x57))],
  ['Cisco HDLC', 104, (type) => join(hex('0f00'), u16(type))],
  ['MPLS', 219, () => hex('00001140')],
  ['ENC', 109, () => new Uint8Array(12)],
  ['PFLOG', 117, () => join(61, new Uint8Array(63))],
  ['802.11', 105, (type) => join(WIFI, SNAP, u16(type))],
  ['802.11 with quality of service', 105, (type) => join(0x88, WIFI.subarray(1), hex('0000'), SNAP, u16(type))],
  [
    '802.11 with quality of service and padding',
    105,
    (type) => join(0x88, WIFI.subarray(1), hex('0000 0000'), SNAP, u16(type)),
  ],
  [
    '802.11 between access points',
    105,
    (type) => join(0x08, 0x03, WIFI.subarray(2), new Uint8Array(6), SNAP, u16(type)),
  ],
  ['radiotap', 127, (type) => join(hex('0000 0c00 04800000 02001800'), WIFI, SNAP, u16(type))],
  [
    'PKTAP',
    258,
    (type) => join(u32(108, true), u32(1, true), u32(1, true), new Uint8Array(96), new Uint8Array(12), u16(type)),
  ],
  [
    'netfilter log',
    239,
    () => join(hex('02 00 0000'), hex('0800 0100 08000001'), hex('0500 0200 61000000'), u16(64, true), hex('0900')),
  ],
]

describe('SynLocator', () => {
  for (const [name, linkType, header] of LINKS) {
    test(`finds IPv4 and IPv6 behind ${name}`, () => {
      expect(look(join(header(0x0800), SYN4), linkType)).toEqual({
        verdict: VERDICT.SYN,
        syn: text4,
        tunnels: undefined,
      })
      expect(look(join(header(0x86dd), SYN6), linkType)).toEqual({
        verdict: VERDICT.SYN,
        syn: text6,
        tunnels: undefined,
      })
    })
  }

  for (const [name, linkType, header] of LINKS) {
    test(`reads nothing behind a packet cut at any place after ${name}`, () => {
      for (const [type, syn] of [
        [0x0800, SYN4],
        [0x86dd, SYN6],
      ] as const) {
        const packet = join(header(type), syn)
        const flags = packet.length - 40 + 14
        for (let length = 0; length < packet.length; length++) {
          const { verdict } = look(packet.subarray(0, length), linkType, true)
          // Cut behind the TCP flags it is still a SYN, of which parseSyn says what is missing.
          if (length >= flags) expect(verdict).toBe(VERDICT.SYN)
          else expect([VERDICT.CUT, VERDICT.NOT_OPENED] as number[]).toContain(verdict)
        }
      }
    })
  }

  test('gives the octets from the IP header to the end of the TCP options', () => {
    expect(look(ethernet(join(SYN4, hex('deadbeef')))).verdict).toBe(VERDICT.NOT_OPENED) // link type is raw IP
    const padded = ethernet(join(withOctet(SYN4, 3, 60), new Uint8Array(30).fill(7)))
    expect(look(padded, 1).syn).toBe(text4)
    const withData = join(withOctet(SYN4, 3, 64), hex('47455420'))
    expect(look(withData).syn).toBe(Buffer.from(withData.subarray(0, 60)).toString('hex'))
  })

  test('passes over what is not a SYN', () => {
    for (const flags of [0x00, 0x10, 0x12, 0x04, 0x06, 0x01, 0x18, 0xff]) {
      expect(look(withOctet(SYN4, 33, flags)).verdict).toBe(VERDICT.OTHER)
    }
    for (const flags of [0x02, 0xc2, 0x03, 0x2a]) expect(look(withOctet(SYN4, 33, flags)).verdict).toBe(VERDICT.SYN)
    expect(look(withOctet(SYN4, 9, 1)).verdict).toBe(VERDICT.OTHER)
    expect(look(withOctet(SYN4, 0, 0x55)).verdict).toBe(VERDICT.NOT_OPENED)
    expect(look(ethernet(withOctet(SYN4, 0, 0x55)), 1).verdict).toBe(VERDICT.OTHER)
    expect(look(withOctet(SYN4, 0, 0x44)).verdict).toBe(VERDICT.OTHER)
    expect(look(ethernet(SYN4, hex('0806')), 1).verdict).toBe(VERDICT.OTHER)
    expect(look(join(u32(7), SYN4), 0).verdict).toBe(VERDICT.OTHER)
  })

  test('takes a first fragment and passes over later ones', () => {
    expect(look(withOctet(SYN4, 6, 0x20)).verdict).toBe(VERDICT.SYN)
    expect(look(withOctet(SYN4, 7, 0x01)).verdict).toBe(VERDICT.NOT_OPENED)
    expect(look(withOctet(SYN4, 6, 0x10)).verdict).toBe(VERDICT.NOT_OPENED)
    const fragment = (offset: number): Uint8Array =>
      join(SYN6.subarray(0, 5), 48, 44, SYN6.subarray(7, 40), hex('0600'), u16(offset), u32(9), SYN6.subarray(40))
    expect(look(fragment(1)).verdict).toBe(VERDICT.SYN)
    expect(look(fragment(8)).verdict).toBe(VERDICT.NOT_OPENED)
  })

  test('ends a SYN where its IP packet ends', () => {
    // The stated length ends inside the TCP options: what follows is not part of the packet.
    expect(look(join(withOctet(SYN4, 3, 48), hex('ff'))).syn).toBe(
      Buffer.from(withOctet(SYN4, 3, 48).subarray(0, 48)).toString('hex'),
    )
    // 0: the network card was to fill it in.
    const offloaded = withOctet(SYN4, 3, 0)
    expect(look(offloaded).syn).toBe(Buffer.from(offloaded).toString('hex'))
  })

  test('walks IPv6 extension headers', () => {
    const chain = join(
      SYN6.subarray(0, 4),
      u16(40 + 8 + 16 + 24 + 8),
      0,
      64,
      SYN6.subarray(8, 40),
      hex('3c00 010400000000'), // hop-by-hop, then destination options
      hex('3301 010c 000000000000000000000000'), // 16 octets, then authentication
      hex('2c04 0000 00000001 00000002'), // 24 octets in 4-octet units, then fragment
      new Uint8Array(12),
      hex('0600 0001 00000007'),
      SYN6.subarray(40),
    )
    expect(look(chain).syn).toBe(Buffer.from(chain).toString('hex'))
    for (let length = 40; length < chain.length - 26; length++) {
      expect(look(chain.subarray(0, length), 101, true).verdict).toBe(VERDICT.CUT)
    }
    expect(look(withOctet(SYN6, 6, 59)).verdict).toBe(VERDICT.OTHER)
    expect(look(withOctet(SYN6, 6, 50)).verdict).toBe(VERDICT.NOT_OPENED) // ESP
  })

  const tunnels: readonly (readonly [string, string[], Uint8Array])[] = [
    ['IPv4 in IPv4', ['ipv4'], ipv4(4, SYN4)],
    ['IPv6 in IPv4', ['ipv6'], ipv4(41, SYN6)],
    ['GRE', ['gre'], ipv4(47, join(hex('0000 0800'), SYN4))],
    ['GRE with checksum, key and sequence number', ['gre'], ipv4(47, join(hex('b000 86dd'), new Uint8Array(12), SYN6))],
    ['Ethernet over GRE', ['gre'], ipv4(47, join(hex('0000 6558'), ethernet(SYN4)))],
    ['PPTP', ['pptp'], ipv4(47, join(hex('3081 880b 0042 0001 00000001 00000002'), hex('ff03 0021'), SYN4))],
    ['VXLAN', ['vxlan'], ipv4(17, udp(4789, join(hex('0800000000000700'), ethernet(SYN6))))],
    [
      'Geneve with an option',
      ['geneve'],
      ipv4(17, udp(6081, join(hex('0100 6558 00000700 00000000'), ethernet(SYN4)))),
    ],
    ['GTP', ['gtp'], ipv4(17, udp(2152, join(hex('30ff 003c 00000001'), SYN4)))],
    [
      'GTP with an extension',
      ['gtp'],
      ipv4(17, udp(2152, join(hex('34ff 0044 00000001 0000 00 85 01 10 01 00'), SYN4))),
    ],
    ['Teredo', ['teredo'], ipv4(17, udp(3544, SYN6))],
    ['Teredo with an origin', ['teredo'], ipv4(17, udp(3544, join(hex('0000 f1f1 3fffff01'), SYN6)))],
    [
      'GRE in IPv6 in IPv4',
      ['ipv6', 'gre'],
      ipv4(41, join(hex('60000000 0040 2f 40'), new Uint8Array(32), hex('0000 0800'), SYN4)),
    ],
  ]
  for (const [name, names, packet] of tunnels) {
    test(`opens ${name}`, () => {
      const inner = look(packet)
      expect(inner.tunnels).toEqual(names)
      expect([text4, text6]).toContain(inner.syn)
      expect(look(ethernet(packet), 1)).toEqual(inner)
      for (let length = 0; length < packet.length; length++) look(packet.subarray(0, length), 101, true)
    })
  }

  test('gives up on headers nested without end', () => {
    const locator = new SynLocator()
    const why = (packet: Uint8Array, linkType: number): string =>
      `${locator.locate(packet, 0, packet.length, linkType, false)} ${locator.walk.why}`
    let packet = SYN4
    for (let depth = 0; depth < 33; depth++) packet = ipv4(4, packet)
    expect(why(packet, 101)).toBe(`${VERDICT.NOT_OPENED} too-deep`)
    const nested = join(...Array.from({ length: 80 }, () => join(u32(12, true), u32(1, true), u32(258, true))), SYN4) // PKTAP in PKTAP
    expect(why(nested, 258)).toBe(`${VERDICT.NOT_OPENED} too-deep`)
    const tags = join(new Uint8Array(12), ...Array.from({ length: 80 }, () => hex('81000007')), hex('0800'), SYN4)
    expect(why(tags, 1)).toBe(`${VERDICT.NOT_OPENED} too-deep`)
    const labels = join(new Uint8Array(12), hex('8847'), new Uint8Array(60_000))
    expect(why(labels, 1)).toBe(`${VERDICT.NOT_OPENED} too-short`)
  })

  test('says what it does not open', () => {
    const locator = new SynLocator()
    const end = (packet: Uint8Array, linkType = 1): string => {
      const verdict = locator.locate(packet, 0, packet.length, linkType, false)
      const { layer, number, why } = locator.walk
      return `${verdict} ${LAYER_NAMES[layer]} ${number} ${why}`
    }
    expect(end(SYN4, 195)).toBe(`${VERDICT.UNKNOWN_LINK} link type 195 unknown`)
    expect(end(join(u32(12, true), u32(1, true), u32(195, true), SYN4), 258)).toBe(
      `${VERDICT.UNKNOWN_LINK} link type 195 unknown`,
    )
    expect(end(SYN4, 149)).toBe(`${VERDICT.UNKNOWN_LINK} link type 149 unknown`)
    // SLIP, Juniper's, USB, DOCSIS, mPackets: what tshark may open is told.
    for (const linkType of [8, 135, 137, 143, 167, 183, 189, 274]) {
      expect(end(SYN4, linkType)).toBe(`${VERDICT.UNKNOWN_LINK} link type ${linkType} unknown`)
    }
    const closed = VERDICT.NOT_OPENED
    expect(end(join(new Uint8Array(12), hex('88b5'), SYN4))).toBe(`${closed} EtherType ${0x88b5} unknown`)
    expect(end(ethernet(ipv4(200, SYN4)))).toBe(`${closed} IP protocol 200 unknown`)
    expect(end(ethernet(ipv4(50, SYN4)))).toBe(`${closed} IP protocol 50 encrypted`)
    expect(end(ethernet(ipv4(108, SYN4)))).toBe(`${closed} IP protocol 108 compressed`)
    expect(end(ethernet(ipv4(6, SYN4, 0x0001)))).toBe(`${closed} IP protocol 6 fragment`)
    expect(end(ethernet(ipv4(47, hex('0000 1234 00000000'))))).toBe(`${closed} GRE protocol type ${0x1234} unknown`)
    expect(end(ethernet(ipv4(47, hex('0005 0800 00000000'))))).toBe(`${closed} IP protocol 47 unsupported`)
    expect(end(ethernet(ipv4(17, udp(6081, hex('4000 6558 00000000')))))).toBe(`${closed} UDP port 6081 unsupported`)
    expect(end(ethernet(ipv4(17, udp(4500, hex('00000007 00000001')))))).toBe(`${closed} UDP port 4500 encrypted`)
    expect(end(join(new Uint8Array(12), hex('88e5 2c00 00000001'), SYN4))).toBe(
      `${closed} EtherType ${0x88e5} encrypted`,
    )
    expect(end(join(hex('ff03 4021'), SYN4), 9)).toBe(`${closed} PPP protocol ${0x4021} unknown`)
    expect(end(join(new Uint8Array(12), u16(20), hex('050503'), SYN4))).toBe(
      `${closed} LLC service access point 5 unknown`,
    )
    // What tshark opens and this does not: rare tunnels over UDP, and what stood in front of raw IP on an old Linux.
    for (const port of [3343, 4306, 6118, 6343, 12_220]) {
      expect(end(ethernet(ipv4(17, udp(port, join(hex('01'), SYN4)))))).toBe(`${closed} UDP port ${port} unsupported`)
    }
    expect(end(ethernet(ipv4(17, udp(12_000, join(hex('aaaa03 000000 0800'), SYN4)))))).toBe(
      `${closed} UDP port 12000 unsupported`,
    )
    // AYIYA around TCP, and around an authentication header and TCP, without an IP header.
    const tcp = SYN4.subarray(20)
    for (const inner of [
      join(hex('00000106 00000000 00'), tcp),
      join(hex('00000133 00000000 00 0601000000000000'), tcp),
    ]) {
      for (const outer of [ipv4(17, udp(5072, inner)), ipv6(17, udp(5072, inner))]) {
        expect(end(outer, 101)).toBe(`${closed} UDP port 5072 unsupported`)
      }
    }
    expect(end(ethernet(ipv4(17, udp(12_000, SYN4))))).toStartWith(`${VERDICT.OTHER} `)
    for (const linkType of [12, 101]) {
      for (const before of ['00000000000000000000', '020202020202 ff03 0021']) {
        expect(end(join(hex(before), SYN4), linkType)).toBe(`${closed} link type ${linkType} unsupported`)
      }
    }
    // An error of ICMP quotes a SYN, whole or its first eight octets.
    const quoted = `${closed} IP protocol 6 quoted`
    expect(end(ethernet(ipv4(1, join(hex('0301 0000 00000000'), SYN4))))).toBe(quoted)
    expect(end(ethernet(ipv6(58, join(hex('0104 0000 00000000'), SYN6))))).toBe(quoted)
    expect(end(ethernet(ipv4(1, join(hex('0b00 0000 00000000'), SYN4.subarray(0, 28)))))).toStartWith(
      `${VERDICT.OTHER} `,
    )
    expect(end(ethernet(ipv4(1, join(hex('0800 0000 00000000'), SYN4))))).toStartWith(`${VERDICT.OTHER} `)
    expect(end(ethernet(ipv4(1, join(hex('0301 0000 00000000'), ipv4(50, SYN4)))))).toStartWith(`${VERDICT.OTHER} `)
    for (const packet of [
      join(new Uint8Array(12), hex('0806'), new Uint8Array(28)),
      ethernet(ipv4(1, hex('0800 0000'))),
      ethernet(ipv4(17, udp(53, hex('1234 0100')))),
      ethernet(ipv4(17, udp(4500, hex('ff')))),
    ]) {
      expect(end(packet)).toStartWith(`${VERDICT.OTHER} `)
    }
  })

  test('says the same for every octet changed to anything, inside the packet', () => {
    const packet = ethernet(ipv4(41, SYN6))
    for (let at = 0; at < packet.length; at++) {
      for (const value of [0, 1, 2, 6, 0x0f, 0x40, 0x45, 0x60, 0x7f, 0x80, 0xfe, 0xff])
        look(withOctet(packet, at, value), 1)
    }
  })
})
