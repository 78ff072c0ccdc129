/**
 * Why a label was given, part by part.
 * @module
 */
import type { Label } from '../label/match.ts'

/** How a part of the SYN stands to the same part of the signature. */
export type PartVerdict =
  /** The signature leaves it open. */
  | 'any'
  /** Written the same. */
  | 'same'
  /** Written otherwise, and within what the signature says. */
  | 'fits'
  /** Not within it, and tolerated. */
  | 'tolerated'
  /** Not within it: what makes the match a near one. */
  | 'differs'

/** One part of a p0f signature beside the SYN's. */
export interface ComparedPart {
  readonly name: string
  readonly signature: string
  readonly syn: string
  readonly verdict: PartVerdict
  /** More about the verdict; empty where it says all. */
  readonly note: string
}

const PARTS = ['IP version', 'TTL', 'IP options', 'MSS', 'Window, scale', 'Order of options', 'Quirks', 'Data'] as const
const TTL = 1
const QUIRKS = 6

const words = (list: readonly string[]): string => list.join(', ')

function quirksNote(missing: readonly string[], extra: readonly string[]): string {
  const notes: string[] = []
  if (missing.length > 0) notes.push(`without ${words(missing)}`)
  if (extra.length > 0) notes.push(`with ${words(extra)} besides`)
  return notes.join('; ')
}

/**
 * The signature of a label beside the SYN's own, part by part; empty where no signature fits.
 *
 * @param p0f the SYN's p0f string
 */
export function compareSignature(label: Label, p0f: string): ComparedPart[] {
  const { evidence } = label
  if (evidence === undefined) return []
  const { missingQuirks, extraQuirks, toleratedQuirks } = evidence
  const stated = evidence.signature.split(':')
  const seen = p0f.split(':')
  return PARTS.map((name, i) => {
    const signature = stated[i] ?? ''
    const syn = seen[i] ?? ''
    let verdict: PartVerdict = signature === '*' ? 'any' : signature === syn ? 'same' : 'fits'
    let note = ''
    if (i === TTL) {
      if (evidence.ttlDiffers) {
        verdict = 'differs'
        note = 'the signature does not lead to this one'
      } else if (evidence.randomTtl) note = 'the tool picks it at random'
      else note = `${label.distance} ${label.distance === 1 ? 'hop' : 'hops'} away`
    } else if (i === QUIRKS && missingQuirks.length + extraQuirks.length > 0) {
      const tolerated = missingQuirks.length === 0 && extraQuirks.every((one) => toleratedQuirks.includes(one))
      verdict = tolerated ? 'tolerated' : 'differs'
      note = quirksNote(missingQuirks, extraQuirks)
    }
    return { name, signature, syn, verdict, note }
  })
}

/** How sure a label is, in words. */
export function certaintyOf(label: Label): string {
  const kind = label.kind === 'app' ? 'a program' : 'a system'
  const match = label.match === 'fuzzy' ? 'near match' : 'exact match'
  return `${kind}; ${match} of ${label.generic ? 'a generic' : 'a specific'} signature`
}
