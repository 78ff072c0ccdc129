/**
 * What is said of a SYN beside its fields: fingerprints and label, as the options ask for.
 * @module
 */
import { readFileSync } from 'node:fs'
import { fingerprints } from '../fingerprint/fingerprints.ts'
import { match } from '../label/match.ts'
import { type Database, DatabaseError, joinDatabases, loadP0f } from '../label/p0f-database.ts'
import type { Syn } from '../wire/syn.ts'
import { type Arguments, printable, UsageError } from './arguments.ts'
import { systemReason } from './input.ts'
import type { Io } from './io.ts'
import type { Report } from './record.ts'

/** Makes reports. */
export interface Analyzer {
  /** The report on a SYN: always the same object. */
  analyze(syn: Syn): Report
  /** 1 when a database could not be read: labels are missing. */
  readonly code: 0 | 1
}

/**
 * The database that `--p0f-db` names, or the built-in one; `undefined` after a message where a file cannot be understood.
 *
 * A file of the user's is matched as p0f 3.09b matches it, to the letter: who asks for p0f's database wants p0f's answer.
 *
 * @throws {UsageError} when a file cannot be read.
 */
async function loadDatabase(args: Arguments, io: Io): Promise<Database | undefined> {
  const paths = args.all('p0f-db')
  if (paths.length === 0) return (await import('../label/default-database.ts')).defaultDatabase()
  let joined: Database | undefined
  let broken = false
  for (const path of paths) {
    let text: string
    try {
      text = readFileSync(path, 'utf8')
    } catch (error) {
      throw new UsageError(`Cannot read the database "${printable(path)}": ${systemReason(error)}`)
    }
    try {
      const database = loadP0f(text, { tolerant: false })
      joined = joined === undefined ? database : joinDatabases(joined, database)
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      io.warn(`${printable(path)}:${error.line}: ${printable(error.message)}; no labels are given`)
      broken = true
    }
  }
  return broken ? undefined : joined
}

/** Loads what the options ask for. */
export async function createAnalyzer(args: Arguments, io: Io): Promise<Analyzer> {
  const database = await loadDatabase(args, io)
  const ja4t = args.has('ja4t') ? (await import('../fingerprint/ja4t/index.ts')).ja4t : undefined
  let report: Report | undefined
  return {
    code: database === undefined ? 1 : 0,
    analyze(syn) {
      const strings = fingerprints(syn)
      const all = ja4t === undefined ? strings : { ...strings, ja4t: ja4t(syn) }
      const label = database === undefined ? undefined : match(database, syn)
      if (report === undefined) {
        report = { syn, fingerprints: all, label, file: undefined, frame: 0, tunnel: undefined }
      } else {
        report.syn = syn
        report.fingerprints = all
        report.label = label
      }
      return report
    },
  }
}
