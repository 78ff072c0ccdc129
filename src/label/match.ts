/**
 * p0f's matching rules: which signature of a database a SYN fits, how well, and what else it tells.
 * @module
 */

import { type P0fView, p0fView } from '../fingerprint/p0f-view.ts'
import { QUIRK, quirkWords } from '../fingerprint/quirks.ts'
import { guessHopDistance, MAX_DISTANCE } from '../fingerprint/ttl.ts'
import type { Syn } from '../wire/syn.ts'
import { type Database, type Shape, type Signature, shapeKey, shapesOf } from './database.ts'
import { isLargestMultiple } from './largest-multiple.ts'
import type { RuleLabel } from './rule.ts'
import { type WayTrait, wayTraits } from './way-traits.ts'

/** How to match. */
export interface MatchOptions {
  /** Overrides what the database was loaded with: `false` is p0f 3.09b to the letter. See `DatabaseOptions.tolerant`. */
  readonly tolerant?: boolean
}

/** Why a label was given: the signature, and where the SYN departs from it. */
export interface LabelEvidence {
  /** The `sig` line as in the database. */
  readonly signature: string
  /** Its line there, from 1. */
  readonly line: number
  /** `unix`, `win` ...; `undefined` for a tool. */
  readonly family: string | undefined
  /** First part of the name: `Linux`. */
  readonly system: string
  /** Second part: `3.11 and newer`; may be empty. */
  readonly flavor: string
  /** Of a tool: systems it runs on, a family with `@` before it. */
  readonly runsOn: readonly string[]
  /** Quirks of the signature that the SYN does not have. */
  readonly missingQuirks: readonly string[]
  /** Quirks of the SYN that the signature does not have, the tolerated ones included. */
  readonly extraQuirks: readonly string[]
  /** Of these, what was tolerated: `flow`, and `ecn` for Accurate ECN. */
  readonly toleratedQuirks: readonly string[]
  /** True if the TTL is above the signature's or more than 35 below it. */
  readonly ttlDiffers: boolean
  /** True if the tool picks TTLs at random: `distance` is an upper bound then. */
  readonly randomTtl: boolean
}

/** The object of `label` in `parse --json`. */
export interface LabelRecord {
  readonly name?: string
  readonly kind?: 'os' | 'app'
  readonly match?: 'exact' | 'fuzzy' | 'rule'
  readonly generic?: boolean
  readonly family?: string
  readonly traits?: readonly WayTrait[]
  readonly distance: number
  readonly link?: string
  readonly mtu?: number
}

const NO_TRAITS: readonly WayTrait[] = /* @__PURE__ */ Object.freeze([])

/** Not for others: the view and the signature are this library's own. */
let makeLabel: (
  database: Database | undefined,
  view: P0fView,
  signature: Signature | undefined,
  fuzzy: boolean,
  tolerated: number,
  distance?: number,
  rule?: RuleLabel,
) => Label

/** What a database says of a SYN. */
export class Label {
  /** System and version, or tool, as the database has it; `undefined` when no signature fits. */
  readonly name: string | undefined
  readonly kind: 'os' | 'app' | undefined
  /** `fuzzy`: p0f's tolerances were needed, see `evidence`. `rule`: a labeller said so. */
  readonly match: 'exact' | 'fuzzy' | 'rule' | undefined
  /** True if the signature is a last resort of its database. */
  readonly generic: boolean | undefined
  /**
   * Family of the system or program: `linux`, `windows`, `apple`, `bsd`, `embedded`, `network`, `userspace`, `relay` or `tool`; with
   * another database it may be a class of its own.
   */
  readonly family: string | undefined
  /** What was done to the SYN on its way, as far as the signature shows it; empty where nothing shows. */
  readonly traits: readonly WayTrait[]
  /** Routers passed: from the signature's initial TTL, without one from a guess. */
  readonly distance: number
  /** Link type by the MTU; `undefined` for tools, without MSS and for an MTU the database does not know. */
  readonly link: string | undefined
  /** MSS plus 40 (IPv4) or 60 (IPv6); `undefined` for tools and without MSS. */
  readonly mtu: number | undefined
  readonly #signature: Signature | undefined
  readonly #missing: number
  readonly #extra: number
  readonly #tolerated: number
  readonly #timeToLive: number

  static {
    makeLabel = (database, view, signature, fuzzy, tolerated, distance, rule) =>
      new Label(database, view, signature, fuzzy, tolerated, distance, rule)
  }

