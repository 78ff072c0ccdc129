import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatP0f } from '../../src/fingerprint/p0f.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { type Evaluation, evaluate } from '../../src/label/evaluate.ts'
import { families, family } from '../../src/label/family.ts'
import type { Label } from '../../src/label/match.ts'
import { match } from '../../src/label/match.ts'
import { parseSyn } from '../../src/wire/syn.ts'
import {
  appendOption,
  askEcn,
  both,
  carryData,
  clampMss,
  clearDf,
  clearFlow,
  clearId,
  cutOption,
  hops,
  type Mutation,
  markDscp,
  overIpv4,
  overIpv6,
  overwriteOption,
  padOptions,
  rewriteTtl,
  setId,
} from './mutations.ts'
import { synOf } from './syn-of.ts'

/** A SYN whose sender is known. `names`: what its label may say; none where no evidence names the sender. */
interface Row {
  readonly stack: string
  readonly version: string
  /** A: measured or from the stack's source. B: the capture names its sender. C: several captures agree. D: unknown. */
  readonly grade: 'A' | 'B' | 'C' | 'D'
  readonly source: string
  readonly family: string | null
  readonly names: readonly string[]
  /** The label it gets, `null` for none. */
  readonly label: string | null
  readonly match?: string
  readonly hex: string
}

const ROWS = JSON.parse(readFileSync(join(import.meta.dir, '../vectors/stacks.json'), 'utf8')) as readonly Row[]

/** SYNs of devices, of which `accept` are the words that a label may say. One JSON object a line, addresses replaced. */
const DEVICES = readFileSync(join(import.meta.dir, '../vectors/devices.ndjson'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as { hex: string; accept: string[]; stack: string; device: string; grade: string })

const labelOf = (syn: Uint8Array): Label => match(defaultDatabase(), parseSyn(syn))
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const how = (label: Label): string | undefined =>
  label.name === undefined ? undefined : `${label.match}${label.generic ? ' generic' : ''}`

const summary = ({ rows, right, generic, wrong, none }: Evaluation): string =>
  `${right} of ${rows} right, ${generic} generic, ${wrong} wrong, ${none} without label`

/** Right: the label names the sender. Open: it says itself that another may be the sender. Wrong: it names others only. */
function verdict(names: readonly string[], label: Label): 'right' | 'open' | 'none' | 'wrong' {
  if (label.name === undefined) return 'none'
  if (names.some((name) => label.name!.includes(name))) return 'right'
  return label.name.includes('another sender') ? 'open' : 'wrong'
}

test('every SYN of a known sender gets the label written beside it', () => {
  expect(ROWS.length).toBeGreaterThan(400)
  for (const { hex, stack, version, label, match: matched } of ROWS) {
    const found = labelOf(bytesOf(hex))
    expect([stack, version, found.name ?? null, how(found)]).toEqual([stack, version, label, matched])
  }
})

test('confusion: measured, sourced and named senders get their own label, their family, or none', () => {
  const table = new Map<string, Map<string, number>>()
  const wrong: string[] = []
  for (const row of ROWS) {
    const label = labelOf(bytesOf(row.hex))
    const found = label.name === undefined ? 'none' : (family(label) ?? families(label).join('|'))
    const sender = row.family ?? 'unknown'
    const line = table.get(sender) ?? new Map<string, number>()
    table.set(sender, line.set(found, (line.get(found) ?? 0) + 1))
    if (row.family === null) continue
    if (!['right', 'none'].includes(verdict(row.names, label))) wrong.push(`${row.stack} ${row.version}: ${label.name}`)
    if (label.name !== undefined) expect(families(label)).toContain(row.family as never)
  }
  const columns = [...new Set([...table.values()].flatMap((line) => [...line.keys()]))].sort()
  const cells = [
    ['sender \\ label', ...columns],
    ...[...table].map(([sender, line]) => [sender, ...columns.map((column) => String(line.get(column) ?? '.'))]),
  ]
  const widths = cells[0]!.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)))
  console.log(cells.map((line) => line.map((cell, i) => cell.padEnd(widths[i]!)).join('  ')).join('\n'))
  expect(wrong).toEqual([])
})

