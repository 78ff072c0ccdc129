import { afterAll, describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatHaproxy } from '../../src/fingerprint/haproxy.ts'
import { Database } from '../../src/label/database.ts'
import { loadP0f } from '../../src/label/database-parser.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { DATABASE_FORMATS } from '../../src/label/export/export.ts'
import { match } from '../../src/label/match.ts'
import { parseSyn } from '../../src/wire/syn.ts'
import { needs, program } from '../lab/privilege.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { synOf } from './syn-of.ts'

const { path: directory, remove } = temporaryDirectory()
afterAll(remove)

const vectors = join(import.meta.dir, '../vectors')
const SYNS: readonly Uint8Array[] = [
  ...(JSON.parse(readFileSync(join(vectors, 'stacks.json'), 'utf8')) as { hex: string }[]),
  ...readFileSync(join(vectors, 'devices.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { hex: string }),
].map(({ hex }) => Uint8Array.from(Buffer.from(hex, 'hex')))

function exported(format: string, database: Database = defaultDatabase()): string {
  return DATABASE_FORMATS[format]!(database).text
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

/** A capture of raw IP packets, the n-th from a source address that ends in n. */
function capture(syns: readonly Uint8Array[]): Uint8Array {
  const header = new Uint8Array(new Uint32Array([0xa1b2c3d4, 0x0004_0002, 0, 0, 65_535, 101]).buffer)
  const parts: Uint8Array[] = [header]
  syns.forEach((syn, i) => {
    const isV4 = syn[0]! >> 4 === 4
    // The data that the IP length tells of is not in a saved SYN.
    const packet = new Uint8Array(isV4 ? (syn[2]! << 8) | syn[3]! : 40 + ((syn[4]! << 8) | syn[5]!))
    packet.set(syn)
    packet.set([10, 0, i >> 8, i & 255], isV4 ? 12 : 20)
    const { length } = packet
    parts.push(new Uint8Array(new Uint32Array([1_700_000_000 + i, 0, length, length]).buffer), packet)
  })
  return Buffer.concat(parts)
}

const p0f = needs('p0f')
p0f.describe('database --format p0f', () => {
  test('is loaded by p0f 3.09b, which gives the same label to every SYN that it can say', () => {
    const database = file('exported.fp', exported('p0f'))
    const run = Bun.spawnSync(
      [program('p0f'), '-f', database, '-r', file('syns.pcap', capture(SYNS)), '-o', join(directory, 'p0f.log')],
      { stdin: 'ignore' },
    )
    expect(run.stdout.toString()).toContain('Loaded ')
    expect(run.exitCode).toBe(0)
    const names = new Map<number, string>()
    for (const line of readFileSync(join(directory, 'p0f.log'), 'utf8').split('\n')) {
      const [, address, name] = /mod=syn\|cli=([^/]+)\/.*\|(?:os|app)=([^|]*)\|/.exec(line) ?? []
      if (address === undefined) continue
      const [high, low] = address.includes(':')
        ? [Number.parseInt(address.split(':').at(-1)!, 16) >> 8, Number.parseInt(address.split(':').at(-1)!, 16) & 255]
        : address.split('.').slice(2).map(Number)
      names.set((high! << 8) | low!, name!)
    }
    const differing: string[] = []
    const compared = { 4: 0, 6: 0 }
    SYNS.forEach((syn, i) => {
      const parsed = parseSyn(syn)
      const label = match(defaultDatabase(), parsed)
      const name = names.get(i)
      // p0f sees the quirk `ack+` in one bit of the number only.
      const isAckNonzero = parsed.tcp.acknowledgmentNumber !== 0
      // Exact ones are left out: p0f may say something else of these.
      const cannot = label.name === undefined || label.evidence!.signature.includes('!:') || isAckNonzero
      if (cannot || name === undefined) return
      compared[parsed.ip.version] += 1
      if (name !== label.name) differing.push(`${label.evidence!.signature} ${label.name} | p0f: ${name}`)
    })
    expect(differing).toEqual([])
    expect(compared[4]).toBeGreaterThan(350)
    expect(compared[6]).toBeGreaterThan(50)
  })

  test('says in p0f’s words what additions to the format say', () => {
    const text = exported(
      'p0f',
      loadP0f(`classes = linux
[mtu]
label = Ethernet
sig = 1500
[tcp:request]
label = s:linux:Linux:x
sig = 4:64:0:*:1|mss*4,7|8:mss,ws:df?,id+?,ecn?:0
sig = 4:64!:0:*:9,7:mss,ws::0
label = s:!:tool:
sys = @linux
sig = 6:64:0:*:1,7:mss,ws:flow:0
sig = 6:64:0:*:1,8:mss,ws::0
`),
    )
    expect(text.split('\n').slice(1)).toEqual([
      'classes = linux',
      '',
      '[mtu]',
      '',
      'label = Ethernet',
      'sig   = 1500',
      '',
      '[tcp:request]',
      '',
      'label = s:linux:Linux:x',
      ...['1,7', '1,8', 'mss*4,7', 'mss*4,8'].flatMap((window) =>
        ['', 'ecn', 'df', 'df,ecn', 'df,id+', 'df,id+,ecn'].map(
          (quirks) => `sig   = 4:64:0:*:${window}:mss,ws:${quirks}:0`,
        ),
      ),
      '',
      'label = s:!:tool:',
      'sys   = @linux',
      'sig   = 6:64:0:*:1,7:mss,ws:flow:0',
      '',
    ])
  })
})

const sqlite = needs('sqlite3')
sqlite.describe('database --format csv and ndjson', () => {
  const rows = String(defaultDatabase().signatures.length)
  const query = (sql: string): string =>
    Bun.spawnSync([program('sqlite3'), ':memory:', sql], { stdin: 'ignore' })
      .stdout.toString()
      .trim()
  const tools = defaultDatabase().signatures.filter(({ label }) => label.family === undefined).length

  test('CSV is imported by sqlite3', () => {
    const path = file('database.csv', exported('csv'))
    const load = `.import --csv ${path} d`
    const count = Bun.spawnSync(
      [program('sqlite3'), ':memory:', load, "SELECT count(*), sum(family = 'tool'), max(label) FROM d"],
      { stdin: 'ignore' },
    )
    expect(count.stdout.toString().trim()).toBe(`${rows}|${tools}|zmap 4.1 or newer, or another sender without options`)
    expect(readFileSync(path, 'utf8').split('\n')[0]).toBe('label,family,kind,specificity,signature,line')
  })

  test('NDJSON is read by sqlite3', () => {
    const path = file('database.ndjson', exported('ndjson'))
    const sql = `SELECT count(*), sum(value ->> 'family' = 'tool') FROM json_each('[' || replace(rtrim(readfile('${path}'), char(10)), char(10), ',') || ']')`
    expect(query(sql)).toBe(`${rows}|${tools}`)
  })
})

const haproxy = needs('haproxy')
haproxy.describe('database --format haproxy-map', () => {
  test('is loaded by HAProxy', () => {
    const map = file('stacks.map', exported('haproxy-map'))
    const config = file(
      'haproxy.cfg',
      `defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\nfrontend f\n bind unix@${directory}/f.sock\n http-request set-var(txn.stack) hdr(x-fp),map_str(${map},unknown)\n http-request return status 200 hdr stack %[var(txn.stack)]\n`,
    )
    const run = Bun.spawnSync([program('haproxy'), '-c', '-f', config], { stdin: 'ignore' })
    expect(run.stdout.toString() + run.stderr.toString()).toContain('Configuration file is valid')
  })

  test('has the label of usual SYNs under the text of ip.fp', () => {
    const map = new Map(
      exported('haproxy-map')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => [line.slice(0, 16), line.slice(17)] as const),
    )
    for (const text of [
      '4:57:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0',
      '6:57:0:1440:64800,7:mss,sok,ts,nop,ws:ecn,flow:0',
      '4:120:0:1460:64240,8:mss,nop,ws,nop,nop,sok:df,id+:0',
      '4:120:0:1400:64400,8:mss,nop,ws,nop,nop,sok:df,id+:0',
      '4:57:0:1460:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df:0',
      '4:60:0:1460:65535,8:mss,nop,ws,nop,nop,sok::0',
      '4:250:0:0:1024,0:::0',
    ]) {
      const syn = parseSyn(synOf(text))
      expect([text, map.get(formatHaproxy(syn))]).toEqual([
        text,
        expect.stringContaining(match(defaultDatabase(), syn).name!),
      ])
    }
  })
})

describe('pf.os', () => {
  const lines = exported('pf.os')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))

  test('is of IPv4, with wide signatures last', () => {
    const width = (line: string): number => (line.startsWith('*') ? 2 : 0)
    expect(lines.findIndex((line) => width(line) === 2)).toBeGreaterThan(lines.findLastIndex((line) => /^%/.test(line)))
    for (const line of lines)
      expect(line).toMatch(/^(?:\*|[ST%]?\d+):\d{1,3}:[01]:\d{2}:(?:\.|[A-Z0-9,*]+):[^:]{1,15}:[^:]{0,31}::/)
    // nftables compares no scale, and takes a window of 0 for any
    expect(lines).toContain('S44:64:1:60:M*,S,T,N,W9:Linux:::Linux')
    expect(lines.filter((line) => line.startsWith('0:64:1'))).toEqual([])
    expect(new Set(lines.map((line) => line.split(':').slice(0, 5).join(':'))).size).toBe(lines.length)
  })

  test('gives two senders of one line the name that both have', () => {
    // The IP ID and the scale tell Apple's generations apart, and pf.os or the kernel do not.
    expect(lines.find((line) => line.startsWith('65535:64:1:64:M*,N,W5,N,N,T,S,E,E:'))).toContain(':apple:::')
  })
})

test('an export of the tools alone holds no system', () => {
  const { signatures, ...rest } = defaultDatabase()
  const tools = new Database({ ...rest, signatures: signatures.filter(({ label }) => label.family === undefined) })
  expect(exported('ndjson', tools)).not.toContain('"kind":"os"')
  expect(exported('p0f', tools)).not.toMatch(/^label = .:linux/m)
})
