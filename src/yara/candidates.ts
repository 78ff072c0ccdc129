/**
 * Which of many rules may match: an index over what each requires, since libyara takes 25 to 370 µs to try 500.
 * @module
 */
import type { Seen } from './expression.ts'
import type { Requirement, Requirements } from './requirements.ts'

/** A rule, and all that must hold. */
interface Entry {
  readonly rule: number
  readonly all: readonly Requirement[]
  /** True if the rule matches where it holds. */
  readonly isCertain: boolean
}

type Value = string | number
type Read = Exclude<Requirement, { kind: 'contains' }>
type Equals = Extract<Requirement, { kind: 'equals' }>

/** What may match, ascending, up to the first that does for certain. */
export interface Found {
  readonly rules: readonly number[]
  readonly certain: number | undefined
}

/** Characters by which parts of texts are looked up, at most, and ways to write them. */
const GRAM = 4
const MOST_GRAMS = 64
/** Entries with the same key, at most: those of keys that more have are told apart by all that they require. */
const MOST_ENTRIES = 32

export class Candidates {
  readonly #equals = new Map<string, { readonly read: Read['read']; readonly entries: Map<unknown, Entry[]> }>()
  readonly #contains = new Map<
    string,
    { readonly of: string | undefined; readonly length: number; readonly entries: Map<number, Entry[]> }
  >()
  readonly #others: Others
  /** Rules that may match whatever is seen, ascending. */
  readonly always: readonly number[]

