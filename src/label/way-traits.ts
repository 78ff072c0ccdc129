/**
 * What the way does to a SYN, where the sender's signature shows it.
 * @module
 */

import type { P0fView } from '../fingerprint/p0f-view.ts'
import type { Signature } from './database.ts'
import { multipliedMss } from './largest-multiple.ts'

/**
 * `timestamps-removed`: a firewall or optimiser cut the timestamps option out, or wrote NOP over it. `mss-lowered`: the window is a
 * multiple of a larger MSS than the one received. `ttl-rewritten`: the TTL cannot come from the one that the sender starts with.
 */
export type WayTrait = 'timestamps-removed' | 'mss-lowered' | 'ttl-rewritten'

/** Ten octets of NOP: where a timestamps option was. */
const NOPS: string = 'nop,'.repeat(10)
/** Orders of options of Linux and Apple without timestamps, padded by what cut them out: the systems themselves pad otherwise. */
const CUT: Readonly<Record<string, string>> = { 'mss,sok,nop,nop,nop,ws': 'linux', 'mss,nop,ws,sok,eol+1': 'apple' }

const NONE: readonly WayTrait[] = /* @__PURE__ */ Object.freeze([])

/** The traits of a SYN that fits a signature; frozen, empty where nothing shows. */
export function wayTraits(signature: Signature, view: Readonly<P0fView>, ttlDiffers: boolean): readonly WayTrait[] {
  const lostTimestamps = CUT[view.layout] === signature.label.kin || view.layout.includes(NOPS)
  const lowered = isLowered(signature, view)
  if (!lostTimestamps && !lowered && !ttlDiffers) return NONE
  const traits: WayTrait[] = []
  if (lostTimestamps) traits.push('timestamps-removed')
  if (lowered) traits.push('mss-lowered')
  if (ttlDiffers) traits.push('ttl-rewritten')
  return Object.freeze(traits)
}

/** Systems whose window is a multiple of the MSS that they sent. */
const MULTIPLIERS: ReadonlySet<string> = new Set(['linux', 'windows'])

function isLowered(
  { windowRule, label }: Signature,
  { window, mss, multiple, multipleOfMtu }: Readonly<P0fView>,
): boolean {
  if (!MULTIPLIERS.has(label.kin)) return false
  switch (windowRule) {
    case 'mss': {
      // The divisor that p0f found: the MSS itself, that less 12 octets of timestamps, or a usual MSS.
      const divisor = window / multiple
      return !multipleOfMtu && divisor > mss
    }
    case 'full':
    case 'value':
      return multipliedMss(window, mss) > mss
    default:
      return false
  }
}