test('evaluate: measured stacks and captured devices are labelled right, none wrong', () => {
  const stacks = evaluate(
    defaultDatabase(),
    ROWS.filter((row) => row.family !== null).map(({ hex, names, grade }) => ({ hex, accept: names, grade })),
  )
  const devices = evaluate(defaultDatabase(), DEVICES)
  console.log(`stacks: ${summary(stacks)}; devices: ${summary(devices)}`)
  expect([stacks.wrongRows, devices.wrongRows]).toEqual([[], []])
  expect([stacks.noneRows, devices.noneRows]).toEqual([[], []])
  expect(stacks.right / stacks.rows).toBeGreaterThan(0.98)
  expect(devices.right / devices.rows).toBeGreaterThan(0.95)
})

test('senders that no evidence names get no label', () => {
  const unnamed = ROWS.filter((row) => row.family === null)
  expect(unnamed.length).toBe(4)
  for (const { hex, stack } of unnamed) expect([stack, labelOf(bytesOf(hex)).name]).toEqual([stack, undefined])
})

/** SYNs made from a stack's source or from a rule that was measured; `names` as in the rows. */
const BUILT: readonly (readonly [names: readonly string[], syn: string, label: string])[] = [
  // current clients
  [['Linux'], '4:64:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0', 'Linux 4.20 or newer (or updated 4.14 to 4.19)'],
  [['Linux'], '6:64:0:1440:64800,7:mss,sok,ts,nop,ws:flow:0', 'Linux 4.20 or newer (or updated 4.14 to 4.19)'],
  [
    ['Linux'],
    '4:64:0:1460:64240,10:mss,sok,ts,nop,ws:df,id+:0',
    'Linux 4.20 or newer (Android, tuned, or 6.16 or newer)',
  ],
  [
    ['Linux'],
    '6:64:0:1440:64800,10:mss,sok,ts,nop,ws:ecn,flow:0',
    'Linux 4.20 or newer (Android, tuned, or 6.16 or newer)',
  ],
  [
    ['Linux'],
    '4:64:0:65495:65495,10:mss,sok,ts,nop,ws:df,id+:0',
    'Linux 4.20 or newer (Android, tuned, or 6.16 or newer)',
  ],
  [['Linux'], '4:64:0:65495:65495,7:mss,sok,ts,nop,ws:df,id+:0', 'Linux 4.20 or newer (or updated 4.14 to 4.19)'],
  [
    ['Linux'],
    '6:64:0:65476:65476,9:mss,sok,ts,nop,ws:flow:0',
    'Linux 4.20 or newer (Android, tuned, or 6.16 or newer)',
  ],
  [['Linux'], '4:64:0:1460:62727,7:mss,sok,ts,nop,ws:df,id+:0', 'Linux 4.20 or newer (or updated 4.14 to 4.19)'],
  [['Linux'], '6:64:0:1440:33120,7:mss,sok,ts,nop,ws:flow:0', 'Linux 6.6 to 6.9, or tuned'],
  [['Linux'], '4:64:0:1380:33120,7:mss,sok,ts,nop,ws:df,id+:0', 'Linux 6.6 to 6.9, or tuned'],
  [['Linux'], '4:64:0:1460:26883,7:mss,sok,ts,nop,ws:df,id+:0', 'Linux 3.11 to 4.19 (Android too), or tuned'],
  [
    ['Linux'],
    '4:64:0:1460:2920,0:mss,sok,ts,nop,ws:df,id+:0',
    'Linux (a program or setting with a small receive buffer)',
  ],
  [
    ['Linux'],
    '6:64:0:1440:64800,0:mss,nop,nop,sok:flow:0',
    'Windows with another TTL, or Linux 4.20 or newer without timestamps and scaling',
  ],
  [
    ['Linux'],
    '6:64:0:1440:64800,7:mss,sok,ts,nop,ws,?34,nop,nop:flow:+',
    'Linux 4.20 or newer (or updated 4.14 to 4.19)',
  ],
  [
    ['Linux'],
    '4:64:0:1460:32120,0:mss,sok,ts,nop,ws:df,id+:0',
    'Linux (a program or setting with a small receive buffer)',
  ],
  [
    ['Windows'],
    '6:64:0:1440:64800,8:mss,nop,ws,nop,nop,sok:ecn,flow:0',
    'Windows 10 or newer, or Server 2016 or newer',
  ],
  [['Windows'], '6:128:0:1440:64800,8:mss,nop,ws,nop,nop,sok:flow:0', 'Windows 10 or newer, or Server 2016 or newer'],
  [['Windows'], '4:128:0:1360:65280,8:mss,nop,ws,nop,nop,sok:df,id+:0', 'Windows 10 or newer, or Server 2016 or newer'],
  [['macOS'], '4:64:0:1460:65535,5:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0', 'macOS 10.13 or newer, or iOS 14 or newer'],
  [
    ['macOS'],
    '6:64:0:1440:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:flow:0',
    'macOS 10.14 or newer, or iOS 14 or newer (some 11 and 13)',
  ],
  [['macOS'], '4:64:0:1460:65535,6:mss,nop,ws,?30,nop,nop,ts,sok,eol+1:df:0', 'macOS or iOS'],
  // BSD
  [['FreeBSD'], '4:64:0:1460:65535,6:mss,nop,ws,sok,ts:df:0', 'FreeBSD 11 or newer'],
  [['FreeBSD'], '4:64:0:1460:65535,9:mss,nop,ws,sok,ts:df:0', 'FreeBSD'],
  [['OpenBSD'], '4:64:0:1460:16384,6:mss,nop,nop,sok,nop,ws,nop,nop,ts:df,id+:0', 'OpenBSD'],
  [['NetBSD'], '4:64:0:1460:32768,3:mss,nop,ws,sok,nop,nop,nop,nop,ts:df:0', 'NetBSD'],
  // user space and embedded, from source
  [['gVisor'], '4:64:0:1380:27520,7:mss,sok,ts,nop,ws::0', 'gVisor netstack (gVisor, Tailscale, user-space WireGuard)'],
  [['gVisor'], '6:64:0:1220:24320,8:mss,sok,ts,nop,ws::0', 'gVisor netstack (gVisor, Tailscale, user-space WireGuard)'],
  [['mTCP'], '4:64:0:1460:14600,7:mss,sok,ts,nop,ws:df:0', 'mTCP or Linux 2.6.39 to 3.10 with a cleared IP ID'],
  [['smoltcp'], '4:64:0:1460:65535,0:mss,ws,sok,eol+2:df:0', 'smoltcp (small device, or a VPN app of a phone)'],
  [['smoltcp'], '6:64:0:1440:4096,0:mss,ws,sok,eol+2::0', 'smoltcp (small device, or a VPN app of a phone)'],
  [['smoltcp'], '4:64:0:1460:65535,3:mss,ws,sok,ts,eol+0:df:0', 'smoltcp (small device, or a VPN app of a phone)'],
  [['Contiki'], '6:64:0:1220:1220,0:mss::0', 'Contiki-NG or RIOT'],
  [['RIOT'], '6:63:0:1220:1220,0:mss::0', 'Contiki-NG or RIOT'],
  [['FreeRTOS'], '4:128:0:1460:5840,0:mss,nop,ws,nop,nop,sok::0', 'FreeRTOS-Plus-TCP'],
  [['FreeRTOS'], '6:128:0:1440:5760,0:mss,nop,ws,nop,nop,sok::0', 'FreeRTOS-Plus-TCP'],
  [
    ['NetX'],
    '4:128:0:1460:8192,0:mss,nop,nop,nop,eol+0::0',
    'NetX Duo (GainSpan module), or another sender without options',
  ],
  [['NetX'], '4:128:0:1460:65535,2:mss,ws,eol+0::0', 'NetX Duo or another sender with another TTL'],
  [['picoTCP'], '4:64:0:1460:16384,0:mss,sok,ws,ts,nop,nop,nop,nop,eol+0:df,id+:0', 'picoTCP'],
  [['lwIP'], '4:255:0:536:2144,0:mss::0', 'lwIP'],
  [['lwIP'], '4:255:0:1460:65535,4:mss,nop,ws,nop,nop,sok::0', 'lwIP or another sender with another TTL'],
  // tools, from source
  [['naabu'], '4:255:0:1460:1024,0:mss:id-:0', 'nmap or naabu SYN scan'],
  [['naabu'], '4:64:0:1460:1024,0:mss:df,id+:0', 'naabu SYN scan'],
  [['zmap'], '4:255:0:1460:65535,0:mss:id=54321:0', 'zmap 3.0'],
  [
    ['relay', 'zmap'],
    '4:255:0:1460:65535,0:mss::0',
    'TCP ends at a middlebox or relay (load balancer, VPN exit, carrier proxy), zmap 3.0, lwIP, or another sender without options',
  ],
  [
    ['zmap'],
    '4:64:0:1460:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1::0',
    'macOS or iOS without DF or zmap 4.1 or newer (bsd probe)',
  ],
  [['masscan'], '6:255:0:1460:1025,0:mss::0', 'masscan newer than 1.3.2'],
  [['Mirai'], '4:64:0:1408:0,6:mss,sok,ts,nop,ws:df,id+:0', 'Mirai SYN flood'],
]

