/**
 * Reads `.fp` files: databases in the format of p0f v3.
 * @module
 */

import { escapeControls } from '../base/text.ts'
import { QUIRK, QUIRK_WORDS } from '../fingerprint/quirks.ts'
import {
  Database,
  DatabaseError,
  type DatabaseOptions,
  type DatabaseWarning,
  type Signature,
  type SignatureLabel,
  type UserAgentSystem,
  type WindowRule,
} from './database.ts'
import { familyOfClass } from './family.ts'

/** Sections whose signatures are used. What stands in others is checked, at most warned of, and left out. */
type Section = 'mtu' | 'tcp:request' | 'http:request' | 'other'
/** Sections of p0f that no SYN matches. `ua_os` of `[http:request]` is kept. */
const UNUSED: readonly string[] = ['tcp:response', 'http:response']

/** Names of systems and tools. */
const NAME = /^[A-Za-z0-9 ./\-_!?()]+$/
const HEADER = '[A-Za-z0-9_-]+'
const HEADER_VALUE = String.raw`(?:=\[[^\]]+\])?`
/** Versions, headers in order, headers that must be absent, text of User-Agent or Server. */
const HTTP_SIGNATURE = new RegExp(
  `^[01*]:(?:\\??${HEADER}${HEADER_VALUE}(?:,\\??${HEADER}${HEADER_VALUE})*,?)?:(?:${HEADER}(?:,${HEADER})*,?)?:[^:]*$`,
)
const USER_AGENT_SYSTEM = /^([A-Za-z0-9 ./\-_!?()]+)(?:=\[([^\]]+)\])?$/
/** Warnings that are kept. */
const MOST_WARNINGS = 100

