import { describe, expect, test } from 'bun:test'
import { Output } from '../../src/cli/output.ts'
import type { Report } from '../../src/cli/record.ts'
import { putDecimal, putSegment, SLACK, segment } from '../../src/cli/render/ascii.ts'
import { createJsonWriter, recordOf } from '../../src/cli/render/json.ts'
import { fingerprints } from '../../src/fingerprint/index.ts'
import { loadP0f } from '../../src/label/database-parser.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { match } from '../../src/label/match.ts'
import { safeParseSyn } from '../../src/wire/syn.ts'
import { hex, join, SYN4, SYN6, u16, withOctet } from '../capture-file/build.ts'

/** Descriptor that nothing is written to: the buffer is looked at and emptied. */
const out = new Output(-1)
const writer = createJsonWriter(out)

function line(report: Report): string {
  writer.record(report)
  const text = new TextDecoder().decode(out.bytes.subarray(0, out.length))
  out.length = 0
  return text
}

/** What the two databases and none say of a packet, in every form of record. Returns how many were compared. */
function compare(bytes: Uint8Array): number {
  const decoded = safeParseSyn(bytes)
  if (!decoded.ok) return 0
  const syn = decoded.value
  const strings = fingerprints(syn)
  const variants: Partial<Report>[] = [
    {},
    { label: match(defaultDatabase(), syn) },
    { label: match(OTHER, syn), fingerprints: { ...strings, ja4t: '1_2_3_4' } },
    { file: 'a.pcap', frame: 7, label: match(defaultDatabase(), syn) },
    { file: '\u00e9 "quoted"\\\u007f\n\ud800\u{1f600}.pcap', frame: 4_294_967_295, tunnel: ['gre', 'vxlan'] },
  ]
  for (const variant of variants) {
    const report: Report = {
      syn,
      fingerprints: strings,
      label: undefined,
      file: undefined,
      frame: 0,
      tunnel: undefined,
      ...variant,
    }
    expect(line(report)).toBe(`${JSON.stringify(recordOf(report))}\n`)
  }
  return variants.length
}

/** Labels and links of other text than ours, matching next to everything. */
const OTHER = loadP0f(`classes = unix
[mtu]
label = \u00e9 "odd" \\ link
sig = 1500
[tcp:request]
label = g:unix:Any thing:(1.0?)
sig = *:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0
label = s:!:Tool:
sys = @unix
sig = *:64:0:*:*,*:mss::0
`)

describe('createJsonWriter', () => {
  test('writes what JSON.stringify gives, for whole and changed SYNs', () => {
    let compared = 0
    for (const syn of [SYN4, SYN6, MAC, PLAIN, OPTIONS, EXTENSIONS, FRAMED]) {
      compared += compare(syn)
      for (let at = 0; at < syn.length; at++) {
        for (const value of [0, 1, 2, 5, 15, 0x42, 0x80, 0xff]) compared += compare(withOctet(syn, at, value))
      }
    }
    expect(compared).toBeGreaterThan(5000)
  })

  test('writes what JSON.stringify gives, for the longest packets', () => {
    const headers = Array.from({ length: 8000 }, (_, i) => join(i === 7999 ? 6 : 60, 0, new Uint8Array(6)))
    const long = join(SYN6.subarray(0, 4), u16(64_040), 60, 64, SYN6.subarray(8, 40), ...headers, SYN6.subarray(40))
    expect(compare(long)).toBe(5)
    expect(compare(join(SYN4, new Uint8Array(65_000)))).toBe(5)
  })

  test('writes errors with what is known of them', () => {
    writer.error({ reason: 'truncated', offset: 3, needed: 20, available: 5 }, 'x"y', 9)
    writer.error({ reason: 'empty', offset: 0 })
    const text = new TextDecoder().decode(out.bytes.subarray(0, out.length))
    out.length = 0
    expect(text).toBe(
      '{"file":"x\\"y","frame":9,"error":{"reason":"truncated","offset":3,"needed":20,"available":5}}\n' +
        '{"error":{"reason":"empty","offset":0}}\n',
    )
  })
})

const MAC = hex(
  '450000400000400040064e73c000020ac6336407a8ca01bb1122334400000000b002ffff00000000020405b4010303060101080a334455660000000004020000',
)
const PLAIN = hex('450000281234000040067c57c000020ac6336407a8ca01bb11223344000000005002040000000000')
/** IP options, every control bit that a SYN can have, octets after End of Option List. */
const OPTIONS = hex(
  '480000485a5ae00080060000c000020ac6336407 0704 0000 01010100 44040000 ffffffffffffffffffffffff 91eb ffff ffff ffff 020405b4 22020001 05021e',
)
const EXTENSIONS = join(
  SYN6.subarray(0, 4),
  u16(48),
  60,
  1,
  SYN6.subarray(8, 40),
  hex('0600010400000000'),
  SYN6.subarray(40),
)
const FRAMED = join(new Uint8Array(12).fill(2), hex('8100 0007 0800'), SYN4)

describe('putDecimal', () => {
  test('writes every length of number', () => {
    const bytes = new Uint8Array(32 + SLACK)
    const view = new DataView(bytes.buffer)
    const values = [0, 9, 10, 99, 100, 999, 1000, 9999, 99_999, 100_000, 999_999, 1_000_000, 999_999_999, 1_000_000_000]
    for (let power = 0; power < 32; power++) values.push(2 ** power - 1, 2 ** power, 2 ** power + 1)
    for (const value of [...values, 4_294_967_295]) {
      const end = putDecimal(view, 3, value)
      expect(new TextDecoder().decode(bytes.subarray(3, end))).toBe(`${value}`)
    }
  })
})

describe('putSegment', () => {
  test('writes any text as it is, of any length', () => {
    const bytes = new Uint8Array(4096)
    const view = new DataView(bytes.buffer)
    const odd = '\u007f\u{10ffff}\u07ff\uffff\u{f0000}'
    for (let length = 0; length < 40; length++) {
      const text = odd.repeat(4).slice(0, length).toWellFormed()
      const end = putSegment(view, 5, segment(text))
      expect(new TextDecoder().decode(bytes.subarray(5, end))).toBe(text)
    }
  })
})
