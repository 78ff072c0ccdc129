/**
 * SYNs that real clients send in numbers, line by line: what their label must say, over both IP versions, with usual MSS values,
 * with and without ECN.
 */
import { expect, test } from 'bun:test'
import { defaultDatabase } from '../../src/label/default.ts'
import { type Label, match } from '../../src/label/match.ts'
import { parseSyn } from '../../src/wire/syn.ts'
import { synOf } from './syn-of.ts'

const LNX = 'mss,sok,ts,nop,ws'
const LNX_NOP = `mss,sok,${'nop,'.repeat(11)}ws`
const LNX_CUT = 'mss,sok,nop,nop,nop,ws'
const WIN = 'mss,nop,ws,nop,nop,sok'
const WIN0 = 'mss,nop,nop,sok'
const MAC = 'mss,nop,ws,nop,nop,ts,sok,eol+1'
const MAC_NOP = `mss,nop,ws,${'nop,'.repeat(12)}sok,eol+1`
const MAC_CUT = 'mss,nop,ws,sok,eol+1'
const FBSD = 'mss,nop,ws,sok,ts'
const KEEP = 'df,id+'

const MSS = [1460, 1440, 1400, 1360, 536]

/** `max`: the largest multiple of the MSS; `max-12`: of the MSS less timestamps; `4*`: a multiple; else a number. */
function windowOf(window: string | number, mss: number): number {
  if (window === 'max') return 65_535 - (65_535 % mss)
  if (window === 'max-12') return 65_535 - (65_535 % (mss - 12))
  return typeof window === 'string' ? Number.parseInt(window, 10) * mss : window
}

interface Row {
  readonly ttl: number
  readonly window: string | number
  readonly scale: number
  readonly layout: string
  /** Of IPv4; over IPv6 a flow label. */
  readonly quirks?: string
  readonly label: RegExp
  readonly family: string
  readonly traits?: readonly string[]
  /** IP versions, both by default. */
  readonly versions?: readonly number[]
  /** MSS values, all by default. */
  readonly mss?: readonly number[]
}

const V4 = [4]
const RELAY = /^TCP ends at a middlebox or relay \(load balancer, VPN exit, carrier proxy\)$/
const removed = ['timestamps-removed']

