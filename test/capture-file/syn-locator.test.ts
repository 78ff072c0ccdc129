import { describe, expect, test } from 'bun:test'
import { SynLocator, VERDICT } from '../../src/capture-file/syn-locator.ts'
import { ethernet, hex, ipv4, join, SYN4, SYN6, u16, u32, udp, withOctet } from './build.ts'

/** Looks at a packet in the middle of other octets, which must not matter. */
function look(
  packet: Uint8Array,
  linkType = 101,
  cut = false,
): { verdict: number; syn: string; tunnels: string[] | undefined } {
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
  ['Frame Relay', 107, (type) => hex(type === 0x800 ? '1841 03 cc' : '1841 03 8e')],
  ['Frame Relay of Cisco', 107, (type) => join(hex('1841'), u16(type))],
  ['Frame Relay with SNAP', 107, (type) => join(hex('1841 03 00 80 000000'), u16(type))],
  ['MPLS', 219, () => hex('00001140')],
  ['SLIP', 8, () => new Uint8Array(16)],
  ['IPNET', 226, () => new Uint8Array(24)],
  ['ENC', 109, () => new Uint8Array(12)],
  ['PFLOG', 117, () => join(61, new Uint8Array(63))],
  ['IP over IEEE 1394', 138, (type) => join(new Uint8Array(16), u16(type))],
  ['IP over Fibre Channel', 122, (type) => join(new Uint8Array(16), SNAP, u16(type))],
  ['FDDI', 10, (type) => join(new Uint8Array(13), SNAP, u16(type))],
  ['Token Ring', 6, (type) => join(new Uint8Array(14), SNAP, u16(type))],
  [
    'Token Ring with a route',
    6,
    (type) => join(new Uint8Array(8), 0x80, new Uint8Array(5), hex('0630 0011 0020'), SNAP, u16(type)),
  ],
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
  ['Prism', 119, (type) => join(hex('00000044 00000090'), new Uint8Array(136), WIFI, SNAP, u16(type))],
  ['AVS', 163, (type) => join(hex('80211001 00000040'), new Uint8Array(56), WIFI, SNAP, u16(type))],
  ['PPI', 192, (type) => join(hex('0000 0800 01000000'), new Uint8Array(12), u16(type))],
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
          else expect([VERDICT.CUT, VERDICT.OTHER] as number[]).toContain(verdict)
        }
      }
    })
  }

  test('gives the octets from the IP header to the end of the TCP options', () => {
    expect(look(ethernet(join(SYN4, hex('deadbeef')))).verdict).toBe(VERDICT.OTHER) // link type is raw IP
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
    expect(look(withOctet(SYN4, 0, 0x55)).verdict).toBe(VERDICT.OTHER)
    expect(look(withOctet(SYN4, 0, 0x44)).verdict).toBe(VERDICT.OTHER)
    expect(look(ethernet(SYN4, hex('0806')), 1).verdict).toBe(VERDICT.OTHER)
    expect(look(join(u32(7), SYN4), 0).verdict).toBe(VERDICT.OTHER)
  })

  test('takes a first fragment and passes over later ones', () => {
    expect(look(withOctet(SYN4, 6, 0x20)).verdict).toBe(VERDICT.SYN)
    expect(look(withOctet(SYN4, 7, 0x01)).verdict).toBe(VERDICT.OTHER)
    expect(look(withOctet(SYN4, 6, 0x10)).verdict).toBe(VERDICT.OTHER)
    const fragment = (offset: number): Uint8Array =>
      join(SYN6.subarray(0, 5), 48, 44, SYN6.subarray(7, 40), hex('0600'), u16(offset), u32(9), SYN6.subarray(40))
    expect(look(fragment(1)).verdict).toBe(VERDICT.SYN)
    expect(look(fragment(8)).verdict).toBe(VERDICT.OTHER)
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
    expect(look(withOctet(SYN6, 6, 50)).verdict).toBe(VERDICT.OTHER)
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
    let packet = SYN4
    for (let depth = 0; depth < 9; depth++) packet = ipv4(4, packet)
    expect(look(packet).verdict).toBe(VERDICT.OTHER)
    const nested = join(...Array.from({ length: 40 }, () => hex('0000 0800 c0000000')), SYN4) // PPI in PPI
    expect(look(nested, 192).verdict).toBe(VERDICT.OTHER)
    const labels = join(new Uint8Array(12), hex('8847'), new Uint8Array(60_000))
    expect(look(labels, 1).verdict).toBe(VERDICT.OTHER)
  })

  test('names the link type it does not know', () => {
    const locator = new SynLocator()
    expect(locator.locate(SYN4, 0, SYN4.length, 195, false)).toBe(VERDICT.UNKNOWN_LINK)
    expect(locator.linkType).toBe(195)
    const inside = join(hex('0000 0800 c3000000'), SYN4)
    expect(locator.locate(inside, 0, inside.length, 192, false)).toBe(VERDICT.UNKNOWN_LINK)
    expect(locator.linkType).toBe(195)
    expect(locator.locate(inside, 0, inside.length, 149, false)).toBe(VERDICT.UNKNOWN_LINK)
  })

  test('says the same for every octet changed to anything, inside the packet', () => {
    const packet = ethernet(ipv4(41, SYN6))
    for (let at = 0; at < packet.length; at++) {
      for (const value of [0, 1, 2, 6, 0x0f, 0x40, 0x45, 0x60, 0x7f, 0x80, 0xfe, 0xff])
        look(withOctet(packet, at, value), 1)
    }
  })
})
