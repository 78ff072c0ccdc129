/**
 * TCP options as objects (RFC 9293 section 3.1; RFC 7323, 2018, 7413, 8684, 9768 and those named at each kind), in wire
 * order.
 * @module
 */

import { toHex, u16be, u32be } from '../base/bytes.ts'

/** Option kinds, IANA "TCP Option Kind Numbers". */
export const TCP_OPTION = {
  /** End of Option List, RFC 9293 3.2. */
  EOL: 0,
  /** No-Operation, RFC 9293 3.2. */
  NOP: 1,
  /** Maximum Segment Size, RFC 9293 3.7.1. */
  MSS: 2,
  /** Window Scale, RFC 7323 2.2. */
  WINDOW_SCALE: 3,
  /** SACK Permitted, RFC 2018 2. */
  SACK_PERMITTED: 4,
  /** SACK, RFC 2018 3. */
  SACK: 5,
  /** Timestamps, RFC 7323 3.2. */
  TIMESTAMPS: 8,
  /** MD5 Signature, RFC 2385. */
  MD5_SIGNATURE: 19,
  /** User Timeout, RFC 5482. */
  USER_TIMEOUT: 28,
  /** TCP Authentication Option, RFC 5925. */
  AUTHENTICATION: 29,
  /** Multipath TCP, RFC 8684. */
  MULTIPATH: 30,
  /** TCP Fast Open cookie, RFC 7413 4.1.1. */
  FAST_OPEN: 34,
  /** Accurate ECN order 0, RFC 9768 3.2.3. */
  ACCURATE_ECN_0: 172,
  /** Accurate ECN order 1, RFC 9768 3.2.3. */
  ACCURATE_ECN_1: 174,
  /** RFC 3692-style experiment 1, RFC 4727; what follows is told by RFC 6994 identifiers. */
  EXPERIMENT_1: 253,
  /** RFC 3692-style experiment 2. */
  EXPERIMENT_2: 254,
} as const

/** RFC 6994 identifier of Fast Open before kind 34 was assigned (RFC 7413 appendix of the drafts; still sent). */
const EXPERIMENT_FAST_OPEN = 0xf989

/** Where the walk stopped early. A finding about the peer, not an exception. */
export interface Malformed {
  /**
   * `truncated`: no length octet, or the length leads past the header. `bad-length`: below 2, or not one that the kind
   * can have (MSS 4, window scale 3, SACK permitted 2, SACK 10, 18, 26 or 34, timestamps 10).
   */
  readonly reason: 'truncated' | 'bad-length'
  /** Octets from the start of the options field to the option's kind. */
  readonly offset: number
}

/** What every option has. */
interface OptionBase {
  readonly kind: number
  /** Octets from the start of the options field. */
  readonly offset: number
  /** The length octet as sent, which counts itself and the kind; 1 for the two kinds without one, 0 where it is missing. */
  readonly length: number
  /** The option's octets, kind and length included; of the option at which the walk stopped, what there is. */
  readonly bytes: Uint8Array
}