const ROWS: readonly Row[] = [
  // a box that ends TCP
  ...['3*', '8*', '10*', '16*', '42*'].flatMap((window): Row[] => [
    { ttl: 255, window, scale: 3, layout: FBSD, quirks: 'df', label: RELAY, family: 'relay' },
    { ttl: 255, window, scale: 5, layout: MAC_CUT, quirks: KEEP, label: RELAY, family: 'relay' },
    { ttl: 255, window, scale: 0, layout: 'mss', quirks: 'df', label: RELAY, family: 'relay', versions: V4 },
    // nothing was seen to send three segments over IPv6
    ...(window === '3*'
      ? []
      : [{ ttl: 255, window, scale: 0, layout: 'mss', label: RELAY, family: 'relay', versions: [6] }]),
  ]),
  { ttl: 255, window: 65_535, scale: 12, layout: FBSD, quirks: 'df', label: RELAY, family: 'relay' },
  { ttl: 255, window: 65_535, scale: 6, layout: FBSD, label: /^TCP ends at .* or FreeBSD/, family: 'relay' },
  { ttl: 255, window: 65_535, scale: 4, layout: MAC_CUT, label: RELAY, family: 'relay' },
  { ttl: 255, window: 65_535, scale: 0, layout: 'mss', label: RELAY, family: 'relay', versions: V4 },
  { ttl: 255, window: 65_535, scale: 0, layout: 'mss', label: /^TCP ends at .*zmap/, family: 'relay', versions: [6] },
  { ttl: 64, window: 65_535, scale: 12, layout: FBSD, quirks: 'df', label: RELAY, family: 'relay' },
  { ttl: 64, window: 33_000, scale: 9, layout: FBSD, quirks: 'df', label: RELAY, family: 'relay' },
  { ttl: 64, window: 29_200, scale: 7, layout: 'mss,nop,ws,nop,nop,sok,nop,nop,ts', label: RELAY, family: 'relay' },
  // timestamps overwritten, cut out
  ...[LNX_NOP, LNX_CUT].flatMap((layout): Row[] => [
    { ttl: 64, window: 'max', scale: 7, layout, label: /^Linux 4\.20 or newer/, family: 'linux', traits: removed },
    { ttl: 64, window: 'max', scale: 9, layout, label: /^Linux 4\.20 .*Android/, family: 'linux', traits: removed },
    { ttl: 64, window: '20*', scale: 7, layout, label: /^Linux 3\.11 to 4\.19/, family: 'linux', traits: removed },
    { ttl: 64, window: 65_535, scale: 8, layout, label: /^Linux \(Android/, family: 'linux', traits: removed },
    { ttl: 64, window: '29*', scale: 8, layout, label: /^Linux \(Android/, family: 'linux', traits: removed },
    { ttl: 64, window: 12_345, scale: 8, layout, label: /^Linux$/, family: 'linux', traits: removed },
  ]),
  ...[MAC_NOP, MAC_CUT].flatMap((layout): Row[] => [
    {
      ttl: 64,
      window: 65_535,
      scale: 5,
      layout,
      quirks: 'df',
      label: /^macOS .* iOS/,
      family: 'apple',
      traits: removed,
    },
    {
      ttl: 64,
      window: 65_535,
      scale: 7,
      layout,
      quirks: 'df',
      label: /iOS 12 or 13/,
      family: 'apple',
      traits: removed,
    },
  ]),
  {
    ttl: 64,
    window: 65_535,
    scale: 6,
    layout: MAC_NOP,
    quirks: 'df',
    label: /iOS 14/,
    family: 'apple',
    traits: removed,
  },
  {
    ttl: 64,
    window: 65_535,
    scale: 6,
    layout: MAC_CUT,
    quirks: 'df',
    label: /^macOS or iOS .*FreeBSD$/,
    family: 'apple',
  },
  // Windows: timestamps, arithmetic, other scales, without scaling
  ...[128, 117].flatMap((ttl): Row[] => [
    { ttl, window: 'max-12', scale: 8, layout: FBSD, label: /^Windows 10 or newer/, family: 'windows' },
    { ttl, window: 8192, scale: 8, layout: FBSD, label: /^Windows Vista to 10/, family: 'windows' },
    { ttl, window: 8192, scale: 2, layout: FBSD, label: /^Windows Vista to 10/, family: 'windows' },
    { ttl, window: 'max', scale: 8, layout: WIN, label: /^Windows 10 or newer/, family: 'windows' },
    { ttl, window: 17_520, scale: 8, layout: WIN, label: /^Windows 10 or newer/, family: 'windows', versions: V4 },
    { ttl, window: 65_518, scale: 8, layout: WIN, label: /^Windows 10 or newer/, family: 'windows', versions: V4 },
    // Seen over IPv4 alone: over IPv6 no evidence says more than the family.
    { ttl, window: 17_520, scale: 8, layout: WIN, label: /^Windows/, family: 'windows', versions: [6] },
    { ttl, window: 65_518, scale: 8, layout: WIN, label: /^Windows/, family: 'windows', versions: [6] },
    { ttl, window: 65_535, scale: 3, layout: WIN, label: /^Windows/, family: 'windows', versions: [6] },
    { ttl, window: 64_240, scale: 8, layout: FBSD, label: /^Windows/, family: 'windows' },
    // the windows that browsers' users send, whatever the MSS here
    ...[65_280, 64_800, 64_952, 65_340, 64_860, 65_330, 64_320].map(
      (window): Row => ({ ttl, window, scale: 8, layout: WIN, label: /^Windows/, family: 'windows' }),
    ),
    { ttl, window: 65_535, scale: 0, layout: WIN0, label: /^Windows 2000/, family: 'windows', versions: [6] },
    { ttl, window: 64_240, scale: 0, layout: WIN0, label: /^Windows/, family: 'windows', versions: [6] },
    { ttl, window: 63_443, scale: 6, layout: WIN, label: /^Windows$/, family: 'windows' },
    { ttl, window: 8192, scale: 4, layout: WIN, label: /^Windows$/, family: 'windows' },
    { ttl, window: 64_240, scale: 9, layout: WIN, label: /^Windows$/, family: 'windows' },
    { ttl, window: 32_768, scale: 0, layout: WIN, label: /^Windows$/, family: 'windows' },
    { ttl, window: 8192, scale: 2, layout: WIN, label: /^Windows Vista to 10, or Server 2008/, family: 'windows' },
    { ttl, window: 65_535, scale: 3, layout: WIN, label: /^Windows 7 or 10/, family: 'windows', versions: V4 },
    {
      ttl,
      window: 65_535,
      scale: 0,
      layout: WIN0,
      label: /^Windows 2000 to 10, servers/,
      family: 'windows',
      versions: V4,
    },
    { ttl, window: 64_240, scale: 0, layout: WIN0, label: /^Windows$/, family: 'windows', versions: V4 },
    { ttl, window: 51_200, scale: 0, layout: WIN0, label: /^Windows$/, family: 'windows', versions: V4 },
  ]),
  { ttl: 64, window: 'max', scale: 8, layout: WIN, label: /^Windows 10/, family: 'windows', versions: [6] },
  { ttl: 255, window: 64_240, scale: 0, layout: 'mss', label: /^Windows behind .*relay/, family: 'windows' },
  { ttl: 64, window: 64_240, scale: 0, layout: WIN0, label: /^Windows .*Linux/, family: 'windows' },
  // Apple by scale and ID
  {
    ttl: 64,
    window: 65_535,
    scale: 5,
    layout: MAC,
    label: /10\.10 to 10\.12, or iOS 8 to 10 or 14 to 16/,
    family: 'apple',
    versions: V4,
  },
  {
    ttl: 64,
    window: 65_535,
    scale: 6,
    layout: MAC,
    label: /^macOS 11 to 13, or iOS 14 to 16/,
    family: 'apple',
    versions: V4,
  },
  // Over IPv6 there is no ID to tell by: both are named.
  ...[5, 6].map(
    (scale): Row => ({
      ttl: 64,
      window: 65_535,
      scale,
      layout: MAC,
      label: /iOS (?:8|14) or newer/,
      family: 'apple',
      versions: [6],
    }),
  ),
  { ttl: 64, window: 65_535, scale: 6, layout: MAC, quirks: 'df', label: /iOS 14 or newer/, family: 'apple' },
  { ttl: 64, window: 65_535, scale: 7, layout: MAC, quirks: 'df', label: /iOS 12 or 13/, family: 'apple' },
  { ttl: 64, window: 65_535, scale: 6, layout: MAC, quirks: '', label: /macOS.*zmap/, family: 'apple', versions: V4 },
  { ttl: 64, window: 65_535, scale: 0, layout: 'mss,sok,eol+1', quirks: 'df', label: /^macOS or iOS/, family: 'apple' },
  // Android and Linux
  ...[29, 30, 31, 32, 33, 34].flatMap((n) =>
    [7, 8, 9, 10].map(
      (scale): Row => ({ ttl: 64, window: `${n}*`, scale, layout: LNX, label: /^Linux \(Android/, family: 'linux' }),
    ),
  ),
  ...[6, 7, 8, 9].map(
    (scale): Row => ({ ttl: 64, window: 65_535, scale, layout: LNX, label: /^Linux \(Android/, family: 'linux' }),
  ),
  ...[8, 9, 10].map(
    (scale): Row => ({
      ttl: 64,
      window: 'max',
      scale,
      layout: LNX,
      label: /^Linux 4\.20.*Android.*6\.16/,
      family: 'linux',
    }),
  ),
  { ttl: 64, window: 'max', scale: 7, layout: LNX, label: /^Linux 4\.20 or newer/, family: 'linux' },
  { ttl: 64, window: 'max', scale: 3, layout: LNX, label: /^Linux 4\.20 .*little memory/, family: 'linux' },
  { ttl: 64, window: '20*', scale: 5, layout: LNX, label: /^Linux 3\.11 .*little memory/, family: 'linux' },
  { ttl: 64, window: '10*', scale: 1, layout: LNX, label: /^Linux 2\.6\.39 .*little memory/, family: 'linux' },
  { ttl: 64, window: '4*', scale: 1, layout: LNX, label: /^Linux 2\.4 .*little memory/, family: 'linux' },
  {
    ttl: 64,
    window: 65_535,
    scale: 0,
    layout: 'mss,ws,sok,eol+2',
    quirks: 'df',
    label: /^smoltcp .*VPN app/,
    family: 'userspace',
  },
]

function labelOf(row: Row, version: number, mss: number, ecn: boolean): Label {
  const quirks = version === 4 ? (row.quirks ?? KEEP) : 'flow'
  const words = [...quirks.split(','), ...(ecn ? ['ecn'] : [])].filter((word) => word !== '').join(',')
  const window = windowOf(row.window, mss)
  const text = `${version}:${row.ttl}:0:${mss}:${window},${row.scale}:${row.layout}:${words}:0`
  return match(defaultDatabase(), parseSyn(synOf(text)))
}

test('layouts seen in the field get the label that the evidence allows', () => {
  let seen = 0
  for (const row of ROWS) {
    for (const version of row.versions ?? [4, 6]) {
      for (const mss of row.mss ?? MSS) {
        for (const ecn of [false, true]) {
          const label = labelOf(row, version, mss, ecn)
          const what = `IPv${version} ttl ${row.ttl} mss ${mss} window ${row.window},${row.scale} ${row.layout}${ecn ? ' ECN' : ''}`
          expect(`${what}: ${row.label.test(label.name ?? '') || label.name}`).toBe(`${what}: true`)
          expect([what, label.family]).toEqual([what, row.family])
          if (row.traits !== undefined) expect([what, label.traits]).toEqual([what, row.traits as never])
          seen += 1
        }
      }
    }
  }
  expect(seen).toBeGreaterThan(1000)
})

test('traits say what the way did', () => {
  const traitsOf = (text: string): readonly string[] => match(defaultDatabase(), parseSyn(synOf(text))).traits
  expect(traitsOf(`4:64:0:1460:64240,7:${LNX}:df,id+:0`)).toEqual([])
  expect(traitsOf(`4:57:0:1380:64240,7:${LNX}:df,id+:0`)).toEqual(['mss-lowered'])
  expect(traitsOf(`4:57:0:1380:29200,7:${LNX}:df,id+:0`)).toEqual(['mss-lowered'])
  expect(traitsOf(`4:64:0:1380:64240,8:${WIN}:df,id+:0`)).toEqual(['mss-lowered', 'ttl-rewritten'])
  expect(traitsOf(`4:64:0:1360:64240,7:${LNX_NOP}:df,id+:0`)).toEqual(['timestamps-removed', 'mss-lowered'])
  expect(traitsOf(`4:64:0:1460:65535,6:${MAC}:df:0`)).toEqual([])
  // a relay's own order of options, and what no signature fits
  expect(traitsOf(`4:255:0:1460:14600,4:${MAC_CUT}:df:0`)).toEqual([])
  expect(traitsOf('4:64:0:1460:1,1:ws,mss,nop:df:0')).toEqual([])
  const label = match(defaultDatabase(), parseSyn(synOf(`4:57:0:1380:64240,7:${LNX}:df,id+:0`)))
  expect(label.toJSON().traits).toEqual(['mss-lowered'])
  expect(Object.isFrozen(label.traits)).toBe(true)
  expect('traits' in match(defaultDatabase(), parseSyn(synOf(`4:64:0:1460:64240,7:${LNX}:df,id+:0`))).toJSON()).toBe(
    false,
  )
})
