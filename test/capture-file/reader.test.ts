import { describe, expect, test } from 'bun:test'
import { CaptureReader } from '../../src/capture-file/reader.ts'
import type { CaptureProblem } from '../../src/capture-file/types.ts'
import { MAX_PACKET } from '../../src/capture-file/types.ts'
import { hex, join, type PcapOptions, pcap, pcapng, SYN4, SYN6, u16, u32, withOctet } from './build.ts'

interface Packet {
  readonly hex: string
  readonly linkType: number
  readonly frame: number
  readonly cut: boolean
}
interface Outcome {
  readonly packets: readonly Packet[]
  readonly problems: readonly CaptureProblem[]
}

/** Link types that the handler of these tests knows. */
const KNOWN = [0, 1, 101, 113]

/** Reads a file in pieces of one size. */
function read(file: Uint8Array, piece: number = file.length): Outcome {
  const packets: Packet[] = []
  const problems: CaptureProblem[] = []
  const reader = new CaptureReader({
    packet(bytes, start, end, linkType, frame, cut) {
      if (!KNOWN.includes(linkType)) return false
      packets.push({ hex: Buffer.from(bytes.subarray(start, end)).toString('hex'), linkType, frame, cut })
      return true
    },
    problem: (problem) => problems.push(problem),
  })
  for (let at = 0; at < file.length; at += Math.max(piece, 1)) reader.push(file.slice(at, at + Math.max(piece, 1)))
  reader.end()
  expect(reader.open).toBe(false)
  return { packets, problems }
}

