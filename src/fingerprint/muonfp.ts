/**
 * MuonFP v0.9, the short string: `window:kinds:mss:scale`.
 * @module
 */

import { decodedSyn, type Syn } from '../wire/syn.ts'

/**
 * MuonFP string of a SYN, e.g. `64240:2-4-8-1-3:1460:7`: window, option kinds in wire order (No-Operation and each octet of
 * End of Option List padding included), MSS, window scale, all decimal. Absent is empty, zero is `0`: `1024:::`.
 *
 * @see MuonFP specification v0.9 (CC BY 4.0)
 */
export function formatMuonFp(syn: Syn): string {
  // Decisions: the walk over the kinds ends as `optionKinds` does. Octets other than 0 after End of Option List are not listed, they
  // are no options. An option with a wrong length is the last kind listed and gives no value. Of several MSS or window scale options
  // the last counts. The extensions `;k=v` of the long form are not written.
  const { tcp } = decodedSyn(syn)
  return `${tcp.window}:${tcp.joinKinds('-')}:${tcp.mss ?? ''}:${tcp.windowScale ?? ''}`
}
