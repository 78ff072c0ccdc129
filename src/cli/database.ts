/**
 * The label database that the options name.
 * @module
 */
import { Buffer } from 'node:buffer'
import { readWhole } from '../base/read-whole.ts'
import { plural, printable } from '../base/text.ts'
import { type Database, DatabaseError, joinDatabases } from '../label/database.ts'
import { loadP0f } from '../label/database-parser.ts'
import { type Arguments, UsageError } from './args.ts'
import { openSource, readSome } from './input.ts'
import type { Io } from './io.ts'
import { systemReason } from './system.ts'

/** Warnings about one file on standard error. */
const MOST_MESSAGES = 5

/** @throws the system's error, or one that names the bound. */
function readText(path: string): string {
  const source = openSource(path)
  try {
    const octets = readWhole((into) => readSome(source.fd, into, 0, into.length))
    return Buffer.from(octets.buffer, 0, octets.length).toString('utf8')
  } finally {
    source.close()
  }
}

/**
 * The databases of `--p0f-db`, joined; `undefined` where the option was not given, `'broken'` after a message where a
 * file cannot be understood.
 *
 * A file of the user's is matched as p0f 3.09b matches it, to the letter, unless `--tolerant` asks for more: a user of
 * p0f's database wants p0f's answer.
 *
 * @throws {UsageError} when a file cannot be read.
 */
export async function loadDatabase(args: Arguments, io: Io): Promise<Database | 'broken' | undefined> {
  let joined: Database | undefined
  let broken = false
  for (const path of args.all('p0f-db')) {
    let text: string
    try {
      text = readText(path)
    } catch (error) {
      throw new UsageError(`Cannot read the database "${printable(path)}": ${systemReason(error)}`)
    }
    try {
      const database = loadP0f(text, { tolerant: args.has('tolerant') })
      tellWarnings(path, database, io)
      joined = joined === undefined ? database : joinDatabases(joined, database)
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      io.warn(`${printable(path)}:${error.line}: ${printable(error.message)}; no labels are given`)
      broken = true
    }
  }
  return broken ? 'broken' : joined
}

function tellWarnings(path: string, { warnings }: Database, io: Io): void {
  for (const { line, problem } of warnings.slice(0, MOST_MESSAGES)) {
    io.warn(`${printable(path)}:${line}: ${printable(problem)}; of no use for labels`)
  }
  const more = warnings.length - MOST_MESSAGES
  if (more > 0) io.warn(`${printable(path)}: ${plural(more, 'more such line')}`)
}
