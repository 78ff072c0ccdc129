/**
 * What comes closest to a SYN without a label, in words.
 * @module
 */
import { escapeControls } from '../base/text.ts'
import type { NearSignature } from '../label/nearest.ts'
import { toSignature } from '../label/to-signature.ts'

const FIELDS: Readonly<Record<NearSignature['differences'][number]['field'], string>> = {
  version: 'IP version',
  ttl: 'TTL',
  olen: 'IP options',
  mss: 'MSS',
  window: 'window',
  scale: 'scale',
  options: 'order of options',
  quirks: 'quirks',
  payload: 'data',
}

/** A near signature: its label, and what differs. */
export interface NearWords {
  /** Safe for a terminal. */
  readonly name: string
  /** Line of the database. */
  readonly line: number
  /** `window mss*21, not mss*20`. */
  readonly differences: readonly string[]
}

/** Near signatures in words. */
export function explainNearest(near: readonly NearSignature[]): readonly NearWords[] {
  const text = (value: string): string => (value === '' ? 'none' : escapeControls(value))
  return near.map(({ name, line, differences }) => ({
    name: escapeControls(name),
    line,
    differences: differences.map(
      ({ field, signature, syn }) => `${FIELDS[field]} ${text(syn)}, not ${text(signature)}`,
    ),
  }))
}

/** The lines that add a SYN to a database; `undefined` for a p0f string that is none. */
export function linesToAdd(p0f: string): readonly string[] | undefined {
  const signature = toSignature(p0f)
  return signature === undefined ? undefined : ['label = s:FAMILY:NAME:VERSION', `sig   = ${signature}`]
}
