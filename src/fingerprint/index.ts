/**
 * The default fingerprint strings of a SYN.
 * @module
 */

import type { Syn } from '../wire/syn.ts'
import { formatHaproxy } from './haproxy.ts'
import { formatMuonFp } from './muonfp.ts'
import { formatP0f } from './p0f.ts'
import { ShapeMemo } from './shape-memo.ts'

/** Strings that come with every SYN. JA4T is not among them: it is under a licence of its own, see `tcpfingerprint/ja4t`. */
export interface Fingerprints {
  /** p0f v3 raw signature, {@link formatP0f}. */
  readonly p0f: string
  /** MuonFP v0.9, {@link formatMuonFp}. */
  readonly muonfp: string
  /** HAProxy `ip.fp`, 16 upper-case hexadecimal digits, {@link formatHaproxy}. */
  readonly haproxy: string
}

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

/** The same, made anew: for what is kept by shape elsewhere. */
export function makeFingerprints(syn: Syn): Fingerprints {
  return { p0f: formatP0f(syn), muonfp: formatMuonFp(syn), haproxy: formatHaproxy(syn) }
}
