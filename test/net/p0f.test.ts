/**
 * The real p0f over seeded random SYNs, well-formed and broken, against our strings and labels: with the database of its
 * Debian package, and with one of random signatures made from what it logged.
 *
 * Where p0f's program departs from its documentation, ours follows the documentation: `ack+` for every acknowledgment
 * number, `opt+` for the last octet too. These SYNs are checked but for the label that hangs on the quirk.
 */
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatP0f } from '../../src/fingerprint/p0f.ts'
import { loadP0f } from '../../src/label/database-parser.ts'
import { match } from '../../src/label/match.ts'
import { formatIpv6Address } from '../../src/wire/address.ts'
import { parseSyn, type Syn } from '../../src/wire/syn.ts'
import { needs, program } from '../lab/privilege.ts'
import { createRandom, type Random, type RandomSyn, randomSynBytes } from '../support/random.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const SEED = Number(process.env.SEED ?? 20_261_122)
const COUNT = Number(process.env.SYNS ?? 5000)
const DATABASE = '/etc/p0f/p0f.fp'

/** What p0f logged of one SYN. */
interface Logged {
  syn?: Readonly<Record<string, string>>
  mtu?: Readonly<Record<string, string>>
}

/** A capture file of raw IP packets, each followed by the zeros that stand for its data. */
function capture(syns: readonly RandomSyn[]): Uint8Array<ArrayBuffer> {
  const parts = syns.map(({ bytes, dataLength }, i) => {
    const length = bytes.length + dataLength
    const record = new Uint8Array(16 + length)
    const view = new DataView(record.buffer)
    view.setUint32(0, 1_700_000_000 + Math.floor(i / 50), true)
    view.setUint32(8, length, true)
    view.setUint32(12, length, true)
    record.set(bytes, 16)
    return record
  })
  const file = new Uint8Array(24 + parts.reduce((sum, { length }) => sum + length, 0))
  const view = new DataView(file.buffer)
  view.setUint32(0, 0xa1b2c3d4, true)
  view.setUint16(4, 2, true)
  view.setUint16(6, 4, true)
  view.setUint32(16, 65_535, true)
  view.setUint32(20, 101, true)
  let at = 24
  for (const part of parts) {
    file.set(part, at)
    at += part.length
  }
  return file
}

/** Client address and port as p0f writes them, which leaves out no zero group of an IPv6 address. */
function clientOf(syn: Syn): string {
  return `${syn.ip.source}/${syn.tcp.sourcePort}`
}

function canonical(client: string): string {
  const [address, port] = client.split('/') as [string, string]
  if (!address.includes(':')) return client
  const groups = address.split(':')
  const gap = groups.indexOf('')
  const full =
    gap < 0 ? groups : [...groups.slice(0, gap), ...new Array(9 - groups.length).fill('0'), ...groups.slice(gap + 1)]
  const octets = full.flatMap((group) => [
    Number.parseInt(group || '0', 16) >> 8,
    Number.parseInt(group || '0', 16) & 255,
  ])
  return `${formatIpv6Address(Uint8Array.from(octets))}/${port}`
}

