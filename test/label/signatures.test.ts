import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Signature, shapesOf } from '../../src/label/database.ts'
import { loadP0f } from '../../src/label/database-parser.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { families, family } from '../../src/label/family.ts'
import { match } from '../../src/label/match.ts'
import { parseSyn } from '../../src/wire/syn.ts'
import { synOf } from './syn-of.ts'

const DATABASE_FILE = join(import.meta.dir, '../../src/label/signatures.fp')
const file = readFileSync(DATABASE_FILE, 'utf8')

test('defaultDatabase is parsed once and shared', () => {
  expect(defaultDatabase()).toBe(defaultDatabase())
  expect(defaultDatabase().signatures.length).toBeGreaterThan(300)
})

test('defaultDatabase is what its file says, although a line is read only when a SYN has its order of options', () => {
  const whole = loadP0f(file, { tolerant: false, versioned: true })
  expect(defaultDatabase().signatures).toEqual(whole.signatures)
  expect(defaultDatabase().labels).toEqual(whole.labels)
  expect(defaultDatabase().families).toEqual(whole.families)
  expect({ ...defaultDatabase(), links: undefined }).toEqual({ ...whole, links: undefined })
  const layouts = new Set(whole.signatures.map(({ layout }) => layout))
  for (const layout of layouts) {
    // Places in the order are counted within what was read.
    const plain = (database: typeof whole): unknown =>
      shapesOf(database, layout).map(({ signatures, ...shape }) => ({
        ...shape,
        signatures: [...signatures].map(([key, same]) => [key, same.map(({ order, ...rest }) => rest)]),
      }))
    expect(plain(defaultDatabase())).toEqual(plain(whole))
    const orders = shapesOf(defaultDatabase(), layout)
      .flatMap(({ signatures }) => [...signatures.values()].flat())
      .sort((a, b) => a.order - b.order)
    expect(orders.map(({ text }) => text)).toEqual(
      whole.signatures.filter((signature) => signature.layout === layout).map(({ text }) => text),
    )
  }
  expect(layouts.size).toBeGreaterThan(40)
  for (const other of ['mss,mss', 'constructor', '__proto__', '']) {
    expect(shapesOf(defaultDatabase(), other)).toEqual(layouts.has(other) ? expect.any(Array) : [])
  }
})

test('defaultDatabase names the links of loopback, Ethernet, DSL and tunnels', () => {
  const { links } = defaultDatabase()
  expect([65_535, 65_536, 1500, 1492, 1420, 9001].map((mtu) => links.get(mtu))).toEqual([
    'loopback',
    'loopback',
    'Ethernet, Wi-Fi or mobile',
    'PPPoE (DSL)',
    'WireGuard or similar tunnel',
    'AWS jumbo frames',
  ])
  // values that are an MSS taken for an MTU, or fixed by a tool
  for (const mtu of [1452, 1240, 1220, 1520]) expect(links.has(mtu)).toBe(false)
})

test('the families of our labels are their classes', () => {
  const one = new Set<string>()
  for (const label of defaultDatabase().labels) {
    const found = families({ name: label.name, kind: label.family === undefined ? 'app' : 'os', family: label.kin })
    if (label.family === undefined) expect(found).toEqual(['tool'])
    else expect(found).toContain(label.family as never)
    const single = family({ name: label.name, kind: label.family === undefined ? 'app' : 'os', family: label.kin })
    if (single === undefined) one.add(label.name)
    else expect<string>(single).toBe(label.family ?? 'tool')
  }
  // only the labels that name two unrelated senders have no single family
  expect([...one].filter((name) => !/ or /.test(name))).toEqual([])
  expect(one.size).toBeLessThan(33)
})

test('every label in signatures.fp has its evidence above it', () => {
  const lines = file.split('\n')
  const request = lines.indexOf('[tcp:request]')
  for (const [i, line] of lines.entries()) {
    if (i < request || !line.startsWith('label')) continue
    const comment: string[] = []
    // back to the label before: a comment may stand above several labels or between signatures
    for (let k = i - 1; k > request && !lines[k]!.startsWith('label'); k -= 1) comment.push(lines[k]!)
    for (let k = i + 1; k < lines.length && /^(?:;|sig|sys)/.test(lines[k]!); k += 1) comment.push(lines[k]!)
    const evidence = comment.filter((text) => text.startsWith(';')).join(' ')
    expect(`${line}: ${/\[(?:m|s|c)\b|\b[0-9a-f]{8}\b/.test(evidence)}`).toBe(`${line}: true`)
  }
})

/** A SYN that fits a signature, over one IP version: what it leaves open gets values that no other signature has. */
function example(signature: Signature, version: 4 | 6): Uint8Array {
  const [, , , , , layout, quirks] = signature.text.split(':')
  const foreign = version === 4 ? ['flow'] : ['df', 'id+', 'id-']
  // lowered on the way: no window of ours is a multiple of 1311
  let mss = signature.mss < 0 ? 1311 : signature.mss
  let { window } = signature
  if (signature.windowRule === 'any') window = 12_345
  if (signature.windowRule === 'modulo') window *= 3
  if (signature.windowRule === 'full') window = 65_535 - (65_535 % mss)
  if (signature.windowRule === 'mss') {
    if (signature.mss < 0) mss = Math.min(mss, Math.floor(65_535 / window))
    window *= mss
  }
  const stated = quirks!.split(',').filter((quirk) => !foreign.includes(quirk))
  return synOf(
    `${version}:${signature.timeToLive}:0:${mss}:${window},${signature.scale < 0 ? 12 : signature.scale}:${layout}:${stated}:${signature.payload === true ? '+' : '0'}`,
  )
}

test('every signature gives its label to a SYN made from it: none is dead', () => {
  const database = defaultDatabase()
  const dead: string[] = []
  for (const signature of database.signatures) {
    const versions = signature.version === 0 ? ([4, 6] as const) : [signature.version]
    const answers = versions.map((version) => {
      const label = match(database, parseSyn(example(signature, version)))
      return label.evidence?.line === signature.line ? 'reached' : `line ${label.evidence?.line} ${label.name}`
    })
    if (!answers.includes('reached')) dead.push(`line ${signature.line} ${signature.text}: ${answers.join(' | ')}`)
  }
  expect(dead).toEqual([])
})
