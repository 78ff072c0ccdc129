/**
 * What one SYN costs in-process, decoded, formatted and labelled: `bun test/bench/core.ts [ROUNDS]`.
 *
 * `seen` has a few thousand distinct SYNs (the vectors, measured stacks, and random ones of which a quarter is broken) over
 * and over, as a server sees its clients; `fresh` has more shapes of random SYNs than the memo keeps, so each is worked out
 * in full: no client population looks like that, a hostile one may. `decode + strings` is without the memo, as a server does
 * it once a connection. Every result is read, strings to the last character. Medians of rounds, each variant in a fresh
 * process of its own.
 *
 * `bun test/bench/core.ts --one NAME` measures one variant and prints nanoseconds a SYN.
 * @module
 */
import { fingerprints } from '../../src/fingerprint/index.ts'
import { ShapeMemo } from '../../src/fingerprint/shape-memo.ts'
import { makeFingerprints } from '../../src/fingerprint/strings.ts'
import { type Database, joinDatabases } from '../../src/label/database.ts'
import { loadP0f } from '../../src/label/database-parser.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { match } from '../../src/label/match.ts'
import { parseSyn, type Syn } from '../../src/wire/syn.ts'
import { hex, toText } from '../support/hex.ts'
import { createRandom, randomSynBytes } from '../support/random.ts'
import stacks from '../vectors/stacks.json' with { type: 'json' }
import vectors from '../vectors/syn.json' with { type: 'json' }
import { median, ratio, report, runPairs, type Variant } from './pairs.ts'

/** Results go here, so that nothing is left out as unused. */
let sink = 0

type Input = Uint8Array | string

function seen(): Uint8Array[] {
  const random = createRandom(1)
  const known = [...vectors, ...stacks].map((row) => hex(row.hex))
  return [...known, ...Array.from({ length: 2500 }, (_, i) => randomSynBytes(random, i).bytes)]
}

function fresh(): Uint8Array[] {
  const random = createRandom(2)
  return Array.from({ length: 60_000 }, (_, i) => randomSynBytes(random, i).bytes)
}

/** The default database with some 20,000 further signatures behind it that no SYN here fits. */
function largeDatabase(): Database {
  const lines = ['classes = unix', '[tcp:request]', 'label = s:unix:Other:x']
  const layouts = new Set(defaultDatabase().signatures.map(({ layout }) => layout))
  for (const layout of layouts) {
    for (let i = 0; i < 20_000 / layouts.size; i++) {
      lines.push(`sig = *:64:0:${1 + i}:${20_000 + i},${i % 15}:${layout}:df,id+,seq-,uptr+:0`)
    }
  }
  return joinDatabases(defaultDatabase(), loadP0f(lines.join('\n')))
}

function read(text: string): number {
  return text.charCodeAt(text.length - 1)
}

function decode(input: Input): void {
  const { ip, tcp } = parseSyn(input)
  sink += tcp.window + (tcp.mss ?? 0) + tcp.sourcePort + (ip.version === 4 ? ip.timeToLive : ip.hopLimit)
}

function decodeAndFormat(input: Input): void {
  const strings = fingerprints(parseSyn(input))
  sink += read(strings.p0f) + read(strings.muonfp) + read(strings.haproxy)
}

/** Strings and label as the command makes them: once for each shape that its memo holds. */
function all(database: Database): (input: Input) => void {
  const memo = new ShapeMemo((syn: Syn) => ({ strings: makeFingerprints(syn), label: match(database, syn) }))
  return (input) => {
    const { strings, label } = memo.of(parseSyn(input))
    sink += read(strings.p0f) + read(strings.muonfp) + read(strings.haproxy)
    sink += label.distance + (label.mtu ?? 0) + (label.name?.length ?? 0) + (label.link?.length ?? 0)
  }
}

const MEASURED: Readonly<Record<string, () => [readonly Input[], (input: Input) => void]>> = {
  'seen: decode': () => [seen(), decode],
  'seen: decode + strings': () => [seen(), decodeAndFormat],
  'seen: decode + strings + label': () => [seen(), all(defaultDatabase())],
  'seen: the same from hex': () => [seen().map(toText), all(defaultDatabase())],
  'fresh: decode': () => [fresh(), decode],
  'fresh: decode + strings': () => [fresh(), decodeAndFormat],
  'fresh: decode + strings + label': () => [fresh(), all(defaultDatabase())],
  'fresh: with 20,000 signatures': () => [fresh(), all(largeDatabase())],
}

/** Nanoseconds for one SYN: the median of passes after warming up. */
function measure(name: string): number {
  const [inputs, run] = MEASURED[name]!()
  const passes = Math.max(3, Math.ceil(400_000 / inputs.length))
  const times: number[] = []
  for (let i = 0; i < 2 * passes; i++) {
    const start = Bun.nanoseconds()
    for (const input of inputs) run(input)
    if (i >= passes) times.push((Bun.nanoseconds() - start) / inputs.length)
  }
  if (Number.isNaN(sink)) throw new Error('unreachable')
  return median(times)
}

if (import.meta.main) {
  const at = process.argv.indexOf('--one')
  if (at >= 0) console.log(measure(process.argv[at + 1]!))
  else {
    const rounds = Number(process.argv[2] ?? 5)
    const variants = Object.keys(MEASURED).map(
      (name): Variant => ({
        name,
        async measure() {
          const child = Bun.spawn([process.execPath, import.meta.path, '--one', name], { stderr: 'inherit' })
          return Number(await new Response(child.stdout).text())
        },
      }),
    )
    const results = await runPairs(variants, rounds)
    report('one SYN', 'nanoseconds', results)
    const label = 'fresh: decode + strings + label'
    console.log(`  20,000 signatures / default: ${ratio(results, 'fresh: with 20,000 signatures', label).toFixed(2)}`)
    console.log(`  fresh / seen: ${ratio(results, label, 'seen: decode + strings + label').toFixed(2)}`)
  }
}
