/**
 * The signatures that come closest to a SYN, and what differs: for SYNs without a label, and for authors of signatures.
 * @module
 */

import { editDistance } from '../base/edit-distance.ts'
import { formatP0f } from '../fingerprint/p0f.ts'
import { type P0fView, p0fView } from '../fingerprint/p0f-view.ts'
import { quirkWords } from '../fingerprint/quirks.ts'
import { MAX_DISTANCE } from '../fingerprint/ttl.ts'
import type { Syn } from '../wire/syn.ts'
import type { Database, Signature } from './database.ts'
import { isLargestMultiple } from './largest-multiple.ts'
import { statedQuirks } from './match.ts'

/** A field in which a SYN departs from a signature, each as p0f writes it. */
export interface Difference {
  readonly field: 'version' | 'ttl' | 'olen' | 'mss' | 'window' | 'scale' | 'options' | 'quirks' | 'payload'
  readonly signature: string
  readonly syn: string
}

/** A signature near a SYN. */
export interface NearSignature {
  /** The label that it gives. */
  readonly name: string
  /** As `Label.family`. */
  readonly family: string
  readonly kind: 'os' | 'app'
  /** Line of the database, from 1. */
  readonly line: number
  /** The `sig` line, with one window and one scale. */
  readonly signature: string
  /** Empty where the signature fits exactly. */
  readonly differences: readonly Difference[]
}

/** How to look for near signatures. */
export interface NearestOptions {
  /** Signatures at most, each of another label; 1 to 100, default 3. */
  readonly limit?: number
}

/**
 * What a difference counts. Order of options needs other code to change, a quirk a setting or a middlebox; window and scale a
 * program's buffer; TTL and MSS the way.
 */
const WEIGHT = {
  option: 4,
  window: 3,
  quirk: 1.5,
  scale: 1.5,
  version: 1,
  ttl: 2,
  olen: 2,
  mss: 1,
  payload: 1,
} as const
/** Options that are compared; p0f reads no more either. */
const MOST_OPTIONS = 24

const wordsOf = (layout: string): readonly string[] => (layout === '' ? [] : layout.split(',').slice(0, MOST_OPTIONS))

function windowFits({ windowRule, window }: Signature, view: Readonly<P0fView>): boolean {
  switch (windowRule) {
    case 'any':
      return true
    case 'value':
      return window === view.window
    case 'modulo':
      return view.window % window === 0
    case 'mss':
      return window === view.multiple && !view.multipleOfMtu
    case 'mtu':
      return window === view.multiple && view.multipleOfMtu
    case 'full':
      return isLargestMultiple(view.window, view.mss)
  }
}

function ttlFits({ timeToLive, randomTtl }: Signature, seen: number): boolean {
  return seen <= timeToLive && (randomTtl || timeToLive - seen <= MAX_DISTANCE)
}

/** Bits of quirks that differ, of those that can show in this IP version. */
function differingQuirks(signature: Signature, view: Readonly<P0fView>): number {
  return (statedQuirks(signature, view.version) ^ view.quirks) & ~signature.optionalQuirks
}

function identificationFits({ zmapIdentification }: Signature, view: Readonly<P0fView>): boolean {
  return !zmapIdentification || view.zmapIdentification
}

function bitsOf(value: number): number {
  let count = 0
  for (let rest = value; rest !== 0; rest &= rest - 1) count += 1
  return count
}

/** How far a signature is, the order of options apart. */
function distanceOf(signature: Signature, view: Readonly<P0fView>): number {
  let distance = bitsOf(differingQuirks(signature, view)) * WEIGHT.quirk
  if (!identificationFits(signature, view)) distance += WEIGHT.quirk
  if (!windowFits(signature, view)) distance += WEIGHT.window
  if (signature.scale >= 0 && signature.scale !== view.scale) distance += WEIGHT.scale
  if (!ttlFits(signature, view.timeToLive)) distance += WEIGHT.ttl
  if (signature.mss >= 0 && signature.mss !== view.mss) distance += WEIGHT.mss
  if (signature.version !== 0 && signature.version !== view.version) distance += WEIGHT.version
  if (signature.optionsLength !== view.optionsLength) distance += WEIGHT.olen
  if (signature.payload !== undefined && signature.payload !== view.payload) distance += WEIGHT.payload
  return distance
}

