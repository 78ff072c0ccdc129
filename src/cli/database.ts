/**
 * The label database that the options name.
 * @module
 */
import { Buffer } from 'node:buffer'
import { plural, printable } from '../base/text.ts'
import { type Database, DatabaseError, joinDatabases } from '../label/database.ts'
import { loadP0f } from '../label/database-parser.ts'
import { type Arguments, UsageError } from './args.ts'
import { openSource, readSome } from './input.ts'
import type { Io } from './io.ts'
import { systemReason } from './system.ts'

/** Octets of a database file at most: p0f's own has 30 kB. */
const LARGEST = 16 * 1024 * 1024
/** Warnings about one file on standard error. */
const MOST_MESSAGES = 5

/** @throws the system's error, or one that names the bound. */
function readText(path: string): string {
  const source = openSource(path)
  try {
    const chunks: Uint8Array[] = []
    let octets = 0
    for (;;) {
      const chunk = new Uint8Array(64 * 1024)
      const length = readSome(source.fd, chunk, 0, chunk.length)
      if (length === 0) return Buffer.concat(chunks).toString('utf8')
      octets += length
      if (octets > LARGEST) throw new Error(`it has more than ${LARGEST / 1024 / 1024} MiB`)
      chunks.push(chunk.subarray(0, length))
    }
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
