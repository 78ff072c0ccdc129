/**
 * p0f v3 quirks: oddities of a SYN, one bit each (p0f README section 5).
 * @module
 */

/** Bits in the order in which p0f prints the quirks. */
export const QUIRK = {
  /** IPv4 "don't fragment". */
  DF: 0x1,
  /** IPv4 DF and an identification other than 0. */
  ID_NONZERO: 0x2,
  /** IPv4 without DF and identification 0. */
  ID_ZERO: 0x4,
  /** IP ECN bits, or TCP ECE, CWR or AE. */
  ECN: 0x8,
  /** IPv4 reserved flag. */
  MUST_BE_ZERO: 0x10,
  /** IPv6 flow label other than 0. */
  FLOW: 0x20,
  /** Sequence number 0. */
  SEQ_ZERO: 0x40,
  /** Acknowledgment number other than 0 without ACK. */
  ACK_NONZERO: 0x80,
  /** Acknowledgment number 0 with ACK. */
  ACK_ZERO: 0x100,
  /** Urgent pointer other than 0 without URG. */
  URGENT_POINTER: 0x200,
  /** URG. */
  URG: 0x400,
  /** PSH. */
  PUSH: 0x800,
  /** TSval 0. */
  TS1_ZERO: 0x1000,
  /** TSecr other than 0 without ACK. */
  TS2_NONZERO: 0x2000,
  /** Octets other than 0 after End of Option List. */
  PADDING_NONZERO: 0x4000,
  /** Window scale above 14. */
  EXCESSIVE_SCALE: 0x8000,
  /** Malformed options. */
  BAD: 0x10000,
} as const

/** The identification that zmap up to 3.0 writes. Signatures may state it, and no other. */
export const ZMAP_IDENTIFICATION = 54_321

/** p0f's word of each bit, lowest first. */
export const QUIRK_WORDS: readonly string[] = [
  'df',
  'id+',
  'id-',
  'ecn',
  '0+',
  'flow',
  'seq-',
  'ack+',
  'ack-',
  'uptr+',
  'urgf+',
  'pushf+',
  'ts1-',
  'ts2+',
  'opt+',
  'exws',
  'bad',
]

/** The words of the bits set, in p0f's order. */
export function quirkWords(quirks: number): string[] {
  return QUIRK_WORDS.filter((_, bit) => (quirks >> bit) & 1)
}

/** Texts made so far: of the lowest bits alone, which stacks send, and of all others. */
const low: string[] = []
const high: string[] = []
const LOW_BITS = 9

/** p0f's text of a set of quirks: words joined by commas, empty without any. */
export function formatQuirks(quirks: number): string {
  const rest = quirks >> LOW_BITS
  const lowest = quirks & ((1 << LOW_BITS) - 1)
  const text = (low[lowest] ??= quirkWords(lowest).join(','))
  if (rest === 0) return text
  const more = (high[rest] ??= quirkWords(rest << LOW_BITS).join(','))
  return text === '' ? more : `${text},${more}`
}