test('SYNs made from source and measured rules get the label written beside them', () => {
  for (const [, syn, label] of BUILT) expect([syn, labelOf(synOf(syn)).name]).toEqual([syn, label])
})

test('where three changes make one sender of another, the label says that others send the same', () => {
  for (const [syn, label] of [
    // Apple's with two options less and Windows' TTL
    [
      '6:128:0:1220:65535,0:mss,nop,nop,sok::0',
      'Windows 2000 to 10, servers included (scaling off), or another sender with another TTL',
    ],
    // Linux of 2.6 without options, and phones without SACK and DF
    ['6:64:0:1440:5760,0:mss::0', 'lwIP or another sender without options'],
    ['4:255:0:1460:65535,6:mss,nop,nop,ts,nop,ws::0', 'lwIP or another sender with another TTL'],
    ['4:255:0:1460:65535,3:mss,nop,nop,ts,nop,ws::0', 'lwIP'],
    // OpenBSD's with two options less
    ['4:128:0:1460:16384,0:mss,nop,nop,sok:df,id+:0', 'Windows 2000 or XP, or another sender with another TTL'],
    ['4:64:0:1460:16384,0:mss,nop,nop,sok::0', 'Windows 2000 or XP, or another sender with another TTL'],
    // nmap starts with TTLs up to 59, the controller with 30
    ['4:64:0:1460:2048,0:mss::0', undefined],
    ['4:64:0:1440:4096,0:mss::0', undefined],
  ] as const)
    expect([syn, labelOf(synOf(syn)).name]).toEqual([syn, label])
})

