/**
 * The packets of `tunnels.ts` against tshark: one and two deep, in both IP versions. What was recorded of tshark 4.0.17 is
 * asserted everywhere; where tshark is installed it is asked again.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { SynLocator, VERDICT } from '../../src/capture-file/syn-locator.ts'
import { parseSyn, type Syn } from '../../src/wire/syn.ts'
import { needs, program } from '../lab/privilege.ts'
import { ethernet, hex, join, pcap, SYN4, SYN6, u16 } from './build.ts'
import { BETWEEN, between, FRAMES, NOT_OPENED_BY_TSHARK, TUNNELS, TUNNELS_4, TUNNELS_6, type Wrap } from './tunnels.ts'

interface Row {
  readonly name: string
  readonly frame: Uint8Array
  readonly syn: Uint8Array
  /** Names of what is around the SYN, outermost first. */
  readonly around: readonly string[]
}

const single: Row[] = []
const row = (name: string, frame: Uint8Array, syn: Uint8Array, around: readonly string[]): Row => ({
  name,
  frame,
  syn,
  around,
})
for (const syn of [SYN4, SYN6]) {
  const tunnels: [string, Wrap][] = [...TUNNELS, ...(syn === SYN4 ? TUNNELS_4 : TUNNELS_6)] as [string, Wrap][]
  const version = syn === SYN4 ? 'IPv4' : 'IPv6'
  for (const [name, wrap] of tunnels) single.push(row(`${version} in ${name}`, ethernet(wrap(syn)), syn, [name]))
  for (const [name, wrap] of FRAMES) single.push(row(`${version} in ${name}`, wrap(syn), syn, [name]))
  for (const [name, protocol, rest] of BETWEEN) {
    single.push(row(`${version} with ${name}`, ethernet(between(syn, protocol, rest)), syn, [name]))
  }
}

const nested: Row[] = []
for (const [i, [outer, wrapOuter]] of [...TUNNELS, ...FRAMES].entries()) {
  for (const [k, [inner, wrapInner]] of TUNNELS.entries()) {
    const syn = (i + k) % 2 === 0 ? SYN4 : SYN6
    const isFrame = i >= TUNNELS.length
    const packet = wrapOuter(wrapInner(syn))
    nested.push(row(`${inner} in ${outer}`, isFrame ? packet : ethernet(packet), syn, [outer, inner]))
  }
}

function locate(frame: Uint8Array, linkType = 1): { verdict: number; syn: Syn | undefined } {
  const locator = new SynLocator()
  const bytes = frame.slice()
  const look = (): { verdict: number; octets: Uint8Array } => {
    const verdict = locator.locate(bytes, 0, bytes.length, linkType, false)
    return { verdict, octets: locator.bytes.slice(locator.start, locator.end) }
  }
  const { verdict, octets } = look()
  if (verdict !== VERDICT.SYN) return { verdict, syn: undefined }
  // Decoders may restore octets.
  expect(look()).toEqual({ verdict, octets })
  return { verdict, syn: parseSyn(octets) }
}

describe('SynLocator, in every encapsulation', () => {
  for (const { name, frame, syn } of single) {
    test(`finds the SYN of ${name}`, () => {
      const found = locate(frame).syn
      const expected = parseSyn(syn)
      expect(found?.tcp.toJSON()).toEqual(expected.tcp.toJSON())
      expect(found?.ip.source).toBe(expected.ip.source)
    })
  }

  test('finds every SYN two deep', () => {
    const missed = nested.filter(({ frame, syn }) => locate(frame).syn?.ip.source !== parseSyn(syn).ip.source)
    expect(missed.map(({ name }) => name)).toEqual([])
    expect(nested.length).toBeGreaterThan(2500)
  })

  test('reads nothing outside a packet that ends anywhere, and ends', () => {
    for (const { frame, name } of single) {
      for (let length = 0; length < frame.length; length++) {
        const verdicts = [0x00, 0xff].map((filler) => {
          const bytes = join(frame.subarray(0, length), new Uint8Array(80).fill(filler))
          const locator = new SynLocator()
          const verdict = locator.locate(bytes, 0, length, 1, true)
          return `${verdict} ${locator.walk.layer} ${locator.walk.number} ${verdict === VERDICT.SYN ? locator.end : 0}`
        })
        expect({ name, length, verdict: verdicts[1] }).toEqual({ name, length, verdict: verdicts[0] })
      }
    }
  })

  test('comes to an end whatever any octet is', () => {
    for (const { frame } of [...single, ...nested.filter((_, i) => i % 61 === 0)]) {
      for (let at = 0; at < frame.length; at++) {
        for (const value of [0, 1, 0x0f, 0x45, 0x60, 0x80, 0xff]) {
          const bytes = frame.slice()
          bytes[at] = value
          const locator = new SynLocator()
          const verdict = locator.locate(bytes, 0, bytes.length, 1, false)
          if (verdict === VERDICT.SYN) expect(locator.end).toBeLessThanOrEqual(bytes.length)
        }
      }
    }
  })
})