/** Reads a file in pieces of several sizes, which must not matter. */
function readAll(file: Uint8Array): Outcome {
  const whole = read(file)
  for (const piece of [1, 2, 3, 7, 16, 61, 1000]) expect(read(file, piece)).toEqual(whole)
  return whole
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const packet = (bytes: Uint8Array, frame: number, linkType = 101, cut = false): Packet => ({
  hex: text(bytes),
  linkType,
  frame,
  cut,
})

describe('CaptureReader on pcap', () => {
  const kinds: readonly (readonly [string, PcapOptions])[] = [
    ['little-endian microseconds', {}],
    ['big-endian microseconds', { little: false }],
    ['little-endian nanoseconds', { magic: 0xa1b23c4d }],
    ['big-endian nanoseconds', { magic: 0xa1b23c4d, little: false }],
    ['the long records of patched libpcap', { magic: 0xa1b2cd34 }],
    ['the long records of patched libpcap, big-endian', { magic: 0xa1b2cd34, little: false }],
    ['swapped lengths before version 2.3', { version: [2, 2], original: 99 }],
    ['version 2.3', { version: [2, 3], original: 99 }],
    ['version 543.0', { version: [543, 0], original: 99 }],
  ]
  for (const [name, options] of kinds) {
    test(`reads ${name}`, () => {
      const { packets, problems } = readAll(pcap([SYN4, SYN6, new Uint8Array()], options))
      const cut = options.original !== undefined
      expect(packets).toEqual([
        packet(SYN4, 1, 101, cut),
        packet(SYN6, 2, 101, cut),
        packet(new Uint8Array(), 3, 101, cut),
      ])
      expect(problems).toEqual([])
    })
  }

  test('takes the link type from the lower half of its field', () => {
    expect(read(pcap([SYN4], { linkType: 0xf8000001 })).packets[0]?.linkType).toBe(1)
  })

  test('tells of a file cut at any place, and gives the packets before the cut', () => {
    const file = pcap([SYN4, SYN6])
    const ends = [24, 24 + 16 + SYN4.length, file.length]
    for (let length = 0; length < file.length; length++) {
      const { packets, problems } = read(file.subarray(0, length), 50)
      expect(packets.length).toBe(ends.filter((end) => end <= length).length - (length >= 24 ? 1 : 0))
      if (ends.includes(length)) expect(problems).toEqual([])
      else if (length === 0)
        expect(problems).toEqual([{ reason: 'empty-file', detail: 'it holds no octets', offset: 0 }])
      else {
        expect(problems.length).toBe(1)
        expect(problems[0]?.reason).toBe(length < 4 ? 'unknown-format' : 'truncated-file')
        expect(problems[0]?.offset).toBe(length < 4 ? 0 : length)
        expect(problems[0]?.frame).toBe(length < 24 ? undefined : packets.length + 1)
      }
    }
  })

  test('gives up at a length that cannot be, without memory for it', () => {
    for (const length of [0xffffffff, 0x80000000, 262_145]) {
      const broken = join(pcap([SYN4]), u32(1), u32(2), u32(length, true), u32(length, true), SYN4)
      const { packets, problems } = readAll(broken)
      expect(packets.length).toBe(1)
      expect(problems).toMatchObject([{ reason: 'broken-record', frame: 2, offset: 24 + 16 + 60 + 8 }])
    }
    // A header that states a larger snap length is believed, up to 128 MiB.
    const large = join(pcap([], { snapLength: 0xffffffff }), u32(1), u32(2), u32(300_000, true), u32(300_000, true))
    expect(read(large).problems).toMatchObject([{ reason: 'truncated-file' }])
  })

  test('gives the beginning of a huge packet and goes on behind it', () => {
    const huge = new Uint8Array(3_000_000).fill(7)
    const file = pcap([SYN4, huge, SYN6], { snapLength: 4_000_000 })
    for (const piece of [file.length, 65_536, 1_000_001]) {
      const { packets, problems } = read(file, piece)
      expect(problems).toEqual([])
      expect(packets.map(({ frame, hex: octets }) => [frame, octets.length / 2])).toEqual([
        [1, 60],
        [2, MAX_PACKET],
        [3, 80],
      ])
    }
    const { packets, problems } = read(file.subarray(0, 2_000_000))
    expect(packets.length).toBe(2)
    expect(problems).toMatchObject([{ reason: 'truncated-file', frame: 2, offset: 2_000_000 }])
  })

  test('tells an unknown link type once', () => {
    const { packets, problems } = readAll(pcap([SYN4, SYN4, SYN4], { linkType: 195 }))
    expect(packets).toEqual([])
    expect(problems).toMatchObject([{ reason: 'unknown-link-type', frame: 1, detail: expect.stringContaining('195') }])
    expect(readAll(pcap([], { linkType: 195 })).problems).toEqual([])
  })

  test('refuses a version it does not know', () => {
    expect(readAll(pcap([SYN4], { version: [3, 0] }))).toMatchObject({
      packets: [],
      problems: [{ reason: 'unknown-version', offset: 4, detail: 'pcap version 3.0' }],
    })
  })
})

describe('CaptureReader on pcapng', () => {
  for (const little of [true, false]) {
    const b = pcapng(little)
    const start = join(b.section(), b.interface(101))
    const order = little ? 'little-endian' : 'big-endian'

    test(`reads enhanced, simple and obsolete packet blocks, ${order}`, () => {
      const file = join(start, b.enhanced(SYN4), b.simple(SYN6), b.obsolete(SYN4), b.enhanced(SYN4, 0, 99))
      expect(readAll(file)).toEqual({
        packets: [packet(SYN4, 1), packet(SYN6, 2), packet(SYN4, 3), packet(SYN4, 4, 101, true)],
        problems: [],
      })
    })

    test(`cuts simple packets at the snap length of the first interface, ${order}`, () => {
      const file = join(b.section(), b.interface(101, 50), b.interface(1, 20), b.simple(SYN4.subarray(0, 50), 60))
      expect(readAll(file).packets).toEqual([packet(SYN4.subarray(0, 50), 1, 101, true)])
    })

    test(`passes over other blocks and numbers packets as Wireshark does, ${order}`, () => {
      const file = join(
        start,
        b.block(4, u32(0)), // name resolution
        b.enhanced(SYN4),
        b.block(5, u32(0), u32(0), u32(0)), // statistics
        b.block(0x99, hex('01')), // unknown: not numbered
        b.enhanced(SYN4),
        b.block(0xbad, u32(32473), hex('0102')), // custom: numbered, as a journal entry and a Sysdig event are
        b.enhanced(SYN4),
        b.block(9, hex('61')),
        b.block(0x204, new Uint8Array(40)),
        b.enhanced(SYN4),
        b.block(0x80000001, new Uint8Array(100_000)),
        b.enhanced(SYN4),
      )
      expect(readAll(file)).toMatchObject({
        packets: [1, 2, 4, 7, 8].map((frame) => ({ frame })),
        problems: [],
      })
    })

    test(`reads several interfaces, and tells of the unknown one once, ${order}`, () => {
      const file = join(
        start,
        b.interface(999),
        b.interface(1),
        b.enhanced(SYN4, 0),
        b.enhanced(SYN4, 1),
        b.enhanced(SYN4, 2),
        b.enhanced(SYN4, 1),
        b.obsolete(SYN4, 2),
      )
      const { packets, problems } = readAll(file)
      expect(packets).toEqual([packet(SYN4, 1), packet(SYN4, 3, 1), packet(SYN4, 5, 1)])
      expect(problems).toMatchObject([
        { reason: 'unknown-link-type', frame: 2, detail: expect.stringContaining('999') },
      ])
    })

    test(`tells of packets of an interface that was not described, ${order}`, () => {
      const file = join(start, b.enhanced(SYN4, 7), b.enhanced(SYN4, 0xffffffff), b.enhanced(SYN4))
      expect(readAll(file)).toMatchObject({
        packets: [{ frame: 3 }],
        problems: [{ reason: 'broken-block', frame: 1, detail: expect.stringContaining('interface 7') }],
      })
      expect(readAll(join(b.section(), b.simple(SYN4), start, b.simple(SYN4)))).toMatchObject({
        packets: [{ frame: 2 }],
        problems: [{ reason: 'broken-block', frame: 1 }],
      })
    })

    test(`goes on behind a packet block that contradicts itself, ${order}`, () => {
      const enhanced = b.enhanced(SYN4)
      const captured = little ? 20 : 23
      const file = join(
        start,
        withOctet(enhanced, captured, 250), // more octets than the block has
        b.block(6, u32(0)), // no room for its fields
        b.block(1, u16(0)),
        b.enhanced(SYN4),
      )
      const { packets, problems } = readAll(file)
      expect(packets).toEqual([packet(SYN4, 3)])
      expect(problems).toMatchObject([
        { reason: 'broken-block', frame: 1 },
        { reason: 'broken-block', frame: 2 },
        { reason: 'broken-block' },
      ])
      expect(problems[2]?.frame).toBeUndefined()
    })

    test(`goes on behind one wrong length at the end of a block and stops at two, ${order}`, () => {
      const wrong = (block: Uint8Array): Uint8Array => withOctet(block, block.length - 2, 9)
      const once = readAll(join(start, b.enhanced(SYN4), wrong(b.enhanced(SYN6)), b.enhanced(SYN4)))
      expect(once.packets.map(({ frame }) => frame)).toEqual([1, 2, 3])
      expect(once.problems).toMatchObject([{ reason: 'broken-block', offset: start.length + b.enhanced(SYN4).length }])
      const twice = readAll(join(start, wrong(b.enhanced(SYN4)), wrong(b.enhanced(SYN4)), b.enhanced(SYN4)))
      expect(twice.packets.length).toBe(2)
      expect(twice.problems.map(({ reason }) => reason)).toEqual(['broken-block', 'broken-block'])
    })

    test(`stops where a block length leads nowhere, ${order}`, () => {
      for (const length of [0, 4, 8]) {
        const bad = join(u32(6, little), u32(length, little), new Uint8Array(40))
        const { packets, problems } = readAll(join(start, b.enhanced(SYN4), bad, b.enhanced(SYN4)))
        expect(packets.length).toBe(1)
        expect(problems).toMatchObject([
          { reason: 'broken-block', frame: 2, detail: expect.stringContaining(`${length} octets`) },
        ])
      }
      // As long as a file can be: the end of this one comes first.
      const endless = join(start, b.enhanced(SYN4), u32(0x99, little), u32(0xfffffff0, little), new Uint8Array(1000))
      expect(readAll(endless)).toMatchObject({
        packets: [{ frame: 1 }],
        problems: [{ reason: 'truncated-file', offset: endless.length }],
      })
    })

    test(`takes a length that lacks its padding, ${order}`, () => {
      const odd = SYN4.subarray(0, 57)
      const body = join(u32(0), u32(0), u32(0), u32(57, little), u32(57, little), odd)
      const unpadded = u32(body.length + 12, little)
      const file = join(start, u32(6, little), unpadded, body, new Uint8Array(3), unpadded, b.enhanced(SYN4))
      expect(readAll(file)).toMatchObject({ packets: [{ frame: 1, hex: text(odd) }, { frame: 2 }], problems: [] })
    })

    test(`tells of a file cut at any place, ${order}`, () => {
      const parts = [b.section(), b.interface(101), b.enhanced(SYN4), b.simple(SYN6)]
      const file = join(...parts)
      const ends = parts.map((_, i) => join(...parts.slice(0, i + 1)).length)
      for (let length = 4; length < file.length; length++) {
        const { problems } = read(file.subarray(0, length), 50)
        if (ends.includes(length)) expect(problems).toEqual([])
        else expect(problems).toMatchObject([{ reason: 'truncated-file', offset: length }])
      }
    })
  }

  test('reads sections of both byte orders, each with its interfaces', () => {
    const [l, b] = [pcapng(true), pcapng(false)]
    const file = join(
      l.section(),
      l.interface(101),
      l.interface(113),
      l.enhanced(SYN4, 1),
      b.section(),
      b.interface(1),
      b.enhanced(SYN4),
      l.section(),
      l.interface(101),
      l.enhanced(SYN6),
    )
    expect(readAll(file)).toEqual({
      packets: [packet(SYN4, 1, 113), packet(SYN4, 2, 1), packet(SYN6, 3)],
      problems: [],
    })
  })

  test('gives the beginning of a huge packet and goes on behind it', () => {
    const b = pcapng()
    const huge = new Uint8Array(3_000_000).fill(7)
    const file = join(b.section(), b.interface(101), b.enhanced(SYN4), b.enhanced(huge), b.enhanced(SYN6))
    for (const piece of [file.length, 65_536]) {
      const { packets, problems } = read(file, piece)
      expect(problems).toEqual([])
      expect(packets.map(({ frame }) => frame)).toEqual([1, 2, 3])
    }
  })

  test('refuses a section it cannot read', () => {
    const b = pcapng()
    expect(read(join(b.section(2), b.interface(101), b.enhanced(SYN4)))).toMatchObject({
      packets: [],
      problems: [{ reason: 'unknown-version', detail: 'pcapng version 2.0' }],
    })
    const noMagic = withOctet(b.section(), 8, 0)
    expect(read(noMagic).problems).toMatchObject([{ reason: 'broken-block', frame: 1 }])
    expect(read(join(b.section(), b.interface(101), b.enhanced(SYN4), noMagic))).toMatchObject({
      packets: [{ frame: 1 }],
      problems: [{ reason: 'broken-block', frame: 2 }],
    })
  })

  test('remembers a bounded number of interfaces', () => {
    const b = pcapng()
    const many = new Uint8Array(20 * 70_000)
    for (let i = 0; i < 70_000; i++) many.set(b.interface(101), i * 20)
    const { packets, problems } = read(join(b.section(), many, b.enhanced(SYN4, 65_535), b.enhanced(SYN4, 65_536)))
    expect(packets).toMatchObject([{ frame: 1 }])
    expect(problems).toMatchObject([{ reason: 'broken-block', frame: 2 }])
  })
})

describe('CaptureReader on anything', () => {
  test('names what is often given in place of a capture', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['28b52ffd0000', 'zstd'],
      ['fd377a585a000000', 'xz'],
      ['425a68393141', 'bzip2'],
      ['04224d18', 'lz4'],
      ['504b0304', 'zip'],
      ['736e6f6f70000000', 'snoop'],
      ['7b226865', 'neither pcap nor pcapng'],
    ]
    for (const [start, word] of cases) {
      expect(read(hex(start)).problems).toMatchObject([
        { reason: 'unknown-format', detail: expect.stringContaining(word) },
      ])
    }
  })

  test('stays upright on changed files, and ends', () => {
    const [l, b] = [pcapng(true), pcapng(false)]
    const files = [
      pcap([SYN4, SYN6, SYN4]),
      pcap([SYN4, SYN6], { little: false, magic: 0xa1b2cd34 }),
      join(
        l.section(),
        l.interface(101),
        l.enhanced(SYN4),
        l.simple(SYN6),
        l.obsolete(SYN4),
        b.section(),
        b.interface(1),
        b.enhanced(SYN4),
      ),
    ]
    let answers = 0
    for (const file of files) {
      for (let at = 0; at < file.length; at++) {
        for (const value of [0, 1, 6, 0x0a, 0x7f, 0x80, 0xff, file[at]! ^ 1]) {
          const { packets, problems } = read(withOctet(file, at, value), 40)
          answers += packets.length + problems.length
          for (const { offset } of problems) expect(offset).toBeLessThanOrEqual(file.length)
        }
      }
    }
    expect(answers).toBeGreaterThan(0)
  })
})
