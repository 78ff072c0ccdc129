/**
 * The database of this project's own signatures, ready to match.
 * @module
 */

import { type Database, type DatabaseOptions, indexSignatures, makeLazy, type Shape } from './database.ts'
import { readLines } from './database-parser.ts'
import signatures from './signatures.fp' with { type: 'text' }

/** These signatures know flow labels and ECN, and tell by them. */
const OPTIONS: DatabaseOptions = { tolerant: false, versioned: true }

let loaded: Database | undefined

/**
 * The default database: `signatures.fp` of this package, shared by all calls.
 *
 * Matched with `tolerant: false` and `versioned: true`.
 *
 * @example match(defaultDatabase(), parseSyn(hex)).name // 'Linux 4.20 or newer (or updated 4.14 to 4.19)'
 */
export function defaultDatabase(): Database {
  loaded ??= load()
  return loaded
}

/** A line is read when a SYN has its order of options. */
function load(): Database {
  const lines = signatures.split('\n')
  const section = lines.indexOf('[tcp:request]')
  const part = readLines(lines.slice(0, section), OPTIONS)
  // A value that p0f's files cannot hold: Linux loopback over IPv6.
  ;(part.links as Map<number, string>).set(65_536, 'loopback')
  // The lines of each order of options, with those of their labels, each in its place.
  const layouts = new Map<string, string[]>()
  let label = 0
  let systems = 0
  for (let i = section; i < lines.length; i++) {
    const line = lines[i]!
    if (line.startsWith('label')) label = systems = i
    else if (line.startsWith('sys')) systems = i
    else if (line.startsWith('sig')) {
      const layout = line.split(':')[5]!
      let own = layouts.get(layout)
      if (own === undefined) {
        own = []
        own[0] = `classes=${part.families}`
        own[section] = lines[section]!
        layouts.set(layout, own)
      }
      own[label] = lines[label]!
      own[systems] = lines[systems]!
      own[i] = line
    }
  }
  const shapes = new Map<string, readonly Shape[]>()
  const get = (layout: string): readonly Shape[] | undefined => {
    const known = shapes.get(layout)
    const own = known === undefined ? layouts.get(layout) : undefined
    if (own === undefined) return known
    shapes.set(layout, indexSignatures(readLines(own, OPTIONS).signatures).get(layout)!)
    return shapes.get(layout)
  }
  let whole: Database | undefined
  return makeLazy(part, { get }, () => (whole ??= readLines(lines, OPTIONS)))
}
