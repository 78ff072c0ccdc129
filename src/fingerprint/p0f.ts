/**
 * p0f v3 raw signature: `ver:ttl+distance:olen:mss:wsize,scale:olayout:quirks:pclass`.
 * @module
 */

import { u16be, u32be } from '../bytes.ts'
import type { OptionLayout } from '../wire/option-layout.ts'
import type { Syn } from '../wire/syn.ts'
import { TCP_FLAG } from '../wire/tcp.ts'
import { TCP_OPTION } from '../wire/tcp-options.ts'
import { formatQuirks, QUIRK } from './quirks.ts'
import { guessHopDistance, MAX_DISTANCE } from './ttl.ts'

/** Octets of a TCP header without options plus an IPv4 or IPv6 header. */
const HEADERS_V4 = 40
const HEADERS_V6 = 60
/** p0f reads this many options and calls the rest malformed. */
const MAX_OPTIONS = 24

/** What p0f sees of a SYN: the values that its signatures are matched against. */
export interface P0fFacts {
  /** 4 or 6. */
  readonly version: number
  readonly timeToLive: number
  /** Octets of IPv4 options or IPv6 extension headers. */
  readonly optionsLength: number
  /** 0 when absent. */
  readonly mss: number
  readonly window: number
  /** The window as a multiple of MSS or MTU; 0 if it is none. */
  readonly multiple: number
  /** Whether `multiple` counts MTUs. */
  readonly multipleOfMtu: boolean
  /** 0 when absent. */
  readonly scale: number
  /** Options in p0f's words. */
  readonly layout: string
  /** The shared order of the options if `layout` follows from it; `undefined` for options p0f reads in its own way. */
  readonly shared: OptionLayout | undefined
  /** Bits of {@link QUIRK}. */
  readonly quirks: number
  /** Whether the SYN carries data. */
  readonly payload: boolean
}

type Mutable = { -readonly [Name in keyof P0fFacts]: P0fFacts[Name] } & { of: WeakKey | undefined; tsVal: number }

/** The facts of the SYN asked for last: written anew for each, so that reading a SYN allocates nothing. */
const facts: Mutable = {
  of: undefined,
  version: 4,
  timeToLive: 0,
  optionsLength: 0,
  mss: 0,
  window: 0,
  multiple: 0,
  multipleOfMtu: false,
  scale: 0,
  layout: '',
  shared: undefined,
  quirks: 0,
  payload: false,
  tsVal: 0,
}

/**
 * What p0f sees of a SYN.
 *
 * @returns one object that the next call overwrites: use it at once, copy what is to be kept
 */
export function p0fFacts(syn: Syn): P0fFacts {
  if (facts.of === syn) return facts
  facts.of = undefined
  const { ip, tcp } = syn
  const bits = tcp.flagBits
  let quirks = 0
  let headers = tcp.dataOffset * 4
  let isV6 = false

  if (ip.version === 4) {
    facts.version = 4
    facts.timeToLive = ip.timeToLive
    facts.optionsLength = ip.optionsLength
    headers += ip.headerLength
    facts.payload = ip.totalLength > headers
    if (ip.dontFragment) quirks = ip.identification === 0 ? QUIRK.DF : QUIRK.DF | QUIRK.ID_NONZERO
    else if (ip.identification === 0) quirks = QUIRK.ID_ZERO
    if (ip.reservedFlag) quirks |= QUIRK.MUST_BE_ZERO
  } else {
    isV6 = true
    facts.version = 6
    facts.timeToLive = ip.hopLimit
    facts.optionsLength = ip.extensionsLength
    facts.payload = ip.payloadLength > ip.extensionsLength + headers
    headers += HEADERS_V6 - 20 + ip.extensionsLength
    if (ip.flowLabel !== 0) quirks = QUIRK.FLOW
  }
  if (ip.ecn !== 0 || (bits & (TCP_FLAG.ECE | TCP_FLAG.CWR | TCP_FLAG.AE)) !== 0) quirks |= QUIRK.ECN
  if (tcp.sequenceNumber === 0) quirks |= QUIRK.SEQ_ZERO
  if ((bits & TCP_FLAG.ACK) !== 0) {
    if (tcp.acknowledgmentNumber === 0) quirks |= QUIRK.ACK_ZERO
  } else if (tcp.acknowledgmentNumber !== 0) quirks |= QUIRK.ACK_NONZERO
  if ((bits & TCP_FLAG.URG) !== 0) quirks |= QUIRK.URG
  else if (tcp.urgentPointer !== 0) quirks |= QUIRK.URGENT_POINTER
  if ((bits & TCP_FLAG.PSH) !== 0) quirks |= QUIRK.PUSH
  facts.quirks = quirks
  facts.window = tcp.window

  const { layout } = tcp
  const text = tcp.malformed === undefined ? (layout.p0f ??= sharedLayoutText(layout)) : ''
  if (text === '' && layout.kinds.length > 0) {
    readOptions(tcp.optionBytes, (bits & TCP_FLAG.ACK) === 0)
  } else {
    facts.shared = layout
    facts.layout = text
    facts.mss = tcp.mss ?? 0
    const scale = tcp.windowScale
    if (scale !== undefined && scale > 14) facts.quirks |= QUIRK.EXCESSIVE_SCALE
    facts.scale = scale ?? 0
    const tsVal = tcp.tsVal
    facts.tsVal = tsVal ?? 0
    if (tsVal !== undefined) {
      if (tsVal === 0) facts.quirks |= QUIRK.TS1_ZERO
      if (tcp.tsEcr !== 0 && (bits & TCP_FLAG.ACK) === 0) facts.quirks |= QUIRK.TS2_NONZERO
    }
    if (layout.noise) facts.quirks |= QUIRK.PADDING_NONZERO
  }
  setMultiple(headers, isV6)
  facts.of = syn
  return facts
}

