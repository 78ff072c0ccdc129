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

/** Comments, texts, regular expressions (in conditions they follow `matches`), words, numbers and signs, in this order. */
const TOKEN =
  /\/\/.*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\])*"|\/(?<=\bmatches(?:\s|\/\/.*\n|\/\*[\s\S]*?\*\/)*\/)(?:\\.|[^/\\\n])+\/|[A-Za-z_]\w*|0x[\da-fA-F]+|\d+|!=|\S/g
/** What makes any octet decide: strings, modules, and files that are not seen here. */
const ANY_OCTET: ReadonlySet<string> = new Set(['strings', '$', '@', '#', '!', 'import', 'include', 'entrypoint'])
const LONG: ReadonlySet<string> = new Set(['for', 'import', 'include'])
/** `uint16be` and its relatives. */
const READ = /^u?int(8|16|32)(?:be)?$/
/** Octets of a SYN at most, with headers as long as they may be. */
const LONGEST = 256

/**
 * Dependencies of rules that compile.
 *
 * @param names those of the external variables
 */
export function dependenciesOf(texts: readonly string[], names: readonly string[]): Dependencies {
  const variables = new Set<string>()
  const octets = new Set<number>()
  let isAny = false
  let isLong = false
  for (const text of texts) {
    const tokens = [...text.matchAll(TOKEN)].map(([token]) => token).filter((token) => !/^\/[/*]/.test(token))
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
  }
  return { variables, octets: isAny ? undefined : [...octets].sort((a, b) => a - b), isLong }
}