  /** @param requirements of each rule by its place @param isAlone if it names no other and no other names it */
  constructor(requirements: readonly Requirements[], isAlone: (rule: number) => boolean = () => true) {
    const always: number[] = []
    const counts = new Map<string, number>()
    for (const key of requirements.flatMap((rule) => rule?.any.flat() ?? []).flatMap(keysOf))
      counts.set(key, (counts.get(key) ?? 0) + 1)
    const others: Entry[] = []
    for (const [rule, required] of requirements.entries()) {
      if (required === undefined) always.push(rule)
      else
        for (const all of required.any) {
          const entry = { rule, all, isCertain: required.isExact && isAlone(rule) }
          if (!this.#add(entry, counts)) others.push(entry)
        }
    }
    this.always = always
    this.#others = new Others(others)
  }

  /** By the value, or the part of a text, that fewest others require; false where all that it requires together tells more. */
  #add(entry: Entry, counts: ReadonlyMap<string, number>): boolean {
    let best: Run | Equals | undefined
    let fewest = entry.all.some(isRead) ? MOST_ENTRIES + 1 : Infinity
    for (const one of entry.all.flatMap((one): (Run | Equals)[] => (one.kind === 'equals' ? [one] : runsOf(one)))) {
      const count = Math.max(...keysIn(one).map((key) => counts.get(key)!))
      if (count >= fewest) continue
      best = one
      fewest = count
    }
    if (best === undefined) return false
    if ('grams' in best) {
      const { of, length } = best
      const { entries } = within(this.#contains, best.key, () => ({ of, length, entries: new Map() }))
      for (const gram of best.grams) within(entries, gram, () => []).push(entry)
    } else {
      const { of, read, value } = best
      within(within(this.#equals, of, () => ({ read, entries: new Map() })).entries, value, () => []).push(entry)
    }
    return true
  }

  /** Those beside `always`. */
  of(seen: Seen): Found {
    const found = new Set<number>()
    let certain = Infinity
    const meet = (entry: Entry): void => {
      const { rule, all, isCertain } = entry
      if (rule >= certain || (found.has(rule) && !isCertain) || !all.every((one) => isMet(one, seen))) return
      if (isCertain) certain = rule
      else found.add(rule)
    }
    const take = (entries: readonly Entry[] | undefined): void => entries?.forEach(meet)
    for (const { read, entries } of this.#equals.values()) take(entries.get(read(seen)))
    for (const { of, length, entries } of this.#contains.values()) {
      const text = textOf(of, seen)
      const mask = length === GRAM ? -1 : (1 << (8 * length)) - 1
      let gram = 0
      for (let i = 0; i < text.length; i++) {
        gram = (gram << 8) | small(text.charCodeAt(i))
        if (i >= length - 1) take(entries.get(gram & mask))
      }
    }
    this.#others.each(seen, meet)
    const rules = [...found].filter((rule) => rule < certain).sort((a, b) => a - b)
    return { rules, certain: certain === Infinity ? undefined : certain }
  }
}

/** Values of one fact for which it is remembered which entries hold, and words of 32 entries in all. */
const MOST_VALUES = 1024
const MOST_WORDS = 262_144

interface Told {
  readonly read: Read['read']
  /** What entries require of it, by place. */
  readonly tests: { readonly place: number; readonly test: (found: Value) => boolean }[]
  readonly known: Map<Value | undefined, Uint32Array>
}

/** Entries that are told apart by each fact that they read: a bit an entry, remembered by value. */
class Others {
  readonly #entries: readonly Entry[]
  readonly #facts = new Map<string, Told>()

  constructor(entries: readonly Entry[]) {
    this.#entries = entries
    for (const [place, { all }] of entries.entries())
      for (const one of all) {
        if (!isRead(one)) continue
        const { tests } = within(this.#facts, one.of, () => ({ read: one.read, tests: [], known: new Map() }))
        tests.push({ place, test: one.kind === 'equals' ? (found) => found === one.value : one.test })
      }
  }

  /** Calls with each that may hold, in order. */
  each(seen: Seen, call: (entry: Entry) => void): void {
    const entries = this.#entries
    if (entries.length === 0) return
    const left = new Uint32Array(Math.ceil(entries.length / 32)).fill(-1)
    for (const fact of this.#facts.values()) {
      const bits = bitsOf(fact, fact.read(seen), left.length)
      for (let word = 0; word < left.length; word++) left[word]! &= bits[word]!
    }
    for (let word = 0; word < left.length; word++)
      for (let bits = left[word]!; bits !== 0; bits &= bits - 1) {
        const entry = entries[32 * word + 31 - Math.clz32(bits & -bits)]
        if (entry !== undefined) call(entry)
      }
  }
}

/** A bit for each entry of which all holds that it requires of a fact. */
function bitsOf({ tests, known }: Told, value: Value | undefined, words: number): Uint32Array {
  let bits = known.get(value)
  if (bits !== undefined) return bits
  bits = new Uint32Array(words).fill(-1)
  for (const { place, test } of tests)
    if (value === undefined || !test(value)) bits[place >> 5]! &= ~(1 << (place & 31))
  if (known.size >= MOST_VALUES || known.size * words >= MOST_WORDS) known.clear()
  known.set(value, bits)
  return bits
}

const isRead = (one: Requirement): one is Read => one.kind !== 'contains'

const textOf = (of: string | undefined, seen: Seen): string =>
  of === undefined ? seen.text : String(seen.variable(of))

/** An octet of ASCII's capitals as that of the small letter. */
const small = (code: number): number => (code >= 65 && code <= 90 ? code | 32 : code & 255)

/** The value of a key, made where there is none. */
function within<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

function isMet(one: Requirement, seen: Seen): boolean {
  if (one.kind === 'contains') return one.part.isIn(textOf(one.of, seen))
  const found = one.read(seen)
  return found !== undefined && (one.kind === 'equals' ? found === one.value : one.test(found))
}

/** Characters that follow each other in a part, in all ways to write them. */
interface Run {
  /** The same for all that are looked up in the same. */
  readonly key: string
  readonly of: string | undefined
  readonly length: number
  readonly grams: readonly number[]
}

const keysIn = (one: Run | Equals): string[] =>
  'grams' in one ? one.grams.map((gram) => `${one.key} ${gram}`) : [`= ${one.of} ${one.value}`]

const keysOf = (one: Requirement): string[] => (one.kind === 'equals' ? keysIn(one) : runsOf(one).flatMap(keysIn))

function runsOf(one: Requirement): Run[] {
  if (isRead(one)) return []
  const { of } = one
  const { places } = one.part
  return places.map((_, at) => {
    let grams = [0]
    let length = 0
    while (length < GRAM && grams.length * (places[at + length]?.length ?? Infinity) <= MOST_GRAMS) {
      const place = [...places[at + length]!]
      grams = grams.flatMap((gram) => place.map((sign) => (gram << 8) | (sign.charCodeAt(0) & 255)))
      length++
    }
    return { key: `${length} ${of}`, of, length, grams }
  })
}
