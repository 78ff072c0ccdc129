/**
 * What must hold for a rule to match, as far as it can be looked up without a scan: read from the text of its condition.
 * @module
 */

import { Automaton } from './automaton.ts'
import { type Expression, expressionOf, type Seen } from './expression.ts'
import { foundIn, type Lengths, LONGEST, literalsOf, type Part, type Parts, partOfText, textOf } from './literals.ts'

type Value = string | number

/** A value that is read, a part of a text (of the octets, or of a variable), or what else is said of a value that is read. */
export type Requirement =
  | (Fact & { readonly kind: 'equals'; readonly value: Value })
  | (Fact & { readonly kind: 'holds'; readonly value: Value; test(found: Value): boolean })
  | { readonly kind: 'contains'; readonly of: string | undefined; readonly value: string; readonly part: Part }

interface Fact {
  /** The same for all that read the same. */
  readonly of: string
  /** False where it may have no value. */
  readonly isDefined: boolean
  read(seen: Seen): Value | undefined
}

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
  readonly literals: ReadonlyMap<string, Parts>
  /** If an external variable is a number; `undefined` for other words. */
  isNumber(name: string): boolean | undefined
  readonly automata: Automata
}

/** By variable. */
export type Automata = Map<string, Automaton>

const encoder = new TextEncoder()
/** Octets of texts that many do not have. */
const LONG = 64
/** Characters of a beginning that are looked up. */
const BEGINNING = 12
/** Lists that requirements of several terms make, at most, and rounds of a loop that are looked at one by one. */
const MOST_LISTS = 32
/** Lists of requirements of a rule, at most. */
const MOST_ALTERNATIVES = 256
/** Of longer and deeper conditions nothing is said: to read them takes the square of that, and stack. */
const MOST_TOKENS = 4096
const MOST_DEPTH = 64

/** @param tokens of one rule, from its name on @param automata those of all rules */
export function requirementsOf(
  tokens: readonly string[],
  isNumber: Context['isNumber'],
  automata: Automata,
): Requirements {
  const section = (name: string): number => tokens.findIndex((token, i) => token === name && tokens[i + 1] === ':')
  const condition = section('condition')
  const end = tokens.indexOf('}', condition)
  if (condition < 0 || end < 0 || end - condition > MOST_TOKENS) return undefined
  const strings = section('strings')
  const literals = literalsOf(strings < 0 ? [] : tokens.slice(strings + 2, condition))
  return ofCondition(tokens.slice(condition + 2, end), { literals, isNumber, automata })
}

function ofCondition(tokens: readonly string[], context: Context, depth = 0): Requirements {
  if (depth > MOST_DEPTH) return undefined
  const inner = withoutParentheses(tokens)
  const of = (one: readonly string[]): Requirements => ofCondition(one, context, depth + 1)
  const alternatives = split(inner, 'or')
  if (alternatives.length > 1) return oneOf(alternatives.map(of))
  const terms = split(inner, 'and')
  if (terms.length > 1) return allOf(terms.map(of))
  if (inner[0] === 'not') return negated(of(inner.slice(1)))
  return inner[0] === 'for' ? ofLoop(inner.slice(1), context) : ofTerm(inner, context)
}

function oneOf(all: readonly Requirements[]): Requirements {
  const known = all.filter((one) => one !== undefined)
  if (known.length < all.length) return undefined
  const any = known.flatMap((one) => one.any)
  return any.length > MOST_ALTERNATIVES ? undefined : { any, isExact: known.every(({ isExact }) => isExact) }
}

/** Lists of one or the other term become lists of both. */
function allOf(all: readonly Requirements[]): Requirements {
  let any: (readonly Requirement[])[] = [[]]
  let isExact = true
  for (const one of all) {
    const lists = any.length * (one?.any.length ?? 0)
    if (one === undefined || (lists > MOST_LISTS && any.length > 1 && one.any.length > 1)) isExact = false
    else {
      any = any.flatMap((list) => one.any.map((other) => [...list, ...other]))
      isExact &&= one.isExact
    }
  }
  return any.every((list) => list.length > 0) ? { any, isExact } : undefined
}

const inexact = (one: Requirements): Requirements => one && { ...one, isExact: false }
const just = (one: Requirement, isExact: boolean): Requirements => ({ any: [[one]], isExact })

