/**
 * `pcap --json` against tshark, file by file: the captures of this repository and of installed Debian packages, and files with every
 * tunnel that the packet builder has, one and two deep, around SYNs of which no two are alike. A SYN that tshark finds is there with
 * the same fields, or the command tells what it did not open.
 */
import { describe, expect } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { join as path } from 'node:path'
import { ethernet, join, pcap, pcapng, SYN4, SYN6, u16, u32 } from '../capture-file/build.ts'
import {
  BETWEEN,
  between,
  FRAMES,
  NOT_OPENED_BY_TSHARK,
  TUNNELS,
  TUNNELS_4,
  TUNNELS_6,
  type Wrap,
} from '../capture-file/tunnels.ts'
import { needs, program } from '../lab/privilege.ts'
import { seeded } from '../support/seeded.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { records, tcpfingerprint } from './run.ts'

/** Fields of the innermost headers, as tshark names them. */
const FIELDS = [
  'frame.number',
  'ip.ttl',
  'ip.id',
  'ipv6.hlim',
  'tcp.srcport',
  'tcp.dstport',
  'tcp.seq_raw',
  'tcp.window_size_value',
  'tcp.options.mss_val',
  'tcp.options.wscale.shift',
  'tcp.options.timestamp.tsval',
] as const
const SYNS = 'tcp.flags.syn == 1 && tcp.flags.ack == 0 && tcp.flags.reset == 0'

type Facts = Readonly<Record<(typeof FIELDS)[number], string>>

/** What tshark says of the SYNs of a file, by frame. */
function asked(file: string): Map<number, Facts> {
  const fields = FIELDS.flatMap((field) => ['-e', field])
  const argv = [program('tshark'), '-n', '-r', file, '-Y', SYNS, '-T', 'fields', '-E', 'occurrence=l', ...fields]
  const { stdout, exitCode, stderr } = Bun.spawnSync(argv)
  // It ends with 2 where a file is cut short, which it then says.
  if (exitCode !== 0 && !/cut short|appears to be damaged/.test(stderr.toString())) throw new Error(stderr.toString())
  const rows = stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'))
  return new Map(
    rows.map((row) => [Number(row[0]), Object.fromEntries(FIELDS.map((name, i) => [name, row[i]])) as Facts]),
  )
}

/** A record of `pcap --json` in tshark's words, without the fields of the other IP version, which are those of a header around it. */
function inItsWords({ ip, tcp, frame }: ReturnType<typeof records>[number]): Partial<Facts> {
  const text = (value: unknown): string => (value === undefined ? '' : String(value))
  const own =
    ip.version === 4
      ? { 'ip.ttl': text(ip.timeToLive), 'ip.id': `0x${ip.identification.toString(16).padStart(4, '0')}` }
      : { 'ipv6.hlim': text(ip.hopLimit) }
  return {
    'frame.number': text(frame),
    ...own,
    'tcp.srcport': text(tcp.sourcePort),
    'tcp.dstport': text(tcp.destinationPort),
    'tcp.seq_raw': text(tcp.sequenceNumber),
    'tcp.window_size_value': text(tcp.window),
    'tcp.options.mss_val': text(tcp.mss),
    'tcp.options.wscale.shift': text(tcp.windowScale),
    'tcp.options.timestamp.tsval': text(tcp.timestamps?.value),
  }
}

interface Compared {
  readonly found: number
  /** Frames that tshark alone has, where the command does not say that it opened not all. */
  readonly silent: number[]
  /** Frames that the command alone has. */
  readonly extra: number[]
  readonly different: string[]
}

function compare(file: string): Compared {
  const theirs = asked(file)
  const { out, err } = tcpfingerprint(['pcap', '--json', file])
  const ours = new Map(
    records(out)
      .filter(({ tcp }) => tcp !== undefined)
      .map((record) => [record.frame as number, inItsWords(record)]),
  )
  const isTold = err.includes('"notOpened"') || records(out).some(({ error }) => error !== undefined)
  const missing = [...theirs.keys()].filter((frame) => !ours.has(frame))
  const different = [...ours].flatMap(([frame, facts]) => {
    const row = theirs.get(frame)
    if (row === undefined) return []
    return Object.entries(facts)
      .filter(([name, value]) => row[name as keyof Facts] !== value)
      .map(([name, value]) => `frame ${frame}: ${name} is ${value}, to tshark ${row[name as keyof Facts]}`)
  })
  return {
    found: ours.size,
    silent: isTold ? [] : missing,
    extra: [...ours.keys()].filter((frame) => !theirs.has(frame)),
    different,
  }
}

const random = seeded(20261128)
const below = (limit: number): number => Math.floor(random() * limit)

/** A SYN with fields of its own. */
function anySyn(version: 4 | 6): Uint8Array {
  const syn = (version === 4 ? SYN4 : SYN6).slice()
  const tcp = version === 4 ? 20 : 40
  if (version === 4) {
    syn.set(u16(1 + below(65_535)), 4)
    syn[8] = 1 + below(255)
  } else {
    syn[7] = 1 + below(255)
  }
  // Ports that no dissector of a payload goes by.
  syn.set(u16(50_000 + below(10_000)), tcp)
  syn.set(u16(60_000 + below(5000)), tcp + 2)
  syn.set(u32(1 + below(2 ** 32 - 1)), tcp + 4)
  syn.set(u16(below(65_536)), tcp + 14)
  syn.set(u16(below(65_536)), tcp + 22)
  syn.set(u32(below(2 ** 32)), tcp + 28)
  syn[tcp + 39] = below(15)
  return syn
}

