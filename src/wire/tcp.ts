/**
 * TCP header (RFC 9293 section 3.1) with its options' values.
 * @module
 */

import { copyOctets, toHex, u16be, u32be } from '../base/bytes.ts'
import type { DecodeError } from './errors.ts'
import {
  decodeTcpOptions,
  isPossibleLength,
  type Malformed,
  optionLength,
  TCP_OPTION,
  type TcpOption,
} from './tcp-options.ts'

/** Octets of the header without options. */
export const TCP_HEADER_LENGTH = 20

/** Bits of the control field, RFC 9293 3.1 and RFC 9768 for AE, which was NS. */
export const TCP_FLAG = {
  FIN: 0x01,
  SYN: 0x02,
  RST: 0x04,
  PSH: 0x08,
  ACK: 0x10,
  URG: 0x20,
  ECE: 0x40,
  CWR: 0x80,
  AE: 0x100,
} as const

/** The control bits. */
export interface TcpFlags {
  /** Accurate ECN, RFC 9768; the bit was NS in RFC 3540. */
  readonly ae: boolean
  readonly cwr: boolean
  readonly ece: boolean
  readonly urg: boolean
  readonly ack: boolean
  readonly psh: boolean
  readonly rst: boolean
  readonly syn: boolean
  readonly fin: boolean
}

/** The timestamps option, RFC 7323 3.2. */
export interface Timestamps {
  /** TSval. */
  readonly value: number
  /** TSecr. */
  readonly echoReply: number
}

/** The header as `JSON.stringify` gives it and `tcpfingerprint parse --json` prints it. Absent facts are absent keys. */
export interface TcpRecord {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly sequenceNumber: number
  readonly acknowledgmentNumber: number
  readonly dataOffset: number
  readonly flags: TcpFlags
  readonly window: number
  readonly checksum: number
  readonly urgentPointer: number
  readonly optionKinds: readonly number[]
  readonly padding?: string
  readonly mss?: number
  readonly windowScale?: number
  readonly sackPermitted?: true
  readonly timestamps?: Timestamps
  readonly malformed?: Malformed
}

/** One frozen object for each of the 512 combinations of control bits, made when first seen. */
const flagObjects: (TcpFlags | undefined)[] = []

function flagsOf(bits: number): TcpFlags {
  return (flagObjects[bits] ??= Object.freeze({
    ae: (bits & TCP_FLAG.AE) !== 0,
    cwr: (bits & TCP_FLAG.CWR) !== 0,
    ece: (bits & TCP_FLAG.ECE) !== 0,
    urg: (bits & TCP_FLAG.URG) !== 0,
    ack: (bits & TCP_FLAG.ACK) !== 0,
    psh: (bits & TCP_FLAG.PSH) !== 0,
    rst: (bits & TCP_FLAG.RST) !== 0,
    syn: (bits & TCP_FLAG.SYN) !== 0,
    fin: (bits & TCP_FLAG.FIN) !== 0,
  }))
}

/**
 * A TCP header as it was on the wire. Numbers are own properties; objects and text are made when they are read.
 *
 * Of several options of one kind the last counts, as in Linux. Values from an option with a wrong length, and from what
 * follows it, are not taken: `malformed` says where the walk ended.
 */
export class TcpHeader {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly sequenceNumber: number
  readonly acknowledgmentNumber: number
  /** Header length in words of four octets: 5 to 15. */
  readonly dataOffset: number
  /** The three bits between data offset and control bits that must be zero: 0 to 7. */
  readonly reserved: number
  /** The nine control bits as one number, see {@link TCP_FLAG}. */
  readonly flagBits: number
  /** As sent, not scaled. */
  readonly window: number
  /** As sent; never verified (on loopback it holds the pseudo-header sum alone). */
  readonly checksum: number
  readonly urgentPointer: number
  /** Maximum segment size, octets. `undefined` when absent: 0 is a value a peer can send. */
  readonly mss: number | undefined
  /** Shift count as sent, 0 to 255. RFC 7323 2.3: above 14 means 14. */
  readonly windowScale: number | undefined
  /** True if the SACK permitted option is there. */
  readonly sackPermitted: boolean
  /** Where the option walk stopped early, `undefined` when it did not. */
  readonly malformed: Malformed | undefined
  /** Octets after the first End of Option List, zero or not; -1 without one. */
  readonly paddingLength: number
  /** TSval of the timestamps option; `undefined` without one. */
  readonly tsVal: number | undefined
  /** TSecr of the timestamps option; `undefined` without one. */
  readonly tsEcr: number | undefined
  readonly #bytes: Uint8Array
  readonly #offset: number
  #kinds: readonly number[] | undefined = undefined