/** One option. `type` tells the shape; `unknown` is every kind without an own shape, or with a length it cannot have. */
export type TcpOption =
  | (OptionBase & { readonly type: 'end-of-options' | 'no-operation' | 'sack-permitted' })
  | (OptionBase & { readonly type: 'mss'; readonly mss: number })
  | (OptionBase & { readonly type: 'window-scale'; readonly windowScale: number })
  | (OptionBase & {
      readonly type: 'sack'
      readonly blocks: readonly { readonly left: number; readonly right: number }[]
    })
  | (OptionBase & { readonly type: 'timestamps'; readonly value: number; readonly echoReply: number })
  | (OptionBase & {
      readonly type: 'fast-open'
      /** Hexadecimal; empty in a request for a cookie. */
      readonly cookie: string
      /** Sent as experiment 253 or 254 with the identifier 0xF989. */
      readonly experimental: boolean
    })
  | (OptionBase & {
      readonly type: 'multipath'
      /** RFC 8684 section 8.2: 0 is MP_CAPABLE, 1 MP_JOIN. */
      readonly subtype: number
      /** Of MP_CAPABLE. */
      readonly version?: number
      /** Low four bits of the third octet, or the flags octet of MP_CAPABLE. */
      readonly flags: number
      /** Sender's key of MP_CAPABLE, hexadecimal; absent in a version 1 SYN, which sends none. */
      readonly key?: string
      /** Address identifier of MP_JOIN. */
      readonly addressId?: number
      /** Receiver's token of an MP_JOIN SYN. */
      readonly token?: number
      /** Sender's random number of an MP_JOIN SYN. */
      readonly nonce?: number
    })
  | (OptionBase & {
      readonly type: 'accurate-ecn'
      /** 24-bit counters in wire order: kind 172 has ECT(0), CE, ECT(1), kind 174 ECT(1), CE, ECT(0); none to three. */
      readonly counters: readonly number[]
    })
  | (OptionBase & { readonly type: 'md5-signature'; readonly digest: string })
  | (OptionBase & {
      readonly type: 'authentication'
      readonly keyId: number
      readonly receiveNextKeyId: number
      /** Message authentication code, hexadecimal. */
      readonly code: string
    })
  | (OptionBase & { readonly type: 'user-timeout'; readonly seconds: number })
  | (OptionBase & {
      readonly type: 'experimental'
      /** RFC 6994 experiment identifier: the first two octets, where there are two. */
      readonly experimentId?: number
      /** The rest, hexadecimal. */
      readonly data: string
    })
  | (OptionBase & { readonly type: 'unknown'; readonly data: string })

/**
 * Octets of the option at `at`, kind and length octets included, by RFC 9293 section 3.1: 1 for End of Option List and
 * No-Operation. 0: it does not fit before `end`; -1: its length octet is below 2.
 */
export function optionLength(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at]! <= TCP_OPTION.NOP) return 1
  if (at + 1 >= end) return 0
  const length = bytes[at + 1]!
  if (at + length > end) return 0
  return length < 2 ? -1 : length
}

/** True if an option of this kind can have this length. Kinds that p0f and Linux only pass over can have any. */
export function isPossibleLength(kind: number, length: number): boolean {
  switch (kind) {
    case TCP_OPTION.MSS:
      return length === 4
    case TCP_OPTION.WINDOW_SCALE:
      return length === 3
    case TCP_OPTION.SACK_PERMITTED:
      return length === 2
    case TCP_OPTION.SACK:
      return length >= 10 && length <= 34 && (length & 7) === 2
    case TCP_OPTION.TIMESTAMPS:
      return length === 10
    default:
      return true
  }
}

/**
 * The options between `start` and `end` of `bytes`, in wire order, up to and including End of Option List or the option
 * at which the walk stops (`malformed` of the TCP header says where and why). Never throws; reads nothing outside.
 */
export function decodeTcpOptions(bytes: Uint8Array, start = 0, end: number = bytes.length): TcpOption[] {
  const options: TcpOption[] = []
  for (let at = start; at < end; ) {
    const kind = bytes[at]!
    const offset = at - start
    if (kind === TCP_OPTION.EOL || kind === TCP_OPTION.NOP) {
      const type = kind === TCP_OPTION.EOL ? 'end-of-options' : 'no-operation'
      options.push({ kind, type, offset, length: 1, bytes: bytes.subarray(at, at + 1) })
      if (kind === TCP_OPTION.EOL) break
      at += 1
      continue
    }
    const length = at + 1 < end ? bytes[at + 1]! : 0
    if (optionLength(bytes, at, end) <= 0 || !isPossibleLength(kind, length)) {
      const rest = bytes.subarray(at, length < 2 ? Math.min(at + 2, end) : Math.min(at + length, end))
      options.push({ kind, type: 'unknown', offset, length, bytes: rest, data: toHex(rest, Math.min(2, rest.length)) })
      break
    }
    options.push(decodeOption(kind, offset, length, bytes.subarray(at, at + length)))
    at += length
  }
  return options
}

