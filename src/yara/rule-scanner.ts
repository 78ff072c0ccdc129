/**
 * Finds the first rule that matches: scans with those alone that may, and remembers what they said of the same facts.
 * @module
 */
import type { Libyara } from '../../ffi/libyara.ts'
import { Candidates } from './candidates.ts'
import type { RulePlan } from './dependencies.ts'
import type { Seen } from './expression.ts'
import { createScanner, cText, MESSAGE, TIMED_OUT, TIMEOUT, withoutNul } from './scanner.ts'
import { YaraError } from './yara-error.ts'

/** Values of the external variables, each computed when a rule uses it: numbers are 64-bit integers. */
export type VariableGetters = Readonly<Record<string, () => string | number>>

/** Rules that are scanned together. */
interface RuleSet {
  /** No other set has it. */
  readonly key: string
  readonly rules: ReadonlySet<number>
  /** The least of them. */
  readonly first: number
  readonly variables: readonly string[]
  /** See `Dependencies`. */
  readonly octets: readonly number[] | undefined
  readonly isLong: boolean
}

/** No signal handlers around the scan, which are for files that shrink while they are mapped; and report what matches only. */
const FLAGS = 4 | 8
const GO_ON = 0
const ABORT = 1
/** Milliseconds for which rules rest that may take long, after a scan that did: each would hold up all requests of the thread. */
const REST = 60_000
/** Answers, and sets of rules, that are remembered. */
const MOST_ANSWERS = 4096
const MOST_SETS = 256

export class RuleScanner {
  readonly #library: Libyara
  readonly #scanner: number
  readonly #addresses: readonly number[]
  readonly #plans: readonly RulePlan[]
  readonly #candidates: Candidates
  readonly #now: () => number
  readonly #sets = new Map<string, RuleSet>()
  /** Answers by all that they depend on. */
  readonly #answers = new Map<string, number>()
  /** The variables as the scanner has them. */
  readonly #values = new Map<string, string | number>()
  /** The rules that are not disabled. */
  #enabled: RuleSet = { key: '', rules: new Set(), first: Infinity, variables: [], octets: [], isLong: false }
  /** Sets of rules that may match whatever is seen: all, and without those that rest. */
  readonly #always: (readonly RuleSet[])[] = []
  #found = Infinity
  #restsUntil = 0
  /** Sets made so far. */
  #made = 0