/** Of what is said of a single variable: what may have no value is neither true nor false to YARA. */
function negated(one: Requirements): Requirements {
  const [first] = one?.any.flat() ?? []
  if (!one?.isExact || first === undefined || first.kind === 'contains' || !first.isDefined) return undefined
  const { of, read } = first
  const tests: ((found: Value) => boolean)[][] = []
  for (const list of one.any) {
    const all: (typeof tests)[number] = []
    for (const other of list) {
      if (other.of !== of || other.kind === 'contains') return undefined
      all.push(other.kind === 'equals' ? (found) => found === other.value : other.test)
    }
    tests.push(all)
  }
  const test = (found: Value): boolean => !tests.some((all) => all.every((holds) => holds(found)))
  return just({ kind: 'holds', of, isDefined: true, read, value: 'not', test }, true)
}

/** `for any i in (0..3) : (...)`. */
function ofLoop(tokens: readonly string[], context: Context): Requirements {
  const colon = tokens.indexOf(':')
  const [quantifier = '', name = '', ...range] = tokens.slice(0, colon)
  const body = withoutParentheses(tokens.slice(colon + 1))
  const every = { any: oneOf, all: allOf }[quantifier]
  const values = range[0] === 'in' ? valuesOf(range.slice(2, -1)) : undefined
  if (colon < 0 || every === undefined || body.includes('for')) return undefined
  const rounds = values?.map((value) =>
    ofCondition(
      body.map((token) => (token === name ? String(value) : token)),
      context,
    ),
  )
  // What does not change from round to round is required of one at least.
  return (rounds && every(rounds)) ?? (quantifier === 'any' || values ? inexact(ofCondition(body, context)) : undefined)
}

/** `0..3` or `1,2,5`; `undefined` where they are too many or not certain. */
function valuesOf(tokens: readonly string[]): readonly number[] | undefined {
  const text = tokens.join('')
  const [, first, last] = /^(\d+)\.\.(\d+)$/.exec(text) ?? []
  const count = Number(last) - Number(first) + 1
  if (count >= 1 && count <= MOST_LISTS) return Array.from({ length: count }, (_, i) => Number(first) + i)
  return /^\d+(?:,\d+)*$/.test(text) ? text.split(',').map(Number) : undefined
}

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
  const [first = '', second = ''] = tokens
  if (first === '$') return ofString(context.literals.get(second), tokens.slice(2))
  if (second === 'of') return ofStrings(first, tokens.slice(2), context)
  if (context.isNumber(first) === false) return ofText(first, tokens.slice(1), context)
  return ofNumbers(tokens, context)
}

/** `any of them`, `all of ($a, $b*)`. */
function ofStrings(quantifier: string, tokens: readonly string[], { literals }: Context): Requirements {
  const wanted =
    tokens[0] === 'them'
      ? ['*']
      : tokens
          .slice(1, -1)
          .join('')
          .split(',')
          .map((name) => name.slice(1))
  const each: Requirements[] = []
  for (const [name, parts] of literals)
    if (wanted.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one)))
      each.push(ofString(parts, []))
  if (each.length === 0 || (tokens.length > 1 && tokens.at(-1) !== ')')) return undefined
  if (quantifier === 'all') return allOf(each)
  return quantifier === 'any' || quantifier === '1'
    ? oneOf(each)
    : /^\d+$/.test(quantifier) && Number(quantifier) > 1
      ? inexact(oneOf(each))
      : undefined
}

function ofString(parts: Parts, rest: readonly string[]): Requirements {
  if (parts === undefined || !(rest.length === 0 || rest[0] === 'at' || rest[0] === 'in')) return undefined
  const at =
    rest[0] === 'at' && /^(?:0x[\da-f]+|\d+)$/i.test(rest[1]!) && rest.length === 2 ? Number(rest[1]) : undefined
  return eachOf(parts, (part) => {
    const { text, isFirst, isWhole } = part
    if (at === undefined || text === undefined || !isFirst)
      return contains(undefined, part, isWhole && rest.length === 0)
    const value = text.slice(0, BEGINNING)
    const end = at + value.length
    const read = (seen: Seen): string => seen.text.slice(at, end)
    return just({ kind: 'equals', of: `at ${at} ${end}`, isDefined: true, value, read }, isWhole && value === text)
  })
}

const eachOf = (parts: NonNullable<Parts>, of: (part: Part) => Requirements): Requirements =>
  oneOf(parts.map((list) => allOf(list.map(of))))

const contains = (of: string | undefined, part: Part, isExact: boolean): Requirements =>
  just({ kind: 'contains', of, value: part.text ?? part.places.join('.'), part }, isExact)

