/**
 * Databases of p0f v3 signatures: reads `.fp` files and indexes what they hold.
 * @module
 */

import { QUIRK, QUIRK_WORDS } from '../fingerprint/quirks.ts'

/** What a group of signatures stands for: the `label` line, with the `sys` line of a tool. */
export interface SignatureLabel {
  /** Line of the file, from 1. */
  readonly line: number
  /** `g`: a last resort, considered only if no specific signature matches. */
  readonly generic: boolean
  /** Registered family such as `unix`; `undefined` for a tool (`!`), which says nothing of the system. */
  readonly family: string | undefined
  /** `Linux`. */
  readonly system: string
  /** `3.11 and newer`; may be empty. */
  readonly flavor: string
  /** System and flavor as p0f prints them: `Linux 3.11 and newer`. */
  readonly name: string
  /** Of a tool: systems it runs on, a family with `@` before it. */
  readonly runsOn: readonly string[]
}

/** How a signature states the window: any, a value, a multiple of a number, of the MSS or of the MTU. */
export type WindowRule = 'any' | 'value' | 'modulo' | 'mss' | 'mtu'

/** One `sig` line of `[tcp:request]`. */
export interface Signature {
  /** As in the file. */
  readonly text: string
  /** Line of the file, from 1. */
  readonly line: number
  readonly label: SignatureLabel
  /** 4, 6, or 0 for both. */
  readonly version: 0 | 4 | 6
  /** Initial TTL or hop limit, 1 to 255. */
  readonly timeToLive: number
  /** `64-`: the tool picks TTLs at random, none above this. */
  readonly randomTtl: boolean
  /** Octets of IP options. */
  readonly optionsLength: number
  /** -1 for any. */
  readonly mss: number
  readonly windowRule: WindowRule
  /** The value, the number or the factor; 0 for any. */
  readonly window: number
  /** -1 for any. */
  readonly scale: number
  /** Options in p0f's words. */
  readonly layout: string
  /** Bits of `QUIRK`. */
  readonly quirks: number
  /** Whether there must be data; `undefined` for either. */
  readonly payload: boolean | undefined
  /** See {@link DatabaseOptions}. */
  readonly tolerant: boolean
  /** See {@link DatabaseOptions}. */
  readonly versioned: boolean
  /** Place in the order of the database, from 0. */
  readonly order: number
}

/** A system to look for in `User-Agent` headers: the `ua_os` line. */
export interface UserAgentSystem {
  /** Name in the database. */
  readonly system: string
  /** Text in the header. */
  readonly text: string
}

/** How signatures of a file are matched where p0f's rules are too narrow for it. */
export interface DatabaseOptions {
  /**
   * Lets a signature match exactly although it lacks `flow` and the SYN has an IPv6 flow label, or lacks `ecn` and the SYN
   * asks for Accurate ECN (AE set). Databases of p0f's time know neither, and today's clients send both. A signature that
   * does name the quirk is preferred. `false` is p0f 3.09b to the letter. Default `true`.
   */
  readonly tolerant?: boolean
  /**
   * Holds a signature of version `4` or `6` to that version, as p0f's documentation has it; p0f 3.09b does not compare
   * it. Default `false`.
   */
  readonly versioned?: boolean
}

/** A line of an `.fp` file that cannot be read. Nothing of the file is loaded. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  /** Line of the file, from 1. */
  readonly line: number
  constructor(line: number, problem: string) {
    super(`Cannot load signatures: line ${line}: ${problem}`)
    this.line = line
  }
}

/**
 * Signatures that have the order of options, and how they state MSS, scale and window, in common. What is stated as a value
 * is the key of `signatures`, so one look finds those that can match.
 */
export interface Shape {
  readonly anyMss: boolean
  readonly anyScale: boolean
  readonly windowRule: WindowRule
  /** The number of a `modulo` rule. */
  readonly modulus: number
  /** By {@link shapeKey}, in the order of the file. */
  readonly signatures: ReadonlyMap<number, readonly Signature[]>
}

/** Key of a shape's map: window (or its factor), scale and MSS, each 0 where the shape does not state it. */
export function shapeKey(window: number, scale: number, mss: number): number {
  // The sum is below 2^40; without an MSS it stays a small integer, which is the common case.
  return window + scale * 0x1_0000 + mss * 0x100_0000
}

