/**
 * A SYN as p0f 3.09b reads it: what its raw signature is written from and its database is matched with.
 * @module
 */

import { u16be, u32be } from '../base/bytes.ts'
import { decodedSyn, endOf, octetsOf, optionsAt, type Syn } from '../wire/syn.ts'
import { TCP_FLAG } from '../wire/tcp.ts'
import { TCP_OPTION } from '../wire/tcp-options.ts'
import { QUIRK, ZMAP_IDENTIFICATION } from './quirks.ts'

/** Octets of a TCP header without options plus an IPv4 or IPv6 header. */
const HEADERS_V4 = 40
const HEADERS_V6 = 60
/** p0f reads this many options and calls the rest malformed. */
const MAX_OPTIONS = 24

/** The fields of p0f's signatures. Numbers are as sent; what a SYN lacks is 0, as in p0f. */
export class P0fView {
  readonly version: 4 | 6
  /** TTL or hop limit as it arrived. */
  readonly timeToLive: number
  /** Octets of IPv4 options or IPv6 extension headers. */
  readonly optionsLength: number
  /** True if the IPv4 identification is {@link ZMAP_IDENTIFICATION}, which signatures of p0f do not state. */
  readonly zmapIdentification: boolean
  readonly window: number
  /** True if the SYN carries data. */
  readonly payload: boolean
  /** True if the TCP control bit AE (RFC 9768) is set. */
  readonly accurateEcn: boolean
  /** Bits of {@link QUIRK}. */
  quirks = 0
  /** Octets. */
  mss = 0
  /** Shift count. */
  scale = 0
  /** Order of the options in p0f's words. */
  layout = ''
  /** The window as a multiple of MSS or MTU; 0 if it is none. */
  multiple = 0
  /** True if `multiple` counts MTUs. */
  multipleOfMtu = false

  /** Made by {@link p0fView}. */
  constructor(syn: Syn) {
    const { ip, tcp } = syn
    const tcpLength = tcp.dataOffset * 4
    const bits = tcp.flagBits
    const isAck = (bits & TCP_FLAG.ACK) !== 0
    let quirks = 0
    if (ip.version === 4) {
      this.version = 4
      this.timeToLive = ip.timeToLive
      this.optionsLength = ip.optionsLength
      this.zmapIdentification = ip.identification === ZMAP_IDENTIFICATION
      this.payload = ip.totalLength > ip.headerLength + tcpLength
      if (ip.dontFragment) quirks = ip.identification === 0 ? QUIRK.DF : QUIRK.DF | QUIRK.ID_NONZERO
      else if (ip.identification === 0) quirks = QUIRK.ID_ZERO
      if (ip.reservedFlag) quirks |= QUIRK.MUST_BE_ZERO
    } else {
      this.version = 6
      this.timeToLive = ip.hopLimit
      this.optionsLength = ip.extensionsLength
      this.zmapIdentification = false
      this.payload = ip.payloadLength > ip.extensionsLength + tcpLength
      if (ip.flowLabel !== 0) quirks = QUIRK.FLOW
    }
    if (ip.ecn !== 0 || (bits & (TCP_FLAG.ECE | TCP_FLAG.CWR | TCP_FLAG.AE)) !== 0) quirks |= QUIRK.ECN
    if (tcp.sequenceNumber === 0) quirks |= QUIRK.SEQ_ZERO
    if (isAck) {
      if (tcp.acknowledgmentNumber === 0) quirks |= QUIRK.ACK_ZERO
    } else if (tcp.acknowledgmentNumber !== 0) quirks |= QUIRK.ACK_NONZERO
    if ((bits & TCP_FLAG.URG) !== 0) quirks |= QUIRK.URG
    else if (tcp.urgentPointer !== 0) quirks |= QUIRK.URGENT_POINTER
    if ((bits & TCP_FLAG.PSH) !== 0) quirks |= QUIRK.PUSH
    this.quirks = quirks
    this.window = tcp.window
    this.accurateEcn = (bits & TCP_FLAG.AE) !== 0
    const tsVal = readOptions(this, octetsOf(syn), optionsAt(syn), endOf(syn), !isAck)
    setMultiple(this, tsVal, (this.version === 4 ? 20 : 40) + this.optionsLength + tcpLength)
  }
}

/** Signature and label of a SYN are mostly asked for one after the other. */
let lastSyn: Syn | undefined
let lastView: P0fView | undefined

