/**
 * `tcpfingerprint evaluate`: how well the database labels SYNs of known senders.
 * @module
 */
import { escapeControls, plural, printable } from '../../base/text.ts'
import { createEvaluator, type EvaluatedRow, type Evaluation, type EvaluationRow } from '../../label/evaluate.ts'
import { type Arguments, UsageError } from '../args.ts'
import type { CommandHelp } from '../command.ts'
import { loadDatabase } from '../database.ts'
import type { Io } from '../io.ts'
import { JSON_OPTION, P0F_DB, TOLERANT } from '../options.ts'
import { readRows } from '../read-rows.ts'

/** What `--help` says. */
export const help: CommandHelp = {
  usage: ['[--json]', '[--p0f-db FILE]', '[--tolerant]', 'FILE | -'],
  description: [
    'Reads rows of one JSON object a line: "hex" (a saved SYN) and "accept", words of which a right label contains the first and a generic one another, or "family". Prints how many labels are right, generic (the family is right, the version open), wrong and missing, and the rows that are wrong.',
    'The exit code is 1 where a label is wrong or a line cannot be read.',
  ],
  options: [JSON_OPTION, P0F_DB, TOLERANT],
  examples: [
    ['tcpfingerprint evaluate rows.ndjson', 'the built-in database'],
    ['tcpfingerprint evaluate --json --p0f-db own.fp rows.ndjson | jq .wrong', 'one of your own'],
  ],
}

/** Rows of one kind in the text for people. */
const MOST_ROWS = 20
/** Words of `accept` that are looked at. */
const MOST_WORDS = 32

const isText = (value: unknown): value is string => typeof value === 'string'

/** The fields of a line that count. @throws {TypeError} it is no row. */
function readRow(text: string): EvaluationRow {
  let row: unknown
  try {
    row = JSON.parse(text)
  } catch {
    throw new TypeError('no JSON object')
  }
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw new TypeError('no JSON object')
  const { hex, accept, family, grade } = row as Readonly<Record<string, unknown>>
  if (!isText(hex)) throw new TypeError('no "hex"')
  if (accept !== undefined && accept !== null && !(Array.isArray(accept) && accept.every(isText))) {
    throw new TypeError('"accept" is no list of words')
  }
  // Every label contains the empty word.
  const words = ((accept ?? []) as string[]).filter((word) => word !== '').slice(0, MOST_WORDS)
  return {
    hex,
    accept: words,
    family: isText(family) && family !== '' ? family : undefined,
    grade: isText(grade) ? grade : undefined,
  }
}

/** Runs the command; returns its exit code. */
export async function run(args: Arguments, io: Io): Promise<number> {
  const [path, ...more] = args.operands
  if (path === undefined) throw new UsageError('No file of rows given ("-" is standard input)')
  if (more.length > 0) throw new UsageError(`"evaluate" takes one file: "${printable(more[0]!)}"`)
  const named = await loadDatabase(args, io)
  if (named === 'broken') return 1
  const evaluator = createEvaluator(named ?? (await import('../../label/default.ts')).defaultDatabase())
  let unknown = 0
  const { opened, bad } = readRows(path, io, (text, line) => {
    if (text.trim() === '') return undefined
    try {
      const judged = evaluator.add(readRow(text), line)
      if ('error' in judged) return judged.error
      if (judged.verdict === undefined) unknown += 1
      return undefined
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      return error.message
    }
  })
  if (!opened) return 1
  if (unknown > 0) io.warn(`${printable(path)}: ${plural(unknown, 'row')} of an unknown sender, passed over`)
  const result = evaluator.result()
  io.out.text(args.has('json') ? `${JSON.stringify(result)}\n` : text(result))
  return bad > 0 || result.wrong > 0 ? 1 : 0
}

function text(result: Evaluation): string {
  const { rows, right, generic, wrong, none, wrongRows, noneRows } = result
  const share = (count: number): string =>
    `${String(count).padStart(String(rows).length)}  ${rows === 0 ? '' : `${((100 * count) / rows).toFixed(1)} %`}\n`
  const list = (title: string, all: readonly EvaluatedRow[]): string =>
    all.length === 0
      ? ''
      : `\n${title}:\n${all
          .slice(0, MOST_ROWS)
          .map(({ line, label, accept }) => {
            const words = accept.map(escapeControls).join(', ')
            return `  line ${line}: ${label === undefined ? words : `"${label}" for ${words}`}\n`
          })
          .join('')}${all.length > MOST_ROWS ? `  and ${all.length - MOST_ROWS} more (--json has them)\n` : ''}`
  return `${plural(rows, 'row')}
right    ${share(right)}generic  ${share(generic)}wrong    ${share(wrong)}no label ${share(none)}${list('Wrong', wrongRows)}${list('No label', noneRows)}`
}