/** A set of signatures, ready to match. Made by {@link loadP0f} and {@link joinDatabases}; not changed afterwards. */
export class Database {
  readonly signatures: readonly Signature[]
  /** Every `label` of `[tcp:request]`, also those without signatures. */
  readonly labels: readonly SignatureLabel[]
  /** Registered families. */
  readonly families: readonly string[]
  /** Link type by MTU. */
  readonly links: ReadonlyMap<number, string>
  readonly userAgentSystems: readonly UserAgentSystem[]
  readonly #shapes: ReadonlyMap<string, readonly Shape[]>

  /** Use {@link loadP0f}. */
  constructor(parts: {
    signatures: readonly Signature[]
    labels: readonly SignatureLabel[]
    families: readonly string[]
    links: ReadonlyMap<number, string>
    userAgentSystems: readonly UserAgentSystem[]
  }) {
    this.signatures = parts.signatures
    this.labels = parts.labels
    this.families = parts.families
    this.links = parts.links
    this.userAgentSystems = parts.userAgentSystems
    this.#shapes = indexSignatures(parts.signatures)
  }

  /** What there is for an order of options in p0f's words. */
  shapesOf(layout: string): readonly Shape[] {
    return this.#shapes.get(layout) ?? NO_SHAPES
  }
}

const NO_SHAPES: readonly Shape[] = /* @__PURE__ */ Object.freeze([])

function indexSignatures(signatures: readonly Signature[]): Map<string, Shape[]> {
  const index = new Map<string, Shape[]>()
  const maps = new Map<string, Map<number, Signature[]>>()
  for (const signature of signatures) {
    const { layout, mss, scale, windowRule, window } = signature
    const modulus = windowRule === 'modulo' ? window : 0
    const shapeName = `${layout}:${mss < 0}:${scale < 0}:${windowRule}:${modulus}`
    let map = maps.get(shapeName)
    if (map === undefined) {
      map = new Map()
      maps.set(shapeName, map)
      const shape: Shape = { anyMss: mss < 0, anyScale: scale < 0, windowRule, modulus, signatures: map }
      const shapes = index.get(layout)
      if (shapes === undefined) index.set(layout, [shape])
      else shapes.push(shape)
    }
    const key = shapeKey(windowRule === 'modulo' ? 0 : window, Math.max(scale, 0), Math.max(mss, 0))
    const same = map.get(key)
    if (same === undefined) map.set(key, [signature])
    else same.push(signature)
  }
  return index
}

/**
 * One database that has the signatures of `first` and, after them, those of `second`: where both match equally well, `first`
 * decides. Its link types too.
 */
export function joinDatabases(first: Database, second: Database): Database {
  const offset = first.signatures.length
  return new Database({
    signatures: [
      ...first.signatures,
      ...second.signatures.map((signature) => ({ ...signature, order: signature.order + offset })),
    ],
    labels: [...first.labels, ...second.labels],
    families: [...new Set([...first.families, ...second.families])],
    links: new Map([...second.links, ...first.links]),
    userAgentSystems: [...first.userAgentSystems, ...second.userAgentSystems],
  })
}

type Section = 'mtu' | 'tcp:request' | 'tcp:response' | 'http:request' | 'http:response'
const SECTIONS: readonly string[] = [
  'mtu',
  'tcp:request',
  'tcp:response',
  'http:request',
  'http:response',
] satisfies Section[]

/** Names of systems and tools. */
const NAME = /^[A-Za-z0-9 ./\-_!?()]+$/
const HEADER = '[A-Za-z0-9_-]+'
const HEADER_VALUE = String.raw`(?:=\[[^\]]*\])?`
const HTTP_SIGNATURE = new RegExp(
  `^[01*]:(?:\\??${HEADER}${HEADER_VALUE}(?:,\\??${HEADER}${HEADER_VALUE})*)?:(?:${HEADER}(?:,${HEADER})*)?:[^:]*$`,
)
const USER_AGENT_SYSTEM = /^([A-Za-z0-9 ./\-_!?()]+)(?:=\[([^\]]+)\])?$/

