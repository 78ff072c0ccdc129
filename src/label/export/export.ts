/**
 * A database in the formats of other programs.
 * @module
 */

import type { Database } from '../database.ts'
import type { Exported } from './exported.ts'
import { exportHaproxyMap } from './haproxy-map.ts'
import { exportP0f } from './p0f.ts'
import { exportPfOs } from './pf-os.ts'
import { exportCsv, exportNdjson } from './rows.ts'

/** Formats by name: p0f v3, a table as CSV and as JSON lines, OpenBSD's and nftables' pf.os (IPv4), a map for HAProxy's `ip.fp`. */
export const DATABASE_FORMATS: Readonly<Record<string, (database: Database) => Exported>> = {
  p0f: exportP0f,
  csv: exportCsv,
  ndjson: exportNdjson,
  'pf.os': exportPfOs,
  'haproxy-map': exportHaproxyMap,
}