  /** Made by {@link decodeTcp}, which has checked that `dataOffset` words are there. */
  constructor(bytes: Uint8Array, offset: number) {
    const control = u16be(bytes, offset + 12)
    const end = offset + ((control >> 12) << 2)
    let at = offset + TCP_HEADER_LENGTH
    let paddingLength = -1
    let mss: number | undefined
    let windowScale: number | undefined
    let sackPermitted = false
    let tsVal: number | undefined
    let tsEcr: number | undefined
    let reason: Malformed['reason'] | undefined

    while (at < end) {
      const kind = bytes[at]!
      if (kind === TCP_OPTION.EOL) {
        paddingLength = end - at - 1
        break
      }
      const length = optionLength(bytes, at, end)
      if (length <= 0 || !isPossibleLength(kind, length)) {
        reason = length === 0 ? 'truncated' : 'bad-length'
        break
      }
      if (kind === TCP_OPTION.MSS) mss = u16be(bytes, at + 2)
      else if (kind === TCP_OPTION.WINDOW_SCALE) windowScale = bytes[at + 2]!
      else if (kind === TCP_OPTION.SACK_PERMITTED) sackPermitted = true
      else if (kind === TCP_OPTION.TIMESTAMPS) {
        tsVal = u32be(bytes, at + 2)
        tsEcr = u32be(bytes, at + 6)
      }
      at += length
    }

    this.sourcePort = u16be(bytes, offset)
    this.destinationPort = u16be(bytes, offset + 2)
    this.sequenceNumber = u32be(bytes, offset + 4)
    this.acknowledgmentNumber = u32be(bytes, offset + 8)
    this.dataOffset = control >> 12
    this.reserved = (control >> 9) & 7
    this.flagBits = control & 0x1ff
    this.window = u16be(bytes, offset + 14)
    this.checksum = u16be(bytes, offset + 16)
    this.urgentPointer = u16be(bytes, offset + 18)
    this.mss = mss
    this.windowScale = windowScale
    this.sackPermitted = sackPermitted
    this.malformed = reason === undefined ? undefined : { reason, offset: at - offset - TCP_HEADER_LENGTH }
    this.paddingLength = paddingLength
    this.tsVal = tsVal
    this.tsEcr = tsEcr
    this.#bytes = bytes
    this.#offset = offset
  }

  /** The control bits, one boolean each. */
  get flags(): TcpFlags {
    return flagsOf(this.flagBits)
  }

  /**
   * Kinds of all options in wire order, unknown ones kept, the one at which the walk stopped last. Goes to the first End
   * of Option List and then has one 0 for each further zero octet; where other octets follow it ends at the last such 0
   * and `padding` holds them.
   */
  get optionKinds(): readonly number[] {
    return (this.#kinds ??= Object.freeze(this.#readKinds()))
  }

  /** `optionKinds` as decimal numbers with a separator between. */
  joinKinds(separator: string): string {
    return (this.#kinds ?? this.#readKinds()).join(separator)
  }

  #readKinds(): number[] {
    const bytes = this.#bytes
    const start = this.#offset + TCP_HEADER_LENGTH
    const end = this.#offset + this.dataOffset * 4
    const kinds: number[] = []
    // The option at which the walk of the constructor stopped is the last.
    const stop = this.malformed === undefined ? -1 : start + this.malformed.offset
    for (let at = start; at < end; at += Math.max(1, optionLength(bytes, at, end))) {
      kinds.push(bytes[at]!)
      if (at === stop) break
      if (bytes[at] !== TCP_OPTION.EOL) continue
      for (let i = at + 1; i < end && bytes[i] === 0; i++) kinds.push(0)
      break
    }
    return kinds
  }

  /** Hexadecimal octets after End of Option List from the first that is not zero; `undefined` where all are zero. */
  get padding(): string | undefined {
    const end = this.#offset + this.dataOffset * 4
    for (let at = end - this.paddingLength; at < end; at++)
      if (this.#bytes[at] !== 0) return toHex(this.#bytes, at, end)
    return undefined
  }

  /** The timestamps option's values. */
  get timestamps(): Timestamps | undefined {
    return this.tsVal === undefined ? undefined : { value: this.tsVal, echoReply: this.tsEcr! }
  }

  /** Every option in wire order with its octets and values, up to the option at which the walk stopped. */
  get options(): readonly TcpOption[] {
    return decodeTcpOptions(
      copyOctets(this.#bytes),
      this.#offset + TCP_HEADER_LENGTH,
      this.#offset + this.dataOffset * 4,
    )
  }

  /** The octets of the options field: `dataOffset * 4 - 20`. */
  get optionBytes(): Uint8Array {
    return copyOctets(this.#bytes, this.#offset + TCP_HEADER_LENGTH, this.#offset + this.dataOffset * 4)
  }

  /** A plain object with the facts of `parse --json`; absent facts are absent keys. */
  toJSON(): TcpRecord {
    const { padding, timestamps } = this
    return {
      sourcePort: this.sourcePort,
      destinationPort: this.destinationPort,
      sequenceNumber: this.sequenceNumber,
      acknowledgmentNumber: this.acknowledgmentNumber,
      dataOffset: this.dataOffset,
      flags: this.flags,
      window: this.window,
      checksum: this.checksum,
      urgentPointer: this.urgentPointer,
      optionKinds: this.optionKinds,
      ...(padding === undefined ? undefined : { padding }),
      ...(this.mss === undefined ? undefined : { mss: this.mss }),
      ...(this.windowScale === undefined ? undefined : { windowScale: this.windowScale }),
      ...(this.sackPermitted ? { sackPermitted: true } : undefined),
      ...(timestamps === undefined ? undefined : { timestamps }),
      ...(this.malformed === undefined ? undefined : { malformed: this.malformed }),
    }
  }
}

/**
 * Decodes the TCP header of a SYN at `offset`, or says why there is none. SYN with ACK is taken, RST and no SYN are not.
 * Reads nothing outside `bytes`; never throws.
 */
export function decodeTcp(bytes: Uint8Array, offset: number): TcpHeader | DecodeError {
  const available = bytes.length
  if (available < offset + TCP_HEADER_LENGTH) {
    return { reason: 'truncated', offset, needed: offset + TCP_HEADER_LENGTH, available }
  }
  const length = (bytes[offset + 12]! >> 4) << 2
  if (length < TCP_HEADER_LENGTH) return { reason: 'bad-data-offset', offset: offset + 12 }
  if ((bytes[offset + 13]! & (TCP_FLAG.SYN | TCP_FLAG.RST)) !== TCP_FLAG.SYN) {
    return { reason: 'not-syn', offset: offset + 13 }
  }
  if (available < offset + length) return { reason: 'truncated', offset, needed: offset + length, available }
  return new TcpHeader(bytes, offset)
}
