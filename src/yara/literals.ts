/**
 * Octets and characters that a string of a rule, or a regular expression, cannot do without.
 * @module
 */

/** A part of whatever fits. */
export interface Part {
  /** Of each place the characters that may be there, capitals as small letters. */
  readonly places: readonly string[]
  /** The characters, a character an octet, where there is one for each place. */
  readonly text: string | undefined
  /** True if what fits begins with it. */
  readonly isFirst: boolean
  /** True if what fits is just this. */
  readonly isWhole: boolean
  isIn(text: string): boolean
}

/** All of one of the lists are parts of whatever fits; `undefined` where none is certain. */
export type Parts = readonly (readonly Part[])[] | undefined

/** Modifiers that leave a string as it is written; with `fullword` it fits less. */
const HARMLESS: ReadonlySet<string> = new Set(['ascii', 'private', 'fullword', 'nocase'])
/** Lists of an expression, and parts in each, at most. */
const MOST_PARTS = 16
/** What one character says of a text. */
const BITS = 6

/** The strings of a rule by name, `undefined` for those of which nothing is certain. @param tokens of the section, without its name */
export function literalsOf(tokens: readonly string[]): ReadonlyMap<string, Parts> {
  const found = new Map<string, Parts>()
  let at = 0
  while (tokens[at] === '$') {
    const name = tokens[at + 1] === '=' ? ` ${at}` : tokens[at + 1]!
    at = tokens.indexOf('=', at) + 1
    if (at === 0) return new Map()
    const from = at
    const isHex = tokens[at] === '{'
    if (isHex) at = tokens.indexOf('}', at)
    if (at < 0) return new Map()
    at++
    const value = tokens.slice(from, at)
    const start = at
    while (at < tokens.length && tokens[at] !== '$') at++
    const modifiers = tokens.slice(start, at)
    const isAnyCase = modifiers.includes('nocase')
    const text = textOf(value[0]!)
    let parts: Parts
    if (!modifiers.every((word) => HARMLESS.has(word))) parts = undefined
    else if (isHex) parts = partsOfOctets(value.slice(1, -1).join(''))
    else if (text === undefined) parts = partsOf(value[0]!, isAnyCase)
    else parts = text === '' ? undefined : [[partOfText(text, isAnyCase, !modifiers.includes('fullword'))]]
    found.set(name, parts)
  }
  return found
}

/** Of a hex string: what may differ, or is of any length, is to an expression as well. */
function partsOfOctets(hex: string): Parts {
  const expression = hex.replace(/\[[^\]]*\]|~..|[\da-f?]{2}/gi, (one) => {
    const [, high, low] = /^([\da-f?])([\da-f?])$/i.exec(one) ?? []
    if (high === undefined || one === '??') return '.*'
    if (high === '?') return `[${[...'0123456789abcdef'].map((digit) => `\\x${digit}${low}`).join('')}]`
    return low === '?' ? `[\\x${high}0-\\x${high}f]` : `\\x${one}`
  })
  return partsOf(`/^${expression}/`)?.map((list) =>
    list.map((part) => ({ ...part, isWhole: part.isFirst && 2 * (part.text?.length ?? 0) === hex.length })),
  )
}

