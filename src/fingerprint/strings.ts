/**
 * The default fingerprint strings of a SYN, written.
 * @module
 */
import type { Syn } from '../wire/syn.ts'
import { formatHaproxy } from './haproxy.ts'
import { formatMuonFp } from './muonfp.ts'
import { formatP0f } from './p0f.ts'

/** Strings that come with every SYN. JA4T is not among them: it is under a licence of its own, see `tcpfingerprint/ja4t`. */
export interface Fingerprints {
  /** p0f v3 raw signature, {@link formatP0f}. */
  readonly p0f: string
  /** MuonFP v0.9, {@link formatMuonFp}. */
  readonly muonfp: string
  /** HAProxy `ip.fp`, 16 upper-case hexadecimal digits, {@link formatHaproxy}. */
  readonly haproxy: string
}

/** Made anew: for what is kept by shape elsewhere. `fingerprints` keeps them. */
export function makeFingerprints(syn: Syn): Fingerprints {
  return { p0f: formatP0f(syn), muonfp: formatMuonFp(syn), haproxy: formatHaproxy(syn) }
}