/**
 * The signatures closest to a SYN, closest first, one for each label.
 *
 * The order of options counts most, then window, TTL, scale and quirks.
 *
 * @throws {RangeError} `limit` is no whole number from 1 to 100
 * @example
 * nearest(defaultDatabase(), parseSyn(hex), { limit: 1 })[0]
 * // { name: 'Linux ...', differences: [{ field: 'window', signature: 'mss*20', syn: 'mss*21' }], ... }
 */
export function nearest(database: Database, syn: Syn, { limit = 3 }: NearestOptions = {}): readonly NearSignature[] {
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
    throw new RangeError(`Cannot look for signatures: limit from 1 to 100 expected: ${limit}`)
  }
  const view = p0fView(syn)
  const words = wordsOf(view.layout)
  const layouts = new Map<string, number>()
  const best: { readonly signature: Signature; readonly distance: number }[] = []
  for (const signature of database.signatures) {
    let distance = layouts.get(signature.layout)
    if (distance === undefined) {
      distance = editDistance(words, wordsOf(signature.layout)) * WEIGHT.option
      layouts.set(signature.layout, distance)
    }
    const most = best.length < limit ? Infinity : best.at(-1)!.distance
    if (distance >= most) continue
    distance += distanceOf(signature, view)
    if (distance >= most) continue
    const known = best.findIndex((one) => one.signature.label.name === signature.label.name)
    if (known >= 0 && best[known]!.distance <= distance) continue
    best.splice(known < 0 ? limit - 1 : known, 1)
    // Of signatures that are as far the first of the database stays first.
    const place = best.findIndex((one) => one.distance > distance)
    best.splice(place < 0 ? best.length : place, 0, { signature, distance })
  }
  const p0f = formatP0f(syn)
  return best.map(({ signature }) => nearSignature(signature, view, p0f))
}

function nearSignature(signature: Signature, view: Readonly<P0fView>, p0f: string): NearSignature {
  const stated = signature.text.split(':')
  const seen = p0f.split(':')
  const [window, scale] = stated[4]!.split(',')
  const [seenWindow, seenScale] = seen[4]!.split(',')
  const quirksFit = differingQuirks(signature, view) === 0 && identificationFits(signature, view)
  const differences: Difference[] = []
  const compare = (fits: boolean, field: Difference['field'], inSignature: string, inSyn: string): void => {
    if (!fits) differences.push({ field, signature: inSignature, syn: inSyn })
  }
  compare(signature.version === 0 || signature.version === view.version, 'version', stated[0]!, seen[0]!)
  compare(ttlFits(signature, view.timeToLive), 'ttl', stated[1]!, seen[1]!)
  compare(signature.optionsLength === view.optionsLength, 'olen', stated[2]!, seen[2]!)
  compare(signature.mss < 0 || signature.mss === view.mss, 'mss', stated[3]!, seen[3]!)
  compare(windowFits(signature, view), 'window', window!, seenWindow!)
  compare(signature.scale < 0 || signature.scale === view.scale, 'scale', scale!, seenScale!)
  compare(signature.layout === view.layout, 'options', signature.layout, view.layout)
  compare(quirksFit, 'quirks', stated[6]!, quirkWords(view.quirks).join(','))
  compare(signature.payload === undefined || signature.payload === view.payload, 'payload', stated[7]!, seen[7]!)
  const { label, line, text } = signature
  return {
    name: label.name,
    family: label.kin,
    kind: label.family === undefined ? 'app' : 'os',
    line,
    signature: text,
    differences,
  }
}