/** @param places the characters that may be at each */
function partOf(places: readonly string[], isFirst: boolean, isWhole: boolean): Part {
  const text = places.every((one) => one.length === 1) ? places.join('') : undefined
  const expression = new RegExp(places.map((one) => `[${one.replace(/[\]\\^-]/g, '\\$&')}]`).join(''))
  return {
    places: places.map((one) => [...new Set(one.replace(/[A-Z]/g, (sign) => sign.toLowerCase()))].join('')),
    text,
    isFirst,
    isWhole: isWhole && text !== undefined,
    isIn: text === undefined ? (other) => expression.test(other) : (other) => other.includes(text),
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', a: '\x07' }

/** A text between quotes; `undefined` for other tokens, and for texts that are not of ASCII. */
export function textOf(token: string): string | undefined {
  if (!/^"[\x20-\x7e]*"$/.test(token)) return undefined
  return token
    .slice(1, -1)
    .replace(/\\(?:x([\da-fA-F]{2})|(.))/g, (_, hex: string | undefined, sign: string) =>
      hex === undefined ? (ESCAPES[sign] ?? sign) : String.fromCharCode(Number.parseInt(hex, 16)),
    )
}

/** A text, be it in capitals. */
export const partOfText = (text: string, isAnyCase: boolean, isWhole = true): Part =>
  partOf(
    isAnyCase
      ? [...text].map((sign) => (/[a-z]/i.test(sign) ? sign.toLowerCase() + sign.toUpperCase() : sign))
      : [...text],
    true,
    isWhole,
  )

/** Parts of whatever a regular expression `/.../is` fits. */
export const partsOf = (token: string, isAnyCase = false): Parts => foundIn(token, isAnyCase)?.lists

/** Octets of a text that a regular expression fits, at least and at most; `undefined` where the expression is not understood. */
export const lengthsOf = (token: string): Lengths | undefined => foundIn(token, false)

function foundIn(token: string, isAnyCase: boolean): Found | undefined {
  const [, pattern, modifiers] = /^\/([\x20-\x7e]+)\/([is]*)$/.exec(token) ?? []
  if (pattern === undefined || /\[\^?\]/.test(pattern)) return undefined
  return new Pattern(pattern, isAnyCase || modifiers!.includes('i')).found()
}

interface Lengths {
  readonly least: number
  readonly most: number
}

interface Found extends Lengths {
  readonly lists: Parts
  /** Bits that the least of them says. */
  readonly score: number
}

const OCTETS = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))
/** What stands for one character, as it is understood here and there alike; what fits between characters. */
const ONE = /\\(?:x[\da-fA-F]{2}|[dDwWsSntrf]|\W)|\[(?:\\(?:x[\da-fA-F]{2}|[dDwWsSntrf]|\W)|[^\]\\])+\]|[^\\[*+?{^$]/y
const BETWEEN = /\^|\$|\\[bB]/y
const TIMES = /(?:([*?+])|\{(\d*)(,?)(\d*)\})\??/y
/** Characters that a place may have, at most. */
const MOST_SIGNS = 64
const ONCE: Lengths = { least: 1, most: 1 }
/** More octets than texts have. */
export const LONGEST = 65_536

/** A regular expression while it is read. */
class Pattern {
  readonly #text: string
  readonly #isAnyCase: boolean
  #at = 0
  #isUnderstood = true

  constructor(text: string, isAnyCase: boolean) {
    this.#text = text
    this.#isAnyCase = isAnyCase
  }

  found(): Found | undefined {
    const found = this.#alternatives(true)
    return this.#isUnderstood && this.#at === this.#text.length ? found : undefined
  }

  /** What is next, and goes on behind it. */
  #next(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.#at
    const found = expression.exec(this.#text)
    if (found !== null) this.#at += found[0].length
    return found
  }

  #takes(sign: string): boolean {
    if (this.#text[this.#at] !== sign) return false
    this.#at++
    return true
  }

  #alternatives(isTop: boolean): Found {
    const all: Found[] = []
    do all.push(this.#sequence(isTop))
    while (this.#takes('|'))
    const lists = all.flatMap((one) => one.lists ?? [])
    const isCertain = all.every((one) => one.lists !== undefined) && lists.length <= MOST_PARTS
    return {
      lists: isCertain ? lists : undefined,
      score: Math.min(...all.map(({ score }) => score)),
      least: Math.min(...all.map(({ least }) => least)),
      most: Math.max(...all.map(({ most }) => most)),
    }
  }

  /** The runs of characters, or the group that says more than all of them. */
  #sequence(isTop: boolean): Found {
    let group: Found | undefined
    const parts: Part[] = []
    let score = 0
    let run: string[] = []
    let least = 0
    let most = 0
    let isFirst = isTop && this.#takes('^')
    const isBegun = isFirst
    let isEnded = false
    const end = (next: string[] = []): void => {
      if (run.length > 0 && parts.length < MOST_PARTS) {
        const part = partOf(run, isFirst, false)
        parts.push(part)
        score += part.places.reduce((sum, { length }) => sum + BITS - Math.log2(length), 0)
      }
      isFirst = false
      run = next
    }
    /** True if what is before may be left out. */
    const repeat = (one: Lengths, times: Lengths): boolean => {
      least += one.least * times.least
      most += Math.min(one.most, LONGEST) * times.most
      return times.least === 0
    }
    while (this.#at < this.#text.length && !/[|)]/.test(this.#text[this.#at]!)) {
      if (this.#takes('(')) {
        const found = this.#alternatives(false)
        if (!this.#takes(')')) this.#isUnderstood = false
        if (!repeat(found, this.#times()) && found.lists !== undefined && found.score > (group?.score ?? 0))
          group = found
        end()
        continue
      }
      const between = this.#next(BETWEEN)
      isEnded ||= between?.[0] === '$'
      if (between !== null) continue
      const one = this.#next(ONE)
      if (one === null) {
        this.#isUnderstood = false
        break
      }
      const expression = new RegExp(one[0], this.#isAnyCase ? 'i' : '')
      const place = OCTETS.filter((sign) => expression.test(sign)).join('')
      const times = this.#times()
      if (repeat(ONCE, times) || place.length > MOST_SIGNS) end()
      else {
        run.push(place)
        // What comes next follows the last of them.
        if (times !== ONCE) end([place])
      }
    }
    end()
    // What is fitted is not all of a text that may go on.
    if (isTop && !(isBegun && isEnded)) most = LONGEST
    if (group !== undefined && group.score > score) return { ...group, least, most }
    return { lists: parts.length === 0 ? undefined : [parts], score, least, most }
  }

  #times(): Lengths {
    const [all, sign, least = '', comma, most = ''] = this.#next(TIMES) ?? []
    if (all === undefined) return ONCE
    if (sign !== undefined) return { least: sign === '+' ? 1 : 0, most: sign === '?' ? 1 : LONGEST }
    return { least: Number(least), most: comma === '' ? Number(least) : most === '' ? LONGEST : Number(most) }
  }
}