/**
 * The window as a multiple, by the first divisor that leaves no rest: MSS, MSS less the timestamps option, 1460, 1448 and
 * for IPv6 1440 and 1428 (all "mss"), then MSS with the headers at least and as they are, for IPv6 with 60, and 1500 (all
 * "mtu"). Neither without a window nor with an MSS below 100.
 */
function setMultiple(headers: number, isV6: boolean): void {
  const { window, mss } = facts
  facts.multiple = 0
  facts.multipleOfMtu = false
  if (window === 0 || mss < 100) return
  let divisor = 0
  if (window % mss === 0) divisor = mss
  else if (facts.tsVal !== 0 && window % (mss - 12) === 0) divisor = mss - 12
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
    facts.multipleOfMtu = true
  }
  facts.multiple = window / divisor
}

const WORDS: Readonly<Record<number, string>> = { 1: 'nop', 2: 'mss', 3: 'ws', 4: 'sok', 5: 'sack', 8: 'ts' }

/** p0f's word of an option kind other than End of Option List. */
function word(kind: number): string {
  return WORDS[kind] ?? `?${kind}`
}

/**
 * p0f's words for well-formed options in this order. Empty where order and last values do not tell all p0f prints: a second
 * window scale or timestamps option (each adds its quirks), or more options than p0f reads.
 */
function sharedLayoutText(layout: OptionLayout): string {
  const end = layout.kinds.indexOf(TCP_OPTION.EOL)
  const kinds = end < 0 ? layout.kinds : layout.kinds.slice(0, end)
  const count = (kind: number): number => kinds.reduce((sum, other) => sum + (other === kind ? 1 : 0), 0)
  if (count(TCP_OPTION.WINDOW_SCALE) > 1 || count(TCP_OPTION.TIMESTAMPS) > 1) return ''
  if (kinds.length + (end < 0 ? 0 : 1) > MAX_OPTIONS) return ''
  const words = kinds.map(word)
  if (end >= 0) words.push(`eol+${layout.afterEnd}`)
  return words.join(',')
}

/** Octets p0f takes for these kinds, whatever their length octet says. */
const USUAL_LENGTH: Readonly<Record<number, number>> = { 2: 4, 3: 3, 4: 2, 8: 10 }

/** Whether p0f goes on over an option of another kind by its stated length. */
function isBelievable(kind: number, length: number): boolean {
  return kind === TCP_OPTION.SACK ? length >= 10 && length <= 34 : length >= 2 && length <= 40
}

/**
 * Reads options as p0f does: an option of a known kind with a wrong length is bad but read, and passed, as if it had the
 * right one; what does not fit ends the walk.
 */