/** One option whose `length` octets are all in `bytes`. */
function decodeOption(kind: number, offset: number, length: number, bytes: Uint8Array): TcpOption {
  switch (kind) {
    case TCP_OPTION.MSS:
      return { kind, type: 'mss', offset, length, bytes, mss: u16be(bytes, 2) }
    case TCP_OPTION.WINDOW_SCALE:
      return { kind, type: 'window-scale', offset, length, bytes, windowScale: bytes[2]! }
    case TCP_OPTION.SACK_PERMITTED:
      return { kind, type: 'sack-permitted', offset, length, bytes }
    case TCP_OPTION.SACK: {
      const blocks: { left: number; right: number }[] = []
      for (let at = 2; at < length; at += 8) blocks.push({ left: u32be(bytes, at), right: u32be(bytes, at + 4) })
      return { kind, type: 'sack', offset, length, bytes, blocks }
    }
    case TCP_OPTION.TIMESTAMPS:
      return { kind, type: 'timestamps', offset, length, bytes, value: u32be(bytes, 2), echoReply: u32be(bytes, 6) }
    case TCP_OPTION.FAST_OPEN:
      return { kind, type: 'fast-open', offset, length, bytes, cookie: toHex(bytes, 2), experimental: false }
    case TCP_OPTION.MULTIPATH:
      if (length >= 3) return decodeMultipath(kind, offset, length, bytes)
      break
    case TCP_OPTION.ACCURATE_ECN_0:
    case TCP_OPTION.ACCURATE_ECN_1:
      // RFC 9768 3.2.3: counters may be left out from the end: lengths 2, 5, 8 and 11.
      if (length <= 11 && length % 3 === 2) {
        const counters: number[] = []
        for (let at = 2; at < length; at += 3) counters.push((bytes[at]! << 16) | u16be(bytes, at + 1))
        return { kind, type: 'accurate-ecn', offset, length, bytes, counters }
      }
      break
    case TCP_OPTION.MD5_SIGNATURE:
      if (length === 18) return { kind, type: 'md5-signature', offset, length, bytes, digest: toHex(bytes, 2) }
      break
    case TCP_OPTION.AUTHENTICATION:
      if (length >= 4) {
        const code = toHex(bytes, 4)
        return {
          kind,
          type: 'authentication',
          offset,
          length,
          bytes,
          keyId: bytes[2]!,
          receiveNextKeyId: bytes[3]!,
          code,
        }
      }
      break
    case TCP_OPTION.USER_TIMEOUT:
      if (length === 4) {
        // RFC 5482 3.1: the top bit says minutes.
        const value = u16be(bytes, 2)
        const seconds = (value & 0x7fff) * (value & 0x8000 ? 60 : 1)
        return { kind, type: 'user-timeout', offset, length, bytes, seconds }
      }
      break
    case TCP_OPTION.EXPERIMENT_1:
    case TCP_OPTION.EXPERIMENT_2: {
      if (length < 4) return { kind, type: 'experimental', offset, length, bytes, data: toHex(bytes, 2) }
      const experimentId = u16be(bytes, 2)
      const data = toHex(bytes, 4)
      if (experimentId === EXPERIMENT_FAST_OPEN) {
        return { kind, type: 'fast-open', offset, length, bytes, cookie: data, experimental: true }
      }
      return { kind, type: 'experimental', offset, length, bytes, experimentId, data }
    }
  }
  return { kind, type: 'unknown', offset, length, bytes, data: toHex(bytes, 2) }
}

/** RFC 8684 section 3.1 (MP_CAPABLE: subtype 0, 4 octets in a version 1 SYN, 12 in version 0) and 3.2 (MP_JOIN). */
function decodeMultipath(kind: 30, offset: number, length: number, bytes: Uint8Array): TcpOption {
  const subtype = bytes[2]! >> 4
  const low = bytes[2]! & 15
  const common = { kind, type: 'multipath', offset, length, bytes, subtype } as const
  if (subtype === 0 && length >= 4) {
    const capable = { ...common, version: low, flags: bytes[3]! }
    return length >= 12 ? { ...capable, key: toHex(bytes, 4, 12) } : capable
  }
  if (subtype === 1 && length === 12) {
    return { ...common, flags: low, addressId: bytes[3]!, token: u32be(bytes, 4), nonce: u32be(bytes, 8) }
  }
  return { ...common, flags: low }
}
