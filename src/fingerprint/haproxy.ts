/**
 * HAProxy `ip.fp`: a binary fingerprint, here as the upper-case hexadecimal text that its `hex` converter gives.
 * @module
 */

import { u16be } from '../base/bytes.ts'
import type { OptionLayout } from '../wire/option-layout.ts'
import type { Syn } from '../wire/syn.ts'
import { TCP_OPTION } from '../wire/tcp-options.ts'
import { type SynTraits, traitsOf } from './p0f-view.ts'
import { QUIRK } from './quirks.ts'

const DIGITS = '0123456789ABCDEF'
/** Two upper-case hexadecimal digits of every octet value. */
const OCTET: readonly string[] = /* @__PURE__ */ Array.from(
  { length: 256 },
  (_, octet) => DIGITS.charAt(octet >> 4) + DIGITS.charAt(octet & 15),
)

/** Character codes of the upper and the lower hexadecimal digit of an octet. */
const high = (octet: number): number => DIGITS.charCodeAt((octet >> 4) & 15)
const low = (octet: number): number => DIGITS.charCodeAt(octet & 15)

/** Bits of the `mode` argument; they add up. */
export const HAPROXY_MODE = {
  /** Appends TTL or hop limit, one octet. */
  TTL: 1,
  /** Appends the option kinds in wire order, without End of Option List. */
  OPTIONS: 2,
  /** Appends the source address, 4 or 16 octets. */
  ADDRESS: 4,
} as const

/** Bit k-2 for the kinds 2 to 8, the top bit for every kind above. */
function presenceBit(kind: number): number {
  return kind < 2 ? 0 : kind > 8 ? 0x80 : 1 << (kind - 2)
}

function presenceOf(layout: OptionLayout): number {
  return layout.kinds.reduce((bits, kind) => bits | presenceBit(kind), 0)
}

/** The options as HAProxy walks them: on by the stated length whatever the kind, until that does not fit. */
interface OptionWalk {
  mss: number
  /** -1 when absent. */
  scale: number
  presence: number
  /** Upper-case hexadecimal. */
  kinds: string
}

function walkOptions(options: Uint8Array): OptionWalk {
  const found: OptionWalk = { mss: 0, scale: -1, presence: 0, kinds: '' }
  for (let at = 0; at < options.length; ) {
    const kind = options[at]!
    if (kind === TCP_OPTION.EOL) break
    if (kind === TCP_OPTION.NOP) {
      found.kinds += OCTET[kind]!
      at += 1
      continue
    }
    const length = options[at + 1]
    if (length === undefined || length < 2 || at + length > options.length) break
    found.kinds += OCTET[kind]!
    found.presence |= presenceBit(kind)
    if (kind === TCP_OPTION.MSS && at + 4 <= options.length) found.mss = u16be(options, at + 2)
    if (kind === TCP_OPTION.WINDOW_SCALE && at + 3 <= options.length) found.scale = options[at + 2]!
    at += length
  }
  return found
}

/** TTL class in bits 5 and 4: up to 32, 64, 128, above. */
function ttlClass(timeToLive: number): number {
  if (timeToLive <= 32) return 0
  if (timeToLive <= 64) return 0x10
  return timeToLive <= 128 ? 0x20 : 0x30
}

/**
 * HAProxy's `ip.fp(mode)` of a SYN in upper-case hexadecimal; eight octets with mode 0, e.g. `0050A8FAF005B447`.
 *
 * | octet | holds |
 * | --- | --- |
 * | 0 | Type of Service or Traffic Class, all eight bits |
 * | 1 | bit 7 IPv6; 6 DF (set for IPv6); 5, 4 TTL class (up to 32, 64, 128, above); 3 IP options or extension headers; 2 data in the SYN, by the IP length; 1 CWR; 0 ECE |
 * | 2 | high: TCP header length in words; low: 0 without window scale, else min(scale, 14) + 1 |
 * | 3, 4 | window |
 * | 5, 6 | MSS, 0 without |
 * | 7 | bit k-2 for option kinds 2 to 8; bit 7 for any kind from 9 |
 *
 * Decisions: of several MSS or window scale options the last counts; the walk ends at End of Option List and at an option
 * that is too short or does not fit, which is not counted; MSS and scale are read from their usual place whatever the
 * option's length, all as HAProxy has it. An Authentication Header is measured in 4-octet units (RFC 4302), where HAProxy
 * takes 8 and finds no TCP header. The eighth octet is that of versions from 2026-02-09 on.
 *
 * @param mode sum of {@link HAPROXY_MODE}: 0 to 7, by default 0
 * @throws {RangeError} `mode` is no whole number from 0 to 7
 * @see HAProxy 3.5 configuration manual, `ip.fp`
 */
export function formatHaproxy(syn: Syn, mode = 0): string {
  const traits = traitsOf(syn)
  const fixed = (traits.haproxy ??= formatFixed(syn, traits))
  return mode === 0 ? fixed : fixed + formatAppended(syn, traits, mode)
}

/** The eight octets of every mode. */
function formatFixed(syn: Syn, traits: SynTraits): string {
  const { quirks, window, layout, timeToLive } = traits
  let facts = ttlClass(timeToLive) | ((traits.flagBits >> 6) & 3)
  if (traits.version === 6) facts |= 0xc0
  else if ((quirks & QUIRK.DF) !== 0) facts |= 0x40
  if (traits.optionsLength > 0) facts |= 8
  if (traits.payload) facts |= 4

  let mss = traits.mss ?? 0
  let scale = traits.scale ?? -1
  let presence: number
  if (syn.tcp.malformed === undefined) {
    if (layout.presence < 0) layout.presence = presenceOf(layout)
    presence = layout.presence
  } else {
    const walk = walkOptions(syn.tcp.optionBytes)
    mss = walk.mss
    scale = walk.scale
    presence = walk.presence
  }
  const words = (traits.dataOffset << 4) | (scale < 0 ? 0 : Math.min(scale, 14) + 1)
  // One call gives a flat string: eight concatenations are a tree that the first reader has to flatten.
  return String.fromCharCode(
    high(traits.service),
    low(traits.service),
    high(facts),
    low(facts),
    high(words),
    low(words),
    high(window >> 8),
    low(window >> 8),
    high(window),
    low(window),
    high(mss >> 8),
    low(mss >> 8),
    high(mss),
    low(mss),
    high(presence),
    low(presence),
  )
}

function formatAppended(syn: Syn, traits: SynTraits, mode: number): string {
  if (!Number.isInteger(mode) || mode < 0 || mode > 7) {
    throw new RangeError(`Cannot format ip.fp: mode from 0 to 7 expected: ${mode}`)
  }
  const { tcp } = syn
  let text = (mode & HAPROXY_MODE.TTL) === 0 ? '' : OCTET[traits.timeToLive]!
  if ((mode & HAPROXY_MODE.OPTIONS) !== 0) {
    if (tcp.malformed !== undefined) text += walkOptions(tcp.optionBytes).kinds
    else for (const kind of tcp.layout.kinds) if (kind !== TCP_OPTION.EOL) text += OCTET[kind]!
  }
  if ((mode & HAPROXY_MODE.ADDRESS) !== 0) for (const octet of syn.ip.sourceBytes) text += OCTET[octet]!
  return text
}
