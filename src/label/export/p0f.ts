/**
 * A database as p0f 3.09b loads it.
 * @module
 */

import { formatQuirks, QUIRK, QUIRK_WORDS } from '../../fingerprint/quirks.ts'
import type { Database, Signature } from '../database.ts'
import { type Exported, MULTIPLES } from './exported.ts'

/** MSS values of usual links, of which `mss*max` is written as a number for when they were lowered on the way; loopback. */
const USUAL_MSS = [
  65_495, 65_476, 1460, 1452, 1440, 1436, 1432, 1420, 1416, 1412, 1410, 1400, 1380, 1360, 1340, 1240, 1220,
] as const

const ID_BITS = QUIRK.DF | QUIRK.ID_NONZERO | QUIRK.ID_ZERO

/** Window texts that p0f knows for a signature's window. */
function windowTexts({ windowRule, text }: Signature): readonly string[] {
  if (windowRule !== 'full') return [text.split(':')[4]!.split(',')[0]!]
  const windows = new Set(USUAL_MSS.map((mss) => String(65_535 - (65_535 % mss))))
  return [...MULTIPLES.map((n) => `mss*${n}`), ...windows]
}

/** Quirk texts for the quirks that may be there or not: every combination that a packet can have. */
function quirkTexts({ quirks, optionalQuirks, version }: Signature): readonly string[] {
  let sets = [quirks]
  for (let bit = 0; bit < QUIRK_WORDS.length; bit++) {
    const quirk = 1 << bit
    if ((optionalQuirks & quirk) !== 0) sets = sets.flatMap((set) => [set, set | quirk])
  }
  return sets.filter((set) => version === 6 || isPossible(set)).map(formatQuirks)
}

/** True if IPv4 allows it: `id+` only with `df`, `id-` only without. */
function isPossible(quirks: number): boolean {
  const id = quirks & ID_BITS
  return id === 0 || id === QUIRK.DF || id === (QUIRK.DF | QUIRK.ID_NONZERO) || id === QUIRK.ID_ZERO
}

/** A signature in p0f's own format, one text for each alternative; `undefined` where p0f cannot say it. */
function p0fTexts(signature: Signature): readonly string[] | undefined {
  if (signature.exactOnly || signature.zmapIdentification) return undefined
  const [ver, ttl, olen, mss, window, layout, , pclass] = signature.text.split(':')
  const scale = window!.split(',')[1]
  return windowTexts(signature).flatMap((one) =>
    quirkTexts(signature).map((quirks) => `${ver}:${ttl}:${olen}:${mss}:${one},${scale}:${layout}:${quirks}:${pclass}`),
  )
}

/** True if p0f refuses `text` because an earlier specific signature matches everything that it does. */
function isCovered(earlier: ReadonlyMap<string, readonly string[][]>, fields: readonly string[]): boolean {
  for (const other of earlier.get(shapeOf(fields)) ?? []) {
    // p0f 3.09b compares no IP version.
    if (fields.every((field, i) => i === 0 || field === other[i] || (WIDE.has(i) && other[i] === '*'))) return true
  }
  return false
}

/** MSS, window and scale, which `*` leaves open. */
const WIDE: ReadonlySet<number> = new Set([3, 4, 5])

/** What p0f compares as text, apart from MSS, window and scale. */
const shapeOf = (fields: readonly string[]): string => `${fields[2]}:${fields.slice(6).join(':')}`

/** A signature's fields: as in the file, but window and scale apart. */
function fieldsOf(text: string): string[] {
  return text.split(':').flatMap((field, i) => (i === 4 ? field.split(',') : [field]))
}

/** Writes the database for p0f 3.09b. */
export function exportP0f(database: Database): Exported {
  const lines = [
    '; Signatures for p0f 3.09b, written by tcpfingerprint',
    `classes = ${database.families.join(',')}`,
    '',
    '[mtu]',
  ]
  let link: string | undefined
  for (const [mtu, name] of database.links) {
    if (mtu > 65_535) continue
    if (name !== link) lines.push('', `label = ${name}`)
    link = name
    lines.push(`sig   = ${mtu}`)
  }
  lines.push('', '[tcp:request]')
  const earlier = new Map<string, string[][]>()
  let written = 0
  let unsaid = 0
  let covered = 0
  let label: Signature['label'] | undefined
  for (const signature of database.signatures) {
    const texts = p0fTexts(signature)
    if (texts === undefined) {
      unsaid += 1
      continue
    }
    const before = written
    for (const text of texts) {
      const fields = fieldsOf(text)
      if (isCovered(earlier, fields)) continue
      if (!signature.label.generic) {
        const shape = shapeOf(fields)
        const list = earlier.get(shape)
        if (list === undefined) earlier.set(shape, [fields])
        else list.push(fields)
      }
      if (signature.label !== label) {
        label = signature.label
        const { generic, family, system, flavor, runsOn } = label
        lines.push('', `label = ${generic ? 'g' : 's'}:${family ?? '!'}:${system}:${flavor}`)
        if (family === undefined) lines.push(`sys   = ${runsOn.join(',')}`)
      }
      lines.push(`sig   = ${text}`)
      written += 1
    }
    if (written === before) covered += 1
  }
  return {
    text: `${lines.join('\n')}\n`,
    written,
    leftOut: [
      { reason: 'exact matches only, or an IP ID, which p0f cannot say', count: unsaid },
      { reason: 'covered by an earlier one', count: covered },
    ],
  }
}
