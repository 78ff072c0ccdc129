/**
 * What must hold for a rule to match, as far as it can be looked up without a scan: read from the text of its condition.
 * @module
 */
import { type Literal, literalsOf, requiredPart, textOf } from './literals.ts'

/** What a rule sees. */
export interface Seen {
  readonly octets: Uint8Array
  /** The octets, a character each. */
  readonly text: string
  variable(name: string): string | number
}

/** A value that is read, a text that has a part (of the octets, or of a variable), or a number that compares. */
export type Requirement =
  | { readonly kind: 'equals'; readonly of: string; readonly value: string | number; read(seen: Seen): unknown }
  | { readonly kind: 'contains'; readonly of: string | undefined; readonly value: string }
  | { readonly kind: 'holds'; readonly of: string; readonly value: string | number; test(seen: Seen): boolean }

/** What is required; `undefined` of a rule that may match whatever is seen. */
export type Requirements =
  | {
      /** All of one of the lists holds wherever the rule matches. */
      readonly any: readonly (readonly Requirement[])[]
      /** True if the rule matches wherever all of one of the lists holds. */
      readonly isExact: boolean
    }
  | undefined

interface Context {
  readonly literals: ReadonlyMap<string, Literal | undefined>
  /** If an external variable is a number; `undefined` for other words. */
  isNumber(name: string): boolean | undefined
}

/** Characters of a beginning that are looked up. */
const BEGINNING = 12
/** Lists of requirements of a rule, at most. */
const MOST_LISTS = 16

/** @param tokens of one rule, from its name on */
export function requirementsOf(tokens: readonly string[], isNumber: Context['isNumber']): Requirements {
  const section = (name: string): number => tokens.findIndex((token, i) => token === name && tokens[i + 1] === ':')
  const condition = section('condition')
  const end = tokens.indexOf('}', condition)
  if (condition < 0 || end < 0) return undefined
  const strings = section('strings')
  const literals = literalsOf(strings < 0 ? [] : tokens.slice(strings + 2, condition))
  return ofCondition(tokens.slice(condition + 2, end), { literals, isNumber })
}

function ofCondition(tokens: readonly string[], context: Context): Requirements {
  const inner = withoutParentheses(tokens)
  const alternatives = split(inner, 'or')
  if (alternatives.length > 1) return oneOf(alternatives.map((one) => ofCondition(one, context)))
  const terms = split(inner, 'and')
  return terms.length > 1 ? allOf(terms.map((one) => ofCondition(one, context))) : ofTerm(inner, context)
}

function oneOf(all: readonly Requirements[]): Requirements {
  const known = all.filter((one) => one !== undefined)
  if (known.length < all.length) return undefined
  return { any: known.flatMap(({ any }) => any), isExact: known.every(({ isExact }) => isExact) }
}

/** Lists of one or the other term become lists of both. */
function allOf(all: readonly Requirements[]): Requirements {
  let any: (readonly Requirement[])[] = [[]]
  let isExact = true
  for (const one of all) {
    if (one === undefined || any.length * one.any.length > MOST_LISTS) isExact = false
    else {
      any = any.flatMap((list) => one.any.map((other) => [...list, ...other]))
      isExact &&= one.isExact
    }
  }
  return any.every((list) => list.length > 0) ? { any, isExact } : undefined
}

const just = (one: Requirement, isExact: boolean): Requirements => ({ any: [[one]], isExact })

/** Without those around the whole. */
function withoutParentheses(tokens: readonly string[]): readonly string[] {
  if (tokens[0] !== '(') return tokens
  let depth = 0
  const close = tokens.findIndex((token) => {
    if (token === '(') depth++
    return token === ')' && --depth === 0
  })
  return close === tokens.length - 1 ? withoutParentheses(tokens.slice(1, -1)) : tokens
}

/** What stands between a word, outside of parentheses. */
function split(tokens: readonly string[], word: string): string[][] {
  const parts: string[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (token === '(') depth++
    if (token === ')') depth--
    if (depth === 0 && token === word) parts.push([])
    else parts.at(-1)!.push(token)
  }
  return parts
}