/**
 * Reads a database of p0f v3 signatures: `classes`, `[mtu]`, `[tcp:request]`, `label`, `sys`, `sig`, `ua_os`, comments with `;`.
 *
 * Takes what p0f 3.09b takes, and lines that end in CR LF. `[tcp:response]`, the `http` sections and sections that p0f does not
 * know are left out, because no SYN matches them: a bad line there is one of `Database.warnings`. Control characters in names
 * are written as escapes (`\x1b`).
 *
 * Beyond p0f, in a `sig` line:
 *
 * | text | means |
 * | --- | --- |
 * | `8192\|64240` as window, `7\|8-10` as scale | any of these; each is a signature of its own |
 * | `mss*max` as window | the largest multiple of the MSS up to 65535, also of an MSS up to 1460 that was lowered on the way |
 * | `ecn?` among the quirks | with or without this quirk |
 * | `128!` as initial TTL | exact matches only, no fuzzy one |
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
  readonly #warnings: DatabaseWarning[] = []
  /** Orders of options and quirks come again and again. */
  readonly #layouts = new Map<string, string>()
  readonly #quirks = new Map<string, ReturnType<typeof readQuirks>>()
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
      warnings: this.#warnings,
    })
  }

  read(line: number, text: string): void {
    if (text === '' || text.startsWith(';')) return
    if (text.startsWith('[')) this.#readSection(line, text)
    else if (this.#section === 'other' || this.#section === 'http:request') {
      try {
        this.#readUnused(line, text)
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error
        this.#warn(line, error.problem)
      }
    } else this.#readStatement(line, text)
  }

  #warn(line: number, problem: string): void {
    if (this.#warnings.length < MOST_WARNINGS) this.#warnings.push({ line, problem })
  }

  #readSection(line: number, text: string): void {
    const name = text.endsWith(']') ? text.slice(1, -1) : undefined
    if (name === undefined) throw new DatabaseError(line, `unknown section: ${quote(text)}`)
    const isUsed = name === 'mtu' || name === 'tcp:request' || name === 'http:request'
    if (!isUsed && !UNUSED.includes(name)) this.#warn(line, `unknown section, left out: ${quote(text)}`)
    this.#section = isUsed ? name : 'other'
    this.#expects = 'label'
  }

  /** A line of a section whose signatures are left out. */
  #readUnused(line: number, text: string): void {
    const { key, value } = splitStatement(line, text)
    if (key === 'ua_os' && this.#section === 'http:request') this.#readUserAgentSystems(line, value)
    else if (key === 'sig' && this.#section === 'http:request' && !HTTP_SIGNATURE.test(value)) {
      throw new DatabaseError(line, `malformed HTTP signature: ${quote(value)}`)
    }
  }

  #readStatement(line: number, text: string): void {
    const { key, value } = splitStatement(line, text)
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
      case 'sig':
        if (this.#expects !== 'sig') throw misplaced(line, key)
        if (this.#section === 'mtu') this.#readLink(line, value)
        else this.#readSignatures(line, value)
        break
      case 'ua_os':
        throw misplaced(line, key)
      default:
        throw new DatabaseError(line, `unknown field: ${quote(key)}`)
    }
  }

  #readLabel(line: number, value: string): void {
    if (this.#section === 'mtu') {
      if (value === '') throw new DatabaseError(line, 'empty label')
      this.#link = escapeControls(value)
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
    const flavor = escapeControls(rest.join(':'))
    const name = flavor === '' ? system : `${system} ${flavor}`
    this.#label = {
      line,
      generic: type === 'g',
      family: family === '!' ? undefined : family,
      system,
      flavor,
      name,
      kin: familyOfClass(family === '!' ? undefined : family, name),
      runsOn: [],
    }
    this.#labels.push(this.#label)
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
    this.#labels[this.#labels.length - 1] = label
    this.#label = label
    this.#expects = 'sig'
  }

  #readUserAgentSystems(line: number, value: string): void {
    for (const entry of splitList(value.replace(/,$/, ''))) {
      const found = USER_AGENT_SYSTEM.exec(entry)
      if (found === null) throw new DatabaseError(line, `malformed system: ${quote(entry)}`)
      this.#userAgentSystems.push({ system: found[1]!, text: escapeControls(found[2] ?? found[1]!) })
    }
  }

  #readLink(line: number, value: string): void {
    const mtu = readNumber(line, 'MTU', value, 1, 65_535)
    if (!this.#links.has(mtu)) this.#links.set(mtu, this.#link)
  }

  #readSignatures(line: number, text: string): void {
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
    const { timeToLive, randomTtl, exactOnly } = readTtl(line, ittl)
    const { quirks: required, optionalQuirks } = once(this.#quirks, `${version}:${quirks}`, () =>
      readQuirks(line, quirks, version),
    )
    const layout = once(this.#layouts, olayout, () => readLayout(line, olayout))
    const optionsLength = readNumber(line, 'IP options length', olen, 0, 255)
    const size = mss === '*' ? -1 : readNumber(line, 'MSS', mss, 0, 65_535)
    const scales = readScales(line, windowAndScale.slice(comma + 1))
    const windows = windowAndScale.slice(0, comma).split('|')
    const isOne = windows.length === 1 && scales.length === 1
    for (const words of windows) {
      const { windowRule, window } = readWindow(line, words)
      for (const scale of scales) {
        // No spread: it would take half of the time of loading.
        this.#signatures.push({
          text: isOne
            ? text
            : `${ver}:${ittl}:${olen}:${mss}:${words},${scale < 0 ? '*' : scale}:${olayout}:${quirks}:${pclass}`,
          line,
          label: this.#label!,
          version,
          timeToLive,
          randomTtl,
          exactOnly,
          optionsLength,
          mss: size,
          windowRule,
          window,
          scale,
          layout,
          quirks: required,
          optionalQuirks,
          payload,
          tolerant: this.#tolerant,
          versioned: this.#versioned,
          order: this.#signatures.length,
        })
      }
    }
  }
}

/** What `make` gives for a key, made when the key is new. */
function once<T>(known: Map<string, T>, key: string, make: () => T): T {
  let value = known.get(key)
  if (value === undefined) {
    value = make()
    known.set(key, value)
  }
  return value
}

function splitStatement(line: number, text: string): { readonly key: string; readonly value: string } {
  const equals = text.indexOf('=')
  const key = equals < 0 ? '' : text.slice(0, equals).trim()
  if (!/^\w+$/.test(key)) throw new DatabaseError(line, `statement expected: ${quote(text)}`)
  return { key, value: text.slice(equals + 1).trim() }
}

function quote(text: string): string {
  return `"${escapeControls(text.length > 80 ? `${text.slice(0, 77)}...` : text)}"`
}

function misplaced(line: number, key: string): DatabaseError {
  return new DatabaseError(line, `misplaced field: "${key}"`)
}

