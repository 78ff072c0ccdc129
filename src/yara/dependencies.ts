/**
 * What the answer of YARA rules depends on, read from their text: answers for the same facts need no second scan.
 * @module
 */

import { foundIn } from './literals.ts'
import { type Automata, type Requirements, requirementsOf } from './requirements.ts'

/** Facts that decide the answer of a set of rules. */
export interface Dependencies {
  /** External variables that a condition names. */
  readonly variables: ReadonlySet<string>
  /** Octets at fixed places that a condition reads, ascending, -1 their number; `undefined` where any octet may decide. */
  readonly octets: readonly number[] | undefined
  /** True if a scan may take long: with a time limit libyara reads the clock every ten instructions. */
  readonly isLong: boolean
}

/** What is known of a rule before a scan. */
export interface RulePlan {
  readonly requirements: Requirements
  /** Places of the rules that are scanned with it, among all that are not private: those that it names, and that name it. */
  readonly related: readonly number[]
  /** Of all of these. */
  readonly dependencies: Dependencies
}

/** Comments, texts, regular expressions (they follow `matches` or `=`), words, numbers and signs, in this order. */
const TOKEN =
  /\/\/.*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\])*"|\/(?<=(?:\bmatches|=)(?:\s|\/\/.*\n|\/\*[\s\S]*?\*\/)*\/)(?:\\.|[^/\\\n])+\/[is]*|[A-Za-z_]\w*|0x[\da-fA-F]+|\d+|[=!<>]=|<<|>>|\S/g
/** What makes any octet decide: strings, modules, and files that are not seen here. */
const ANY_OCTET: ReadonlySet<string> = new Set(['strings', '$', '@', '#', '!', 'import', 'include', 'entrypoint'])
const SIGNS: ReadonlySet<string> = new Set(['$', '@', '#', '!'])
const LONG: ReadonlySet<string> = new Set(['for', 'import', 'include'])
/** What concerns all rules of a file. */
const CONCERNS_ALL: ReadonlySet<string> = new Set(['global', 'import', 'include'])
/** `uint16be` and its relatives. */
const READ = /^u?int(8|16|32)(?:be)?$/
/** Octets of a SYN at most, with headers as long as they may be. */
const LONGEST = 256

const tokensOf = (text: string): string[] =>
  [...text.matchAll(TOKEN)].map(([token]) => token).filter((token) => !/^\/[/*]/.test(token))

/** The first expression that libyara does not survive. */
export const fatalIn = (text: string): string | undefined =>
  tokensOf(text).find((token) => /^\/.*\)[*+{]/.test(token) && foundIn(token)?.isFatal)

/**
 * Dependencies of rules that compile.
 *
 * @param names those of the external variables
 */
export function dependenciesOf(texts: readonly string[], names: readonly string[]): Dependencies {
  return ofTokens(texts.flatMap(tokensOf), names)
}

function ofTokens(tokens: readonly string[], names: readonly string[]): Dependencies {
  const variables = new Set<string>()
  const octets = new Set<number>()
  let isAny = false
  let isLong = false
  let isMeta = false
  for (const [i, token] of tokens.entries()) {
    if (tokens[i + 1] === ':' && /^(?:meta|strings|condition)$/.test(token)) isMeta = token === 'meta'
    if (isMeta) continue
    if (token === 'include') for (const name of names) variables.add(name)
    if (names.includes(token)) variables.add(token)
    if (ANY_OCTET.has(token)) isAny = true
    if (LONG.has(token)) isLong = true
    if (token === 'filesize') octets.add(-1)
    const width = READ.exec(token)?.[1]
    if (width === undefined) continue
    const at = Number(tokens[i + 2])
    if (tokens[i + 3] !== ')' || !(at < LONGEST)) isAny = true
    else for (let k = 0; k < Number(width) / 8; k++) octets.add(at + k)
  }
  return { variables, octets: isAny ? undefined : [...octets].sort((a, b) => a - b), isLong }
}

/** The text of one rule. */
interface RuleText {
  readonly name: string
  readonly isPrivate: boolean
  readonly tokens: string[]
}

/**
 * What is known of each rule. Where a rule concerns every other, or the text does not show the rules that libyara has, all are related and
 * nothing is required.
 *
 * @param identifiers those of the rules that are not private, in order
 * @param isNumber if an external variable is a number; `undefined` for other words
 */
export function plansOf(
  texts: readonly string[],
  names: readonly string[],
  identifiers: readonly string[],
  isNumber: (name: string) => boolean | undefined,
): readonly RulePlan[] {
  const together = (): RulePlan[] => {
    const plan = {
      requirements: undefined,
      related: [...identifiers.keys()],
      dependencies: dependenciesOf(texts, names),
    }
    return identifiers.map(() => plan)
  }
  const tokens = texts.flatMap(tokensOf)
  if (tokens.some((token) => CONCERNS_ALL.has(token))) return together()
  const all = ruleTexts(tokens)
  const found = all.filter(({ isPrivate }) => !isPrivate).map(({ name }) => name)
  if (found.join() !== identifiers.join()) return together()
  const places = new Map(identifiers.map((identifier, place) => [identifier, place]))
  const plans: RulePlan[] = []
  const automata: Automata = new Map()
  for (const rules of relatedRules(all)) {
    const related = rules.flatMap(({ name }) => places.get(name) ?? []).sort((a, b) => a - b)
    const dependencies = ofTokens(
      rules.flatMap(({ tokens }) => tokens),
      names,
    )
    for (const { name, tokens } of rules) {
      const place = places.get(name)
      if (place !== undefined)
        plans[place] = { requirements: requirementsOf(tokens, isNumber, automata), related, dependencies }
    }
  }
  return plans
}

/** From each word `rule` to the next. */
function ruleTexts(tokens: readonly string[]): RuleText[] {
  const rules: RuleText[] = []
  for (const [i, token] of tokens.entries()) {
    if (token === 'rule') rules.push({ name: tokens[i + 1] ?? '', isPrivate: tokens[i - 1] === 'private', tokens: [] })
    else rules.at(-1)?.tokens.push(token)
  }
  return rules
}

/** Rules that name each other, be it by the beginning of names (`any of (lwip*)`), and those that name no other. */
function relatedRules(rules: readonly RuleText[]): RuleText[][] {
  const sets = new Map(rules.map((rule) => [rule.name, new Set([rule])]))
  const join = (name: string, other: string): void => {
    const [set, others] = [sets.get(name)!, sets.get(other)!]
    if (set === others) return
    for (const one of others) {
      set.add(one)
      sets.set(one.name, set)
    }
  }
  for (const { name, tokens } of rules) {
    for (const [i, token] of tokens.entries()) {
      // Not `$a`, `#a`, `@a` and `!a`, which are strings.
      if (SIGNS.has(tokens[i - 1] ?? '')) continue
      if (sets.has(token)) join(name, token)
      if (tokens[i + 1] !== '*' || !/^\w/.test(token)) continue
      for (const other of sets.keys()) if (other.startsWith(token)) join(name, other)
    }
  }
  return [...new Set(sets.values())].map((set) => [...set])
}