const opened = (name: string): boolean => NOT_OPENED_BY_TSHARK[name] === undefined
const wraps: readonly Wrap[] = TUNNELS.filter(([name]) => opened(name)).map(([, wrap]) => wrap)
const frames: readonly Wrap[] = FRAMES.map(([, wrap]) => wrap)

/** Each tunnel and frame around a SYN, of both IP versions where it carries both. */
function oneDeep(): Uint8Array[] {
  return ([4, 6] as const).flatMap((version) => [
    ...[...wraps, ...(version === 4 ? TUNNELS_4 : TUNNELS_6).map(([, wrap]) => wrap)].map((wrap) =>
      ethernet(wrap(anySyn(version))),
    ),
    ...frames.map((wrap) => wrap(anySyn(version))),
    ...BETWEEN.filter(([name]) => opened(name)).map(([, protocol, rest]) =>
      ethernet(between(anySyn(version), protocol, rest)),
    ),
  ])
}

/** Each tunnel in each tunnel and in each frame. */
function twoDeep(): Uint8Array[] {
  const version = (i: number, k: number): 4 | 6 => ((i + k) % 2 === 0 ? 4 : 6)
  return wraps.flatMap((inner, k) => [
    ...wraps.map((outer, i) => ethernet(outer(inner(anySyn(version(i, k)))))),
    ...frames.map((outer, i) => outer(inner(anySyn(version(i, k))))),
  ])
}

/** A pcapng file with interfaces of two link types, in which each packet is in a block of another kind. */
function mixed(packets: readonly Uint8Array[], little: boolean): Uint8Array {
  const b = pcapng(little)
  const blocks = packets.map((packet, i) => [b.enhanced(packet, 0), b.obsolete(packet, 0), b.simple(packet)][i % 3]!)
  return join(
    b.section(),
    b.interface(1),
    b.interface(101),
    ...blocks,
    b.enhanced(anySyn(4), 1),
    b.enhanced(anySyn(6), 1),
  )
}

/** Built files, and the SYNs in each. */
const BUILT: readonly (readonly [name: string, packets: number, file: () => Uint8Array])[] = [
  ['one-deep.pcap', oneDeep().length, () => pcap(oneDeep(), { linkType: 1 })],
  ['one-deep-big-endian.pcap', oneDeep().length, () => pcap(oneDeep(), { linkType: 1, little: false })],
  ['one-deep-nanoseconds.pcap', oneDeep().length, () => pcap(oneDeep(), { linkType: 1, magic: 0xa1b23c4d })],
  ['one-deep.pcapng', oneDeep().length + 2, () => mixed(oneDeep(), true)],
  ['one-deep-big-endian.pcapng', oneDeep().length + 2, () => mixed(oneDeep(), false)],
  ['two-deep.pcap', twoDeep().length, () => pcap(twoDeep(), { linkType: 1 })],
]

/** Captures of a Debian package, one of them of L2TP. */
const DPKT = {
  reason: existsSync('/usr/share/doc/python3-dpkt/examples/data/nb6-http.pcap')
    ? undefined
    : 'no captures of the Debian package python3-dpkt here',
}

/** Captures that installed Debian packages have, and those of this repository. */
function captures(): string[] {
  const found = Bun.spawnSync(['dpkg-query', '--search', '*.pcap', '*.pcapng', '*.cap'], {
    stderr: 'ignore',
  }).stdout.toString()
  const installed = found.split('\n').flatMap((line) => /^[^:]+: (.+)$/.exec(line)?.[1] ?? [])
  const own = [...new Bun.Glob('**/*.{pcap,pcapng}').scanSync({ cwd: path(import.meta.dir, '..'), absolute: true })]
  return [...own, ...installed]
}

describe('pcap --json finds what tshark finds', () => {
  for (const [name, count, file] of BUILT) {
    needs('tshark').test(
      `in ${name}`,
      () => {
        using directory = temporaryDirectory()
        writeFileSync(directory.file(name), file())
        expect(compare(directory.file(name))).toEqual({ found: count, silent: [], extra: [], different: [] })
      },
      60_000,
    )
  }

  needs('tshark', DPKT).test(
    'in every capture of this repository and of Debian packages that are here',
    () => {
      const files = captures()
      const results = files.map((file) => ({ file, ...compare(file) }))
      expect(
        results.filter(({ silent, extra, different }) => silent.length + extra.length + different.length > 0),
      ).toEqual([])
      const found = (part: string): number | undefined => results.find(({ file }) => file.endsWith(part))?.found
      expect([found('tcpdump-merged.pcapng'), found('/http.pcap'), found('/nb6-http.pcap')]).toEqual([11, 1, 3])
    },
    60_000,
  )
})
