/**
 * Traits of a SYN: all that fingerprint strings and labels depend on, shared between the SYNs that have the same. What a
 * client's stack decides is the same from one connection to the next (ports, addresses, sequence numbers and clocks are not
 * among it), so strings and labels are mostly made once for many.
 * @module
 */

import { u16be, u32be } from '../base/bytes.ts'
import { Generations } from '../wire/generations.ts'
import type { OptionLayout } from '../wire/option-layout.ts'
import type { Syn } from '../wire/syn.ts'
import { TCP_FLAG } from '../wire/tcp.ts'
import { TCP_OPTION } from '../wire/tcp-options.ts'
import { QUIRK } from './quirks.ts'

/** Octets of a TCP header without options plus an IPv4 or IPv6 header. */
const HEADERS_V4 = 40
const HEADERS_V6 = 60
/** p0f reads this many options and calls the rest malformed. */
const MAX_OPTIONS = 24
/** Traits kept at most twice this many; with their strings and label they take about 800 octets. */
const KEPT = 4096

/** Options as p0f reads them. */
class P0fOptions {
  /** 0 when absent. */
  mss = 0
  /** 0 when absent. */
  scale = 0
  tsVal = 0
  /** In p0f's words. */
  layout = ''
  /** The quirks that come from options. */
  quirks = 0
  /** The window as a multiple of MSS or MTU; 0 if it is none. */
  multiple = 0
  /** Whether `multiple` counts MTUs. */
  multipleOfMtu = false
}

/** What strings and labels of a SYN depend on. The fields at the end hold what was made of it, filled by their modules. */
export class SynTraits {
  readonly version: 4 | 6
  readonly timeToLive: number
  /** The octet of DSCP and ECN. */
  readonly service: number
  /** Octets of IPv4 options or IPv6 extension headers. */
  readonly optionsLength: number
  /** Words of the TCP header. */
  readonly dataOffset: number
  /** The TCP control bits AE, CWR, ECE and ACK where they were. */
  readonly flagBits: number
  readonly window: number
  readonly mss: number | undefined
  readonly scale: number | undefined
  readonly layout: OptionLayout
  /** Bits of {@link QUIRK}. */
  readonly quirks: number
  /** Whether the SYN carries data. */
  readonly payload: boolean
  /** MSS as p0f reads it, 0 when absent. */
  readonly p0fMss: number
  /** Window scale as p0f reads it, 0 when absent. */
  readonly p0fScale: number
  /** Options in p0f's words. */
  readonly p0fLayout: string
  /** The window as a multiple of MSS or MTU; 0 if it is none. */
  readonly multiple: number
  /** Whether `multiple` counts MTUs. */
  readonly multipleOfMtu: boolean
  /** The octets of options that p0f reads in its own way: malformed ones, and some with an option twice. */
  readonly raw: Uint8Array | undefined
  /** The rest of what tells these traits from others, as numbers. */
  readonly key1: number
  readonly key2: number
  readonly key3: number
  readonly key4: number

  p0f: string | undefined = undefined
  muonfp: string | undefined = undefined
  haproxy: string | undefined = undefined
  label: object | undefined = undefined
  labelDatabase: object | undefined = undefined
  labelTolerant: boolean | undefined = undefined

