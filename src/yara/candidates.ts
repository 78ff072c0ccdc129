/**
 * Which of many rules may match: an index over what each requires, since libyara takes 25 to 330 µs to try 500.
 * @module
 */
import type { Requirement, Requirements, Seen } from './requirements.ts'

/** A rule, and all that must hold. */
interface Entry {
  readonly rule: number
  readonly all: readonly Requirement[]
}

type Equals = Extract<Requirement, { kind: 'equals' }>
type Contains = Extract<Requirement, { kind: 'contains' }>

/** Characters by which parts of texts are looked up, at most. */
const GRAM = 4

/** See the module's comment. */
export class Candidates {
  readonly #equals = new Map<string, { readonly read: Equals['read']; readonly entries: Map<unknown, Entry[]> }>()
  readonly #contains = new Map<
    string,
    { readonly of: string | undefined; readonly length: number; readonly entries: Map<number, Entry[]> }
  >()
  readonly #others: Entry[] = []
  /** Rules that may match whatever is seen, ascending. */
  readonly always: readonly number[]

  /** @param requirements of each rule by its place */
  constructor(requirements: readonly Requirements[]) {
    const always: number[] = []
    const counts = new Map<string, number>()
    for (const one of requirements.flatMap((rule) => rule?.any.flat() ?? []))
      for (const key of keysOf(one)) counts.set(key, (counts.get(key) ?? 0) + 1)
    for (const [rule, required] of requirements.entries()) {
      if (required === undefined) always.push(rule)
      else for (const all of required.any) this.#add({ rule, all }, counts)
    }
    this.always = always
  }

  /** By what fewest others require. */
  #add(entry: Entry, counts: ReadonlyMap<string, number>): void {
    let best: readonly [Equals | Contains, key: string] | undefined
    for (const one of entry.all) {
      if (one.kind === 'holds') continue
      for (const key of keysOf(one))
        if (best === undefined || counts.get(key)! < counts.get(best[1])!) best = [one, key]
    }
    if (best === undefined) {
      this.#others.push(entry)
      return
    }
    const [one, key] = best
    if (one.kind === 'equals') {
      const { entries } = within(this.#equals, one.of, () => ({ read: one.read, entries: new Map() }))
      within(entries, one.value, () => []).push(entry)
    } else {
      const length = Math.min(GRAM, one.value.length)
      const { entries } = within(this.#contains, `${length} ${one.of}`, () => ({
        of: one.of,
        length,
        entries: new Map(),
      }))
      within(entries, Number(key.slice(key.lastIndexOf(' ') + 1)), () => []).push(entry)
    }
  }

  /** Rules that may match beside those of `always`, ascending. */
  of(seen: Seen): number[] {
    const found = new Set<number>()
    const meet = (entry: Entry): void => {
      if (!found.has(entry.rule) && holds(entry.all, seen)) found.add(entry.rule)
    }
    const take = (entries: readonly Entry[] | undefined): void => entries?.forEach(meet)
    for (const { read, entries } of this.#equals.values()) take(entries.get(read(seen)))
    for (const { of, length, entries } of this.#contains.values()) {
      const text = textOf(of, seen)
      let gram = 0
      for (let i = 0; i < text.length; i++) {
        gram = (gram << 8) | (text.charCodeAt(i) & 255)
        if (i >= length - 1) take(entries.get(length === GRAM ? gram : gram & ((1 << (8 * length)) - 1)))
      }
    }
    take(this.#others)
    return found.size > 1 ? [...found].sort((a, b) => a - b) : [...found]
  }
}

const textOf = (of: string | undefined, seen: Seen): string =>
  of === undefined ? seen.text : String(seen.variable(of))

/** The value of a key, made where there is none. */
function within<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

function holds(all: readonly Requirement[], seen: Seen): boolean {
  for (const one of all) {
    const isMet =
      one.kind === 'holds'
        ? one.test(seen)
        : one.kind === 'equals'
          ? one.read(seen) === one.value
          : textOf(one.of, seen).includes(one.value)
    if (!isMet) return false
  }
  return true
}

/** What it can be looked up by: its value, or each run of characters of its part. */
function keysOf(one: Requirement): string[] {
  if (one.kind === 'holds') return []
  if (one.kind === 'equals') return [`= ${one.of} ${one.value}`]
  return gramsOf(one).map((gram) => `~ ${one.of} ${gram}`)
}

function gramsOf({ value }: Contains): number[] {
  const length = Math.min(GRAM, value.length)
  return Array.from({ length: value.length - length + 1 }, (_, at) => {
    let gram = 0
    for (let i = at; i < at + length; i++) gram = (gram << 8) | (value.charCodeAt(i) & 255)
    return gram
  })
}
