/**
 * The fields of a signature in a `.fp` file, one function each. A field that cannot be read is a `DatabaseError` with its line.
 * @module
 */
import { escapeControls } from '../base/text.ts'
import { OPTION_WORDS } from '../fingerprint/p0f-view.ts'
import { QUIRK, QUIRK_WORDS, ZMAP_IDENTIFICATION } from '../fingerprint/quirks.ts'
import { DatabaseError, type WindowRule } from './database.ts'

/** A text of the file for a message. */
export function quote(text: string): string {
  return `"${escapeControls(text.length > 80 ? `${text.slice(0, 77)}...` : text)}"`
}

/** Entries between commas; none in an empty text. p0f passes over several commas in a row, but not over one at the end. */
export function splitList(value: string): string[] {
  const entries = value.split(',').map((entry) => entry.trim())
  const known = entries.filter((entry) => entry !== '')
  return value === '' || entries.at(-1) !== '' ? known : [...known, '']
}

/** A decimal number. Without digits it is 0, as p0f's `atol` has it. */
export function readNumber(line: number, what: string, text: string, least: number, most: number): number {
  const value = /^\d{0,32}$/.test(text) ? Number(text) : -1
  if (value < least || value > most)
    throw new DatabaseError(line, `${what} from ${least} to ${most} expected: ${quote(text)}`)
  return value
}

/** `64`, `64-` for random ones, `57+7` as p0f logs it, `64!` for exact matches only. */
export function readTtl(line: number, text: string): { timeToLive: number; randomTtl: boolean; exactOnly: boolean } {
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
  const scales: number[] = []
  for (const part of text.split('|')) {
    const dash = part.indexOf('-')
    const from = readNumber(line, 'window scale', dash < 0 ? part : part.slice(0, dash), 0, 255)
    const to = dash < 0 ? from : readNumber(line, 'window scale', part.slice(dash + 1), from, 255)
    for (let scale = from; scale <= to; scale++) scales.push(scale)
  }
  return scales
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

/** Window and scale as a signature states them. */
interface Form {
  /** As text. */
  readonly words: string
  readonly windowRule: WindowRule
  readonly window: number
  readonly scale: number
}

/** Each window with each scale. */
export function readForms(line: number, text: string): readonly Form[] {
  const comma = text.indexOf(',')
  if (comma < 0) throw new DatabaseError(line, `wsize,scale expected: ${quote(text)}`)
  const scales = readScales(line, text.slice(comma + 1))
  const forms: Form[] = []
  for (const words of text.slice(0, comma).split('|')) {
    const { windowRule, window } = readWindow(line, words)
    for (const scale of scales) {
      forms.push({ words: `${words},${scale < 0 ? '*' : scale}`, windowRule, window, scale })
    }
  }
  return forms
}

/** Entries of a list that may end in a comma, as p0f takes it. */
function readEntries(text: string): readonly string[] {
  if (text === '') return []
  const entries = text.split(',')
  if (entries.length > 1 && entries.at(-1) === '' && entries.at(-2) !== '') entries.pop()
  return entries
}

const PLAIN_WORDS: ReadonlySet<string> = /* @__PURE__ */ new Set(Object.values(OPTION_WORDS))

/** Checks the order of options and brings it to the text that p0f prints. */
export function readLayout(line: number, text: string): string {
  const words = readEntries(text)
  if (words.length > 24) throw new DatabaseError(line, `at most 24 options expected: ${quote(text)}`)
  let layout = ''
  for (let i = 0; i < words.length; i++) {
    let word = words[i]!
    if (word.startsWith('eol+')) {
      if (i !== words.length - 1 || text.endsWith(','))
        throw new DatabaseError(line, `eol must be the last option: ${quote(text)}`)
      word = `eol+${readNumber(line, 'eol padding', word.slice(4), 0, 255)}`
    } else if (word.startsWith('?')) {
      const kind = readNumber(line, 'option kind', word.slice(1), 0, 255)
      word = OPTION_WORDS[kind] ?? `?${kind}`
    } else if (!PLAIN_WORDS.has(word)) throw new DatabaseError(line, `unknown option: ${quote(word)}`)
    layout += i === 0 ? word : `,${word}`
  }
  return layout
}

/** Quirks that only one IP version can have. */
const ONLY_V4 = QUIRK.DF | QUIRK.ID_NONZERO | QUIRK.ID_ZERO | QUIRK.MUST_BE_ZERO
const ONLY_V6 = QUIRK.FLOW

/** The quirks that must be there, with `?` behind them those that may be there or not, and the identification of zmap. */
export function readQuirks(
  line: number,
  text: string,
  version: 0 | 4 | 6,
): { quirks: number; optionalQuirks: number; zmapIdentification: boolean } {
  let quirks = 0
  let optionalQuirks = 0
  let zmapIdentification = false
  for (const entry of readEntries(text)) {
    if (version === 4 && entry === `id=${ZMAP_IDENTIFICATION}`) {
      zmapIdentification = true
      continue
    }
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
  return { quirks, optionalQuirks: optionalQuirks & ~quirks, zmapIdentification }
}
