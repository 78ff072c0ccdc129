/**
 * What one SYN costs with 500 YARA rules: `bun test/bench/yara.ts`. Microseconds a SYN, medians of nine rounds over the SYNs of
 * `test/vectors/devices.ndjson`, after a round for the compilers.
 *
 * - `seen`: the same SYNs and User-Agents as in the round before.
 * - `traffic`: ports, sequence numbers and timestamps that none had before, 30 distances, one of 300 User-Agents; of every twentieth
 *   the User-Agent is new as well.
 * - `new`: of each SYN the TTL, ports, numbers and User-Agent are such as none had before (a TTL has 250).
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fingerprints } from '../../src/fingerprint/index.ts'
import type { Fingerprints } from '../../src/fingerprint/strings.ts'
import { timeToLiveOf } from '../../src/fingerprint/ttl.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { type Label, match } from '../../src/label/match.ts'
import { parseSyn, type Syn } from '../../src/wire/syn.ts'
import { yara } from '../../src/yara/index.ts'
import { machine, median } from './pairs.ts'

const RULES = 500
const ROUNDS = 9
const WARM_UP = 4
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64)'

/** Two digits, of ASCII. */
const hex = (i: number): string => (16 + (i % 90)).toString(16)

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
  'strings with gaps': (i) =>
    `strings: $a = { 02 04 05 ${(i & 255).toString(16).padStart(2, '0')} 04 02 08 0? [4] 00 00 00 00 01 03 03 0${i >> 8} } condition: $a at 40`,
  'comparisons alone': (i) => `condition: window > ${65_000 + i} and ttl < ${i % 60}`,
  'comparisons, nearly all true': (i) =>
    `condition: window > ${i} and ttl > ${i % 7} and mss != ${3000 + i} and scale > 14`,
  'loops over octets': (i) => `condition: for any i in (0..3): (uint8(20 + i) == ${i % 8} and mss == ${i})`,
  'loops over options': (i) =>
    `condition: for any i in (40..56): (uint8(i) == ${i % 8} and uint8(i + 1) == ${200 + (i % 50)} and uint8(i + 2) == ${i >> 3})`,
  'places that are computed': (i) =>
    `condition: uint16be((uint8(0) & 0x0f) * 4 + 14) == ${20_000 + i} and uint8(9) == 6`,
  'numbers that others make': (i) => `condition: window == ${11 + i} * mss + ${i} and window % mss == ${i % 9}`,
  negations: (i) => `condition: not (ttl > ${i % 9} or ttl == 1) and not window == ${i} and mss != ${i}`,
  'expressions in capitals or not': (i) => `condition: user_agent matches /bot${i}/i or label icontains "scanner${i}"`,
  'expressions with alternatives': (i) => `condition: user_agent matches /(curl|wget|Go-http)-?[a-z]*\\/${i}\\.[0-9]+/`,
  'expressions without a certain part': (i) =>
    `condition: user_agent matches /^[A-L]${i}.[0-9]+$/ or muonfp matches /[x-z]${i}?$/`,
  /** No character of what they fit is certain, but how many there are. */
  'expressions of which nothing is certain': (i) => `condition: user_agent matches /^.{${200 + i}}$/`,
  'such expressions, of many lengths': (i) => `condition: user_agent matches /^[^;]{${150 + i},}[^(]?/`,
  /** Not even that. */
  'such expressions, of any length': (i) => `condition: user_agent matches /^[^\\x${(i % 100) + 20}X]+$/`,
  'such expressions, not done before the end': (i) =>
    `condition: user_agent matches /^[^\\x${hex(i)}\\xff]+[^\\x${hex(i >> 2)}0-9]$/`,
  'such expressions, anywhere': (i) =>
    `condition: user_agent matches /[A-Z][^\\x${hex(i)}]*[0-9.]+[^0-9]?[\\x${hex(i >> 3)}-z]$/i`,
  'expressions with many alternatives': (i) =>
    `condition: user_agent matches /${Array.from({ length: 20 }, (_, k) => `t${k}o${i}`).join('|')}/`,
  'strings of classes': (i) =>
    `strings: $a = /[\\x00-\\x${hex(i)}][^\\x00-\\xf0]{3}[\\x${hex(i)}-\\xff]/ condition: $a`,
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

/** The same system's SYN with another port, sequence number, timestamp and TTL. */
function different({ bytes, ip, tcp }: Syn, number: number, timeToLive: number, userAgent: string): Connection {
  const octets = bytes.slice()
  const at = ip.version === 4 ? 20 : 40
  octets[ip.version === 4 ? 8 : 7] = timeToLive
  octets[at] = number >> 8
  octets[at + 1] = number
  const places = [at + 4]
  const timestamp = tcp.optionKinds.includes(8) ? octets.lastIndexOf(10, octets.length - 9) : -1
  if (timestamp > at && octets[timestamp - 1] === 8) places.push(timestamp + 1)
  for (const place of places) for (let i = 0; i < 4; i++) octets[place + i] = (number * 2654435761) >>> (8 * i)
  return factsOf(parseSyn(octets), userAgent)
}

const KINDS: Readonly<Record<string, (syn: Syn, number: number) => Connection>> = {
  seen: (syn) => factsOf(syn, AGENT),
  traffic: (syn, number) =>
    different(
      syn,
      number,
      Math.max(1, timeToLiveOf(syn) - (number % 30)),
      number % 20 === 0 ? `${AGENT} ${number}` : `${AGENT} Chrome/${(number * 7) % 300}`,
    ),
  new: (syn, number) => different(syn, number, 1 + (number % 250), `${AGENT} ${number}`),
}

console.log(machine())
for (const [name, condition] of Object.entries({ ...CONDITIONS, ...OTHERS })) {
  if (!name.includes(process.argv[2] ?? '')) continue
  const labeller = yara({ rules: Array.from({ length: RULES }, (_, i) => `rule r${i} { ${condition(i)} }`).join('\n') })
  let found = 0
  let number = 0
  const round = (kind: string): number => {
    const asked = connections.map(({ syn }) => KINDS[kind]!(syn, ++number))
    const start = performance.now()
    for (const { syn, facts } of asked) if (labeller(syn, facts) !== undefined) found++
    return ((performance.now() - start) * 1000) / asked.length
  }
  for (let i = 0; i < WARM_UP; i++) for (const kind of Object.keys(KINDS)) round(kind)
  const figures = Object.keys(KINDS).map((kind) => {
    return `${median(Array.from({ length: ROUNDS }, () => round(kind))).toFixed(1)} ${kind}`
  })
  const share = (100 * found) / (connections.length * 3 * (ROUNDS + WARM_UP))
  console.log(`${name}: ${figures.join(', ')} (${share.toFixed(0)} % labelled)`)
}
