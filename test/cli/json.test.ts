import { describe, expect, test } from 'bun:test'
import { createJsonWriter, recordOf } from '../../src/cli/render/json.ts'
import type { Findings, Report } from '../../src/cli/render/record.ts'
import { fingerprints } from '../../src/fingerprint/index.ts'
import { ShapeMemo } from '../../src/fingerprint/shape-memo.ts'
import { loadP0f } from '../../src/label/database-parser.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { match } from '../../src/label/match.ts'
import { type Syn, safeParseSyn } from '../../src/wire/syn.ts'
import { hex, join, SYN4, SYN6, u16, withOctet } from '../capture-file/build.ts'

let text = ''
const writer = createJsonWriter({ text: (more) => void (text += more) })

/** What was written since the last call. */
function written(): string {
  const all = text
  text = ''
  return all
}

function line(report: Report): string {
  writer.record(report)
  return written()
}

const unlabelled = (syn: Syn): Findings => ({ fingerprints: fingerprints(syn), label: undefined, json: undefined })
const labelled = (syn: Syn): Findings => ({ ...unlabelled(syn), label: match(defaultDatabase(), syn) })
const otherwise = (syn: Syn): Findings => ({
  fingerprints: { ...fingerprints(syn), ja4t: '1_2_3_4' },
  label: match(OTHER, syn),
  json: undefined,
})

/** Each with what it says of shapes that were seen before. */
const ANALYZERS = [unlabelled, labelled, otherwise].map((make) => ({ make, memo: new ShapeMemo(make) }))
const PLACES: readonly Partial<Report>[] = [
  {},
  { file: 'a.pcap', frame: 7 },
  { file: '\u00e9 "quoted"\\\u007f\n\ud800\u{1f600}.pcap', frame: 4_294_967_295, tunnel: ['gre', 'vxlan'] },
]

/** What the two databases and none say of a packet, in every form of record. Returns how many were compared. */
function compare(bytes: Uint8Array): number {
  const decoded = safeParseSyn(bytes)
  if (!decoded.ok) return 0
  const syn = decoded.value
  let compared = 0
  for (const { make, memo } of ANALYZERS) {
    for (const place of PLACES) {
      const report = { syn, findings: memo.of(syn), file: undefined, frame: 0, tunnel: undefined, ...place }
      const fresh = { ...report, findings: make(syn) }
      expect(line(report)).toBe(`${JSON.stringify(recordOf(fresh))}\n`)
      compared++
    }
  }
  return compared
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
    expect(compare(long)).toBe(9)
    expect(compare(join(SYN4, new Uint8Array(65_000)))).toBe(9)
  })

  test('writes errors with what is known of them', () => {
    writer.error({ reason: 'truncated', offset: 3, needed: 20, available: 5 }, 'x"y', 9)
    writer.error({ reason: 'empty', offset: 0 })
    expect(written()).toBe(
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