function ofTerm(tokens: readonly string[], context: Context): Requirements {
  const [first = '', second = '', third = ''] = tokens
  if (first === '$') return ofString(context.literals.get(second), tokens.slice(2))
  if (tokens.length === 3 && second === 'of' && third === 'them') {
    const each = [...context.literals.values()].map((literal) => ofString(literal, []))
    if (first === 'any' || first === '1') return oneOf(each)
    return first === 'all' ? allOf(each) : undefined
  }
  const isNumber = context.isNumber(first)
  if (isNumber === false) return ofText(first, tokens.slice(1))
  if (isNumber === true) return ofNumber(first, (seen) => seen.variable(first) as number, tokens.slice(1))
  const read = /^uint(8|16|32)(be)?$/.exec(first)
  const at = integer(third)
  if (read === null || second !== '(' || tokens[3] !== ')' || Number.isNaN(at)) return undefined
  const width = Number(read[1]) / 8
  return ofNumber(`${first} ${at}`, ({ octets }) => numberAt(octets, at, width, read[2] !== 'be'), tokens.slice(4))
}

function ofString(literal: Literal | undefined, rest: readonly string[]): Requirements {
  if (literal === undefined) return undefined
  const at = rest[0] === 'at' && rest.length === 2 ? integer(rest[1]) : Number.NaN
  if (!Number.isNaN(at) && literal.isFirst) {
    const value = literal.text.slice(0, BEGINNING)
    const end = at + value.length
    const read = ({ text }: Seen): string => text.slice(at, end)
    return just({ kind: 'equals', of: `at ${at} ${end}`, value, read }, literal.isWhole && value === literal.text)
  }
  return rest.length === 0 || rest[0] === 'at' || rest[0] === 'in'
    ? just({ kind: 'contains', of: undefined, value: literal.text }, literal.isWhole && rest.length === 0)
    : undefined
}

function ofText(name: string, rest: readonly string[]): Requirements {
  const [operator, ...operands] = rest
  if (operands.length === 1 && operator === 'matches') {
    const part = requiredPart(operands[0]!)
    if (part === undefined) return undefined
    return part.isFirst
      ? beginning(name, part.text, false)
      : just({ kind: 'contains', of: name, value: part.text }, false)
  }
  const value = textOf(operands.at(-1) ?? '')
  if (value === undefined || value === '') return undefined
  if (operands.length === 2 && operator === '=' && operands[0] === '=')
    return just({ kind: 'equals', of: name, value, read: (seen) => seen.variable(name) }, true)
  if (operands.length !== 1) return undefined
  if (operator === 'startswith') return beginning(name, value, true)
  return operator === 'contains' || operator === 'endswith'
    ? just({ kind: 'contains', of: name, value }, operator === 'contains')
    : undefined
}

function beginning(name: string, text: string, isAll: boolean): Requirements {
  const value = text.slice(0, BEGINNING)
  const { length } = value
  const read = (seen: Seen): string => (seen.variable(name) as string).slice(0, length)
  return just({ kind: 'equals', of: `${name} ${length}`, value, read }, isAll && value === text)
}

function ofNumber(of: string, read: (seen: Seen) => number | undefined, rest: readonly string[]): Requirements {
  const [, operator, sign, digits] = /^(==|!=|<=?|>=?)(-?)(0x[\da-f]+|\d+)$/i.exec(rest.join('')) ?? []
  if (operator === undefined) return undefined
  const value = sign === '-' ? -Number(digits) : Number(digits)
  if (operator === '==') return just({ kind: 'equals', of, value, read }, true)
  const compare = COMPARISONS[operator]!
  const test = (seen: Seen): boolean => {
    const found = read(seen)
    return found !== undefined && compare(found, value)
  }
  return just({ kind: 'holds', of, value, test }, true)
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

const integer = (token: string | undefined): number =>
  /^(?:0x[\da-f]+|\d+)$/i.test(token ?? '') ? Number(token) : Number.NaN

/** `uint8` to `uint32be`; `undefined` beyond the end. */
function numberAt(octets: Uint8Array, at: number, width: number, isLittle: boolean): number | undefined {
  if (at + width > octets.length) return undefined
  let value = 0
  for (let i = 0; i < width; i++) value = value * 256 + octets[isLittle ? at + width - 1 - i : at + i]!
  return value
}