test('a current Linux client gets a specific label, exactly matched, over both IP versions and any usual MTU', () => {
  for (const scale of [4, 5, 6, 7, 8, 9, 10]) {
    for (let mtu = 1280; mtu <= 1528; mtu += 1) {
      for (const version of [4, 6]) {
        const mss = mtu - (version === 4 ? 40 : 60)
        const window = Math.floor(65_535 / mss) * mss
        const quirks = version === 4 ? 'df,id+' : 'flow'
        const label = labelOf(synOf(`${version}:64:0:${mss}:${window},${scale}:mss,sok,ts,nop,ws:${quirks}:0`))
        expect([mtu, version, label.evidence?.system, how(label)]).toEqual([mtu, version, 'Linux', 'exact'])
      }
    }
  }
})

test('gVisor is told from Linux at every MTU, and Linux without DF is not taken for it', () => {
  for (let mtu = 1200; mtu <= 1500; mtu += 1) {
    for (const version of [4, 6]) {
      const mss = mtu - (version === 4 ? 40 : 60)
      for (const scale of [7, 8]) {
        const window = Math.floor((20 * mss) / 2 ** scale) * 2 ** scale
        const label = labelOf(synOf(`${version}:64:0:${mss}:${window},${scale}:mss,sok,ts,nop,ws::0`))
        expect([mtu, version, label.name?.startsWith('gVisor')]).toEqual([mtu, version, true])
      }
      const window = Math.floor(65_535 / mss) * mss
      const linux = labelOf(synOf(`${version}:64:0:${mss}:${window},7:mss,sok,ts,nop,ws::0`))
      if (window % 128 !== 0 || mtu >= 1280) expect(linux.name ?? '').not.toContain('gVisor')
    }
  }
})

