/**
 * Octets and characters that a string of a rule, or a regular expression, cannot do without.
 * @module
 */

/** A part of whatever fits. */
export interface Literal {
  /** A character an octet. */
  readonly text: string
  /** True if what fits begins with it. */
  readonly isFirst: boolean
  /** True if what fits is just this. */
  readonly isWhole: boolean
}

/** Modifiers that leave a string as it is written; with the last it fits less. */
const HARMLESS: ReadonlySet<string> = new Set(['ascii', 'private', 'fullword'])

/** The strings of a rule by name, `undefined` for those of which nothing is certain. @param tokens of the section, without its name */
export function literalsOf(tokens: readonly string[]): ReadonlyMap<string, Literal | undefined> {
  const found = new Map<string, Literal | undefined>()
  let at = 0
  while (tokens[at] === '$') {
    const name = tokens[at + 1] === '=' ? ` ${at}` : tokens[at + 1]!
    at = tokens.indexOf('=', at) + 1
    if (at === 0) return new Map()
    const value = tokens[at] ?? ''
    let literal: Literal | undefined
    if (value === '{') {
      const end = tokens.indexOf('}', at)
      if (end < 0) return new Map()
      literal = partOfOctets(tokens.slice(at + 1, end).join(''))
      at = end + 1
    } else {
      const text = textOf(value)
      literal =
        text === undefined ? requiredPart(value) : text === '' ? undefined : { text, isFirst: true, isWhole: true }
      at++
    }
    const from = at
    while (at < tokens.length && tokens[at] !== '$') at++
    const modifiers = tokens.slice(from, at)
    if (!modifiers.every((word) => HARMLESS.has(word))) literal = undefined
    found.set(name, literal && { ...literal, isWhole: literal.isWhole && !modifiers.includes('fullword') })
  }
  return found
}

/** A run of whole octets of a hex string: what may differ, or is of any length, is to an expression as well. */
function partOfOctets(hex: string): Literal | undefined {
  const expression = hex.replace(/\[[^\]]*\]|~..|[\da-f?]{2}/gi, (one) =>
    /^[\da-f]{2}$/i.test(one) ? `\\x${one}` : '.*',
  )
  const part = requiredPart(`/^${expression}/`)
  return part && { ...part, isWhole: 2 * part.text.length === hex.length }
}

/** Where a parenthesis or bracket ends. */
function closing(text: string, from: number): number {
  const [open, close] = text[from] === '(' ? ['(', ')'] : ['[', ']']
  let depth = 0
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === open && (open === '(' || i === from)) depth++
    else if (text[i] === close && --depth === 0) return i
  }
  return text.length
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

/** A part of whatever a regular expression `/.../` fits; `undefined` where none is certain. */
export function requiredPart(token: string): Literal | undefined {
  if (!/^\/[\x20-\x7e]+\/$/.test(token) || token.includes('[]') || token.includes('[^]')) return undefined
  const pattern = token.slice(1, -1)
  const isAnchored = pattern.startsWith('^')
  const parts: string[] = ['']
  for (let i = isAnchored ? 1 : 0; i < pattern.length; i++) {
    const sign = pattern[i]!
    if (sign === '|') return undefined
    const escaped = /^\\(?:x([\da-fA-F]{2})|(\W))/.exec(pattern.slice(i, i + 4))
    // What is repeated may be absent.
    if (/[*?{]/.test(sign)) parts.push(parts.pop()!.slice(0, -1))
    if (escaped !== null) {
      const [all, hex] = escaped
      parts.push(parts.pop()! + (hex === undefined ? escaped[2]! : String.fromCharCode(Number.parseInt(hex, 16))))
      i += all.length - 1
    } else if (/[\\()[.$^*+?{]/.test(sign)) {
      parts.push('')
      if (sign === '\\') i++
      if (sign === '(' || sign === '[') i = closing(pattern, i)
      if (sign === '{') i = Math.max(i, pattern.indexOf('}', i))
    } else parts.push(parts.pop()! + sign)
  }
  // That with which all begins is looked up at once.
  const isFirst = isAnchored && parts[0] !== ''
  const text = isFirst ? parts[0]! : parts.sort((a, b) => b.length - a.length)[0]!
  return text === '' ? undefined : { text, isFirst, isWhole: false }
}