  /** Made by {@link match} and {@link labelByRule}. */
  private constructor(
    database: Database | undefined,
    view: P0fView,
    signature: Signature | undefined,
    fuzzy: boolean,
    tolerated: number,
    distance: number = guessHopDistance(view.timeToLive),
    rule?: RuleLabel,
  ) {
    const { mss, timeToLive } = view
    this.#signature = signature
    this.#tolerated = tolerated
    this.#timeToLive = timeToLive
    if (signature === undefined) {
      this.#missing = 0
      this.#extra = 0
      this.traits = NO_TRAITS
      this.distance = distance
      if (rule !== undefined) {
        this.name = rule.name
        this.kind = rule.kind ?? 'os'
        this.match = 'rule'
        this.generic = false
        this.family = rule.family
      }
    } else {
      const { label } = signature
      const stated = statedQuirks(signature, view.version)
      this.#missing = stated & ~view.quirks
      this.#extra = view.quirks & ~stated & ~signature.optionalQuirks
      this.name = label.name
      this.kind = label.family === undefined ? 'app' : 'os'
      this.match = fuzzy ? 'fuzzy' : 'exact'
      this.generic = label.generic
      this.family = label.kin
      this.traits = wayTraits(signature, view, ttlDiffers(signature, timeToLive))
      this.distance = ttlDiffers(signature, timeToLive) ? distance : signature.timeToLive - timeToLive
    }
    if (mss !== 0 && this.kind !== 'app' && !isSendSynProbe(view)) {
      this.mtu = mss + (view.version === 4 ? 40 : 60)
      this.link = database?.links.get(this.mtu)
    }
  }

