/**
 * What the answer of YARA rules depends on, read from their text: answers for the same facts need no second scan.
 * @module
 */

/** Facts that decide the answer of a set of rules. */
export interface Dependencies {
  /** External variables that a condition names. */
  readonly variables: ReadonlySet<string>
  /** Octets at fixed places that a condition reads, ascending; `undefined` where any octet may decide. */
  readonly octets: readonly number[] | undefined
  /** True if a scan may take long: with a time limit libyara reads the clock every ten instructions. */
  readonly isLong: boolean
}

/** Rules that depend on the same facts. */
export interface RuleGroup extends Dependencies {
  /** Places of its rules among all that are not private, ascending. */
  readonly rules: readonly number[]
}

/** Comments, texts, regular expressions (in conditions they follow `matches`), words, numbers and signs, in this order. */
const TOKEN =
  /\/\/.*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\])*"|\/(?<=\bmatches(?:\s|\/\/.*\n|\/\*[\s\S]*?\*\/)*\/)(?:\\.|[^/\\\n])+\/|[A-Za-z_]\w*|0x[\da-fA-F]+|\d+|!=|\S/g
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
/** Groups at most: each has a copy of the compiled rules, and a look at what was seen before. */
const MOST_GROUPS = 6

const tokensOf = (text: string): string[] =>
  [...text.matchAll(TOKEN)].map(([token]) => token).filter((token) => !/^\/[/*]/.test(token))

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
 * Rules by what they depend on: where a fact is new, only those are scanned with that it may decide. Rules that name each other stay
 * together. One group of all where a rule concerns every other, or where the text does not show the rules that libyara has.
 *
 * @param names those of the external variables
 * @param identifiers those of the rules that are not private, in order
 */
export function groupsOf(
  texts: readonly string[],
  names: readonly string[],
  identifiers: readonly string[],
): readonly RuleGroup[] {
  const together = (): RuleGroup[] => [{ ...dependenciesOf(texts, names), rules: [...identifiers.keys()] }]
  const tokens = texts.flatMap(tokensOf)
  if (tokens.some((token) => CONCERNS_ALL.has(token))) return together()
  const all = ruleTexts(tokens)
  const found = all.filter(({ isPrivate }) => !isPrivate).map(({ name }) => name)
  if (found.join() !== identifiers.join()) return together()
  const groups = new Map<string, RuleText[]>()
  for (const related of relatedRules(all)) {
    const { variables, octets, isLong } = ofTokens(textOf(related), names)
    const key = `${[...variables].sort()} ${octets} ${isLong}`
    groups.set(key, [...(groups.get(key) ?? []), ...related])
  }
  const largestFirst = [...groups.values()].sort((a, b) => b.length - a.length)
  const kept = largestFirst.slice(0, MOST_GROUPS - 1)
  const rest = largestFirst.slice(MOST_GROUPS - 1).flat()
  const places = new Map(identifiers.map((identifier, place) => [identifier, place]))
  return [...kept, ...(rest.length === 0 ? [] : [rest])].map((rules) => ({
    ...ofTokens(textOf(rules), names),
    rules: rules.flatMap(({ name }) => places.get(name) ?? []).sort((a, b) => a - b),
  }))
}

const textOf = (rules: readonly RuleText[]): string[] => rules.flatMap(({ tokens }) => tokens)

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