function readOptions(options: Uint8Array, isPureSyn: boolean): void {
  const words: string[] = []
  const end = options.length
  facts.mss = 0
  facts.scale = 0
  facts.tsVal = 0
  let quirks = 0
  let at = 0
  let fits = true
  while (fits && at < end && words.length < MAX_OPTIONS) {
    const kind = options[at]!
    if (kind === TCP_OPTION.EOL) {
      words.push(`eol+${end - at - 1}`)
      for (let i = at + 1; i < end; i++) if (options[i] !== 0) quirks |= QUIRK.PADDING_NONZERO
      at = end
      break
    }
    words.push(word(kind))
    at += 1
    if (kind === TCP_OPTION.NOP) continue
    const stated = at < end ? options[at]! : 0
    const usual = USUAL_LENGTH[kind]
    const length = usual ?? stated
    fits = at - 1 + length <= end && length >= 2 && (usual !== undefined || isBelievable(kind, stated))
    if (!fits) break
    if (length !== stated) quirks |= QUIRK.BAD
    switch (kind) {
      case TCP_OPTION.MSS:
        facts.mss = u16be(options, at + 1)
        break
      case TCP_OPTION.WINDOW_SCALE:
        facts.scale = options[at + 1]!
        if (facts.scale > 14) quirks |= QUIRK.EXCESSIVE_SCALE
        break
      case TCP_OPTION.TIMESTAMPS:
        facts.tsVal = u32be(options, at + 1)
        if (facts.tsVal === 0) quirks |= QUIRK.TS1_ZERO
        if (isPureSyn && u32be(options, at + 5) !== 0) quirks |= QUIRK.TS2_NONZERO
    }
    at += length - 1
  }
  if (!fits || at !== end) quirks |= QUIRK.BAD
  facts.shared = undefined
  facts.layout = words.join(',')
  facts.quirks |= quirks
}

/** `4:57+7:` for each version and TTL, made when first needed: at most 512 strings. */
const ttlText: (string | undefined)[] = []

function formatTtl(version: number, timeToLive: number): string {
  const distance = guessHopDistance(timeToLive)
  return `${version}:${timeToLive}+${distance > MAX_DISTANCE ? '?' : distance}:`
}

/** `mss*44`, `mtu*2`: a 16-bit window has at most 655 of a divisor of at least 88, so at most 1500 strings. */
const multipleText: (string | undefined)[] = []

/**
 * p0f v3 raw signature of a SYN, as p0f 3.09b logs it in `raw_sig`.
 *
 * `4:57+7:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0`: IP version; TTL and guessed distance (`?` above 35); octets of IP
 * options; MSS and scale (0 when absent); window, as a multiple if it is one; order of the options; quirks; `+` for data.
 *
 * Where p0f's documentation and its program disagree, or it says nothing:
 *
 * | case | p0f 3.09b | here |
 * | --- | --- | --- |
 * | `ack+`: acknowledgment number without ACK | only if bit 24 of the number is set (`&` for `&&` in its source) | for every number but 0 |
 * | `opt+`: other octets than 0 after End of Option List | missed when only the very last octet is | seen |
 * | IPv6 extension headers | packet ignored | octets of the extension headers as `olen`, as its documentation has it |
 *
 * Followed as p0f does it: the window is tried against 1460 and 1448 whatever the MSS; of several options of a kind the last
 * counts, but a quirk of any stays; an MSS, scale, SACK permitted or timestamps option with a wrong length is `bad` and still
 * read as if it had the right one; after 24 options the rest is `bad`.
 *
 * @see p0f 3.09b `docs/README` section 5 and its output
 */
export function formatP0f(syn: Syn): string {
  const seen = p0fFacts(syn)
  const ttlKey = seen.version === 4 ? seen.timeToLive : seen.timeToLive + 256
  const ttl = (ttlText[ttlKey] ??= formatTtl(seen.version, seen.timeToLive))
  let window: string | number = seen.window
  if (seen.multiple !== 0) {
    const key = seen.multiple * 2 + (seen.multipleOfMtu ? 1 : 0)
    window = multipleText[key] ??= `${seen.multipleOfMtu ? 'mtu' : 'mss'}*${seen.multiple}`
  }
  const data = seen.payload ? ':+' : ':0'
  return `${ttl}${seen.optionsLength}:${seen.mss}:${window},${seen.scale}:${seen.layout}:${formatQuirks(seen.quirks)}${data}`
}
