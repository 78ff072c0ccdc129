/**
 * SYNs that real clients send in numbers, line by line: what their label must say, over both IP versions, with usual MSS values,
 * with and without ECN.
 */
import { expect, test } from 'bun:test'
import { defaultDatabase } from '../../src/label/default.ts'
import { match } from '../../src/label/match.ts'
import { parseSyn } from '../../src/wire/syn.ts'
import {
  FBSD,
  KEEP,
  LNX,
  LNX_CUT,
  LNX_NOP,
  MAC,
  MAC_CUT,
  MAC_NOP,
  type Row,
  tryRows,
  V4,
  WIN,
  WIN0,
} from './layout-rows.ts'
import { synOf } from './syn-of.ts'

// few segments and nothing but an MSS are devices' too
const RELAY =
  /^TCP ends at a middlebox or relay \(load balancer, VPN exit, carrier proxy\)(?:, or Electric Imp module|, a device or router \(.*)?$/
const LWIP = /^lwIP or a middlebox or relay that ends TCP, or another sender/
const ZMAP = /^TCP ends at .*zmap 3\.0, lwIP, or another sender/
const OWN_BUFFER = /^Windows \(a program with its own receive buffer\)$/
const removed = ['timestamps-removed']

/** DF, ID and flow label as the way may leave them. */
const WAYS = [
  { quirks: KEEP, v6Quirks: 'flow' },
  { quirks: 'df', v6Quirks: 'flow' },
  { quirks: '', v6Quirks: '' },
  { quirks: 'id-', v6Quirks: '' },
] as const

/** A row over IPv4, and over IPv6, where nothing but a flow label tells. */
function bareRows(row: Row, isDfClear: boolean, both: RegExp, isRelay: boolean): readonly Row[] {
  const either = { ...row, label: both, family: isRelay ? 'relay' : 'embedded' }
  return [
    { ...(isRelay || isDfClear ? either : row), versions: V4 },
    { ...(isRelay || row.v6Quirks === '' ? either : row), versions: [6] },
  ]
}

const ROWS: readonly Row[] = [
  // A box that ends TCP: whatever it does with DF, ID and flow label.
  ...WAYS.flatMap(({ quirks, v6Quirks }) =>
    ['3*', '8*', '10*', '16*', '42*', 65_535].flatMap((window): Row[] => {
      const row = { ttl: 255, window, quirks, v6Quirks, label: RELAY, family: 'relay' } as const
      const isDfClear = quirks === '' || quirks === 'id-'
      const bare = { ...row, scale: 0, layout: 'mss' }
      return [
        { ...row, scale: 3, layout: FBSD, label: window === 65_535 ? /^TCP ends at .*, or FreeBSD/ : RELAY },
        { ...row, scale: 12, layout: FBSD },
        // The same of an Apple system without timestamps, where something writes TTLs or, over IPv6, the network sets the hop limit.
        ...[4, 5].map((scale) => ({
          ...row,
          scale,
          layout: MAC_CUT,
          label: window === 65_535 ? /^TCP ends at .*macOS/ : RELAY,
        })),
        // Devices send three segments without DF, a scanner, devices and what has lost its options the full window.
        ...(window === '3*' || window === 65_535
          ? bareRows(bare, isDfClear, window === 65_535 ? ZMAP : LWIP, window === 65_535)
          : [bare]),
      ]
    }),
  ),
  // FreeBSD's order, not its windows
  ...WAYS.flatMap(({ quirks, v6Quirks }) =>
    [
      ...[10, 11, 12, 13, 14].map((scale) => [65_535, scale] as const),
      ...[33_000, '20*', 'max', 16_384].map((window) => [window, 9] as const),
      ['20*', 7] as const,
    ].map(
      ([window, scale]): Row => ({
        ttl: 64,
        window,
        scale,
        layout: FBSD,
        quirks,
        v6Quirks,
        label: RELAY,
        family: 'relay',
      }),
    ),
  ),
  // Windows with timestamps and another TTL has some of them.
  {
    ttl: 64,
    window: 64_240,
    scale: 8,
    layout: FBSD,
    label: /^TCP ends at .* Windows 10/,
    family: 'relay',
    versions: V4,
  },
  {
    ttl: 64,
    window: 8192,
    scale: 2,
    layout: FBSD,
    label: /^TCP ends at .* Windows Vista/,
    family: 'relay',
    versions: V4,
  },
  ...WAYS.map(
    ({ quirks, v6Quirks }): Row => ({
      ttl: 64,
      window: '20*',
      scale: 7,
      layout: 'mss,nop,ws,nop,nop,sok,nop,nop,ts',
      quirks,
      v6Quirks,
      label: RELAY,
      family: 'relay',
    }),
  ),
  // timestamps overwritten, cut out
  ...[LNX_NOP, LNX_CUT].flatMap((layout): Row[] => [
    { ttl: 64, window: 'max', scale: 7, layout, label: /^Linux 4\.20 or newer/, family: 'linux', traits: removed },
    { ttl: 64, window: 'max', scale: 4, layout, label: /^Linux 4\.20 .*small Linux/, family: 'linux', traits: removed },
    { ttl: 64, window: '10*', scale: 7, layout, label: /^Linux 2\.6\.39/, family: 'linux', traits: removed },
    {
      ttl: 64,
      window: '4*',
      scale: 6,
      layout,
      label: /^Linux 2\.4 or 2\.6/,
      family: 'linux',
      versions: V4,
      traits: removed,
    },
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
    { ttl, window: 17_520, scale: 8, layout: WIN, label: /^Windows 10 or newer/, family: 'windows' },
    { ttl, window: 65_518, scale: 8, layout: WIN, label: /^Windows 10 or newer/, family: 'windows' },
    { ttl, window: 65_535, scale: 8, layout: WIN, label: /^Windows 10 or newer/, family: 'windows' },
    { ttl, window: 64_240, scale: 8, layout: FBSD, label: /^Windows/, family: 'windows' },
    // the windows that browsers' users send, whatever the MSS here
    ...[65_280, 64_800, 64_952, 65_340, 64_860, 65_330, 64_320].map(
      (window): Row => ({ ttl, window, scale: 8, layout: WIN, label: /^Windows/, family: 'windows' }),
    ),
    { ttl, window: 63_443, scale: 6, layout: WIN, label: OWN_BUFFER, family: 'windows' },
    { ttl, window: 8192, scale: 4, layout: WIN, label: OWN_BUFFER, family: 'windows' },
    { ttl, window: 64_240, scale: 9, layout: WIN, label: OWN_BUFFER, family: 'windows' },
    { ttl, window: 32_768, scale: 0, layout: WIN, label: OWN_BUFFER, family: 'windows' },
    { ttl, window: 51_200, scale: 0, layout: WIN, label: OWN_BUFFER, family: 'windows' },
    { ttl, window: 51_200, scale: 0, layout: WIN0, label: OWN_BUFFER, family: 'windows' },
    { ttl, window: 23_456, scale: 5, layout: WIN, label: /^Windows$/, family: 'windows' },
    { ttl, window: 8192, scale: 8, layout: WIN, label: /^Windows Vista to 10, or Server 2008/, family: 'windows' },
    { ttl, window: 8192, scale: 2, layout: WIN, label: /^Windows Vista to 10, or Server 2008/, family: 'windows' },
    // The third SYN of a connection has no scale and keeps its label.
    { ttl, window: 8192, scale: 0, layout: WIN0, label: /^Windows Vista to 10, or Server 2008/, family: 'windows' },
    { ttl, window: 65_535, scale: 3, layout: WIN, label: /^Windows 7 or 10/, family: 'windows' },
    { ttl, window: 65_535, scale: 0, layout: WIN0, label: /^Windows 2000 to 10, servers/, family: 'windows' },
    { ttl, window: 64_240, scale: 0, layout: WIN0, label: /^Windows 2000 or newer/, family: 'windows' },
    { ttl, window: 'max', scale: 0, layout: WIN0, label: /^Windows 2000 or newer/, family: 'windows' },
  ]),
  // Over IPv6 the hop limit is the network's, and tunnels clear the flow label.
  ...['flow', ''].flatMap((v6Quirks) =>
    (
      [
        ['max', 8, /^Windows 10 or newer/],
        [64_240, 8, /^Windows 10 or newer/],
        [17_520, 8, /^Windows 10 or newer/],
        [65_518, 8, /^Windows 10 or newer/],
        [65_535, 8, /^Windows 10 or newer/],
        [65_535, 3, /^Windows 7 or 10/],
        [8192, 8, /^Windows Vista to 10/],
        [8192, 2, /^Windows Vista to 10/],
        [63_443, 6, OWN_BUFFER],
        [8192, 4, OWN_BUFFER],
        [64_240, 9, OWN_BUFFER],
        [32_768, 0, OWN_BUFFER],
        [51_200, 0, OWN_BUFFER],
      ] as const
    ).map(
      ([window, scale, label]): Row => ({
        ttl: 64,
        window,
        scale,
        layout: WIN,
        v6Quirks,
        label,
        family: 'windows',
        versions: [6],
      }),
    ),
  ),
  { ttl: 255, window: 64_240, scale: 0, layout: 'mss', label: /^Windows behind .*relay/, family: 'windows' },
  { ttl: 64, window: 64_240, scale: 0, layout: WIN0, label: /^Windows .*Linux/, family: 'windows' },
  { ttl: 64, window: 65_535, scale: 0, layout: WIN0, label: /^Windows .*Linux/, family: 'windows' },
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
  ...[1, 3, 4, 9].map(
    (scale): Row => ({
      ttl: 64,
      window: 65_535,
      scale,
      layout: MAC_CUT,
      quirks: 'df',
      label: /^macOS or iOS .*FreeBSD$/,
      family: 'apple',
    }),
  ),
  {
    ttl: 64,
    window: 65_535,
    scale: 6,
    layout: MAC,
    quirks: 'id-',
    label: /^macOS 10\.14 .*zmap/,
    family: 'apple',
    versions: V4,
  },
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
  // A client that repeats its SYN leaves Fast Open and Multipath TCP out, and keeps its label.
  ...[LNX, `${LNX},?34,nop,nop`, `${LNX},?30`].flatMap((layout): Row[] => [
    { ttl: 64, window: 'max', scale: 7, layout, label: /^Linux 4\.20 or newer \(or updated/, family: 'linux' },
    { ttl: 64, window: 'max', scale: 9, layout, label: /^Linux 4\.20 or newer \(Android/, family: 'linux' },
    { ttl: 64, window: 65_535, scale: 8, layout, label: /^Linux \(Android or tuned/, family: 'linux' },
  ]),
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

test('layouts seen in the field get the label that the evidence allows', () => {
  expect(tryRows(ROWS)).toBeGreaterThan(2000)
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