const HOPS: readonly (readonly [string, Mutation])[] = Array.from({ length: 40 }, (_, i) => [
  `${i + 1} hops`,
  hops(i + 1),
])

/** An option taken away, in every way that a firewall may do it. */
const without = (name: string, kind: number): readonly (readonly [string, Mutation])[] => [
  [`${name} overwritten`, overwriteOption(kind)],
  ...([0, 1] as const).flatMap((fill): (readonly [string, Mutation])[] => [
    [`${name} cut, filled with ${fill}`, cutOption(kind, fill, false)],
    [`${name} and NOPs cut, filled with ${fill}`, cutOption(kind, fill, true)],
  ]),
]

/** What ways, settings and gateways do to a SYN: of each group one thing. */
const ON_THE_WAY: readonly (readonly (readonly [string, Mutation])[])[] = [
  HOPS,
  // every MSS up to Ethernet's, and some of jumbo frames
  [...Array.from({ length: 925 }, (_, i) => 536 + i), 2000, 4000, 8000, 8856, 8940, 8960, 9000].map((mss) => [
    `MSS ${mss}`,
    clampMss(mss),
  ]),
  [
    ['ECN', askEcn(false)],
    ['Accurate ECN', askEcn(true)],
  ],
  [['DF cleared', clearDf]],
  [
    ['ID cleared', clearId],
    ['ID set', setId],
  ],
  [['flow label cleared', clearFlow]],
  without('timestamps', 8),
  without('SACK', 4),
  without('scale', 3),
  [['DSCP', markDscp]],
  [64, 65, 128, 255].map((ttl) => [`TTL ${ttl}`, rewriteTtl(ttl)]),
]

/** What a sender may do that asks for more. */
const ASKED: readonly (readonly (readonly [string, Mutation])[])[] = [
  [
    ['Fast Open request', appendOption([34, 2], 1)],
    ['Fast Open request, end', appendOption([34, 2], 0)],
    ['Fast Open cookie', both(appendOption([34, 10, 1, 2, 3, 4, 5, 6, 7, 8], 1), carryData(100))],
    ['Multipath TCP', appendOption([30, 4, 1, 0x81], 1)],
    ['Multipath TCP, old', appendOption([30, 12, 0, 0x81, 1, 2, 3, 4, 5, 6, 7, 8], 1)],
  ],
  [['data', carryData(8)]],
  [
    ['padding', padOptions(1)],
    ['more padding', padOptions(2)],
  ],
  [
    ['IPv6 with flow label', overIpv6(true)],
    ['IPv6', overIpv6(false)],
    ['IPv4 with DF', overIpv4(true)],
    ['IPv4', overIpv4(false)],
  ],
]