/** `options == "2,4"`, `label icontains "linux"`, `user_agent matches /curl/i`. */
function ofText(
  name: string,
  [operator = '', operand = '', ...more]: readonly string[],
  { automata }: Context,
): Requirements {
  if (more.length > 0) return undefined
  if (operator === 'matches') return ofExpression(name, operand, automata)
  const value = textOf(operand)
  // libyara sees other characters as several octets.
  if (value === undefined || !ASCII.test(value)) return undefined
  const fact = { of: name, isDefined: true, read: (seen: Seen) => seen.variable(name) }
  if (operator === '==') return just({ ...fact, kind: 'equals', value }, true)
  if (operator === '!=') return just({ ...fact, kind: 'holds', value, test: (found) => found !== value }, true)
  const [, isAnyCase, how] = /^(i?)(contains|startswith|endswith|equals)$/.exec(operator) ?? []
  if (how === undefined) return undefined
  const isStart = how === 'startswith'
  return ofParts(name, [[partOfText(value, isAnyCase !== '')]], isStart, isStart || how === 'contains')
}

/** What whatever fits has, which is looked up, and that it fits. */
function ofExpression(name: string, expression: string, automata: Automata): Requirements {
  const found = foundIn(expression)
  if (found === undefined) return undefined
  const known = ofParts(name, found.lists, true, false) ?? ofLength(name, found)
  let automaton = automata.get(name)
  if (automaton === undefined) automata.set(name, (automaton = new Automaton()))
  const fits = found.alternatives && automaton.add(found.alternatives)
  if (fits === undefined) return known
  const read = (seen: Seen): string => automaton.run(String(seen.variable(name)))
  const fact = { of: `matches ${name}`, isDefined: true, read, value: expression }
  const all = allOf([known, just({ ...fact, kind: 'holds', test: (found) => fits(String(found)) }, true)])
  return all && { ...all, isExact: true }
}

const ASCII = /^[\0-\x7f]+$/

function ofParts(name: string, parts: Parts, isStart: boolean, isExact: boolean): Requirements {
  if (parts === undefined || !parts.flat().every(({ places }) => places.every((one) => ASCII.test(one))))
    return undefined
  return eachOf(parts, (part) => {
    const { text, isFirst } = part
    if (text === undefined || !isFirst || !isStart) return contains(name, part, isExact && text !== undefined)
    const value = text.slice(0, BEGINNING)
    const read = (seen: Seen): string => String(seen.variable(name)).slice(0, value.length)
    return just(
      { kind: 'equals', of: `${name} ${value.length}`, isDefined: true, value, read },
      isExact && value === text,
    )
  })
}

/** The octets that libyara sees, where nothing else of an expression is certain. */
function ofLength(name: string, { least, most }: Lengths): Requirements {
  if (least < LONG && most >= LONGEST) return undefined
  const read = (seen: Seen): number => encoder.encode(String(seen.variable(name))).length
  const fact = { of: `length ${name}`, isDefined: true, read }
  if (least === most) return just({ ...fact, kind: 'equals', value: least }, false)
  const test = (found: Value): boolean => Number(found) >= least && (most >= LONGEST || Number(found) <= most)
  return just({ ...fact, kind: 'holds', value: `${least} to ${most}`, test }, false)
}

/** A number that is read, compared with one that is the same for all. */
function ofNumbers(tokens: readonly string[], { isNumber }: Context): Requirements {
  const at = tokens.findIndex((token) => Object.hasOwn(COMPARISONS, token))
  if (at < 0) return undefined
  const [before, after] = [tokens.slice(0, at), tokens.slice(at + 1)]
  const right = expressionOf(after, isNumber)
  const value = right?.constant
  const left = expressionOf(before, isNumber)
  if (left === undefined || right === undefined || (left.constant === undefined) === (value === undefined))
    return undefined
  if (value === undefined) return ofComparison(right, MIRRORED[tokens[at]!] ?? tokens[at]!, left.constant!)
  return ofComparison(left, tokens[at]!, value)
}

function ofComparison({ text: of, isDefined, value: read }: Expression, operator: string, value: number): Requirements {
  const fact = { of, isDefined, read, value }
  if (operator === '==') return just({ ...fact, kind: 'equals' }, true)
  const compare = COMPARISONS[operator]!
  return just({ ...fact, kind: 'holds', test: (found) => compare(found as number, value) }, true)
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}
const MIRRORED: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' }