  /** Made by {@link traitsOf}. */
  constructor(
    syn: Syn,
    key1: number,
    key2: number,
    key3: number,
    key4: number,
    options: P0fOptions,
    raw: Uint8Array | undefined,
  ) {
    const { ip, tcp } = syn
    if (ip.version === 4) {
      this.version = 4
      this.timeToLive = ip.timeToLive
      this.service = (ip.dscp << 2) | ip.ecn
      this.optionsLength = ip.optionsLength
    } else {
      this.version = 6
      this.timeToLive = ip.hopLimit
      this.service = ip.trafficClass
      this.optionsLength = ip.extensionsLength
    }
    this.dataOffset = tcp.dataOffset
    this.flagBits = tcp.flagBits & (TCP_FLAG.AE | TCP_FLAG.CWR | TCP_FLAG.ECE | TCP_FLAG.ACK)
    this.window = tcp.window
    this.mss = tcp.mss
    this.scale = tcp.windowScale
    this.layout = tcp.layout
    this.payload = (key1 & PAYLOAD) !== 0
    const headers = (this.version === 4 ? 20 : 40) + this.optionsLength + tcp.dataOffset * 4
    setMultiple(options, tcp.window, headers, this.version === 6)
    this.p0fMss = options.mss
    this.p0fScale = options.scale
    this.p0fLayout = options.layout
    this.multiple = options.multiple
    this.multipleOfMtu = options.multipleOfMtu
    this.quirks = key3 | options.quirks
    this.raw = raw
    this.key1 = key1
    this.key2 = key2
    this.key3 = key3
    this.key4 = key4
  }
}

const PAYLOAD = 1 << 25
const cache = /* @__PURE__ */ new Generations<SynTraits>(KEPT)

/** Strings and label of one SYN are mostly asked for one after the other. */
let lastSyn: Syn | undefined
let lastTraits: SynTraits | undefined

/** The traits of a SYN. */
export function traitsOf(syn: Syn): SynTraits {
  if (syn === lastSyn) return lastTraits!
  const traits = findTraits(syn)
  lastSyn = syn
  lastTraits = traits
  return traits
}

function findTraits(syn: Syn): SynTraits {
  const { ip, tcp } = syn
  const bits = tcp.flagBits
  const tcpLength = tcp.dataOffset * 4
  let quirks = 0
  let key1: number
  let optionsLength: number
  if (ip.version === 4) {
    optionsLength = ip.optionsLength
    key1 = (ip.timeToLive << 1) | (ip.dscp << 11) | (ip.ecn << 9)
    if (ip.totalLength > ip.headerLength + tcpLength) key1 |= PAYLOAD
    if (ip.dontFragment) quirks = ip.identification === 0 ? QUIRK.DF : QUIRK.DF | QUIRK.ID_NONZERO
    else if (ip.identification === 0) quirks = QUIRK.ID_ZERO
    if (ip.reservedFlag) quirks |= QUIRK.MUST_BE_ZERO
  } else {
    optionsLength = ip.extensionsLength
    key1 = 1 | (ip.hopLimit << 1) | (ip.trafficClass << 9)
    if (ip.payloadLength > optionsLength + tcpLength) key1 |= PAYLOAD
    if (ip.flowLabel !== 0) quirks = QUIRK.FLOW
  }
  const isAck = (bits & TCP_FLAG.ACK) !== 0
  key1 |= (tcp.dataOffset << 17) | (((bits >> 6) & 7) << 21) | (isAck ? 1 << 24 : 0)
  if (ip.ecn !== 0 || (bits & (TCP_FLAG.ECE | TCP_FLAG.CWR | TCP_FLAG.AE)) !== 0) quirks |= QUIRK.ECN
  if (tcp.sequenceNumber === 0) quirks |= QUIRK.SEQ_ZERO
  if (isAck) {
    if (tcp.acknowledgmentNumber === 0) quirks |= QUIRK.ACK_ZERO
  } else if (tcp.acknowledgmentNumber !== 0) quirks |= QUIRK.ACK_NONZERO
  if ((bits & TCP_FLAG.URG) !== 0) quirks |= QUIRK.URG
  else if (tcp.urgentPointer !== 0) quirks |= QUIRK.URGENT_POINTER
  if ((bits & TCP_FLAG.PSH) !== 0) quirks |= QUIRK.PUSH

  const { layout, mss, windowScale, tsVal } = tcp
  const words = layout.p0f ?? (layout.p0f = sharedLayoutText(layout))
  let raw: Uint8Array | undefined
  let key2 = tcp.window
  let key4 = optionsLength & 0xffff
  if (tcp.malformed !== undefined || (words === '' && layout.kinds.length > 0)) raw = tcp.optionBytes
  else {
    if (windowScale !== undefined && windowScale > 14) quirks |= QUIRK.EXCESSIVE_SCALE
    if (tsVal !== undefined) {
      if (tsVal === 0) quirks |= QUIRK.TS1_ZERO
      else key4 |= 1 << 16
      if (tcp.tsEcr !== 0 && !isAck) quirks |= QUIRK.TS2_NONZERO
    }
    if (layout.noise) quirks |= QUIRK.PADDING_NONZERO
    if (mss !== undefined) key2 |= mss << 16
    if (mss !== undefined) key4 |= 1 << 17
    if (windowScale !== undefined) key4 |= (windowScale + 1) << 18
  }

  let hash = Math.imul(key1 ^ (raw === undefined ? layout.hash : hashOctets(raw)), 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 15) ^ key2, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13) ^ quirks, 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 16) ^ key4, 0x27d4eb2f)
  hash ^= hash >>> 15
  const known = cache.get(hash)
  if (
    known !== undefined &&
    known.key1 === key1 &&
    known.key2 === key2 &&
    known.key3 === quirks &&
    known.key4 === key4 &&
    known.optionsLength === optionsLength &&
    (raw === undefined ? known.layout === layout && known.raw === undefined : sameOctets(raw, known.raw))
  ) {
    return known
  }
  let options: P0fOptions
  if (raw === undefined) {
    options = new P0fOptions()
    options.mss = mss ?? 0
    options.scale = windowScale ?? 0
    options.tsVal = tsVal ?? 0
    options.layout = words
  } else {
    options = readOptions(raw, !isAck)
    // A copy: the octets may be part of a large buffer, which the cache must not hold.
    raw = raw.slice()
  }
  const fresh = new SynTraits(syn, key1, key2, quirks, key4, options, raw)
  cache.offer(hash, fresh)
  return fresh
}

