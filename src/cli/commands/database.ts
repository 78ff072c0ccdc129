/**
 * `tcpfingerprint database`: the signature database in use, in the format of another program.
 * @module
 */
import { plural, printable } from '../../base/text.ts'
import { Database } from '../../label/database.ts'
import { DATABASE_FORMATS } from '../../label/export/export.ts'
import { type Arguments, refuseOperand, UsageError } from '../args.ts'
import type { CommandHelp } from '../command.ts'
import { loadDatabase } from '../database.ts'
import type { Io } from '../io.ts'
import { P0F_DB } from '../options.ts'

/** What `--help` says. */
export const help: CommandHelp = {
  usage: ['[--format p0f|csv|ndjson|pf.os|haproxy-map]', '[--only tools|systems]', '[--p0f-db FILE]'],
  description: [
    'Prints the signatures in use: as p0f 3.09b loads them (default), as a table (CSV with a header line, or one JSON object a line, with label, family, kind, specificity, signature and line), as pf.os for nftables and OpenBSD (IPv4), or as a map from the hexadecimal text of ip.fp for HAProxy 3.4 and newer.',
    'What a format cannot say is left out and counted on standard error.',
  ],
  options: [
    { name: 'format', value: 'FORMAT', help: 'p0f (default), csv, ndjson, pf.os or haproxy-map' },
    { name: 'only', value: 'WHAT', help: '"tools" (scanners and malware) or "systems"' },
    P0F_DB,
  ],
  examples: [
    ['tcpfingerprint database > signatures.fp', 'a database for p0f'],
    [
      'tcpfingerprint database --format pf.os --only tools > /etc/nftables/osf/pf.os',
      'tools for "osf name" of nftables',
    ],
  ],
}

/** Signatures of tools, or those of systems. */
function select(database: Database, only: string | undefined): Database {
  if (only === undefined) return database
  if (only !== 'tools' && only !== 'systems') {
    throw new UsageError(`Option "--only" needs "tools" or "systems": "${printable(only)}"`)
  }
  const signatures = database.signatures.filter(({ label }) => (label.family === undefined) === (only === 'tools'))
  return new Database({ ...database, signatures })
}

/** Runs the command; returns its exit code. */
export async function run(args: Arguments, io: Io): Promise<number> {
  refuseOperand('database', args.operands[0])
  const format = args.get('format') ?? 'p0f'
  if (!Object.hasOwn(DATABASE_FORMATS, format)) {
    const names = Object.keys(DATABASE_FORMATS).join(', ')
    throw new UsageError(`Option "--format" needs ${names}: "${printable(format)}"`)
  }
  const named = await loadDatabase(args, io)
  if (named === 'broken') return 1
  const database = named ?? (await import('../../label/default.ts')).defaultDatabase()
  const { text, leftOut } = DATABASE_FORMATS[format]!(select(database, args.get('only')))
  io.out.text(text)
  for (const { reason, count } of leftOut) {
    if (count > 0) io.warn(`${plural(count, 'signature')} left out: ${reason}`)
  }
  return 0
}