  /** @param addresses those of the compiled rules, by place @param now milliseconds of a clock that never goes back */
  constructor(
    library: Libyara,
    compiled: number,
    addresses: readonly number[],
    plans: readonly RulePlan[],
    now: () => number,
  ) {
    this.#library = library
    this.#addresses = addresses
    this.#plans = plans
    this.#now = now
    this.#candidates = new Candidates(
      plans.map(({ requirements }) => requirements),
      (rule) => plans[rule]!.related.length === 1,
    )
    for (const address of addresses) library.yr_rule_disable(address)
    const places = new Map(addresses.map((address, place) => [address, place]))
    this.#scanner = createScanner(library, compiled)
    library.yr_scanner_set_flags(this.#scanner, FLAGS)
    const callback = library.onScan((message, data) => {
      if (message !== MESSAGE.MATCHING) return GO_ON
      this.#found = places.get(data) ?? Infinity
      return ABORT
    })
    library.yr_scanner_set_callback(this.#scanner, callback, 0)
  }

  /** The place of the first rule that matches. @throws {YaraError} the scan fails */
  firstMatch(octets: Uint8Array, variables: VariableGetters): number | undefined {
    const seen = new SeenSyn(octets, variables)
    const { rules, certain } = this.#candidates.of(seen)
    let found = certain ?? Infinity
    const sets = this.#anyway()
    for (const set of rules.length === 0 ? sets : [...sets, this.#setOf(rules)])
      if (set.first < found) found = Math.min(found, this.#firstOf(set, seen))
    return found === Infinity ? undefined : found
  }

  /** The first of these, `Infinity` if none matches. */
  #firstOf(set: RuleSet, seen: SeenSyn): number {
    const { octets } = seen
    const values = set.variables.map((name) => seen.variable(name))
    const key = keyOf(set, octets, values)
    const known = key === undefined ? undefined : this.#answers.get(key)
    if (known !== undefined) return known
    const found = this.#scan(set, octets, values)
    if (key !== undefined) remember(this.#answers, key, found, MOST_ANSWERS)
    return found
  }

  /** The sets of rules that may match whatever is seen: those together that read the same, so that answers are for many SYNs. */
  #anyway(): readonly RuleSet[] {
    const rests = this.#rests()
    let sets = this.#always[Number(rests)]
    if (sets === undefined) {
      const groups = new Map<string, number[]>()
      for (const rule of this.#candidates.always) {
        const { variables, octets } = this.#plans[rule]!.dependencies
        const key = `${[...variables].sort().join()} ${octets?.join()}`
        const rules = groups.get(key)
        if (rules === undefined) groups.set(key, [rule])
        else rules.push(rule)
      }
      sets = [...groups.values()].map((rules) => this.#setOf(rules)).filter(({ first }) => first < Infinity)
      this.#always[Number(rests)] = sets
    }
    return sets
  }

  /** These, and those that are related to them. */
  #setOf(rules: readonly number[]): RuleSet {
    const rests = this.#rests()
    const key = `${rests ? 'r' : ''}${rules.join()}`
    let set = this.#sets.get(key)
    if (set !== undefined) return set
    const asked = rules.filter((rule) => !(rests && this.#plans[rule]!.dependencies.isLong))
    const dependencies = [...new Set(asked.map((rule) => this.#plans[rule]!.dependencies))]
    set = {
      key: String(this.#made++),
      rules: new Set(asked.flatMap((rule) => this.#plans[rule]!.related)),
      first: asked.reduce((first, rule) => Math.min(first, ...this.#plans[rule]!.related), Infinity),
      variables: [...new Set(dependencies.flatMap(({ variables }) => [...variables]))],
      octets: dependencies.some(({ octets }) => octets === undefined)
        ? undefined
        : [...new Set(dependencies.flatMap(({ octets }) => octets!))],
      isLong: dependencies.some(({ isLong }) => isLong),
    }
    remember(this.#sets, key, set, MOST_SETS)
    return set
  }

  /** True while rules rest that may take long. */
  #rests(): boolean {
    if (this.#restsUntil !== 0 && this.#now() >= this.#restsUntil) this.#restsUntil = 0
    return this.#restsUntil !== 0
  }

  #scan(set: RuleSet, octets: Uint8Array, values: readonly (string | number)[]): number {
    const library = this.#library
    this.#enable(set)
    for (const [i, name] of set.variables.entries()) {
      const value = values[i]!
      if (this.#values.get(name) === value) continue
      const error =
        typeof value === 'number'
          ? library.yr_scanner_define_integer_variable(this.#scanner, cText(name), value)
          : library.yr_scanner_define_string_variable(this.#scanner, cText(name), cText(value))
      // The scanner may have the value of another SYN: no rule may see it.
      if (error === 0) this.#values.set(name, value)
      else this.#values.delete(name)
      if (error !== 0) throw new YaraError(`Cannot scan the SYN: variable "${name}": libyara says error ${error}`)
    }
    this.#found = Infinity
    const error = library.yr_scanner_scan_mem(this.#scanner, octets, octets.length)
    if (error === TIMED_OUT) {
      this.#restsUntil = this.#now() + REST
      throw new YaraError(
        'Cannot scan the SYN: a rule takes more than 1 s; rules with loops or modules are not asked for a minute',
      )
    }
    if (error !== 0) throw new YaraError(`Cannot scan the SYN: libyara says error ${error}`)
    return this.#found
  }

  #enable(set: RuleSet): void {
    const before = this.#enabled
    if (before === set) return
    for (const rule of before.rules) if (!set.rules.has(rule)) this.#library.yr_rule_disable(this.#addresses[rule]!)
    for (const rule of set.rules) if (!before.rules.has(rule)) this.#library.yr_rule_enable(this.#addresses[rule]!)
    if (before.isLong !== set.isLong) this.#library.yr_scanner_set_timeout(this.#scanner, set.isLong ? TIMEOUT : 0)
    this.#enabled = set
  }
}

/** Keeps what was found; of all that is known nothing once it is too much. */
function remember<T>(known: Map<string, T>, key: string, value: T, most: number): void {
  if (known.size >= most) known.clear()
  known.set(key, value)
}

/** All that the answer depends on; `undefined` where any octet may decide. */
function keyOf(
  { key, octets: places }: RuleSet,
  octets: Uint8Array,
  values: readonly (string | number)[],
): string | undefined {
  if (places === undefined) return undefined
  let text = key
  for (const at of places) text += ` ${at < 0 ? octets.length : octets[at]}`
  for (const value of values) text += typeof value === 'number' ? ` ${value}` : ` ${value.length} ${value}`
  return text
}

/** What is seen of one SYN, each computed once. */
class SeenSyn implements Seen {
  readonly octets: Uint8Array
  readonly #variables: VariableGetters
  readonly #values: Record<string, string | number> = {}
  #text: string | undefined

  constructor(octets: Uint8Array, variables: VariableGetters) {
    this.octets = octets
    this.#variables = variables
  }

  get text(): string {
    return (this.#text ??= String.fromCharCode(...this.octets))
  }

  variable(name: string): string | number {
    const known = this.#values[name]
    if (known !== undefined) return known
    const value = this.#variables[name]!()
    // As libyara is told it.
    return (this.#values[name] = typeof value === 'string' ? withoutNul(value) : value)
  }
}
