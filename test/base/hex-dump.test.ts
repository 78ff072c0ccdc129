import { describe, expect, test } from 'bun:test'
import { digitsOf, HexDumpReader, readHexDump, type Wholeness } from '../../src/base/hex-dump.ts'
import { bare, hexdump, od, tcpdump, wireshark, xxd } from '../support/dumps.ts'
import { SYN } from '../support/samples.ts'

/** 64 octets: no row is short. */
const LONG = `45000040${SYN.slice(8, 64)}b0${SYN.slice(66)}01010101`

/** 60 octets are whole here, fewer are cut. */
const wholeness = (digits: string): Wholeness => (digits.length >= 120 ? 'whole' : 'cut')

/** The dumps of lines, and where they begin. */
function dumpsOf(text: string): [line: number, text: string][] {
  const found: [number, string][] = []
  const reader = new HexDumpReader(({ line, text: dump }) => found.push([line, dump]), wholeness)
  for (const line of text.split('\n').slice(0, text.endsWith('\n') ? -1 : undefined)) reader.line(line)
  reader.end()
  return found
}

const FORMS: readonly (readonly [name: string, print: (hex: string) => string])[] = [
  ['tcpdump -x', tcpdump],
  ['tcpdump -X', (hex) => tcpdump(hex, true)],
  ['xxd', xxd],
  ['hexdump -C', hexdump],
  ['Wireshark', wireshark],
  ['od', od],
  ['bare rows', bare],
]

