/**
 * redbean `FingerSyn`: a 32-bit number from TTL class and leading options.
 * @module
 */

import type { Syn } from '../wire/syn.ts'
import { timeToLiveOf } from './ttl.ts'

/** 2^32 divided by the golden ratio, odd. */
const MULTIPLIER = 0x9e3779b1

/** Kinds that redbean goes on over. */
function isCommon(kind: number): boolean {
  return kind <= 4 || kind === 8
}

/**
 * redbean's `FingerSyn` of a SYN as `0x` and eight lower-case hexadecimal digits, e.g. `0xbb724187` for Linux.
 *
 * The position of the highest bit of TTL - 1, then for each leading option of the kinds 0 to 4 and 8 its index and kind, each
 * added to the hash before that is multiplied, modulo 2^32.
 *
 * @see redbean `net/finger/fingersyn.c` (ISC)
 */
export function formatRedbean(syn: Syn): string {
  // Decisions: redbean reads IPv4 alone; for IPv6 the hop limit takes the place of the TTL. Its walk never ends at an option of
  // length 0, ours ends where `malformed` says, that option included. It goes on behind End of Option List, so each zero octet
  // of padding counts; other octets there are not walked here. A hash of 0 is 1.
  const { tcp } = syn
  const timeToLive = timeToLiveOf(syn)
  let hash = Math.imul(31 - Math.clz32(Math.max(1, timeToLive - 1)), MULTIPLIER)
  let index = 0
  for (const kind of tcp.optionKinds) {
    if (!isCommon(kind)) break
    hash = Math.imul(hash + ((index << 8) | kind), MULTIPLIER)
    index += 1
  }
  return `0x${((hash || 1) >>> 0).toString(16).padStart(8, '0')}`
}