async function runP0f(syns: readonly RandomSyn[], database: string): Promise<Map<string, Logged>> {
  const { path: folder, remove } = temporaryDirectory()
  try {
    const file = join(folder, 'syns.pcap')
    const log = join(folder, 'p0f.log')
    const signatures = join(folder, 'signatures.fp')
    await Bun.write(file, capture(syns))
    await Bun.write(signatures, database)
    const child = Bun.spawn([program('p0f'), '-f', signatures, '-r', file, '-o', log], {
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [said, complaint] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    const status = await child.exited
    if (status !== 0)
      throw new Error(`Cannot run p0f: exit status ${status}: ${said.slice(-400)}${complaint.slice(-400)}`)
    const logged = new Map<string, Logged>()
    for (const line of readFileSync(log, 'utf8').split('\n').slice(0, -1)) {
      const fields = Object.fromEntries(
        line
          .slice(line.indexOf('] ') + 2)
          .split('|')
          .map((pair) => {
            const equals = pair.indexOf('=')
            return [pair.slice(0, equals), pair.slice(equals + 1)]
          }),
      )
      const client = canonical(fields.cli ?? '')
      const known = logged.get(client) ?? {}
      if (fields.mod === 'mtu') known.mtu ??= fields
      else if (fields.mod === 'syn' || fields.mod === 'sendsyn probe') known.syn ??= fields
      logged.set(client, known)
    }
    return logged
  } finally {
    remove()
  }
}

/** True if ours has, beside p0f's, nothing but the quirks that p0f's program misses. */
function isExplained(ours: string, theirs: string): boolean {
  const [a, b] = [ours.split(':'), theirs.split(':')]
  const words = b[6]!.split(',')
  const more = a[6]!.split(',').filter((word) => !words.includes(word))
  return (
    more.every((word) => word === 'ack+' || word === 'opt+') && a.toSpliced(6, 1).join() === b.toSpliced(6, 1).join()
  )
}

/** The differences between p0f's log and ours, one line each; all SYNs must have been logged. */
function compare(syns: readonly RandomSyn[], logged: ReadonlyMap<string, Logged>, signatures: string): string[] {
  const database = loadP0f(signatures, { tolerant: false })
  const differences: string[] = []
  let explained = 0
  for (const { bytes } of syns) {
    const syn = parseSyn(bytes)
    const { syn: log, mtu } = logged.get(clientOf(syn)) ?? {}
    if (log === undefined) {
      differences.push(`${syn.hex}: p0f logged nothing`)
      continue
    }
    const ours = formatP0f(syn)
    if (ours !== log.raw_sig) {
      if (!isExplained(ours, log.raw_sig!)) differences.push(`${syn.hex}: p0f ${log.raw_sig}, ours ${ours}`)
      explained += 1
      continue
    }
    const label = match(database, syn)
    const name = log.os ?? log.app
    const params = log.params!.split(' ')
    const theirs = [
      name === '???' ? undefined : name,
      name === '???' ? undefined : params.includes('fuzzy') ? 'fuzzy' : 'exact',
      name === '???' ? undefined : params.includes('generic'),
      Number(log.dist!.replace('<=', '')),
      mtu === undefined || mtu.link === '???' ? undefined : mtu.link,
      mtu === undefined ? undefined : Number(mtu.raw_mtu),
    ]
    const found = [label.name, label.match, label.generic, label.distance, label.link, label.mtu]
    if (JSON.stringify(theirs) !== JSON.stringify(found)) {
      differences.push(`${syn.hex} ${ours}: p0f ${JSON.stringify(theirs)}, ours ${JSON.stringify(found)}`)
    }
  }
  expect(explained).toBeLessThan(syns.length / 3)
  return differences
}

function makeSyns(random: Random, count: number): RandomSyn[] {
  return Array.from({ length: count }, (_, i) => randomSynBytes(random, i))
}

/** Signatures that some of the SYNs fit, more or less, made from the raw signatures of these. */
function makeDatabase(random: Random, raw: readonly string[]): string {
  const lines = ['classes = unix,win', '[mtu]', 'label = Ethernet or modem', 'sig = 1500', '[tcp:request]']
  for (const [i, text] of [...new Set(raw)].entries()) {
    const [version, ttl, olen, mss, windowAndScale, layout, quirks, payload] = text.split(':') as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ]
    const [window, scale] = windowAndScale.split(',') as [string, string]
    const [seen, distance] = ttl.split('+') as [string, string]
    const shift = random.pick([0, 0, 0, 0, -20, 20, 5, -1, 36])
    const initial = Math.min(255, Math.max(1, Number(seen) + (Number(distance) || 0) + shift))
    const isRandom = random.chance(0.15)
    const both = random.chance(0.4)
    const only = both ? '*' : version
    const words = quirks.split(',').filter((word) => word !== '' && !random.chance(0.15))
    if (random.chance(0.2)) words.push(random.pick(['df', 'id+', 'id-', 'ecn', 'ts2+', 'seq-']))
    const wrong = only === '4' ? ['flow'] : only === '6' ? ['df', 'id+', 'id-', '0+'] : []
    const [kind, factor] = window.split('*') as [string, string | undefined]
    const tooMany = factor !== undefined && Number(factor) > 1000
    const modulus = random.pick([2, 4, 5, 8, 16, 100, 512])
    const modulo = factor === undefined && Number(kind) > 3 && Number(kind) % modulus === 0
    const rule = tooMany || random.chance(0.3) ? '*' : modulo && random.chance(0.5) ? `%${modulus}` : window
    const type = random.pick(['s', 's', 'g'])
    if (random.chance(0.15)) lines.push(`label = ${type}:!:Tool ${i}:x`, 'sys = @unix')
    else lines.push(`label = ${type}:unix:System ${i}:${random.pick(['', '1.x', 'a:b'])}`)
    const fields = [
      only,
      `${initial}${isRandom ? '-' : ''}`,
      // p0f's program takes no length of IP options from a signature for random TTLs.
      isRandom ? '0' : olen,
      random.chance(0.5) ? '*' : mss,
      `${rule},${random.chance(0.4) ? '*' : scale}`,
      layout,
      words.filter((word) => !wrong.includes(word)).join(','),
      random.chance(0.2) ? '*' : payload,
    ]
    lines.push(`sig = ${fields.join(':')}`)
  }
  return `${lines.join('\n')}\n`
}

/** Drops the signatures that p0f refuses because an earlier one covers them, which ours does not mind. */
async function acceptable(database: string): Promise<string> {
  const lines = database.split('\n')
  for (let tries = 0; tries < 500; tries++) {
    try {
      await runP0f([], lines.join('\n'))
      return lines.join('\n')
    } catch (error) {
      const line = /Signature in line (\d+) is already covered/.exec(String(error))?.[1]
      if (line === undefined) throw error
      lines[Number(line) - 1] = '; covered'
    }
  }
  throw new Error('Cannot make a database that p0f takes: too many signatures cover others')
}

const real = needs('p0f')
real.describe('p0f', () => {
  test(`logs what formatP0f and match give, with its own database (seed ${SEED})`, async () => {
    const syns = makeSyns(createRandom(SEED), COUNT)
    const signatures = readFileSync(DATABASE, 'utf8')
    expect(compare(syns, await runP0f(syns, signatures), signatures)).toEqual([])
  }, 300_000)

  test(`and with random signatures (seed ${SEED + 1})`, async () => {
    const random = createRandom(SEED + 1)
    const syns = makeSyns(random, COUNT)
    const logged = await runP0f(syns, 'classes = unix\n')
    const raw = [...logged.values()].map(({ syn }) => syn!.raw_sig!).filter(() => random.chance(0.15))
    const signatures = await acceptable(makeDatabase(random, raw))
    expect(compare(syns, await runP0f(syns, signatures), signatures)).toEqual([])
  }, 300_000)
})

describe('without p0f', () => {
  test('its addresses are read', () => {
    expect(canonical('2001:db8::1:0:5/80')).toBe('2001:db8::1:0:5/80')
    expect(canonical('2001:db8:0:0:0:0:0:1/80')).toBe('2001:db8::1/80')
    expect(canonical('10.0.0.1/80')).toBe('10.0.0.1/80')
  })
})