/**
 * Reads a database of p0f v3 signatures: `classes`, `[mtu]`, `[tcp:request]`, `label`, `sys`, `sig`, `ua_os`, comments with `;`.
 * `[tcp:response]` and the `http` sections are checked and left out: no SYN matches them.
 *
 * Takes what p0f 3.09b takes, and lines that end in CR LF. Refuses what p0f takes by accident: numbers and list entries that
 * are not there.
 *
 * @throws {DatabaseError} a line cannot be read; `line` says which
 * @see p0f 3.09b `docs/README` section 5
 * @example
 * const database = loadP0f(await Bun.file('/etc/p0f/p0f.fp').text())
 * match(database, parseSyn(hex)).name // 'Linux 3.11 and newer'
 */
export function loadP0f(text: string, options: DatabaseOptions = {}): Database {
  const reader = new Reader(options.tolerant ?? true, options.versioned ?? false)
  const lines = text.replace(/^\uFEFF/, '').split('\n')
  for (let i = 0; i < lines.length; i++) reader.read(i + 1, lines[i]!.trim())
  return reader.database()
}

/** The state of reading one file. */
class Reader {
  readonly #tolerant: boolean
  readonly #versioned: boolean
  readonly #families = new Set<string>()
  readonly #links = new Map<number, string>()
  readonly #signatures: Signature[] = []
  readonly #labels: SignatureLabel[] = []
  readonly #userAgentSystems: UserAgentSystem[] = []
  #section: Section | undefined
  #expects: 'section' | 'label' | 'sys' | 'sig' = 'section'
  #label: SignatureLabel | undefined
  #link = ''

  constructor(tolerant: boolean, versioned: boolean) {
    this.#tolerant = tolerant
    this.#versioned = versioned
  }

