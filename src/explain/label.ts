/**
 * Why a label was given, part by part.
 * @module
 */
import { escapeControls, plural } from '../base/text.ts'
import type { Label, LabelEvidence } from '../label/match.ts'

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
  /** Not within it: the match is fuzzy. */
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

/** A point in which a SYN differs from the signature of its label. */
export interface LabelDifference {
  readonly part: 'TTL' | 'Quirks'
  /** Without a full stop: `it lacks df`. */
  readonly words: string
}

/** True if quirks differ only as the database allows. */
function isTolerated({ missingQuirks, extraQuirks, toleratedQuirks }: LabelEvidence): boolean {
  return missingQuirks.length === 0 && extraQuirks.every((quirk) => toleratedQuirks.includes(quirk))
}

/** What in a SYN differs from the signature of its label; empty where nothing does. */
export function labelDifferences({ evidence }: Label): LabelDifference[] {
  if (evidence === undefined) return []
  const { missingQuirks, extraQuirks, ttlDiffers } = evidence
  const list: LabelDifference[] = []
  if (missingQuirks.length > 0) list.push({ part: 'Quirks', words: `it lacks ${missingQuirks.join(', ')}` })
  if (extraQuirks.length > 0) list.push({ part: 'Quirks', words: `it has ${extraQuirks.join(', ')} besides` })
  if (ttlDiffers) list.push({ part: 'TTL', words: 'its TTL is not one that the signature leads to' })
  return list
}

const RANDOM_TTL = 'the tool picks its TTLs at random: the distance is the largest possible'

/**
 * The signature of a label beside the SYN's own, part by part; empty where no signature fits.
 *
 * @param p0f the SYN's p0f string
 */
export function compareSignature(label: Label, p0f: string): ComparedPart[] {
  const { evidence } = label
  if (evidence === undefined) return []
  const differences = labelDifferences(label)
  const stated = evidence.signature.split(':')
  const seen = p0f.split(':')
  return PARTS.map((name, i) => {
    const signature = escapeControls(stated[i] ?? '')
    const syn = seen[i] ?? ''
    const differing = differences.filter(({ part }) => part === name)
    if (differing.length > 0) {
      const verdict = name === 'Quirks' && isTolerated(evidence) ? 'tolerated' : 'differs'
      return { name, signature, syn, verdict, note: differing.map(({ words }) => words).join('; ') }
    }
    const note = name !== 'TTL' ? '' : evidence.randomTtl ? RANDOM_TTL : `${distanceOf(label)} away`
    return { name, signature, syn, verdict: signature === '*' ? 'any' : signature === syn ? 'same' : 'fits', note }
  })
}

/**
 * Why a label was given, as sentences without full stop; empty where no signature fits.
 *
 * @param database where labels come from, in words
 */
export function explainLabel(label: Label, database: string): string[] {
  const { evidence } = label
  if (evidence === undefined) return []
  const sentences = [`signature ${escapeControls(evidence.signature)}`, `from line ${evidence.line} of ${database}`]
  const differences = labelDifferences(label).map(({ words }) => words)
  if (differences.length > 0) {
    const tolerated = label.match === 'exact' && evidence.toleratedQuirks.length > 0 ? ', which is tolerated' : ''
    sentences.push(`the SYN differs: ${differences.join('; ')}${tolerated}`)
  }
  if (evidence.randomTtl) sentences.push(RANDOM_TTL)
  if (evidence.runsOn.length > 0) sentences.push(`runs on ${escapeControls(evidence.runsOn.join(', '))}`)
  return sentences
}

/** The name of a label, without characters that a terminal acts on; `undefined` where no signature fits. */
export function labelName(label: Label | undefined): string | undefined {
  return label?.name === undefined ? undefined : escapeControls(label.name)
}

/** A label in two parts. */
export interface ShortLabel {
  /** The system or program: `Linux`. */
  readonly system: string
  /** Versions and the like: `4.20 or newer`; may be empty. */
  readonly detail: string
}

/** The name of a label in two parts, without characters that a terminal acts on; `unknown` where no signature fits. */
export function shortLabel(label: Label): ShortLabel {
  const { name, evidence } = label
  if (name === undefined) return { system: 'unknown', detail: '' }
  if (evidence !== undefined && name.startsWith(evidence.system)) {
    const detail = name.slice(evidence.system.length).trim()
    return { system: escapeControls(evidence.system), detail: escapeControls(detail) }
  }
  return { system: escapeControls(name), detail: '' }
}

/** The match of a label in a word or two: `exact match`; `undefined` where no signature fits. */
export function matchOf({ name, match, generic }: Label): string | undefined {
  if (name === undefined) return undefined
  if (match === 'rule') return 'by rule'
  return match === 'fuzzy' ? 'near match' : generic ? 'general match' : 'exact match'
}

/** The distance of a label in words: `7 hops`. */
export function distanceOf(label: Label): string {
  return plural(label.distance, 'hop')
}

/** The link of a label in words: `Ethernet or modem, MTU 1500`; `undefined` where the SYN has no MSS. */
export function linkOf(label: Label): string | undefined {
  return label.mtu === undefined ? undefined : `${label.link ?? 'unknown'}, MTU ${label.mtu}`
}

/** The kind, match and generality of a label in words. */
export function certaintyOf(label: Label): string {
  const kind = label.kind === 'app' ? 'a program' : 'a system'
  if (label.match === 'rule') return `${kind}; named by the labeller`
  const match = label.match === 'fuzzy' ? 'near match' : 'exact match'
  return `${kind}; ${match} of ${label.generic ? 'a generic' : 'a specific'} signature`
}
