/**
 * What one SYN costs with 500 YARA rules: `bun test/bench/yara.ts`. Microseconds a SYN, medians of nine rounds over the SYNs of
 * `test/vectors/devices.ndjson`. `seen`: the facts that rules read were there before; `first`: each labeller's first round.
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fingerprints } from '../../src/fingerprint/index.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { match } from '../../src/label/match.ts'
import { parseSyn } from '../../src/wire/syn.ts'
import { yara } from '../../src/yara/index.ts'
import { machine, median } from './pairs.ts'

const RULES = 500
const ROUNDS = 9
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
/** Those above by turns, which depend on all facts together. */
const MIXED: Readonly<Record<string, (i: number) => string>> = { 'all of these': (i) => kinds[i % kinds.length]!(i) }

const rows = readFileSync(join(import.meta.dir, '../vectors/devices.ndjson'), 'utf8')
  .trimEnd()
  .split('\n')
const connections = rows.map((line) => {
  const syn = parseSyn(JSON.parse(line).hex as string)
  return { syn, facts: { fingerprints: fingerprints(syn), label: match(defaultDatabase(), syn), userAgent: AGENT } }
})

console.log(machine())
for (const [name, condition] of Object.entries({ ...CONDITIONS, ...MIXED })) {
  const labeller = yara({ rules: Array.from({ length: RULES }, (_, i) => `rule r${i} { ${condition(i)} }`).join('\n') })
  let found = 0
  const round = (): number => {
    const start = performance.now()
    for (const { syn, facts } of connections) if (labeller(syn, facts) !== undefined) found++
    return ((performance.now() - start) * 1000) / connections.length
  }
  const first = round()
  const seen = median(Array.from({ length: ROUNDS }, round))
  console.log(`${name}: ${seen.toFixed(1)} seen, ${first.toFixed(1)} first (${found} labelled)`)
}
