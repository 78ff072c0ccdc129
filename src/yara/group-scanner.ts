/**
 * Scans with the rules of one group, and remembers what they said of the same facts.
 * @module
 */
import type { Libyara } from '../../ffi/libyara.ts'
import type { RuleGroup } from './dependencies.ts'
import { createScanner, cText, MESSAGE, TIMED_OUT, TIMEOUT } from './scanner.ts'
import { YaraError } from './yara-error.ts'

/** Values of the external variables, each computed when a rule uses it: numbers are 64-bit integers. */
export type VariableGetters = Readonly<Record<string, () => string | number>>

/** Until when no rule is asked, milliseconds of `now`; shared by all groups. */
export interface Pause {
  until: number
  now(): number
}

/** No signal handlers around the scan, which are for files that shrink while they are mapped; and report what matches only. */
const FLAGS = 4 | 8
const GO_ON = 0
const ABORT = 1
/** Milliseconds without a scan after one that was given up, because each would hold up all requests of the thread. */
const REST = 60_000
/** Answers remembered. */
const MOST_ANSWERS = 1024

/** See the module's comment. */
export class GroupScanner {
  readonly #library: Libyara
  readonly #scanner: number
  readonly #pause: Pause
  readonly #octets: readonly number[] | undefined
  readonly #variables: readonly { readonly name: string; readonly cName: Uint8Array }[]
  /** The variables as the scanner has them. */
  readonly #values: (string | number | undefined)[]
  /** Answers by all that they depend on. */
  readonly #answers = new Map<string, number | undefined>()
  #found: number | undefined
  /** The place of its first rule. */
  readonly first: number

  /** @param addresses those of all compiled rules, which are the group's own: those that are not in the group are disabled */
  constructor(library: Libyara, compiled: number, addresses: readonly number[], group: RuleGroup, pause: Pause) {
    this.#library = library
    this.#pause = pause
    this.first = group.rules[0] ?? Number.POSITIVE_INFINITY
    this.#octets = group.octets
    this.#variables = [...group.variables].map((name) => ({ name, cName: cText(name) }))
    this.#values = this.#variables.map(() => undefined)
    const members = new Set(group.rules)
    const places = new Map<number, number>()
    for (const [place, address] of addresses.entries()) {
      if (members.has(place)) places.set(address, place)
      else library.yr_rule_disable(address)
    }
    this.#scanner = createScanner(library, compiled)
    library.yr_scanner_set_flags(this.#scanner, FLAGS)
    if (group.isLong) library.yr_scanner_set_timeout(this.#scanner, TIMEOUT)
    const callback = library.onScan((message, data) => {
      if (message !== MESSAGE.MATCHING) return GO_ON
      this.#found = places.get(data)
      return ABORT
    })
    library.yr_scanner_set_callback(this.#scanner, callback, 0)
  }

  /** The place of the first rule that matches; `'paused'` where none may be asked. @throws {YaraError} the scan fails */
  firstMatch(octets: Uint8Array, variables: VariableGetters): number | undefined | 'paused' {
    const values = this.#variables.map(({ name }) => variables[name]!())
    const key = this.#keyOf(octets, values)
    if (key === undefined) return this.#scan(octets, values)
    const known = this.#answers.get(key)
    if (known !== undefined || this.#answers.has(key)) return known
    const found = this.#scan(octets, values)
    if (found === 'paused') return found
    if (this.#answers.size >= MOST_ANSWERS) this.#answers.clear()
    this.#answers.set(key, found)
    return found
  }

  /** All that the answer depends on; `undefined` where any octet may decide. */
  #keyOf(octets: Uint8Array, values: readonly (string | number)[]): string | undefined {
    if (this.#octets === undefined) return undefined
    let key = `${octets.length}`
    for (const at of this.#octets) key += ` ${octets[at]}`
    for (const value of values) key += typeof value === 'number' ? ` ${value}` : ` ${value.length} ${value}`
    return key
  }

  #scan(octets: Uint8Array, values: readonly (string | number)[]): number | undefined | 'paused' {
    const library = this.#library
    if (this.#pause.until !== 0) {
      if (this.#pause.now() < this.#pause.until) return 'paused'
      this.#pause.until = 0
    }
    for (const [i, value] of values.entries()) {
      if (this.#values[i] === value) continue
      const { name, cName } = this.#variables[i]!
      const error =
        typeof value === 'number'
          ? library.yr_scanner_define_integer_variable(this.#scanner, cName, value)
          : library.yr_scanner_define_string_variable(this.#scanner, cName, cText(value))
      // The scanner may have the value of another SYN: no rule may see it.
      this.#values[i] = error === 0 ? value : undefined
      if (error !== 0) throw new YaraError(`Cannot scan the SYN: variable "${name}": libyara says error ${error}`)
    }
    this.#found = undefined
    const error = library.yr_scanner_scan_mem(this.#scanner, octets, octets.length)
    if (error === TIMED_OUT) {
      this.#pause.until = this.#pause.now() + REST
      throw new YaraError('Cannot scan the SYN: a rule takes more than 1 s; no rule is asked for a minute')
    }
    if (error !== 0) throw new YaraError(`Cannot scan the SYN: libyara says error ${error}`)
    return this.#found
  }
}