/** Frames of other link types: name, LINKTYPE_, what stands before the IP header. */
const LINKS: readonly (readonly [string, number, Wrap])[] = [
  ['Cisco HDLC as PPP with HDLC framing', 50, (packet) => join(hex('0f00'), etherType(packet), packet)],
  ['Cisco HDLC to all as PPP with HDLC framing', 50, (packet) => join(hex('8f00'), etherType(packet), packet)],
  ['Cisco HDLC as PPP', 9, (packet) => join(hex('0f00'), etherType(packet), packet)],
  ['Cisco HDLC', 104, (packet) => join(hex('0f00'), etherType(packet), packet)],
  ['PPP', 9, (packet) => join(hex('ff03'), u16(packet[0]! >> 4 === 4 ? 0x21 : 0x57), packet)],
  ['BSD/OS Cisco HDLC', 112, (packet) => join(hex('0f00'), etherType(packet), packet)],
  ['ATM with LLC', 100, (packet) => join(hex('aaaa03 000000'), etherType(packet), packet)],
  ['IP over ATM', 106, (packet) => packet],
  ['Frame Relay', 107, (packet) => join(hex('1841 03'), packet[0]! >> 4 === 4 ? 0xcc : 0x8e, packet)],
  ['PPI with Ethernet', 192, (packet) => join(hex('0000 1400 01000000 02000800 0000000000000000'), ethernet(packet))],
  ['PPI with 802.11', 192, (packet) => join(hex('0000 0800 69000000'), wifi(packet))],
  ['Prism', 119, (packet) => join(hex('44000000 90000000'), new Uint8Array(136), wifi(packet))],
  ['AVS', 163, (packet) => join(hex('80211001 00000040'), new Uint8Array(56), wifi(packet))],
  ['AVS as Prism', 119, (packet) => join(hex('80211001 00000040'), new Uint8Array(56), wifi(packet))],
  ['radiotap', 127, (packet) => join(hex('0000 0800 00000000'), wifi(packet))],
  ['Token Ring', 6, (packet) => join(hex('1040 020202020202 020303030303 aaaa03 000000'), etherType(packet), packet)],
  [
    'Token Ring with a route',
    6,
    (packet) => join(hex('1040 020202020202 820303030303 06300011 0010 aaaa03 000000'), etherType(packet), packet),
  ],
  ['FDDI', 10, (packet) => join(hex('50 020202020202 020303030303 aaaa03 000000'), etherType(packet), packet)],
  [
    'IP over Fibre Channel',
    122,
    (packet) => join(hex('1000020202020202 1000020303030303 aaaa03 000000'), etherType(packet), packet),
  ],
  ['IP over IEEE 1394', 138, (packet) => join(hex('0102030405060708 0102030405060709'), etherType(packet), packet)],
  [
    'Solaris IPNET',
    226,
    (packet) =>
      join(
        hex('01'),
        packet[0]! >> 4 === 4 ? 2 : 26,
        hex('0001'),
        u16(0),
        packet.length >> 8,
        packet.length & 255,
        new Uint8Array(16),
        packet,
      ),
  ],
  ['a BSD loopback with an EtherType', 0, (packet) => join(u16(0), etherType(packet), packet)],
  ['raw IP with PPP', 101, (packet) => join(hex('ff03'), u16(packet[0]! >> 4 === 4 ? 0x21 : 0x57), packet)],
  [
    'Linux cooked from a monitoring device',
    113,
    (packet) => join(hex('0000 0323 0006 0202020202020000 0004 0000 0800 00000000'), wifi(packet)),
  ],
  [
    'Linux cooked with a whole frame',
    113,
    (packet) => join(hex('0000 0001 0006 0202020202020000 0003'), ethernet(packet)),
  ],
  [
    'Linux cooked v2 from a monitoring device',
    276,
    (packet) => join(hex('0004 0000 00000001 0323 00 06 0202020202020000 0000 0800 00000000'), wifi(packet)),
  ],
  ['IP over InfiniBand', 242, (packet) => join(new Uint8Array(40), etherType(packet), u16(0), packet)],
  [
    'ERF with Ethernet',
    197,
    (packet) =>
      join(
        new Uint8Array(8),
        2,
        4,
        u16(18 + 14 + packet.length),
        u16(0),
        u16(14 + packet.length),
        u16(0),
        ethernet(packet),
      ),
  ],
  [
    'ERF with an extension header',
    197,
    (packet) =>
      join(
        new Uint8Array(8),
        0x82,
        4,
        u16(26 + 14 + packet.length),
        u16(0),
        u16(14 + packet.length),
        3,
        new Uint8Array(7),
        u16(0),
        ethernet(packet),
      ),
  ],
  [
    'ERF with Cisco HDLC',
    197,
    (packet) =>
      join(
        new Uint8Array(8),
        1,
        4,
        u16(20 + packet.length),
        u16(0),
        u16(4 + packet.length),
        hex('0f00'),
        etherType(packet),
        packet,
      ),
  ],
]

