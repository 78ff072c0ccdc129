/**
 * `tcpfingerprint evaluate`: how well the database labels SYNs of known senders.
 * @module
 */
import { escapeControls, plural, printable } from '../../base/text.ts'
import { createEvaluator, type EvaluatedRow, type Evaluation, type EvaluationRow } from '../../label/evaluate.ts'
import { type Arguments, UsageError } from '../args.ts'
import type { CommandHelp } from '../commands.ts'
import { loadDatabase } from '../database.ts'
import { LONGEST_LINE, openSource, readLines, type Source } from '../input.ts'
import type { Io } from '../io.ts'
import { JSON_OPTION, P0F_DB, TOLERANT } from '../options.ts'
import { errorCode, systemReason } from '../system.ts'

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

/** Messages on standard error, and rows of one kind in the text for people. */
const MOST_MESSAGES = 20
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
  const name = printable(path)
  let source: Source
  try {
    source = openSource(path)
  } catch (error) {
    io.warn(`${name}: Cannot read it: ${systemReason(error)}`)
    return 1
  }
  let bad = 0
  let unknown = 0
  let line = 0
  const answer = (text: string | undefined, octets: number): void => {
    line += 1
    if (text?.trim() === '') return
    let problem: string | undefined
    if (text === undefined) problem = `a line of ${octets} octets, more than ${LONGEST_LINE}`
    else {
      try {
        const judged = evaluator.add(readRow(text), line)
        if ('error' in judged) problem = judged.error
        else if (judged.verdict === undefined) unknown += 1
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
        problem = error.message
      }
    }
    if (problem !== undefined && (bad += 1) <= MOST_MESSAGES) io.warn(`${name}:${line}: ${problem}`)
  }
  try {
    readLines(source.fd, answer, () => {}, 'utf8')
  } catch (error) {
    if (errorCode(error) === '') throw error
    io.warn(`${name}: Cannot read on: ${systemReason(error)}`)
    bad += 1
  } finally {
    source.close()
  }
  if (bad > MOST_MESSAGES) io.warn(`${name}: ${plural(bad - MOST_MESSAGES, 'more bad line')}`)
  if (unknown > 0) io.warn(`${name}: ${plural(unknown, 'row')} of an unknown sender, passed over`)
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
          .slice(0, MOST_MESSAGES)
          .map(({ line, label, accept }) => {
            const words = accept.map(escapeControls).join(', ')
            return `  line ${line}: ${label === undefined ? words : `"${label}" for ${words}`}\n`
          })
          .join('')}${all.length > MOST_MESSAGES ? `  and ${all.length - MOST_MESSAGES} more (--json has them)\n` : ''}`
  return `${plural(rows, 'row')}
right    ${share(right)}generic  ${share(generic)}wrong    ${share(wrong)}no label ${share(none)}${list('Wrong', wrongRows)}${list('No label', noneRows)}`
}
