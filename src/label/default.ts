/**
 * The database of this project's own signatures, ready to match.
 * @module
 */

import { Database } from './database.ts'
import { loadP0f } from './database-parser.ts'
import signatures from './signatures.fp' with { type: 'text' }

let loaded: Database | undefined

/**
 * The default database: `signatures.fp` of this package, parsed on the first call and shared by all others.
 *
 * Matched by p0f's rules with two differences. Signatures of IP version 4 or 6 match that version only, as p0f's
 * documentation has it. Nothing is tolerated beyond p0f's fuzzy rules: these signatures know flow labels and ECN, and tell
 * by them. Added is the link of MTU 65536 (Linux loopback over IPv6), a value that p0f's files cannot hold.
 *
 * @example match(defaultDatabase(), parseSyn(hex)).name // 'Linux 4.20 or newer (or updated 4.14 to 4.19)'
 */
export function defaultDatabase(): Database {
  if (loaded === undefined) {
    const database = loadP0f(signatures, { tolerant: false, versioned: true })
    loaded = new Database({ ...database, links: new Map([...database.links, [65_536, 'loopback']]) })
  }
  return loaded
}
