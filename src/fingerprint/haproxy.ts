/**
 * HAProxy `ip.fp`: a binary fingerprint, here as the upper-case hexadecimal text that its `hex` converter gives.
 * @module
 */

import { toHex, u16be } from '../base/bytes.ts'
import { decodedSyn, endOf, octetsOf, optionsAt, type Syn } from '../wire/syn.ts'
import { optionLength, TCP_OPTION } from '../wire/tcp-options.ts'

/** The octets of mode 0, written anew for each SYN. */
const octets = /* @__PURE__ */ new Uint8Array(8)

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

/** The options as HAProxy walks them: on by the stated length whatever the kind, until that does not fit. */
interface OptionWalk {
  readonly mss: number
  /** -1 when absent. */
  readonly scale: number
  readonly presence: number
}

/** @param kinds gets the kinds in wire order, without End of Option List */
function walkOptions(syn: Syn, kinds?: number[]): OptionWalk {
  const bytes = octetsOf(syn)
  const end = endOf(syn)
  let mss = 0
  let scale = -1
  let presence = 0
  for (let at = optionsAt(syn); at < end; ) {
    const kind = bytes[at]!
    const length = optionLength(bytes, at, end)
    if (kind === TCP_OPTION.EOL || length <= 0) break
    kinds?.push(kind)
    presence |= presenceBit(kind)
    if (kind === TCP_OPTION.MSS && at + 4 <= end) mss = u16be(bytes, at + 2)
    else if (kind === TCP_OPTION.WINDOW_SCALE && at + 3 <= end) scale = bytes[at + 2]!
    at += length
  }
  return { mss, scale, presence }
}

/** TTL class in bits 5 and 4: up to 32, 64, 128, above. */
export function ttlClass(timeToLive: number): number {
  if (timeToLive <= 32) return 0
  if (timeToLive <= 64) return 0x10
  return timeToLive <= 128 ? 0x20 : 0x30
}

/**
 * HAProxy's `ip.fp(mode)` of a SYN in upper-case hexadecimal; eight octets with mode 0, e.g. `0050A8FAF005B447`.
 *
 * @param mode sum of {@link HAPROXY_MODE}: 0 to 7, by default 0
 * @throws {RangeError} `mode` is no whole number from 0 to 7
 * @see HAProxy 3.5 configuration manual, `ip.fp`
 */
export function formatHaproxy(given: Syn, mode = 0): string {
  // | octet | holds |
  // | --- | --- |
  // | 0 | Type of Service or Traffic Class, all eight bits |
  // | 1 | bit 7 IPv6; 6 DF (set for IPv6); 5, 4 TTL class (up to 32, 64, 128, above); 3 IP options or extension headers; 2 data in the SYN, by the IP length; 1 CWR; 0 ECE |
  // | 2 | high: TCP header length in words; low: 0 without window scale, else min(scale, 14) + 1 |
  // | 3, 4 | window |
  // | 5, 6 | MSS, 0 without |
  // | 7 | bit k-2 for option kinds 2 to 8; bit 7 for any kind from 9 |
  //
  // Decisions: of several MSS or window scale options the last counts; the walk ends at End of Option List and at an option
  // that is too short or does not fit, which is not counted; MSS and scale are read from their usual place whatever the
  // option's length, all as HAProxy has it. An Authentication Header is measured in 4-octet units (RFC 4302), where HAProxy
  // takes 8 and finds no TCP header. The eighth octet is that of versions from 2026-02-09 on.
  const syn = decodedSyn(given)
  const { ip, tcp } = syn
  const isV4 = ip.version === 4
  const service = isV4 ? (ip.dscp << 2) | ip.ecn : ip.trafficClass
  const timeToLive = isV4 ? ip.timeToLive : ip.hopLimit
  const kinds: number[] | undefined = (mode & HAPROXY_MODE.OPTIONS) === 0 ? undefined : []
  const options = walkOptions(syn, kinds)
  let facts = ttlClass(timeToLive) | ((tcp.flagBits >> 6) & 3)
  if (!isV4) facts |= 0xc0
  else if (ip.dontFragment) facts |= 0x40
  if ((isV4 ? ip.optionsLength : ip.extensionsLength) > 0) facts |= 8
  if (syn.payloadLength > 0) facts |= 4
  octets[0] = service
  octets[1] = facts
  octets[2] = (tcp.dataOffset << 4) | (options.scale < 0 ? 0 : Math.min(options.scale, 14) + 1)
  octets[3] = tcp.window >> 8
  octets[4] = tcp.window
  octets[5] = options.mss >> 8
  octets[6] = options.mss
  octets[7] = options.presence
  const text = toHex(octets).toUpperCase()
  return mode === 0 ? text : text + formatAppended(syn, timeToLive, kinds, mode)
}

function formatAppended(syn: Syn, timeToLive: number, kinds: readonly number[] = [], mode: number): string {
  if (!Number.isInteger(mode) || mode < 0 || mode > 7) {
    throw new RangeError(`Cannot format ip.fp: mode from 0 to 7 expected: ${mode}`)
  }
  const time = (mode & HAPROXY_MODE.TTL) === 0 ? [] : [timeToLive]
  const address = (mode & HAPROXY_MODE.ADDRESS) === 0 ? [] : syn.ip.sourceBytes
  return toHex(Uint8Array.from([...time, ...kinds, ...address])).toUpperCase()
}
