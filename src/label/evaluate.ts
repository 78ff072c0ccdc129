/**
 * How well a database labels SYNs whose senders are known.
 * @module
 */

import { safeParseSyn } from '../wire/syn.ts'
import type { Database } from './database.ts'
import { type Label, match } from './match.ts'

/** A SYN and what is known of its sender: words of its name, or its family. */
export interface EvaluationRow {
  /** The saved SYN in hexadecimal. */
  readonly hex: string
  /**
   * Words that a label may contain, upper and lower case told apart: first the sender's own name, then those of what it is made
   * of (`['Android', 'Linux']`). Without it `family` decides.
   */
  readonly accept?: readonly string[] | undefined
  /** Family of the label: `linux`, `windows` ... */
  readonly family?: string | undefined
  /** How good the evidence for the sender is; rows of grade `D` (a guess) are passed over. */
  readonly grade?: string | undefined
}

/**
 * `right`: a specific signature whose label has the first word of `accept`, or the family. `generic`: only one of the further
 * words, or a last resort of the database. `wrong`: it names others. `none`: no signature fits.
 */
export type EvaluationVerdict = 'right' | 'generic' | 'wrong' | 'none'

/** A row whose label it does not accept. */
export interface EvaluatedRow {
  /** Number of the row, from 1. */
  readonly line: number
  readonly hex: string
  /** Absent where no signature fits. */
  readonly label?: string
  /** Words that would have been right, or the family. */
  readonly accept: readonly string[]
}

/** What {@link evaluate} found: the object of `evaluate --json`. */
export interface Evaluation {
  /** Rows judged: the sum of the four counts. */
  readonly rows: number
  readonly right: number
  readonly generic: number
  readonly wrong: number
  readonly none: number
  /** In order, at most 10,000. */
  readonly wrongRows: readonly EvaluatedRow[]
  /** In order, at most 10,000. */
  readonly noneRows: readonly EvaluatedRow[]
}

/** Rows kept in each list. */
const MOST_ROWS = 10_000

/** What one label is worth for a row that has `accept` or `family`. */
function verdictOf(label: Label, row: Omit<EvaluationRow, 'hex'>): EvaluationVerdict {
  const { name } = label
  if (name === undefined) return 'none'
  const words = row.accept ?? []
  const first = words.length > 0 ? name.includes(words[0]!) : label.family === row.family
  if (first) return label.generic ? 'generic' : 'right'
  return words.some((word) => name.includes(word)) ? 'generic' : 'wrong'
}

/** Counts row after row. */
export interface Evaluator {
  /**
   * Judges a row; `undefined` where the row says nothing of its sender, or only guesses.
   *
   * @param line number of the row, for the lists
   * @returns an error where the octets are no SYN; the row is not counted then
   */
  add(
    row: EvaluationRow,
    line: number,
  ): { readonly verdict: EvaluationVerdict | undefined } | { readonly error: string }
  result(): Evaluation
}

/** An evaluator for rows that come one by one. */
export function createEvaluator(database: Database): Evaluator {
  const counts = { right: 0, generic: 0, wrong: 0, none: 0 }
  const wrongRows: EvaluatedRow[] = []
  const noneRows: EvaluatedRow[] = []
  let rows = 0
  return {
    add(row, line) {
      const { hex, family } = row
      const accept = row.accept !== undefined && row.accept.length > 0 ? row.accept : undefined
      if ((accept === undefined && family === undefined) || row.grade === 'D') return { verdict: undefined }
      const decoded = safeParseSyn(hex)
      if (!decoded.ok) return { error: `${decoded.error.reason} at octet ${decoded.error.offset}` }
      const label = match(database, decoded.value)
      const verdict = verdictOf(label, { accept, family })
      rows += 1
      counts[verdict] += 1
      const list = verdict === 'wrong' ? wrongRows : verdict === 'none' ? noneRows : undefined
      if (list !== undefined && list.length < MOST_ROWS) {
        const { name } = label
        list.push({ line, hex, ...(name === undefined ? undefined : { label: name }), accept: accept ?? [family!] })
      }
      return { verdict }
    },
    result: () => ({ rows, ...counts, wrongRows, noneRows }),
  }
}

/**
 * How well a database labels rows: counts of right, generic, wrong and none, and the rows that are wrong.
 *
 * Rows without a sender, or a SYN that can be read, are passed over.
 *
 * @example
 * evaluate(defaultDatabase(), [{ hex, accept: ['Android', 'Linux'] }]) // { rows: 1, right: 1, generic: 0, wrong: 0, ... }
 */
export function evaluate(database: Database, rows: Iterable<EvaluationRow>): Evaluation {
  const evaluator = createEvaluator(database)
  let line = 0
  for (const row of rows) evaluator.add(row, (line += 1))
  return evaluator.result()
}