/** Entries between commas; none in an empty text. p0f passes over several commas in a row, but not over one at the end. */
function splitList(value: string): string[] {
  return value === ''
    ? []
    : value
        .replace(/^[\s,]+(?=[^\s,])/, '')
        .split(/,[\s,]*(?=[^\s,])|,$/)
        .map((entry) => entry.trim())
}

/** A decimal number. Without digits it is 0, as p0f's `atol` has it. */
function readNumber(line: number, what: string, text: string, least: number, most: number): number {
  const value = /^\d{0,32}$/.test(text) ? Number(text) : -1
  if (value < least || value > most)
    throw new DatabaseError(line, `${what} from ${least} to ${most} expected: ${quote(text)}`)
  return value
}

/** `64`, `64-` for random ones, `57+7` as p0f logs it, `64!` for exact matches only. */
function readTtl(line: number, text: string): { timeToLive: number; randomTtl: boolean; exactOnly: boolean } {
  const found = /^(\d{0,32})(-|!|\+\d{0,32})?$/.exec(text)
  if (found === null) throw new DatabaseError(line, `initial TTL expected: ${quote(text)}`)
  const suffix = found[2] ?? ''
  const distance = suffix.startsWith('+') ? Number(suffix.slice(1)) : 0
  // p0f's atol reads "+64" as 64, and then adds what is behind the sign.
  const seen = readNumber(line, 'TTL', found[1] === '' ? String(distance) : found[1]!, 1, 255)
  const timeToLive = readNumber(line, 'initial TTL', String(seen + distance), 1, 255)
  return { timeToLive, randomTtl: suffix === '-', exactOnly: suffix === '!' }
}

/** `*` is -1; `7`, `7|9` and `7-9` are one or more values. */
function readScales(line: number, text: string): readonly number[] {
  if (text === '*') return [-1]
  return text.split('|').flatMap((part) => {
    const [first, last, ...more] = part.split('-')
    const from = readNumber(line, 'window scale', first!, 0, 255)
    if (last === undefined) return [from]
    const to = more.length > 0 ? -1 : readNumber(line, 'window scale', last, from, 255)
    if (to < 0) throw new DatabaseError(line, `window scale expected: ${quote(text)}`)
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
}

function readWindow(line: number, text: string): { windowRule: WindowRule; window: number } {
  if (text === '*') return { windowRule: 'any', window: 0 }
  if (text.startsWith('%')) {
    return { windowRule: 'modulo', window: readNumber(line, '% value', text.slice(1), 2, 65_535) }
  }
  if (text === 'mss*max') return { windowRule: 'full', window: 0 }
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
  // p0f takes one comma at the end
  const words = text.replace(/(?<=[^,]),$/, '').split(',')
  if (words.length > 24) throw new DatabaseError(line, `at most 24 options expected: ${quote(text)}`)
  return words
    .map((word, i) => {
      if (PLAIN_WORDS.has(word)) return word
      if (word.startsWith('eol+')) {
        if (i !== words.length - 1 || text.endsWith(','))
          throw new DatabaseError(line, `eol must be the last option: ${quote(text)}`)
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

/** The quirks that must be there, and with `?` behind them those that may be there or not. */
function readQuirks(line: number, text: string, version: 0 | 4 | 6): { quirks: number; optionalQuirks: number } {
  let quirks = 0
  let optionalQuirks = 0
  // p0f takes one comma at the end
  for (const entry of text === '' ? [] : text.replace(/(?<=[^,]),$/, '').split(',')) {
    const isOptional = entry.endsWith('?')
    const word = isOptional ? entry.slice(0, -1) : entry
    const bit = QUIRK_WORDS.indexOf(word)
    if (bit < 0) throw new DatabaseError(line, `unknown quirk: ${quote(entry)}`)
    const quirk = 1 << bit
    if ((version === 4 && (quirk & ONLY_V6) !== 0) || (version === 6 && (quirk & ONLY_V4) !== 0)) {
      throw new DatabaseError(line, `quirk not valid for IPv${version}: ${quote(word)}`)
    }
    if (isOptional) optionalQuirks |= quirk
    else quirks |= quirk
  }
  return { quirks, optionalQuirks: optionalQuirks & ~quirks }
}
