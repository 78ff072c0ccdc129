/**
 * Learned signatures as the text of a p0f v3 database.
 * @module
 */

import { plural } from '../../base/text.ts'
import { loadP0f } from '../database-parser.ts'
import type { Learnt } from './record.ts'

/** A signature with the number of SYNs that had it under one label. */
export interface LearnCount extends Learnt {
  readonly count: number
}

/** A signature seen under several labels. */
export interface LearnConflict {
  readonly signature: string
  /** Commonest first. */
  readonly labels: readonly { readonly label: string; readonly count: number }[]
  /** The label it was written under, `undefined` where it was left out. */
  readonly kept: string | undefined
}

/** Order of labels: the commonest first. */
export function byCount(a: { count: number; label: string }, b: { count: number; label: string }): number {
  return b.count - a.count || (a.label < b.label ? -1 : a.label > b.label ? 1 : 0)
}

/** Order of texts by their code units. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Signatures of one label. */
export interface Group {
  readonly label: string
  readonly count: number
  readonly signatures: readonly LearnCount[]
}

/** Signatures under their labels; commonest label first, specific before generic as p0f's files have them. */
export function groupByLabel(kept: readonly LearnCount[]): readonly Group[] {
  const labels = new Map<string, LearnCount[]>()
  for (const one of kept) {
    const others = labels.get(one.label)
    if (others === undefined) labels.set(one.label, [one])
    else others.push(one)
  }
  return [...labels]
    .map(([label, signatures]) => ({
      label,
      count: signatures.reduce((sum, { count }) => sum + count, 0),
      signatures: signatures.sort((a, b) => b.count - a.count || compareText(a.signature, b.signature)),
    }))
    .sort((a, b) => Number(a.label.startsWith('g')) - Number(b.label.startsWith('g')) || byCount(a, b))
}

/** Numbers for the head of the file. */
export interface Head {
  readonly learned: number
  readonly rejected: number
  readonly belowMinimum: number
  readonly conflicts: number
}

const NOTHING: Head = { learned: 0, rejected: 0, belowMinimum: 0, conflicts: 0 }

/** The text of the database, counts in comments. */
export function writeDatabase(groups: readonly Group[], conflicts: readonly LearnConflict[], head: Head): string {
  const classes = new Set<string>()
  for (const { label } of groups) {
    const name = label.split(':')[1]!
    classes.add(name === '!' ? 'other' : name)
  }
  const lines = [
    '; p0f v3 signatures, learned by tcpfingerprint',
    `; from ${plural(head.learned, 'SYN')} with a known sender; ${plural(head.rejected, 'record')} rejected, ${plural(head.belowMinimum, 'signature')} below the minimum, ${plural(head.conflicts, 'signature')} under several labels`,
    '',
    `classes = ${classes.size === 0 ? 'other' : [...classes].sort().join(',')}`,
    '',
    '[tcp:request]',
  ]
  for (const { label, count, signatures } of groups) {
    lines.push('', `; ${plural(count, 'SYN')}, ${plural(signatures.length, 'signature')}`, `label = ${label}`)
    if (label.split(':')[1] === '!') lines.push('sys   = @other')
    for (const one of signatures) lines.push(`; ${plural(one.count, 'SYN')}`, `sig   = ${one.signature}`)
  }
  if (conflicts.length > 0) {
    lines.push('', '; Under several labels:')
    for (const { signature, labels, kept } of conflicts) {
      lines.push(`; ${signature}${kept === undefined ? ' (left out)' : ` (kept as ${kept})`}`)
      for (const { label, count } of labels) lines.push(`;   ${plural(count, 'SYN')}: ${label}`)
    }
  }
  return `${lines.join('\n')}\n`
}

/** True if the loader takes this label, and this signature under it. */
export function isLoadable(label: string, signature: string): boolean {
  try {
    loadP0f(writeDatabase([{ label, count: 1, signatures: [{ label, signature, count: 1 }] }], [], NOTHING))
    return true
  } catch {
    return false
  }
}