  database(): Database {
    return new Database({
      signatures: this.#signatures,
      labels: this.#labels,
      families: [...this.#families],
      links: this.#links,
      userAgentSystems: this.#userAgentSystems,
    })
  }

  read(line: number, text: string): void {
    if (text === '' || text.startsWith(';')) return
    if (text.startsWith('[')) {
      this.#readSection(line, text)
      return
    }
    const equals = text.indexOf('=')
    const key = equals < 0 ? '' : text.slice(0, equals).trim()
    if (!/^\w+$/.test(key)) throw new DatabaseError(line, `statement expected: ${quote(text)}`)
    const value = text.slice(equals + 1).trim()
    switch (key) {
      case 'classes':
        if (this.#section !== undefined) throw misplaced(line, key)
        for (const family of splitList(value)) {
          if (!/^[A-Za-z0-9]+$/.test(family)) throw new DatabaseError(line, `malformed class: ${quote(family)}`)
          this.#families.add(family)
        }
        break
      case 'label':
        if (this.#expects !== 'label' && this.#expects !== 'sig') throw misplaced(line, key)
        this.#readLabel(line, value)
        break
      case 'sys':
        if (this.#expects !== 'sys') throw misplaced(line, key)
        this.#readSystems(line, value)
        break
      case 'ua_os':
        if (this.#section !== 'http:request' || this.#expects !== 'label') throw misplaced(line, key)
        this.#readUserAgentSystems(line, value)
        break
      case 'sig':
        if (this.#expects !== 'sig') throw misplaced(line, key)
        this.#readSignature(line, value)
        break
      default:
        throw new DatabaseError(line, `unknown field: ${quote(key)}`)
    }
  }

  #readSection(line: number, text: string): void {
    const name = text.endsWith(']') ? text.slice(1, -1) : ''
    if (!SECTIONS.includes(name)) throw new DatabaseError(line, `unknown section: ${quote(text)}`)
    this.#section = name as Section
    this.#expects = 'label'
  }

  #readLabel(line: number, value: string): void {
    if (this.#section === 'mtu') {
      if (value === '') throw new DatabaseError(line, 'empty label')
      this.#link = value
      this.#expects = 'sig'
      return
    }
    const [type, family, system, ...rest] = value.split(':')
    if (type !== 's' && type !== 'g') throw new DatabaseError(line, `type s or g expected: ${quote(type ?? '')}`)
    if (family === undefined || system === undefined || rest.length === 0) {
      throw new DatabaseError(line, `type:class:name:flavor expected: ${quote(value)}`)
    }
    if (family !== '!') this.#checkFamily(line, family)
    if (!NAME.test(system)) throw new DatabaseError(line, `malformed name: ${quote(system)}`)
    const flavor = rest.join(':')
    this.#label = {
      line,
      generic: type === 'g',
      family: family === '!' ? undefined : family,
      system,
      flavor,
      name: flavor === '' ? system : `${system} ${flavor}`,
      runsOn: [],
    }
    if (this.#section === 'tcp:request') this.#labels.push(this.#label)
    this.#expects = family === '!' ? 'sys' : 'sig'
  }

  #checkFamily(line: number, family: string): void {
    if (!this.#families.has(family)) throw new DatabaseError(line, `unknown class: ${quote(family)}`)
  }

  #readSystems(line: number, value: string): void {
    const runsOn = splitList(value)
    for (const system of runsOn) {
      if (system.startsWith('@')) this.#checkFamily(line, system.slice(1))
      else if (!NAME.test(system)) throw new DatabaseError(line, `malformed system: ${quote(system)}`)
    }
    const label = { ...this.#label!, runsOn }
    if (this.#labels.at(-1) === this.#label) this.#labels[this.#labels.length - 1] = label
    this.#label = label
    this.#expects = 'sig'
  }

  #readUserAgentSystems(line: number, value: string): void {
    for (const entry of splitList(value)) {
      const found = USER_AGENT_SYSTEM.exec(entry)
      if (found === null) throw new DatabaseError(line, `malformed system: ${quote(entry)}`)
      this.#userAgentSystems.push({ system: found[1]!, text: found[2] ?? found[1]! })
    }
  }

  #readSignature(line: number, value: string): void {
    switch (this.#section) {
      case 'mtu': {
        const mtu = readNumber(line, 'MTU', value, 1, 65_535)
        if (!this.#links.has(mtu)) this.#links.set(mtu, this.#link)
        break
      }
      case 'tcp:request':
        this.#signatures.push(this.#tcpSignature(line, value))
        break
      case 'tcp:response':
        this.#tcpSignature(line, value)
        break
      default:
        if (!HTTP_SIGNATURE.test(value)) throw new DatabaseError(line, `malformed HTTP signature: ${quote(value)}`)
    }
  }

  #tcpSignature(line: number, text: string): Signature {
    const fields = text.split(':')
    if (fields.length !== 8) {
      throw new DatabaseError(line, `ver:ittl:olen:mss:wsize,scale:olayout:quirks:pclass expected: ${quote(text)}`)
    }
    const [ver, ittl, olen, mss, windowAndScale, olayout, quirks, pclass] = fields as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ]
    if (ver !== '4' && ver !== '6' && ver !== '*')
      throw new DatabaseError(line, `IP version 4, 6 or * expected: ${quote(ver)}`)
    const version = ver === '*' ? 0 : ver === '4' ? 4 : 6
    const comma = windowAndScale.indexOf(',')
    if (comma < 0) throw new DatabaseError(line, `wsize,scale expected: ${quote(windowAndScale)}`)
    const payload = pclass === '0' ? false : pclass === '+' ? true : undefined
    if (payload === undefined && pclass !== '*') {
      throw new DatabaseError(line, `payload class 0, + or * expected: ${quote(pclass)}`)
    }
    return {
      text,
      line,
      label: this.#label!,
      version,
      ...readTtl(line, ittl),
      optionsLength: readNumber(line, 'IP options length', olen, 0, 255),
      mss: mss === '*' ? -1 : readNumber(line, 'MSS', mss, 0, 65_535),
      ...readWindow(line, windowAndScale.slice(0, comma)),
      scale:
        windowAndScale.slice(comma + 1) === '*'
          ? -1
          : readNumber(line, 'window scale', windowAndScale.slice(comma + 1), 0, 255),
      layout: readLayout(line, olayout),
      quirks: readQuirks(line, quirks, version),
      payload,
      tolerant: this.#tolerant,
      versioned: this.#versioned,
      order: this.#signatures.length,
    }
  }
}

function quote(text: string): string {
  return `"${text.length > 80 ? `${text.slice(0, 77)}...` : text}"`
}

function misplaced(line: number, key: string): DatabaseError {
  return new DatabaseError(line, `misplaced field: "${key}"`)
}

/** Entries between commas; none in an empty text. */
function splitList(value: string): string[] {
  return value === '' ? [] : value.split(',').map((entry) => entry.trim())
}

function readNumber(line: number, what: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1
  if (value < least || value > most)
    throw new DatabaseError(line, `${what} from ${least} to ${most} expected: ${quote(text)}`)
  return value
}

/** `64`, `64-` for random ones, `57+7` as p0f logs it. */
function readTtl(line: number, text: string): { timeToLive: number; randomTtl: boolean } {
  const found = /^(\d{1,3})(-|\+\d{1,3})?$/.exec(text)
  if (found === null) throw new DatabaseError(line, `initial TTL expected: ${quote(text)}`)
  const randomTtl = found[2] === '-'
  const distance = randomTtl || found[2] === undefined ? 0 : Number(found[2].slice(1))
  const seen = readNumber(line, 'TTL', found[1]!, 1, 255)
  return { timeToLive: readNumber(line, 'initial TTL', String(seen + distance), 1, 255), randomTtl }
}

function readWindow(line: number, text: string): { windowRule: WindowRule; window: number } {
  if (text === '*') return { windowRule: 'any', window: 0 }
  if (text.startsWith('%')) {
    return { windowRule: 'modulo', window: readNumber(line, '% value', text.slice(1), 2, 65_535) }
  }
  if (text.startsWith('mss*') || text.startsWith('mtu*')) {
    const windowRule = text.startsWith('mss') ? 'mss' : 'mtu'
    return { windowRule, window: readNumber(line, `${windowRule} multiplier`, text.slice(4), 1, 1000) }
  }
  return { windowRule: 'value', window: readNumber(line, 'window size', text, 0, 65_535) }
}

const KIND_WORDS: Readonly<Record<number, string>> = { 1: 'nop', 2: 'mss', 3: 'ws', 4: 'sok', 5: 'sack', 8: 'ts' }
const PLAIN_WORDS: ReadonlySet<string> = /* @__PURE__ */ new Set(Object.values(KIND_WORDS))

/** Checks the order of options and brings it to the text that p0f prints. */
function readLayout(line: number, text: string): string {
  if (text === '') return ''
  const words = text.split(',')
  if (words.length > 24) throw new DatabaseError(line, `at most 24 options expected: ${quote(text)}`)
  return words
    .map((word, i) => {
      if (PLAIN_WORDS.has(word)) return word
      if (word.startsWith('eol+')) {
        if (i !== words.length - 1) throw new DatabaseError(line, `eol must be the last option: ${quote(text)}`)
        return `eol+${readNumber(line, 'eol padding', word.slice(4), 0, 255)}`
      }
      if (!word.startsWith('?')) throw new DatabaseError(line, `unknown option: ${quote(word)}`)
      const kind = readNumber(line, 'option kind', word.slice(1), 0, 255)
      return KIND_WORDS[kind] ?? `?${kind}`
    })
    .join(',')
}

/** Quirks that only one IP version can have. */
const ONLY_V4 = QUIRK.DF | QUIRK.ID_NONZERO | QUIRK.ID_ZERO | QUIRK.MUST_BE_ZERO
const ONLY_V6 = QUIRK.FLOW

function readQuirks(line: number, text: string, version: 0 | 4 | 6): number {
  let quirks = 0
  if (text === '') return quirks
  for (const word of text.split(',')) {
    const bit = QUIRK_WORDS.indexOf(word)
    if (bit < 0) throw new DatabaseError(line, `unknown quirk: ${quote(word)}`)
    const quirk = 1 << bit
    if ((version === 4 && (quirk & ONLY_V6) !== 0) || (version === 6 && (quirk & ONLY_V4) !== 0)) {
      throw new DatabaseError(line, `quirk not valid for IPv${version}: ${quote(word)}`)
    }
    quirks |= quirk
  }
  return quirks
}
