/**
 * The order of a segment's options, interned: clients in the wild send a few dozen orders, so whatever follows from the
 * order alone (text of the kinds, presence bits) is made once and shared by all segments that have it.
 * @module
 */

import { Generations } from './generations.ts'

/** 40 octets of options are at most 40 kinds. */
export const MAX_KINDS = 40

/** Orders kept at most twice this many; an order takes about 400 octets. */
const KEPT = 2048

/** What follows from the order of the options alone. */
export class OptionLayout {
  /**
   * Kinds in wire order: to the first End of Option List, then one 0 for each zero octet that follows at once. Shared, and
   * not frozen because frozen arrays are slow to read: never to be handed to users, see {@link OptionLayout.frozenKinds}.
   */
  readonly kinds: readonly number[]
  /** Octets after the first End of Option List; -1 without one. */
  readonly afterEnd: number
  /** Of these, the zero octets at the start, which are among `kinds`. */
  readonly zeros: number
  /** Whether other octets than 0 follow these. They are not among `kinds`. */
  readonly noise: boolean
  /** Kinds joined by `-`, a colon before and behind; filled by `fingerprint/muonfp.ts`. */
  dashed: string | undefined = undefined
  /** The order in p0f's words; filled by `fingerprint/traits.ts`. */
  p0f: string | undefined = undefined
  /** End of the p0f signature, and the quirks it is for; filled by `fingerprint/p0f.ts`. */
  p0fTail = ''
  p0fTailKey = -1
  /** Presence octet of HAProxy's `ip.fp`, -1 until known; filled by `fingerprint/haproxy.ts`. */
  presence = -1
  /** A 32-bit number that is the same for the same order. */
  readonly hash: number
  #frozen: readonly number[] | undefined = undefined

  constructor(kinds: readonly number[], afterEnd: number, hash: number) {
    this.hash = hash
    this.kinds = kinds
    this.afterEnd = afterEnd
    this.zeros = afterEnd < 0 ? 0 : kinds.length - 1 - kinds.indexOf(0)
    this.noise = this.zeros < afterEnd
  }

  /** The kinds as an array that nobody can change. */
  get frozenKinds(): readonly number[] {
    return (this.#frozen ??= Object.freeze(this.kinds.slice()))
  }
}

const layouts = /* @__PURE__ */ new Generations<OptionLayout>(KEPT)

/**
 * The shared layout of the first `count` octets of `kinds`.
 *
 * @param hash any 32-bit number that depends on the kinds alone
 */
export function internLayout(kinds: Uint8Array, count: number, hash: number, afterEnd: number): OptionLayout {
  const key = hash ^ ((afterEnd + 1) << 8) ^ count
  const there = layouts.get(key)
  if (there !== undefined && there.afterEnd === afterEnd && there.kinds.length === count) {
    const known = there.kinds
    let i = 0
    while (i < count && known[i] === kinds[i]) i += 1
    if (i === count) return there
  }
  const own: number[] = []
  for (let i = 0; i < count; i++) own.push(kinds[i]!)
  const fresh = new OptionLayout(own, afterEnd, key)
  layouts.offer(key, fresh)
  return fresh
}
