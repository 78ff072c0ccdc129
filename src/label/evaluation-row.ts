/**
 * A SYN as a row for `evaluate`, without what tells who the people behind it are.
 * @module
 */

import { toHex } from '../base/bytes.ts'
import type { Syn } from '../wire/syn.ts'
import { withoutHosts } from '../wire/without-hosts.ts'
import type { EvaluationRow } from './evaluate.ts'

/** Addresses for documentation: RFC 5737, RFC 3849. */
const SOURCE_V4 = [192, 0, 2, 1]
const DESTINATION_V4 = [198, 51, 100, 1]
const NETWORK_V6 = [0x20, 0x01, 0x0d, 0xb8]

/**
 * A row of one SYN: its octets as of {@link withoutHosts}, and the words that a right label contains.
 *
 * @example evaluationRow(syn, ['Fairphone', 'Android', 'Linux']) // { hex: '4500003c...', accept: ['Fairphone', ...] }
 */
export function evaluationRow(syn: Syn, accept: readonly string[]): EvaluationRow {
  const { octets } = withoutHosts(syn)
  if (syn.ip.version === 4) octets.set([...SOURCE_V4, ...DESTINATION_V4], 12)
  else {
    octets.set(NETWORK_V6, 8)
    octets.set(NETWORK_V6, 24)
    octets[23] = 1
    octets[39] = 2
  }
  return { hex: toHex(octets), accept }
}