  /** Why the label was given; `undefined` when no signature fits. */
  get evidence(): LabelEvidence | undefined {
    const signature = this.#signature
    if (signature === undefined) return undefined
    const { label } = signature
    return {
      signature: signature.text,
      line: signature.line,
      family: label.family,
      system: label.system,
      flavor: label.flavor,
      runsOn: label.runsOn,
      missingQuirks: quirkWords(this.#missing),
      extraQuirks: quirkWords(this.#extra),
      toleratedQuirks: quirkWords(this.#tolerated),
      ttlDiffers: ttlDiffers(signature, this.#timeToLive),
      randomTtl: signature.randomTtl,
    }
  }

  /** A plain object; absent facts are absent keys. */
  toJSON(): LabelRecord {
    return {
      ...(this.name === undefined
        ? undefined
        : { name: this.name, kind: this.kind!, match: this.match!, generic: this.generic!, family: this.family! }),
      ...(this.traits.length === 0 ? undefined : { traits: this.traits }),
      distance: this.distance,
      ...(this.link === undefined ? undefined : { link: this.link }),
      ...(this.mtu === undefined ? undefined : { mtu: this.mtu }),
    }
  }
}

/** True if p0f's own tool `p0f-sendsyn` sent it: p0f takes no MTU from its probes, as from other tools. */
function isSendSynProbe(view: P0fView): boolean {
  return view.mss === 1331 && view.window === 1337
}

/** Quirks that may be missing, and those that may be there, in a fuzzy match. */
const MAY_MISS = QUIRK.DF | QUIRK.ID_NONZERO
const MAY_APPEAR = QUIRK.ID_ZERO | QUIRK.ECN

/** Better first. A signature that needs no tolerance goes before one that does. */
const RANK = { SPECIFIC: 0, SPECIFIC_TOLERATED: 1, GENERIC: 2, GENERIC_TOLERATED: 3, FUZZY: 4, NONE: 5 } as const

/** The signature's quirks as far as they can show in this IP version, if it is for both. */
export function statedQuirks(signature: Signature, version: number): number {
  if (signature.version !== 0) return signature.quirks
  return signature.quirks & (version === 4 ? ~QUIRK.FLOW : ~(QUIRK.DF | QUIRK.ID_NONZERO | QUIRK.ID_ZERO))
}

/** True if the TTL rules out that the packet started with the signature's. Where TTLs are random nothing does. */
function ttlDiffers(signature: Signature, timeToLive: number): boolean {
  if (signature.randomTtl) return false
  const distance = signature.timeToLive - timeToLive
  return distance < 0 || distance > MAX_DISTANCE
}

/** The rank of a signature of which order of options, MSS, scale and window are known to fit. */
function rankOf(signature: Signature, view: P0fView, tolerable: number): number {
  if (signature.optionsLength !== view.optionsLength) return RANK.NONE
  if (signature.payload !== undefined && signature.payload !== view.payload) return RANK.NONE
  if (signature.versioned && signature.version !== 0 && signature.version !== view.version) return RANK.NONE
  if (signature.zmapIdentification && !view.zmapIdentification) return RANK.NONE
  if (signature.randomTtl && view.timeToLive > signature.timeToLive) return RANK.NONE
  let fuzzy = ttlDiffers(signature, view.timeToLive)

  const stated = statedQuirks(signature, view.version)
  const extra = view.quirks & ~stated & ~signature.optionalQuirks
  const untolerated = extra & ~tolerable
  const missing = stated & ~view.quirks
  if ((missing | untolerated) !== 0) {
    if ((missing & ~MAY_MISS) !== 0 || (untolerated & ~MAY_APPEAR) !== 0) return RANK.NONE
    fuzzy = true
  }
  if (fuzzy) return signature.exactOnly ? RANK.NONE : RANK.FUZZY
  const tolerated = extra === 0 ? 0 : RANK.SPECIFIC_TOLERATED
  return (signature.label.generic ? RANK.GENERIC : RANK.SPECIFIC) + tolerated
}

/** The signatures of a shape that can fit. */
function lookUp(shape: Shape, view: P0fView): readonly Signature[] | undefined {
  let window: number
  switch (shape.windowRule) {
    case 'any':
      window = 0
      break
    case 'value':
      window = view.window
      break
    case 'mss':
      if (view.multiple === 0 || view.multipleOfMtu) return undefined
      window = view.multiple
      break
    case 'mtu':
      if (view.multiple === 0 || !view.multipleOfMtu) return undefined
      window = view.multiple
      break
    case 'full':
      if (!isLargestMultiple(view.window, view.mss)) return undefined
      window = 0
      break
    case 'modulo':
      if (view.window % shape.modulus !== 0) return undefined
      window = 0
      break
  }
  return shape.signatures.get(shapeKey(window, shape.anyScale ? 0 : view.scale, shape.anyMss ? 0 : view.mss))
}

/**
 * The label a database gives a SYN. Always an object: `distance`, `link` and `mtu` are there without a signature too.
 *
 * @see p0f 3.09b `docs/README` section 5; {@link loadP0f} for what is tolerated beyond p0f
 */
// p0f's rules: order of options, octets of IP options, MSS, scale, window and payload class must be equal where the signature
// does not leave them open; the TTL at most 35 below the signature's; the quirks equal. The first specific signature for which
// all of that holds, else the first generic one. Else the first that fits but for the TTL, missing `df` and `id+` or additional
// `id-` and `ecn`: a fuzzy match; none at all if that one is a tool.
//
// | case | p0f 3.09b | here |
// | --- | --- | --- |
// | `olen` of a signature with a random TTL (`64-`) | taken as 0 | as stated |
// | a signature that an earlier one covers | the file is refused | never matches |
// | quirks `ack+` and `opt+` | sometimes missed, see formatP0f | as documented |
// | no match because of a loosely fitting tool | distance 0 | the guess, but 0 where p0f is followed to the letter |
export function match(database: Database, syn: Syn, options?: MatchOptions): Label {
  // The cost does not grow with the number of signatures: one look for each way in which signatures of this order of options
  // state MSS, scale and window.
  const label = findLabel(database, p0fView(syn), options?.tolerant)
  Object.freeze(label)
  return label
}

/** The label that a labeller gives: its name, and distance, link and MTU as the database has them. There is no evidence. */
export function labelByRule(rule: RuleLabel, database: Database | undefined, syn: Syn): Label {
  const view = p0fView(syn)
  const distance = database && findLabel(database, view, undefined).distance
  return Object.freeze(makeLabel(database, view, undefined, false, 0, distance, rule)) as Label
}

function findLabel(database: Database, view: P0fView, tolerant: boolean | undefined): Label {
  const shapes = shapesOf(database, view.layout)
  let tolerable = 0
  if ((view.quirks & (QUIRK.FLOW | QUIRK.ECN)) !== 0) {
    tolerable = view.quirks & QUIRK.FLOW
    if (view.accurateEcn) tolerable |= view.quirks & QUIRK.ECN
  }
  let best: Signature | undefined
  let bestRank: number = RANK.NONE
  for (let i = 0; i < shapes.length; i++) {
    const signatures = lookUp(shapes[i]!, view)
    if (signatures === undefined) continue
    for (let k = 0; k < signatures.length; k++) {
      const signature = signatures[k]!
      const rank = rankOf(signature, view, (tolerant ?? signature.tolerant) ? tolerable : 0)
      if (rank < bestRank || (rank === bestRank && best !== undefined && signature.order < best.order)) {
        best = signature
        bestRank = rank
      }
    }
  }
  if (best === undefined) return makeLabel(database, view, undefined, false, 0)
  const isTolerant = tolerant ?? best.tolerant
  if (bestRank === RANK.FUZZY && best.label.family === undefined) {
    // A tool that fits loosely is no finding. p0f looks no further and does not even come to the distance: it logs 0.
    return makeLabel(database, view, undefined, false, 0, isTolerant || best.versioned ? undefined : 0)
  }
  const tolerated = isTolerant ? tolerable & ~statedQuirks(best, view.version) : 0
  return makeLabel(database, view, best, bestRank === RANK.FUZZY, tolerated)
}
