/**
 * Finds the first rule that matches: scans with those alone that may, and remembers what they said of the same facts.
 * @module
 */
import type { Libyara } from '../../ffi/libyara.ts'
import { Candidates } from './candidates.ts'
import type { RulePlan } from './dependencies.ts'
import type { Seen } from './requirements.ts'
import { createScanner, cText, MESSAGE, TIMED_OUT, TIMEOUT } from './scanner.ts'
import { YaraError } from './yara-error.ts'

/** Values of the external variables, each computed when a rule uses it: numbers are 64-bit integers. */
export type VariableGetters = Readonly<Record<string, () => string | number>>

/** Rules that are scanned together. */
interface RuleSet {
  readonly key: string
  readonly rules: ReadonlySet<number>
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
const MOST_ANSWERS = 1024
const MOST_SETS = 256

/** See the module's comment. */
export class RuleScanner {
  readonly #library: Libyara
  readonly #scanner: number
  readonly #addresses: readonly number[]
  readonly #plans: readonly RulePlan[]
  readonly #candidates: Candidates
  readonly #now: () => number
  readonly #sets = new Map<string, RuleSet>()
  /** Answers by all that they depend on. */
  readonly #answers = new Map<string, number | undefined>()
  /** The variables as the scanner has them. */
  readonly #values = new Map<string, string | number>()
  /** The rules that are not disabled. */
  #enabled: RuleSet = { key: '', rules: new Set(), variables: [], octets: [], isLong: false }
  #found: number | undefined
  #restsUntil = 0

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
    this.#candidates = new Candidates(plans.map(({ requirements }) => requirements))
    for (const address of addresses) library.yr_rule_disable(address)
    const places = new Map(addresses.map((address, place) => [address, place]))
    this.#scanner = createScanner(library, compiled)
    library.yr_scanner_set_flags(this.#scanner, FLAGS)
    const callback = library.onScan((message, data) => {
      if (message !== MESSAGE.MATCHING) return GO_ON
      this.#found = places.get(data)
      return ABORT
    })
    library.yr_scanner_set_callback(this.#scanner, callback, 0)
  }

  /** The place of the first rule that matches. @throws {YaraError} the scan fails */
  firstMatch(octets: Uint8Array, variables: VariableGetters): number | undefined {
    const seen = new SeenSyn(octets, variables)
    const candidates = this.#candidates.of(seen)
    // The first that matches for certain: only those before it are asked.
    const certain = candidates.find((rule) => this.#isCertain(rule))
    const before = certain === undefined ? candidates : candidates.slice(0, candidates.indexOf(certain))
    if (before.length === 0 && !((this.#candidates.always[0] ?? Infinity) < (certain ?? Infinity))) return certain
    const found = this.#firstOf(before, seen)
    return found === undefined || (certain !== undefined && certain < found) ? certain : found
  }

  /** True if a rule of which all that is required holds matches: it names no other. */
  #isCertain(rule: number): boolean {
    const { requirements, related } = this.#plans[rule]!
    return requirements?.isExact === true && related.length === 1
  }

  /** The first of these, and of those that may match anyway. */
  #firstOf(candidates: readonly number[], seen: SeenSyn): number | undefined {
    const { octets } = seen
    const set = this.#setOf(candidates)
    if (set.rules.size === 0) return undefined
    const values = set.variables.map((name) => seen.variable(name))
    const key = keyOf(set, octets, values)
    if (key === undefined) return this.#scan(set, octets, values)
    const known = this.#answers.get(key)
    if (known !== undefined || this.#answers.has(key)) return known
    const found = this.#scan(set, octets, values)
    if (this.#answers.size >= MOST_ANSWERS) this.#answers.clear()
    this.#answers.set(key, found)
    return found
  }

  /** Rules that may match anyway, these ones, and those that are related to them. */
  #setOf(candidates: readonly number[]): RuleSet {
    const rests = this.#rests()
    const key = `${rests ? 'r' : ''}${candidates.join()}`
    let set = this.#sets.get(key)
    if (set !== undefined) return set
    const plans = [...new Set([...this.#candidates.always, ...candidates])]
      .map((rule) => this.#plans[rule]!)
      .filter(({ dependencies }) => !(rests && dependencies.isLong))
    const dependencies = [...new Set(plans.map((plan) => plan.dependencies))]
    set = {
      key,
      rules: new Set(plans.flatMap(({ related }) => related)),
      variables: [...new Set(dependencies.flatMap(({ variables }) => [...variables]))],
      octets: dependencies.some(({ octets }) => octets === undefined)
        ? undefined
        : [...new Set(dependencies.flatMap(({ octets }) => octets!))],
      isLong: dependencies.some(({ isLong }) => isLong),
    }
    if (this.#sets.size >= MOST_SETS) this.#sets.clear()
    this.#sets.set(key, set)
    return set
  }

  /** True while rules rest that may take long. */
  #rests(): boolean {
    if (this.#restsUntil !== 0 && this.#now() >= this.#restsUntil) this.#restsUntil = 0
    return this.#restsUntil !== 0
  }

  #scan(set: RuleSet, octets: Uint8Array, values: readonly (string | number)[]): number | undefined {
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
    this.#found = undefined
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

/** All that the answer depends on; `undefined` where any octet may decide. */
function keyOf(
  { key, octets: places }: RuleSet,
  octets: Uint8Array,
  values: readonly (string | number)[],
): string | undefined {
  if (places === undefined) return undefined
  let text = `${key} ${octets.length}`
  for (const at of places) text += ` ${octets[at]}`
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
    return (this.#values[name] ??= this.#variables[name]!())
  }
}
