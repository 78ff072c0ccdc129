/**
 * Reads `.fp` files: databases in the format of p0f v3.
 * @module
 */

import { escapeControls } from '../base/text.ts'
import {
  Database,
  DatabaseError,
  type DatabaseOptions,
  type DatabaseWarning,
  type Signature,
  type SignatureLabel,
  type UserAgentSystem,
} from './database.ts'
import { familyOfClass } from './family.ts'
import { quote, readForms, readLayout, readNumber, readQuirks, readTtl, splitList } from './signature-fields.ts'

/** Sections whose signatures are used. What stands in others is checked, at most warned of, and left out. */
type Section = 'mtu' | 'tcp:request' | 'http:request' | 'other'
/** Sections of p0f that no SYN matches. `ua_os` of `[http:request]` is kept. */
const UNUSED: readonly string[] = ['tcp:response', 'http:response']

/** Characters of names of systems and tools, for a class of a regular expression. */
export const NAME_CHARACTERS = 'A-Za-z0-9 ./_!?()-'
const NAME = new RegExp(`^[${NAME_CHARACTERS}]+$`)
const HEADER = '[A-Za-z0-9_-]+'
const HEADER_VALUE = String.raw`(?:=\[[^\]]+\])?`
/** Versions, headers in order, headers that must be absent, text of User-Agent or Server. */
const HTTP_SIGNATURE = new RegExp(
  `^[01*]:(?:\\??${HEADER}${HEADER_VALUE}(?:,\\??${HEADER}${HEADER_VALUE})*,?)?:(?:${HEADER}(?:,${HEADER})*,?)?:[^:]*$`,
)
const USER_AGENT_SYSTEM = new RegExp(String.raw`^([${NAME_CHARACTERS}]+)(?:=\[([^\]]+)\])?$`)
/** Warnings that are kept. */
const MOST_WARNINGS = 100

/**
 * Reads a database of p0f v3 signatures: `classes`, `[mtu]`, `[tcp:request]`, `label`, `sys`, `sig`, `ua_os`, comments with `;`.
 *
 * Takes what p0f 3.09b takes, and lines that end in CR LF. Other sections are left out, because no SYN matches them: a bad line
 * there is one of `Database.warnings`. Control characters in names become escapes (`\x1b`).
 *
 * Beyond p0f, in a `sig` line:
 *
 * | text | means |
 * | --- | --- |
 * | `8192\|64240` as window, `7\|8-10` as scale | any of these; each is a signature of its own |
 * | `mss*max` as window | the largest multiple of the MSS up to 65535, also of one up to 1460 that was lowered on the way |
 * | `ecn?` as quirk | with or without it |
 * | `id=54321` as quirk | this IPv4 identification, zmap's; no other can be stated |
 * | `128!` as initial TTL | exact matches only, no fuzzy one |
 *
 * @throws {DatabaseError} a line cannot be read; `line` says which
 * @see p0f 3.09b `docs/README` section 5
 * @example
 * const database = loadP0f(await Bun.file('/etc/p0f/p0f.fp').text())
 * match(database, parseSyn(hex)).name // 'Linux 3.11 and newer'
 */
export function loadP0f(text: string, options?: DatabaseOptions): Database {
  return readLines(text.replace(/^\uFEFF/, '').split('\n'), options)
}

/** As {@link loadP0f}, of the lines of a file; lines that the array does not have are passed over. */
export function readLines(lines: readonly string[], options: DatabaseOptions = {}): Database {
  const reader = new Reader(options.tolerant ?? true, options.versioned ?? false)
  lines.forEach((line, i) => {
    if (line !== '' && !line.startsWith(';')) reader.read(i + 1, line.trim())
  })
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
  /** Each of these comes again and again. */
  readonly #ttls = new Map<string, ReturnType<typeof readTtl>>()
  readonly #forms = new Map<string, ReturnType<typeof readForms>>()
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
    const parts = value.split(':')
    const type = parts[0]!
    const family = parts[1]
    const system = parts[2]
    if (type !== 's' && type !== 'g') throw new DatabaseError(line, `type s or g expected: ${quote(type)}`)
    if (family === undefined || system === undefined || parts.length === 3) {
      throw new DatabaseError(line, `type:class:name:flavor expected: ${quote(value)}`)
    }
    if (family !== '!') this.#checkFamily(line, family)
    if (!NAME.test(system)) throw new DatabaseError(line, `malformed name: ${quote(system)}`)
    const flavor = escapeControls(value.slice(type.length + family.length + system.length + 3))
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
    // Not destructured: code that has not run often takes long for that.
    const ver = fields[0]!
    const ittl = fields[1]!
    const olen = fields[2]!
    const mss = fields[3]!
    const windowAndScale = fields[4]!
    const olayout = fields[5]!
    const quirks = fields[6]!
    const pclass = fields[7]!
    if (ver !== '4' && ver !== '6' && ver !== '*')
      throw new DatabaseError(line, `IP version 4, 6 or * expected: ${quote(ver)}`)
    const version = ver === '*' ? 0 : ver === '4' ? 4 : 6
    const forms = once(this.#forms, windowAndScale, () => readForms(line, windowAndScale))
    const payload = pclass === '0' ? false : pclass === '+' ? true : undefined
    if (payload === undefined && pclass !== '*') {
      throw new DatabaseError(line, `payload class 0, + or * expected: ${quote(pclass)}`)
    }
    const { timeToLive, randomTtl, exactOnly } = once(this.#ttls, ittl, () => readTtl(line, ittl))
    const {
      quirks: required,
      optionalQuirks,
      zmapIdentification,
    } = once(this.#quirks, `${version}:${quirks}`, () => readQuirks(line, quirks, version))
    const layout = once(this.#layouts, olayout, () => readLayout(line, olayout))
    const optionsLength = olen === '0' ? 0 : readNumber(line, 'IP options length', olen, 0, 255)
    const size = mss === '*' ? -1 : readNumber(line, 'MSS', mss, 0, 65_535)
    for (const { words, windowRule, window, scale } of forms) {
      // No spread: it would take half of the time of loading.
      this.#signatures.push({
        text: forms.length === 1 ? text : `${ver}:${ittl}:${olen}:${mss}:${words}:${olayout}:${quirks}:${pclass}`,
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
        zmapIdentification,
        payload,
        tolerant: this.#tolerant,
        versioned: this.#versioned,
        order: this.#signatures.length,
      })
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
  if (key !== 'sig' && !/^\w+$/.test(key)) throw new DatabaseError(line, `statement expected: ${quote(text)}`)
  return { key, value: text.slice(equals + 1).trim() }
}

function misplaced(line: number, key: string): DatabaseError {
  return new DatabaseError(line, `misplaced field: "${key}"`)
}
