/**
 * The default fingerprint strings of a SYN, kept by its shape.
 * @module
 */

import type { Syn } from '../wire/syn.ts'
import { ShapeMemo } from './shape-memo.ts'
import { type Fingerprints, makeFingerprints } from './strings.ts'

/** Made with the first SYN. */
let shapes: ShapeMemo<Fingerprints> | undefined

/**
 * All default strings of a SYN, in an object of the caller's own. Those of the shapes that came last are kept: 4,096 of them.
 *
 * @example
 * fingerprints(parseSyn(hex)).muonfp // '64240:2-4-8-1-3:1460:7'
 */
export function fingerprints(syn: Syn): Fingerprints {
  shapes ??= new ShapeMemo(makeFingerprints)
  const { p0f, muonfp, haproxy } = shapes.of(syn)
  return { p0f, muonfp, haproxy }
}
