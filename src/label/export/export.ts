/**
 * A database in the formats of other programs.
 * @module
 */

import type { Database } from '../database.ts'
import { exportHaproxyMap } from './haproxy-map.ts'
import { exportP0f } from './p0f.ts'
import { exportPfOs } from './pf-os.ts'
import { exportCsv, exportNdjson } from './rows.ts'

/** A text, and how much of the database is in it. */
export interface Exported {
  readonly text: string
  /** Lines of signatures. */
  readonly written: number
  /** Signatures that are not in it, by reason; counts may be 0. */
  readonly leftOut: readonly { readonly reason: string; readonly count: number }[]
}

/** Formats by name: p0f v3, a table as CSV and as JSON lines, OpenBSD's and nftables' pf.os (IPv4), a map for HAProxy's `ip.fp`. */
export const DATABASE_FORMATS: Readonly<Record<string, (database: Database) => Exported>> = {
  p0f: exportP0f,
  csv: exportCsv,
  ndjson: exportNdjson,
  'pf.os': exportPfOs,
  'haproxy-map': exportHaproxyMap,
}
