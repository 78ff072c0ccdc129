/**
 * YARA rules over octets: compiled once, scanned with external variables.
 * @module
 */

import type { Libyara } from '../../ffi/libyara.ts'
import { fatalIn, plansOf } from './dependencies.ts'
import { RuleScanner, type VariableGetters } from './rule-scanner.ts'
import { addressesOf, created, cText } from './scanner.ts'
import { YaraError } from './yara-error.ts'

/** A text of rules. */
export interface RuleSource {
  /** For messages. */
  readonly name: string
  readonly text: string
}

/** One rule, as its file has it. */
export interface Rule {
  readonly identifier: string
  readonly tags: readonly string[]
  readonly meta: ReadonlyMap<string, string | number | boolean>
}

/** Values of the external variables: numbers are 64-bit integers. */
export type Variables = Readonly<Record<string, string | number>>

/** `struct YR_RULE`: identifier, tags, meta and more are pointers, after two words (4.2) or four (4.3 and newer). */
const FIRST_POINTER = [8, 16] as const
/** `struct YR_META`: identifier, string, integer, type, flags. */
const META = { STRING: 8, INTEGER: 16, TYPE: 24, FLAGS: 28, SIZE: 32 } as const
const META_TYPE = { STRING: 2, BOOLEAN: 3 } as const
const META_LAST = 1
/** Values below are no addresses: the first page of memory is never mapped. */
const LEAST_ADDRESS = 4096
/** Tags and meta of a rule that are read. */
const MOST = 256

const PROBE = 'tcpfingerprint_probe'

const encoder = new TextEncoder()

/** Compiled rules and their scanner. Kept for as long as the process. */
export class Rules {
  readonly #library: Libyara
  readonly #names = new Map<string, Uint8Array>()
  readonly #rules: readonly Rule[]
  readonly #scanner: RuleScanner

  /**
   * @param variables names of the external variables, each with a value of its type
   * @param now milliseconds of a clock that never goes back
   * @throws {YaraError} rules cannot be compiled, or the library is of a version that is not understood
   */
  constructor(
    library: Libyara,
    sources: readonly RuleSource[],
    variables: Variables,
    now: () => number = () => performance.now(),
  ) {
    this.#library = library
    for (const name of Object.keys(variables)) this.#names.set(name, cText(name))
    if (library.yr_initialize() !== 0) throw new YaraError('Cannot start libyara')
    const offset = pointerOffset(
      library,
      this.#compile([{ name: 'probe', text: `rule ${PROBE} { condition: true }` }], variables),
    )
    const compiled = this.#compile(sources, variables)
    const addresses = addressesOf(library, compiled)
    this.#rules = addresses.map((address) => readRule(library, address, offset))
    for (const { name, text } of sources) {
      const fatal = fatalIn(text)
      if (fatal === undefined) continue
      const line = text.slice(0, text.indexOf(fatal)).split('\n').length
      throw new YaraError(`Cannot use rules: ${name}:${line}: libyara may crash of ${fatal}`, name, line)
    }
    const texts = sources.map(({ text }) => text)
    const identifiers = this.#rules.map(({ identifier }) => identifier)
    const isNumber = (name: string): boolean | undefined =>
      Object.hasOwn(variables, name) ? typeof variables[name] === 'number' : undefined
    const plans = plansOf(texts, Object.keys(variables), identifiers, isNumber)
    this.#scanner = new RuleScanner(library, compiled, addresses, plans, now)
  }

  /**
   * The first rule that matches. For a minute after a scan that took more than a second, rules with loops or modules match nothing.
   *
   * @throws {YaraError} the scan fails
   */
  firstMatch(octets: Uint8Array, variables: VariableGetters): Rule | undefined {
    const first = this.#scanner.firstMatch(octets, variables)
    return first === undefined ? undefined : this.#rules[first]
  }

  /** Address of the compiled rules. */
  #compile(sources: readonly RuleSource[], variables: Variables): number {
    const library = this.#library
    const compiler = created((out) => library.yr_compiler_create(out), 'make a compiler')
    let source: RuleSource | undefined
    let problem: YaraError | undefined
    const callback = library.onCompile((severity, _file, line, _rule, message) => {
      if (severity !== 0 || problem !== undefined || source === undefined) return
      // Where the text ends too early libyara says line 0.
      const at = line > 0 ? line : source.text.split('\n').length
      problem = new YaraError(`Cannot compile rules: ${source.name}:${at}: ${library.text(message)}`, source.name, at)
    })
    library.yr_compiler_set_callback(compiler, callback, 0)
    try {
      for (const [name, octets] of this.#names) {
        const value = variables[name]!
        const error =
          typeof value === 'number'
            ? library.yr_compiler_define_integer_variable(compiler, octets, value)
            : library.yr_compiler_define_string_variable(compiler, octets, cText(value))
        if (error !== 0) throw new YaraError(`Cannot compile rules: variable "${name}": libyara says error ${error}`)
      }
      for (source of sources) {
        const errors = library.yr_compiler_add_string(compiler, cText(source.text), 0)
        if (errors !== 0) throw problem ?? new YaraError(`Cannot compile rules: ${source.name}`, source.name)
      }
      return created((out) => library.yr_compiler_get_rules(compiler, out), 'get the compiled rules')
    } finally {
      library.yr_compiler_destroy(compiler)
    }
  }
}

/** Where the pointers of a rule begin in this version of the library: the identifier of a rule that is known tells. */
function pointerOffset(library: Libyara, probe: number): number {
  const [address] = addressesOf(library, probe)
  for (const offset of FIRST_POINTER) {
    if (address === undefined) break
    const pointer = library.pointer(address + offset)
    if (pointer >= LEAST_ADDRESS && library.text(pointer) === PROBE) {
      library.yr_rules_destroy(probe)
      return offset
    }
  }
  throw new YaraError('Cannot read rules: libyara is of a version that is not understood (4.2 to 4.5 are)')
}

function readRule(library: Libyara, address: number, offset: number): Rule {
  const tags: string[] = []
  for (let at = library.pointer(address + offset + 8); at >= LEAST_ADDRESS && tags.length < MOST; ) {
    const tag = library.text(at)
    if (tag === '') break
    tags.push(tag)
    at += encoder.encode(tag).length + 1
  }
  const meta = new Map<string, string | number | boolean>()
  let at = library.pointer(address + offset + 16)
  for (let count = 0; at >= LEAST_ADDRESS && count < MOST; count++, at += META.SIZE) {
    const name = library.text(library.pointer(at))
    const type = library.int32(at + META.TYPE)
    if (type === META_TYPE.STRING) meta.set(name, library.text(library.pointer(at + META.STRING)))
    else {
      const value = library.int32(at + META.INTEGER)
      meta.set(name, type === META_TYPE.BOOLEAN ? value !== 0 : value)
    }
    if ((library.int32(at + META.FLAGS) & META_LAST) !== 0) break
  }
  return { identifier: library.text(library.pointer(address + offset)), tags, meta }
}
