/**
 * A SYN as a row for `evaluate`, without what tells who the people behind it are.
 * @module
 */

import { toHex } from '../base/bytes.ts'
import type { Syn } from '../wire/syn.ts'
import type { EvaluationRow } from './evaluate.ts'

/** Addresses for documentation: RFC 5737, RFC 3849. */
const SOURCE_V4 = [192, 0, 2, 1]
const DESTINATION_V4 = [198, 51, 100, 1]
const NETWORK_V6 = [0x20, 0x01, 0x0d, 0xb8]

/**
 * A row of one SYN: its octets with addresses of the documentation ranges in place of the real ones and checksums of 0, which would
 * betray them, and the words that a right label contains.
 *
 * @example evaluationRow(syn, ['Fairphone', 'Android', 'Linux']) // { hex: '4500003c...', accept: ['Fairphone', ...] }
 */
export function evaluationRow(syn: Syn, accept: readonly string[]): EvaluationRow {
  const octets = syn.bytes.slice(syn.ipOffset)
  const isV4 = syn.ip.version === 4
  const tcp = isV4 ? 20 + syn.ip.optionsLength : 40 + syn.ip.extensionsLength
  if (isV4) {
    octets.set([0, 0], 10)
    octets.set([...SOURCE_V4, ...DESTINATION_V4], 12)
  } else {
    octets.fill(0, 8, 40)
    octets.set(NETWORK_V6, 8)
    octets.set(NETWORK_V6, 24)
    octets[23] = 1
    octets[39] = 2
  }
  octets.set([0, 0], tcp + 16)
  return { hex: toHex(octets), accept }
}