/** Three things at once, and pairs that are common. */
const TOGETHER: readonly (readonly [string, Mutation])[] = [
  ['timestamps overwritten, MSS 1360', both(overwriteOption(8), clampMss(1360))],
  ['timestamps overwritten, DF cleared', both(overwriteOption(8), clearDf)],
  ['timestamps overwritten, ECN', both(overwriteOption(8), askEcn(false))],
  ['DF and ID cleared', both(clearDf, clearId)],
  ['DF cleared, MSS 1380', both(clearDf, clampMss(1380))],
  ['DF cleared, MSS 1360', both(clearDf, clampMss(1360))],
  ['DF cleared, ECN', both(clearDf, askEcn(false))],
  ['ECN, MSS 1400', both(askEcn(false), clampMss(1400))],
  ['17 hops, MSS 1400', both(hops(17), clampMss(1400))],
  ['35 hops, MSS 1240, ECN', both(hops(35), clampMss(1240), askEcn(true))],
  ['flow label cleared, MSS 1360', both(clearFlow, clampMss(1360))],
  ['TTL 64, MSS 1380', both(rewriteTtl(64), clampMss(1380))],
]

/** Senders without IPv6, and those that set neither flow label nor DF, by their sources: over another version they do not either. */
const IPV4_ONLY: ReadonlySet<string> = new Set(['zmap', 'mTCP', 'Mirai'])
const PLAIN: ReadonlySet<string> = new Set(['gVisor', 'nmap'])

/** True if a sender of one of these names can do it. */
function canDo(names: readonly string[], what: string): boolean {
  if (what.startsWith('IPv6') && names.some((name) => IPV4_ONLY.has(name))) return false
  return !/^IPv[46] with /.test(what) || !names.some((name) => PLAIN.has(name))
}

/** Every SYN of a known sender. */
const ALL: readonly { readonly sender: string; readonly names: readonly string[]; readonly syn: Uint8Array }[] = [
  ...ROWS.filter((row) => row.family !== null).map(({ stack, version, names, hex }) => ({
    sender: `${stack} (${version})`,
    names,
    syn: bytesOf(hex),
  })),
  ...DEVICES.map(({ hex, accept, stack, device }) => ({
    sender: `${stack} (${device})`,
    names: accept,
    syn: bytesOf(hex),
  })),
  ...BUILT.map(([names, text]) => ({ sender: `${names[0]} (${text})`, names, syn: synOf(text) })),
]

/** Labels mutated SYNs, counts what their labels are worth and keeps the wrong ones. */
function createJudge() {
  const count = { right: 0, open: 0, none: 0, wrong: 0 }
  const wrong: string[] = []
  return {
    count,
    wrong,
    judge({ sender, names }: (typeof ALL)[number], what: string, mutated: Uint8Array | undefined): void {
      if (mutated === undefined) return
      const label = labelOf(mutated)
      const result = verdict(names, label)
      count[result] += 1
      if (result === 'wrong')
        wrong.push(`${sender}, ${what}: ${label.name} ${how(label)} ${formatP0f(parseSyn(mutated))}`)
    },
  }
}

test('what happens on the way, and what senders ask for, never turns a label into a wrong one', () => {
  const onTheWay = createJudge()
  const asked = createJudge()
  for (const row of ALL) {
    for (const [what, mutation] of [...ON_THE_WAY.flat(), ...TOGETHER]) onTheWay.judge(row, what, mutation(row.syn))
    for (const [what, mutation] of ASKED.flat()) if (canDo(row.names, what)) asked.judge(row, what, mutation(row.syn))
  }
  console.log(`mutations: on the way ${JSON.stringify(onTheWay.count)}, asked ${JSON.stringify(asked.count)}`)
  expect([...onTheWay.wrong, ...asked.wrong]).toEqual([])
  // most are still recognized: never wrong must not mean never right
  const { right, open, none } = onTheWay.count
  expect(right / (right + open + none)).toBeGreaterThan(0.9)
}, 60_000)