/** The SYN as p0f reads it. */
export function p0fView(syn: Syn): Readonly<P0fView> {
  if (syn !== lastSyn) {
    lastView = new P0fView(decodedSyn(syn))
    lastSyn = syn
  }
  return lastView!
}

/**
 * The window as a multiple, by the first divisor that leaves no rest: MSS, MSS less the timestamps option, 1460, 1448 and
 * for IPv6 1440 and 1428 (all "mss"), then MSS with the headers at least and as they are, for IPv6 with 60, and 1500 (all
 * "mtu"). Neither without a window nor with an MSS below 100.
 */
function setMultiple(view: P0fView, tsVal: number, headers: number): void {
  const { mss, window } = view
  const isV6 = view.version === 6
  if (window === 0 || mss < 100) return
  let divisor = 0
  if (window % mss === 0) divisor = mss
  else if (tsVal !== 0 && window % (mss - 12) === 0) divisor = mss - 12
  else if (window % 1460 === 0) divisor = 1460
  else if (window % 1448 === 0) divisor = 1448
  else if (isV6 && window % 1440 === 0) divisor = 1440
  else if (isV6 && window % 1428 === 0) divisor = 1428
  else {
    if (window % (mss + HEADERS_V4) === 0) divisor = mss + HEADERS_V4
    else if (window % (mss + headers) === 0) divisor = mss + headers
    else if (isV6 && window % (mss + HEADERS_V6) === 0) divisor = mss + HEADERS_V6
    else if (window % 1500 === 0) divisor = 1500
    else return
    view.multipleOfMtu = true
  }
  view.multiple = window / divisor
}

/** p0f's words of option kinds; End of Option List is `eol+N`, others are `?N`. */
export const OPTION_WORDS: Readonly<Record<number, string>> = {
  1: 'nop',
  2: 'mss',
  3: 'ws',
  4: 'sok',
  5: 'sack',
  8: 'ts',
}
/** Octets p0f takes for these kinds, whatever their length octet says. */
const USUAL_LENGTH: Readonly<Record<number, number>> = { 2: 4, 3: 3, 4: 2, 8: 10 }

/** True if p0f goes on over an option of another kind by its stated length. */
function isBelievable(kind: number, length: number): boolean {
  return kind === TCP_OPTION.SACK ? length >= 10 && length <= 34 : length >= 2 && length <= 40
}

/**
 * Reads options as p0f does: an option of a known kind with a wrong length is bad but read, and passed, as if it had the
 * right one; what does not fit ends the walk. Returns TSval, 0 when absent.
 */
function readOptions(view: P0fView, bytes: Uint8Array, start: number, end: number, isPureSyn: boolean): number {
  let layout = ''
  let count = 0
  let quirks = 0
  let tsVal = 0
  let at = start
  let fits = true
  while (fits && at < end && count < MAX_OPTIONS) {
    const kind = bytes[at]!
    const word = OPTION_WORDS[kind] ?? (kind === TCP_OPTION.EOL ? `eol+${end - at - 1}` : `?${kind}`)
    layout = count === 0 ? word : `${layout},${word}`
    count += 1
    if (kind === TCP_OPTION.EOL) {
      for (let i = at + 1; i < end; i++) if (bytes[i] !== 0) quirks |= QUIRK.PADDING_NONZERO
      at = end
      break
    }
    at += 1
    if (kind === TCP_OPTION.NOP) continue
    const stated = at < end ? bytes[at]! : 0
    const usual = USUAL_LENGTH[kind]
    const length = usual ?? stated
    fits = at - 1 + length <= end && length >= 2 && (usual !== undefined || isBelievable(kind, stated))
    if (!fits) break
    if (length !== stated) quirks |= QUIRK.BAD
    switch (kind) {
      case TCP_OPTION.MSS:
        view.mss = u16be(bytes, at + 1)
        break
      case TCP_OPTION.WINDOW_SCALE:
        view.scale = bytes[at + 1]!
        if (view.scale > 14) quirks |= QUIRK.EXCESSIVE_SCALE
        break
      case TCP_OPTION.TIMESTAMPS:
        tsVal = u32be(bytes, at + 1)
        if (tsVal === 0) quirks |= QUIRK.TS1_ZERO
        if (isPureSyn && u32be(bytes, at + 5) !== 0) quirks |= QUIRK.TS2_NONZERO
    }
    at += length - 1
  }
  if (!fits || at !== end) quirks |= QUIRK.BAD
  view.layout = layout
  view.quirks |= quirks
  return tsVal
}
