/**
 * The pair runner: every variant in a fresh process, the order reversed every round, medians of all rounds and the ratio of
 * medians reported with every round shown.
 * @module
 */
import { readFileSync } from 'node:fs'
import { release } from 'node:os'

/** One thing that is measured: larger is better or smaller, as the report says. */
export interface Variant {
  readonly name: string
  /** One measurement in a fresh process or state. */
  measure(): Promise<number>
}

/** All measurements of each variant, in the order of rounds. */
export async function runPairs(variants: readonly Variant[], rounds: number): Promise<Map<string, number[]>> {
  const results = new Map(variants.map(({ name }) => [name, [] as number[]]))
  for (let round = 0; round < rounds; round++) {
    for (const variant of round % 2 === 0 ? variants : [...variants].reverse())
      results.get(variant.name)!.push(await variant.measure())
  }
  return results
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The median over rounds of the ratio between two variants measured in the same round. */
export function ratio(results: ReadonlyMap<string, readonly number[]>, name: string, base: string): number {
  const bases = results.get(base)!
  return median(results.get(name)!.map((value, round) => value / bases[round]!))
}

/** Prints every round, and names what it ran on. */
export function report(title: string, unit: string, results: ReadonlyMap<string, readonly number[]>): void {
  console.log(`\n${title} (${unit}; ${machine()})`)
  for (const [name, values] of results) {
    const rounds = values.map((value) => value.toPrecision(4)).join(' ')
    console.log(`  ${name.padEnd(28)} median ${median(values).toPrecision(4).padStart(8)}   rounds ${rounds}`)
  }
}

/** Runtime, kernel and CPU. */
export function machine(): string {
  const cpu = /model name\s*: (.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown CPU'
  return `Bun ${Bun.version}, Linux ${release()}, ${cpu}`
}
