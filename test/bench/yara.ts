/**
 * What one SYN costs with 500 YARA rules: `bun test/bench/yara.ts`. Microseconds a SYN, medians of nine rounds over the SYNs of
 * `test/vectors/devices.ndjson`. `seen`: the facts that rules read were there before; `new`: each SYN has a TTL, port, numbers and
 * User-Agent that none had before, so that nothing is remembered; both after a round for the compilers.
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fingerprints } from '../../src/fingerprint/index.ts'
import type { Fingerprints } from '../../src/fingerprint/strings.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { type Label, match } from '../../src/label/match.ts'
import { parseSyn, type Syn } from '../../src/wire/syn.ts'
import { yara } from '../../src/yara/index.ts'
import { machine, median } from './pairs.ts'

const RULES = 500
const ROUNDS = 9
const WARM_UP = 4
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64)'

/** Conditions of rule `i`; none fits any SYN, so that all are looked at. */
const CONDITIONS: Readonly<Record<string, (i: number) => string>> = {
  'numbers alone': (i) => `condition: window == ${20_000 + i} and mss == ${500 + i} and ttl <= 64`,
  'texts alone': (i) => `condition: options == "2,4,8,1,${100 + i}" and p0f contains "mss*${100 + i},"`,
  'regular expressions alone': (i) => `condition: muonfp matches /^${i}:2-4-9/`,
  'octets at fixed places': (i) => `condition: uint16be(34) == ${20_000 + i} and uint8(8) <= 64`,
  'strings of octets': (i) =>
    `strings: $a = { 02 04 ${i.toString(16).padStart(4, '0')} 04 02 09 } condition: $a at 40 and uint8(8) <= 64`,
}

const kinds = Object.values(CONDITIONS)
const OTHERS: Readonly<Record<string, (i: number) => string>> = {
  /** Those above by turns, which depend on all facts together. */
  'all of these': (i) => kinds[i % kinds.length]!(i),
  /** One of them is scanned with for nearly every SYN, and fits. */
  'of which one fits': (i) =>
    `condition: ${i < 250 ? `window == ${65_535 - i}` : `mss == ${1460 - i + 250}`} and ttl > ${i % 7}`,
  'comparisons alone': (i) => `condition: window > ${65_000 + i} and ttl < ${i % 60}`,
  /** Nothing that must hold can be looked up: libyara is asked of all. */
  'loops over octets': (i) => `condition: for any i in (0..3): (uint8(20 + i) == ${i % 8} and mss == ${i})`,
  'expressions without a certain part': (i) =>
    `condition: user_agent matches /^[A-L]${i}.[0-9]+$/ or muonfp matches /[x-z]${i}?$/`,
}

const rows = readFileSync(join(import.meta.dir, '../vectors/devices.ndjson'), 'utf8')
  .trimEnd()
  .split('\n')
const factsOf = (syn: Syn, userAgent: string): Connection => ({
  syn,
  facts: { fingerprints: fingerprints(syn), label: match(defaultDatabase(), syn), userAgent },
})
interface Connection {
  readonly syn: Syn
  readonly facts: { fingerprints: Fingerprints; label: Label | undefined; userAgent: string }
}
const connections = rows.map((line) => factsOf(parseSyn(JSON.parse(line).hex as string), AGENT))

/** The same system's SYN as no one has sent it before: another TTL, port and sequence number, and another User-Agent. */
function different({ bytes, ip }: Syn, number: number): Connection {
  const octets = bytes.slice()
  const at = ip.version === 4 ? 20 : 40
  octets[ip.version === 4 ? 8 : 7] = 1 + (number % 250)
  for (let i = 0; i < 4; i++) octets[at + 4 + i] = (number * 2654435761) >>> (8 * i)
  octets[at] = number >> 8
  octets[at + 1] = number
  return factsOf(parseSyn(octets), `${AGENT} ${number}`)
}

console.log(machine())
for (const [name, condition] of Object.entries({ ...CONDITIONS, ...OTHERS })) {
  const labeller = yara({ rules: Array.from({ length: RULES }, (_, i) => `rule r${i} { ${condition(i)} }`).join('\n') })
  let found = 0
  let number = 0
  const round = (isNew: boolean): number => {
    const asked = isNew ? connections.map(({ syn }) => different(syn, ++number)) : connections
    const start = performance.now()
    for (const { syn, facts } of asked) if (labeller(syn, facts) !== undefined) found++
    return ((performance.now() - start) * 1000) / asked.length
  }
  for (let i = 0; i < WARM_UP; i++) round(true)
  const fresh = median(Array.from({ length: ROUNDS }, () => round(true)))
  const seen = median(Array.from({ length: ROUNDS }, () => round(false)))
  const share = (100 * found) / (connections.length * (2 * ROUNDS + WARM_UP))
  console.log(`${name}: ${seen.toFixed(1)} seen, ${fresh.toFixed(1)} new (${share.toFixed(0)} % labelled)`)
}