function hashOctets(octets: Uint8Array): number {
  let hash = octets.length
  for (let i = 0; i < octets.length; i++) hash = Math.imul(hash ^ octets[i]!, 0x01000193) + 1
  return hash
}

function sameOctets(a: Uint8Array, b: Uint8Array | undefined): boolean {
  if (b === undefined || a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * The window as a multiple, by the first divisor that leaves no rest: MSS, MSS less the timestamps option, 1460, 1448 and
 * for IPv6 1440 and 1428 (all "mss"), then MSS with the headers at least and as they are, for IPv6 with 60, and 1500 (all
 * "mtu"). Neither without a window nor with an MSS below 100.
 */
function setMultiple(facts: P0fOptions, window: number, headers: number, isV6: boolean): void {
  const { mss } = facts
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
function sharedLayoutText({ kinds, afterEnd }: OptionLayout): string {
  const words: string[] = []
  let scales = 0
  let timestamps = 0
  for (const kind of kinds) {
    if (kind === TCP_OPTION.EOL) {
      words.push(`eol+${afterEnd}`)
      break
    }
    if (kind === TCP_OPTION.WINDOW_SCALE) scales += 1
    else if (kind === TCP_OPTION.TIMESTAMPS) timestamps += 1
    words.push(word(kind))
  }
  return scales > 1 || timestamps > 1 || words.length > MAX_OPTIONS ? '' : words.join(',')
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
function readOptions(options: Uint8Array, isPureSyn: boolean): P0fOptions {
  const facts = new P0fOptions()
  let layout = ''
  let count = 0
  const end = options.length
  let quirks = 0
  let at = 0
  let fits = true
  while (fits && at < end && count < MAX_OPTIONS) {
    const kind = options[at]!
    if (count !== 0) layout += ','
    count += 1
    if (kind === TCP_OPTION.EOL) {
      layout += `eol+${end - at - 1}`
      for (let i = at + 1; i < end; i++) if (options[i] !== 0) quirks |= QUIRK.PADDING_NONZERO
      at = end
      break
    }
    layout += word(kind)
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
  facts.layout = layout
  facts.quirks = quirks
  return facts
}