/** An 802.11 data frame to the distribution system. */
function wifi(packet: Uint8Array): Uint8Array {
  const addresses = hex('020202020202 030303030303 040404040404')
  return join(hex('0801 0000'), addresses, hex('1000 aaaa03 000000'), etherType(packet), packet)
}

function etherType(packet: Uint8Array): Uint8Array {
  return u16(packet[0]! >> 4 === 4 ? 0x0800 : 0x86dd)
}

describe('SynLocator, in frames of other link types', () => {
  for (const [name, linkType, wrap] of LINKS) {
    test(`finds the SYN in ${name}`, () => {
      for (const syn of [SYN4, SYN6]) expect(locate(wrap(syn), linkType).verdict).toBe(VERDICT.SYN)
    })
  }
})

needs('tshark').describe('tshark', () => {
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(path(tmpdir(), 'tunnels-'))
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  /** Numbers of the frames that hold a SYN, with source port and window of the last TCP header. */
  function ask(file: Uint8Array): Map<number, string> {
    const name = path(directory, 'packets.pcap')
    writeFileSync(name, file)
    const filter = 'tcp.flags.syn == 1 && tcp.flags.ack == 0 && tcp.flags.reset == 0'
    const fields = ['frame.number', 'tcp.srcport', 'tcp.window_size_value', 'tcp.options.mss_val']
    const argv = [
      program('tshark'),
      '-r',
      name,
      '-Y',
      filter,
      '-T',
      'fields',
      ...fields.flatMap((field) => ['-e', field]),
    ]
    const { stdout, exitCode } = Bun.spawnSync(argv, { stderr: 'ignore' })
    expect(exitCode).toBe(0)
    const lines = stdout.toString().trimEnd().split('\n')
    return new Map(lines.map((line) => [Number(line.split('\t')[0]), line.split('\t').slice(1).join(' ')]))
  }

  for (const [name, rows] of [
    ['one deep', single],
    ['two deep', nested],
  ] as const) {
    test(`finds what this library finds, ${name}`, () => {
      const found = ask(
        pcap(
          rows.map(({ frame }) => frame),
          { linkType: 1 },
        ),
      )
      const different: string[] = []
      rows.forEach((packet, i) => {
        const expected = packet.around.every((around) => NOT_OPENED_BY_TSHARK[around] === undefined)
        const { tcp } = locate(packet.frame).syn!
        const ours = expected ? `${tcp.sourcePort} ${tcp.window} ${tcp.mss}` : undefined
        if (found.get(i + 1) !== ours) different.push(`${packet.name}: ${found.get(i + 1)}`)
      })
      expect(different).toEqual([])
    }, 60_000)
  }

  test('finds nothing in changed packets that this library passes over in silence', () => {
    // tshark remembers that a port carried L2TP and goes on to open it at other ports.
    const rows = single.filter(({ name }) => !name.includes('L2TP'))
    const changed = rows.flatMap(({ name, frame }) =>
      Array.from(frame.subarray(12, -42), (_, i) => {
        const bytes = frame.slice()
        const at = 12 + i
        bytes[at] = [0, 1, 2, 0x0f, 0x40, 0x80, 0xff][(i * 5 + name.length) % 7]!
        return { name: `${name}, octet ${at} as ${bytes[at]}`, bytes }
      }),
    )
    const found = ask(
      pcap(
        changed.map(({ bytes }) => bytes),
        { linkType: 1 },
      ),
    )
    expect(found.size).toBeGreaterThan(3000)
    const locator = new SynLocator()
    const silent = changed.filter(
      ({ bytes }, i) => found.has(i + 1) && locator.locate(bytes, 0, bytes.length, 1, false) === VERDICT.OTHER,
    )
    expect(silent.map(({ name }) => name)).toEqual([])
  }, 60_000)

  for (const [name, linkType, wrap] of LINKS) {
    test(`finds the SYN in ${name}`, () => {
      expect([...ask(pcap([wrap(SYN4), wrap(SYN6)], { linkType })).keys()]).toEqual([1, 2])
    }, 20_000)
  }

  test('takes link type 6 of a big-endian version 2.2 for Ethernet', () => {
    const file = pcap([ethernet(SYN4)], { linkType: 6, little: false, version: [2, 2] })
    expect([...ask(file).keys()]).toEqual([1])
  })
})
