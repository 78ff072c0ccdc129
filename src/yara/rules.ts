/**
 * YARA rules over octets: compiled once, scanned with external variables.
 * @module
 */

import type { Libyara } from '../../ffi/libyara.ts'
import { type Dependencies, dependenciesOf } from './dependencies.ts'

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

/** Rules that cannot be compiled. */
export class YaraError extends Error {
  override readonly name = 'YaraError'
  /** Name of the file; `undefined` where the library itself is the trouble. */
  readonly file: string | undefined
  /** Line of the file, from 1. */
  readonly line: number | undefined
  constructor(message: string, file?: string, line?: number) {
    super(message)
    this.file = file
    this.line = line
  }
}

/** Values of the external variables: numbers are 64-bit integers. */
export type Variables = Readonly<Record<string, string | number>>
/** The same, each computed when a rule uses it. */
export type VariableGetters = Readonly<Record<string, () => string | number>>

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

const MESSAGE = { MATCHING: 1, NOT_MATCHING: 2 } as const
/** No signal handlers around the scan, which are for files that shrink while they are mapped; and report what matches only. */
const FLAGS = 4 | 8
const GO_ON = 0
const ABORT = 1
/** Seconds after which a scan of some 60 octets is given up: the least that libyara takes. */
const TIMEOUT = 1
/** ERROR_SCAN_TIMEOUT of `yara/error.h`. */
const TIMED_OUT = 26
/** Milliseconds without a scan after one that was given up, because each would hold up all requests of the thread. */
const REST = 60_000
/** Answers remembered. */
const MOST_ANSWERS = 1024

const PROBE = 'tcpfingerprint_probe'

const encoder = new TextEncoder()

/** Octets of a text with a NUL behind it, and none within. */
function cText(text: string): Uint8Array {
  return encoder.encode(`${text.replaceAll('\0', ' ')}\0`)
}

/** Compiled rules, with a scanner of their own. Kept for as long as the process. */
export class Rules {
  readonly #library: Libyara
  readonly #scanner: number
  readonly #rules = new Map<number, Rule>()
  readonly #names = new Map<string, Uint8Array>()
  readonly #dependencies: Dependencies
  /** Answers by all that they depend on. */
  readonly #answers = new Map<string, Rule | undefined>()
  readonly #now: () => number
  #restsUntil = 0
  #found: Rule | undefined

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
    this.#now = now
    for (const name of Object.keys(variables)) this.#names.set(name, cText(name))
    const texts = sources.map(({ text }) => text)
    this.#dependencies = dependenciesOf(texts, Object.keys(variables))
    if (library.yr_initialize() !== 0) throw new YaraError('Cannot start libyara')
    const offset = pointerOffset(
      library,
      this.#compile([{ name: 'probe', text: `rule ${PROBE} { condition: true }` }], variables),
    )
    const compiled = this.#compile(sources, variables)
    for (const address of addressesOf(library, compiled)) this.#rules.set(address, readRule(library, address, offset))
    this.#scanner = createScanner(library, compiled)
    library.yr_scanner_set_flags(this.#scanner, FLAGS)
    if (this.#dependencies.isLong) library.yr_scanner_set_timeout(this.#scanner, TIMEOUT)
    const callback = library.onScan((message, data) => {
      if (message !== MESSAGE.MATCHING) return GO_ON
      this.#found = this.#rules.get(data)
      return ABORT
    })
    library.yr_scanner_set_callback(this.#scanner, callback, 0)
  }

  /**
   * The first rule that matches; `undefined` too for a minute after a scan that took more than a second.
   *
   * @throws {YaraError} the scan fails
   */
  firstMatch(octets: Uint8Array, variables: VariableGetters): Rule | undefined {
    const values = new Map<string, string | number>()
    for (const name of this.#dependencies.variables) values.set(name, variables[name]!())
    const key = this.#keyOf(octets, values)
    if (key === undefined) return this.#scan(octets, values)
    const known = this.#answers.get(key)
    if (known !== undefined || this.#answers.has(key)) return known
    const found = this.#scan(octets, values)
    if (this.#restsUntil !== 0) return found
    if (this.#answers.size >= MOST_ANSWERS) this.#answers.clear()
    this.#answers.set(key, found)
    return found
  }

  /** All that the answer depends on; `undefined` where any octet may decide. */
  #keyOf(octets: Uint8Array, values: ReadonlyMap<string, string | number>): string | undefined {
    const { octets: places } = this.#dependencies
    if (places === undefined) return undefined
    let key = `${octets.length}`
    for (const at of places) key += ` ${octets[at]}`
    for (const value of values.values()) key += typeof value === 'number' ? ` ${value}` : ` ${value.length} ${value}`
    return key
  }

  #scan(octets: Uint8Array, values: ReadonlyMap<string, string | number>): Rule | undefined {
    const library = this.#library
    if (this.#restsUntil !== 0) {
      if (this.#now() < this.#restsUntil) return undefined
      this.#restsUntil = 0
    }
    for (const [name, value] of values) {
      const octetsOfName = this.#names.get(name)!
      if (typeof value === 'number') library.yr_scanner_define_integer_variable(this.#scanner, octetsOfName, value)
      else library.yr_scanner_define_string_variable(this.#scanner, octetsOfName, cText(value))
    }
    this.#found = undefined
    const error = library.yr_scanner_scan_mem(this.#scanner, octets, octets.length)
    if (error === TIMED_OUT) {
      this.#restsUntil = this.#now() + REST
      throw new YaraError('Cannot scan the SYN: a rule takes more than 1 s; no rule is asked for a minute')
    }
    if (error !== 0) throw new YaraError(`Cannot scan the SYN: libyara says error ${error}`)
    return this.#found
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
        if (typeof value === 'number') library.yr_compiler_define_integer_variable(compiler, octets, value)
        else library.yr_compiler_define_string_variable(compiler, octets, cText(value))
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

/** What libyara writes to the address it is given. */
function created(call: (out: BigUint64Array) => number, what: string): number {
  const out = new BigUint64Array(new ArrayBuffer(8))
  const error = call(out)
  if (error !== 0) throw new YaraError(`Cannot ${what}: libyara says error ${error}`)
  return Number(out[0])
}

function createScanner(library: Libyara, rules: number): number {
  return created((out) => library.yr_scanner_create(rules, out), 'make a scanner')
}

/** Addresses of all rules, in order: a scan of nothing reports each, matching or not. */
function addressesOf(library: Libyara, rules: number): readonly number[] {
  const addresses: number[] = []
  const scanner = createScanner(library, rules)
  const callback = library.onScan((message, data) => {
    if (message === MESSAGE.MATCHING || message === MESSAGE.NOT_MATCHING) addresses.push(data)
    return GO_ON
  })
  library.yr_scanner_set_callback(scanner, callback, 0)
  library.yr_scanner_set_timeout(scanner, TIMEOUT)
  const error = library.yr_scanner_scan_mem(scanner, new Uint8Array(new ArrayBuffer(8)), 1)
  library.yr_scanner_destroy(scanner)
  if (error === TIMED_OUT) throw new YaraError('Cannot use rules: a scan of a single octet takes more than 1 s')
  if (error !== 0) throw new YaraError(`Cannot read rules: a scan of nothing ends with libyara's error ${error}`)
  return addresses
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
