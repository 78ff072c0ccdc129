/**
 * MuonFP v0.9, the short string: `window:kinds:mss:scale`.
 * @module
 */

import type { OptionLayout } from '../wire/option-layout.ts'
import type { Syn } from '../wire/syn.ts'
import { traitsOf } from './traits.ts'

/** Kinds of the options joined by `-`, as several formats want them. Made once for each order of options. */
export function dashedKinds(layout: OptionLayout): string {
  return (layout.dashed ??= layout.kinds.join('-'))
}

/**
 * MuonFP string of a SYN, e.g. `64240:2-4-8-1-3:1460:7`: window, option kinds in wire order (No-Operation and each octet of
 * End of Option List padding included), MSS, window scale, all decimal. Absent is empty, zero is `0`: `1024:::`.
 *
 * Decisions: the walk over the kinds ends as `optionKinds` does. Octets other than 0 after End of Option List are not
 * listed, they are no options. An option with a wrong length is the last kind listed and gives no value. Of several MSS or
 * window scale options the last counts.
 *
 * The extensions `;k=v` of the long form are not written.
 *
 * @see MuonFP specification v0.9 (CC BY 4.0)
 */
export function formatMuonFp(syn: Syn): string {
  const traits = traitsOf(syn)
  return (traits.muonfp ??= `${traits.window}:${dashedKinds(traits.layout)}:${traits.mss ?? ''}:${traits.scale ?? ''}`)
}