test('two of these at once never turn a label into a wrong one', () => {
  const { judge, count, wrong } = createJudge()
  const groups = [...ON_THE_WAY, ...ASKED]
  // the same pairs on every run
  let state = 2026
  const below = (most: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * most)
  }
  for (const row of ALL) {
    for (let i = 0; i < 200; i += 1) {
      const first = below(groups.length)
      const second = (first + 1 + below(groups.length - 1)) % groups.length
      const [a, b] = [first, second].map((group) => groups[group]![below(groups[group]!.length)]!)
      if (canDo(row.names, a![0]) && canDo(row.names, b![0]))
        judge(row, `${a![0]}, ${b![0]}`, both(a![1], b![1])(row.syn))
    }
  }
  console.log(`pairs: ${JSON.stringify(count)}`)
  expect(wrong).toEqual([])
}, 60_000)

test('three of these at once never turn a label into a wrong one', () => {
  const { judge, count, wrong } = createJudge()
  // Of those with one parameter a few values, of two fillings one; each group in its order.
  const few = [HOPS.slice(6, 7), ON_THE_WAY[1]!.filter(([what]) => /^MSS (?:536|1000|1360)$/.test(what))]
  const groups = [...few, ...ON_THE_WAY.slice(2), ...ASKED].map((group) =>
    group.filter(([what]) => !what.endsWith('filled with 1')),
  )
  let number = 0
  const go = (row: (typeof ALL)[number], what: string, syn: Uint8Array, from: number, left: number): void => {
    for (let next = from; next < groups.length; next += 1)
      for (const [name, mutation] of groups[next]!) {
        // one of three: a number that has no factor in common with the sizes of the groups
        if (!canDo(row.names, name) || (left === 1 && ++number % 3 !== 0)) continue
        const mutated = mutation(syn)
        if (mutated === undefined) continue
        if (left === 1) judge(row, `${what}, ${name}`, mutated)
        else go(row, `${what}, ${name}`, mutated, next + 1, left - 1)
      }
  }
  for (const row of ALL) go(row, '', row.syn, 0, 3)
  console.log(`three: ${JSON.stringify(count)}`)
  // FreeRTOS of which nothing is left but the MSS, with a TTL of 255, is lwIP's SYN to the octet.
  expect(wrong.filter((one) => !/^FreeRTOS .*SACK and NOPs cut.*scale and NOPs cut.*TTL 255/.test(one))).toEqual([])
}, 60_000)

test('systems of people keep their label through hops, lower MSS, ECN and cleared DF', () => {
  const kept = [
    ...HOPS.slice(0, 35),
    ...[...ON_THE_WAY.flat(), ...TOGETHER].filter(([what]) => /^(?:MSS|ECN$|Accurate|DSCP|17 hops|35 hops)/.test(what)),
  ]
  for (const row of ROWS) {
    if (!['linux', 'windows', 'apple'].includes(row.family ?? '') || row.label === null) continue
    for (const [what, mutation] of kept) {
      const mutated = mutation(bytesOf(row.hex))
      if (mutated === undefined) continue
      const label = labelOf(mutated)
      expect([row.stack, row.version, what, label.name === undefined]).not.toEqual([row.stack, row.version, what, true])
    }
  }
}, 60_000)

test('a Windows SYN with a lowered MSS is not FreeRTOS, Windows without DF is not lwIP', () => {
  for (const window of [8192, 64_240, 65_535]) {
    for (const mss of [1460, 1440, 1420, 1400, 1380, 1360, 1300, 1260, 1240, 1220, 1024, 536]) {
      for (const quirks of ['df,id+', 'id-', '']) {
        for (const ttl of [128, 117, 93, 64, 255]) {
          const label = labelOf(synOf(`4:${ttl}:0:${mss}:${window},8:mss,nop,ws,nop,nop,sok:${quirks}:0`))
          // at TTL 64 without DF and with 65535 it is zmap's probe
          if (label.name !== undefined) expect(label.name).toMatch(/^Windows|^zmap/)
        }
      }
    }
  }
})
