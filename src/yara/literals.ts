/**
 * Octets and characters that a string of a rule, or a regular expression, cannot do without.
 * @module
 */

import { type Alternative, inTurn, type Make, oneOf, repeated } from './automaton.ts'

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
const MOST_PARTS = 256
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
export const partsOf = (token: string, isAnyCase?: boolean): Parts => foundIn(token, isAnyCase)?.lists

/** What is known of a regular expression; `undefined` where it is not understood. */
export function foundIn(token: string, isAnyCase = false): Understood | undefined {
  const [, pattern, modifiers] = /^\/([\x20-\x7e]+)\/([is]*)$/.exec(token) ?? []
  if (pattern === undefined) return undefined
  return new Pattern(pattern, isAnyCase || modifiers!.includes('i'), modifiers!.includes('s')).found()
}

/** From the least to the most: octets of an expression, or times that it is repeated. */
export interface Lengths {
  readonly least: number
  readonly most: number
}

interface Found extends Lengths {
  readonly lists: Parts
  /** Bits that the least of them says. */
  readonly score: number
  readonly make: Make
}

/** A whole expression. */
interface Understood extends Found {
  /** `undefined` where `^`, `$` or `\b` are within. */
  readonly alternatives: readonly Alternative[] | undefined
  /** True if libyara may end the process by an assertion of its own: 4.2.3 does of `(a??)*` behind `^`. */
  readonly isFatal: boolean
}

/** Octets as expressions of JavaScript see them: those that are not ASCII as characters that have no capitals and are no spaces. */
const OCTETS = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code < 128 ? code : 0xe000 + code))
/** What stands for one character, as it is understood here and there alike; what fits between characters. */
const ONE =
  /\\(?:x[\da-fA-F]{2}|[dDwWsSntrf]|\W)|\[\^?\]?(?:\\(?:x[\da-fA-F]{2}|[dDwWsSntrf]|\W)|[^\]\\])*\]|[^\\[*+?{^$]/y
const BETWEEN = /\^|\$|\\[bB]/y
const TIMES = /(?:([*?+])|\{(?=,?\d)(\d*)(,?)(\d*)\})\??/y
const UNGREEDY = /[*+?}]\?/
/** Characters that a place may have, at most. */
const MOST_SIGNS = 64
const ONCE: Lengths = { least: 1, most: 1 }
/** More octets than texts have. */
export const LONGEST = 65_536

/** A regular expression while it is read. */
class Pattern {
  readonly #text: string
  readonly #isAnyCase: boolean
  readonly #isAnyLine: boolean
  readonly #all: Alternative[] = []
  #at = 0
  #isUnderstood = true
  #isSimple = true
  #isFatal = false
  /** Groups that are repeated, so far. */
  #loops = 0

  /** @param isAnyLine if `.` is a line feed as well */
  constructor(text: string, isAnyCase: boolean, isAnyLine: boolean) {
    this.#text = text
    this.#isAnyCase = isAnyCase
    this.#isAnyLine = isAnyLine
  }

  found(): Understood | undefined {
    const found = this.#alternatives(true)
    if (!this.#isUnderstood || this.#at < this.#text.length) return undefined
    return { ...found, alternatives: this.#isSimple ? this.#all : undefined, isFatal: this.#isFatal }
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
      make: oneOf(all.map(({ make }) => make)),
    }
  }

  /** The runs of characters, or the group that says more than all of them. */
  #sequence(isTop: boolean): Found {
    let group: Found | undefined
    const parts: Part[] = []
    const makes: Make[] = []
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
    const repeat = (one: Lengths, make: Make, times: Lengths): boolean => {
      least += one.least * times.least
      most += Math.min(one.most, LONGEST) * times.most
      // libyara does not go through what may be left out as often as it may be.
      if (one.least === 0 && times !== ONCE) {
        this.#isSimple = false
        if (times.most > 1 && UNGREEDY.test(this.#text)) this.#isFatal = true
      }
      makes.push(repeated(make, times.least, times.most < LONGEST ? times.most : Infinity))
      return times.least === 0
    }
    while (this.#at < this.#text.length && !/[|)]/.test(this.#text[this.#at]!)) {
      if (this.#takes('(')) {
        const loops = this.#loops
        const found = this.#alternatives(false)
        if (!this.#takes(')')) this.#isUnderstood = false
        const times = this.#times()
        // libyara loses its way in a group that is repeated within one: `((a?b)+)+`.
        if (times.most > 1 && this.#loops++ > loops) this.#isSimple = false
        if (!repeat(found, found.make, times) && found.lists !== undefined && found.score > (group?.score ?? 0))
          group = found
        end()
        continue
      }
      const between = this.#next(BETWEEN)
      if (between !== null) {
        const isEnd = between[0] === '$'
        isEnded ||= isEnd
        if (!(isEnd && isTop && /^(?:\||$)/.test(this.#text.slice(this.#at)))) this.#isSimple = false
        continue
      }
      const one = this.#next(ONE)
      if (one === null) {
        this.#isUnderstood = false
        break
      }
      const place = this.#placeOf(one[0])
      const times = this.#times()
      if (repeat(ONCE, (group) => group.place(place), times) || place.length > MOST_SIGNS) end()
      else {
        run.push(place)
        // What comes next follows the last of them.
        if (times !== ONCE) end([place])
      }
    }
    end()
    // What is fitted is not all of a text that may go on.
    if (isTop && !(isBegun && isEnded)) most = LONGEST
    const make = inTurn(makes)
    if (isTop) this.#all.push({ make, isBegun, isEnded })
    if (group !== undefined && group.score > score) return { ...group, least, most, make }
    return { lists: parts.length === 0 ? undefined : [parts], score, least, most, make }
  }

  /** The octets that it stands for. */
  #placeOf(one: string): string {
    const same =
      one === '.'
        ? `[^${this.#isAnyLine ? '' : '\\n'}]`
        : one
            .replace(/^(\[\^?)\]/, '$1\\]')
            .replace(/\\(?:x([89a-f].)|.)/gi, (all, hex) => (hex === undefined ? all : `\\ue0${hex}`))
    const expression = new RegExp(same, this.#isAnyCase ? 'i' : '')
    return OCTETS.flatMap((sign, code) => (expression.test(sign) ? String.fromCharCode(code) : [])).join('')
  }

  #times(): Lengths {
    const [all, sign, least = '', comma, most = ''] = this.#next(TIMES) ?? []
    if (all === undefined) return ONCE
    if (sign !== undefined) return { least: sign === '+' ? 1 : 0, most: sign === '?' ? 1 : LONGEST }
    return { least: Number(least), most: comma === '' ? Number(least) : most === '' ? LONGEST : Number(most) }
  }
}
