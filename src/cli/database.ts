/**
 * The label database that the options name.
 * @module
 */
import { readFileSync } from 'node:fs'
import { printable } from '../base/text.ts'
import { type Database, DatabaseError, joinDatabases, loadP0f } from '../label/database.ts'
import { type Arguments, UsageError } from './args.ts'
import type { Io } from './io.ts'
import { systemReason } from './system.ts'

/**
 * The databases of `--p0f-db`, joined; `undefined` where the option was not given, `'broken'` after a message where a
 * file cannot be understood.
 *
 * A file of the user's is matched as p0f 3.09b matches it, to the letter, unless `--tolerant` asks for more: who gives
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
      text = readFileSync(path, 'utf8')
    } catch (error) {
      throw new UsageError(`Cannot read the database "${printable(path)}": ${systemReason(error)}`)
    }
    try {
      const database = loadP0f(text, { tolerant: args.has('tolerant') })
      joined = joined === undefined ? database : joinDatabases(joined, database)
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      io.warn(`${printable(path)}:${error.line}: ${printable(error.message)}; no labels are given`)
      broken = true
    }
  }
  return broken ? 'broken' : joined
}