describe('HexDumpReader', () => {
  test.each(FORMS)('makes one dump of the rows of %s, and parts packets', (_, print) => {
    const all = print(SYN) + print(LONG) + print(SYN.toUpperCase())
    expect(dumpsOf(all).map(([, text]) => text)).toEqual([SYN, LONG, SYN])
    expect(dumpsOf(all.replaceAll('\n', '\r\n')).map(([, text]) => text)).toEqual([SYN, LONG, SYN])
    expect(dumpsOf(`${print(SYN)}\n${print(LONG)}`).map(([, text]) => text)).toEqual([SYN, LONG])
  })
  test.each([
    ['xxd', ['xxd'], SYN],
    ['xxd -g1', ['xxd', '-g1'], LONG],
    ['xxd -c 8', ['xxd', '-c', '8'], SYN],
    ['hexdump -C', ['hexdump', '-C'], SYN],
    ['hexdump -C, rows left out', ['hexdump', '-C'], SYN + '00'.repeat(100)],
    ['od -A x -t x1', ['od', '-A', 'x', '-t', 'x1'], LONG],
    ['od -t x1', ['od', '-t', 'x1'], LONG],
    ['od -A d -t x1', ['od', '-A', 'd', '-t', 'x1'], LONG],
    ['od -A x -t x1z', ['od', '-A', 'x', '-t', 'x1z'], SYN],
    ['xxd -i', ['xxd', '-i'], SYN],
    ['od -A x -t x1, rows left out', ['od', '-A', 'x', '-t', 'x1'], SYN + '41'.repeat(64)],
  ] as const)('reads what %s itself prints', (_, argv, hex) => {
    const { stdout } = Bun.spawnSync([...argv], { stdin: Buffer.from(hex, 'hex') })
    const printed = stdout.toString()
    expect(printed).not.toBe('')
    expect(dumpsOf(printed)).toEqual([[1, hex]])
    expect(readHexDump(printed)).toEqual({ digits: hex, more: 0 })
  })
  test('makes a dump of every other line, as it is, an empty one too', () => {
    const lines = [SYN, '', ' ', 'zz', '45 00', '0000', '00000000', '0x45', '-', '*', 'IP', '0010: 45 00', SYN]
    expect(dumpsOf(lines.join('\n'))).toEqual(lines.map((line, i) => [i + 1, line]))
  })
  test('counts lines, and takes a line about a packet for a dump only where no rows follow', () => {
    const title = tcpdump(SYN).split('\n')[0]!
    expect(dumpsOf(`${SYN}\n${tcpdump(SYN)}${title}\n${title}\nzz\n${tcpdump(SYN)}`)).toEqual([
      [1, SYN],
      [3, SYN],
      [7, title],
      [8, title],
      [9, 'zz'],
      [11, SYN],
    ])
    expect(dumpsOf(`${title}\n`.repeat(50))).toHaveLength(50)
  })
  test.each([
    '00:00:01.000002 02:00:00:00:00:0b > 02:00:00:00:00:0a, ethertype IPv4 (0x0800), length 74: 192.0.2.10.1 > 198.51.100.7.2: Flags [S], length 0',
    '00:00:01.000002 IP (tos 0x0, ttl 57, id 4660, offset 0, flags [DF], proto TCP (6), length 60)\n    192.0.2.10.1 > 198.51.100.7.2: Flags [S], length 0',
  ])('takes the lines of tcpdump -e and -v for titles', (title) => {
    const rows = tcpdump(SYN).split('\n').slice(1).join('\n')
    expect(dumpsOf(`${title}\n${rows}`).map(([, text]) => text)).toEqual([SYN])
  })
  test('reports what is whole before more is waited for, and once', () => {
    const found: string[] = []
    const reader = new HexDumpReader(({ text }) => found.push(text), wholeness)
    for (const line of xxd(LONG).trimEnd().split('\n').slice(0, 3)) reader.line(line)
    reader.pause()
    expect(found).toEqual([])
    reader.line(xxd(LONG).split('\n')[3]!)
    reader.pause()
    reader.pause()
    expect(found).toEqual([LONG])
    // Octets behind the packet, of a link that pads.
    reader.line('00000040: 0000 0000')
    reader.end()
    expect(found).toEqual([LONG])
  })
  test('ends a dump at a gap', () => {
    const [first, , third] = xxd(SYN).split('\n')
    expect(dumpsOf(`${first}\n${third}`)).toEqual([
      [1, SYN.slice(0, 32)],
      [2, third!],
    ])
  })
  test('keeps no more of rows without end than a packet can have', () => {
    let octets = 0
    const reader = new HexDumpReader(
      ({ text }) => (octets += text.length / 2),
      () => 'cut',
    )
    for (let at = 0; at < 200_000; at += 16) reader.line(`${at.toString(16).padStart(8, '0')}: ${'00 '.repeat(15)}00`)
    reader.end()
    expect(octets).toBeLessThan(70_100)
    octets = 0
    for (let i = 0; i < 10_000; i++) reader.line(`${'00 '.repeat(15)}00`)
    reader.line('00000000: 00')
    reader.line('*')
    reader.line('ffffffff: 00')
    reader.end()
    expect(octets).toBeLessThan(160_000 + 70_100)
  })
  test('is quick with lines that are nearly rows or titles', () => {
    const reader = new HexDumpReader(() => {}, wholeness)
    for (const text of ['IP ', ' ', '00 ', '0000: ', 'a > ', '\t', '0x', 'IP6 > ', '00 00  ', ': ']) {
      reader.line(text.repeat(262_144 / text.length))
      reader.line(`0000:  ${text.repeat(262_000 / text.length)}`)
    }
    reader.end()
  })
})

describe('readHexDump', () => {
  test('takes the first of several dumps, and counts the others', () => {
    expect(readHexDump(tcpdump(SYN) + tcpdump(LONG) + tcpdump(SYN))).toEqual({ digits: SYN, more: 2 })
  })
})

test('digitsOf takes out what stands between octets, where nothing else is left', () => {
  for (const text of [
    '45 00',
    '45:00',
    '0x45, 0x00',
    '\\x45\\x00',
    '{0x45,0x00}',
    '"4500"',
    ' 4500\t',
    "b'\\x45\\x00'",
    "x'4500'",
  ]) {
    expect(digitsOf(text), text).toBe('4500')
  }
  for (const text of ['', '-', '--help', '{}', '45 00 <script>', '4500 zz']) expect(digitsOf(text)).toBe(text)
})
