/**
 * The order of a segment's options, interned: clients in the wild send a few dozen orders, so whatever follows from the
 * order alone (text of the kinds, candidate signatures) is made once and shared by all segments that have it.
 *
 * The table has a fixed number of places. A newcomer takes the place of whatever was there, and an entry is only used
 * after its kinds were compared one by one, so that hostile segments can cost others a rebuilt entry and nothing else:
 * not a wrong answer, not memory.
 * @module
 */

/** Places in the table; each holds at most one order. */
const PLACES = 4096
/** 40 octets of options are at most 40 kinds. */
export const MAX_KINDS = 40

/** What follows from the order of the options alone. */
export class OptionLayout {
  /** Kinds in wire order: to the first End of Option List, then one 0 for each zero octet that follows at once. */
  readonly kinds: readonly number[]
  /** Octets after the first End of Option List; -1 without one. */
  readonly afterEnd: number
  /** Of these, the zero octets at the start, which are among `kinds`. */
  readonly zeros: number
  /** Whether other octets than 0 follow these. They are not among `kinds`. */
  readonly noise: boolean
  /** Kinds joined by `-`; filled by `fingerprint/muonfp.ts`. */
  dashed: string | undefined = undefined
  /** The order in p0f's words; filled by `fingerprint/p0f.ts`. */
  p0f: string | undefined = undefined
  /** Presence octet of HAProxy's `ip.fp`, -1 until known; filled by `fingerprint/haproxy.ts`. */
  presence = -1
  /** The database that `candidates` belongs to; filled by `label/match.ts`, as is the next. */
  candidatesOf: object | undefined = undefined
  /** What that database has for this order. */
  candidates: unknown = undefined

  constructor(kinds: readonly number[], afterEnd: number) {
    this.kinds = Object.freeze(kinds)
    this.afterEnd = afterEnd
    this.zeros = afterEnd < 0 ? 0 : kinds.length - 1 - kinds.indexOf(0)
    this.noise = this.zeros < afterEnd
  }
}

let table: (OptionLayout | undefined)[] | undefined

/**
 * The shared layout of the first `count` octets of `kinds`.
 *
 * @param hash any 32-bit number that depends on the kinds alone
 */
export function internLayout(kinds: Uint8Array, count: number, hash: number, afterEnd: number): OptionLayout {
  table ??= new Array<OptionLayout | undefined>(PLACES).fill(undefined)
  const place = (hash ^ (hash >>> 16) ^ (afterEnd << 5)) & (PLACES - 1)
  const there = table[place]
  if (there !== undefined && there.afterEnd === afterEnd && there.kinds.length === count) {
    const known = there.kinds
    let i = 0
    while (i < count && known[i] === kinds[i]) i += 1
    if (i === count) return there
  }
  const fresh = new OptionLayout(Array.from(kinds.subarray(0, count)), afterEnd)
  table[place] = fresh
  return fresh
}
