/**
 * A database as a table: one row a signature.
 * @module
 */

import type { Database, Signature } from '../database.ts'
import type { Exported } from './exported.ts'

/** Names of the columns, and of the keys of a JSON line. */
const COLUMNS = ['label', 'family', 'kind', 'specificity', 'signature', 'line'] as const

type Row = Readonly<Record<(typeof COLUMNS)[number], string | number>>

function rowOf({ label, text, line }: Signature): Row {
  return {
    label: label.name,
    family: label.kin,
    kind: label.family === undefined ? 'app' : 'os',
    specificity: label.generic ? 'generic' : 'specific',
    signature: text,
    line,
  }
}

/** RFC 4180: quotes around every text, doubled within. */
const cell = (value: string | number): string =>
  typeof value === 'number' ? String(value) : `"${value.replaceAll('"', '""')}"`

/** A header line, then a line for each signature. Line ends are LF, which sqlite3, DuckDB and spreadsheets take. */
export function exportCsv(database: Database): Exported {
  const rows = database.signatures.map((signature) => {
    const row = rowOf(signature)
    return COLUMNS.map((column) => cell(row[column])).join(',')
  })
  return { text: `${[COLUMNS.join(','), ...rows].join('\n')}\n`, written: rows.length, leftOut: [] }
}

/** One JSON object a line. */
export function exportNdjson(database: Database): Exported {
  const rows = database.signatures.map((signature) => `${JSON.stringify(rowOf(signature))}\n`)
  return { text: rows.join(''), written: rows.length, leftOut: [] }
}
