/**
 * SYNs from the words of p0f signatures, and what the way does to a SYN. Test support for labels.
 * @module
 */

import { buildPacket, FLAG } from '../lab/packet.ts'

const OPTION: Readonly<Record<string, (facts: { mss: number; scale: number; tsVal: number }) => number[]>> = {
  nop: () => [1],
  mss: ({ mss }) => [2, 4, mss >> 8, mss & 255],
  ws: ({ scale }) => [3, 3, scale],
  sok: () => [4, 2],
  ts: ({ tsVal }) => [8, 10, 0, 0, 0, tsVal, 0, 0, 0, 0],
  '?30': () => [30, 4, 1, 1],
  '?34': () => [34, 2],
  '?254': () => [254, 4, 0xf9, 0x89],
}

/**
 * The octets of a SYN that p0f would describe as `text`: `ver:ttl:olen:mss:window,scale:layout:quirks:pclass`, every field
 * a value, olen 0. Without `df` and `id-` the identification is not 0.
 */
export function synOf(text: string): Uint8Array {
  const [version, ttl, , mss, windowAndScale, layout, quirks, payload] = text.split(':')
  const [window, scale] = windowAndScale!.split(',')
  const quirk = new Set(quirks!.split(','))
  const options: number[] = []
  for (const word of layout === '' ? [] : layout!.split(',')) {
    if (word.startsWith('eol+')) options.push(...new Array<number>(Number(word.slice(4)) + 1).fill(0))
    else options.push(...OPTION[word]!({ mss: Number(mss), scale: Number(scale), tsVal: quirk.has('ts1-') ? 0 : 7 }))
  }
  if (options.length % 4 !== 0) throw new Error(`options are no whole words: ${text}`)
  const address = version === '4' ? ['192.0.2.1', '198.51.100.1'] : ['2001:db8::1', '2001:db8::2']
  return buildPacket({
    source: { address: address[0]!, port: 40_000 },
    destination: { address: address[1]!, port: 443 },
    ttl: Number(ttl),
    ipId: quirk.has('id+') || (!quirk.has('df') && !quirk.has('id-')) ? 4321 : 0,
    dontFragment: quirk.has('df'),
    flowLabel: quirk.has('flow') ? 99 : 0,
    sequence: quirk.has('seq-') ? 0 : 12_345,
    acknowledgment: quirk.has('ack+') ? 0x01_02_03_04 : 0,
    flags: FLAG.SYN | (quirk.has('ecn') ? FLAG.ECE | FLAG.CWR : 0),
    urgentPointer: quirk.has('uptr+') ? 1 : 0,
    window: Number(window),
    options: Uint8Array.from(options),
    payload: new Uint8Array(payload === '+' ? 8 : 0),
  })
}

/** Something that happens to a SYN on its way. `undefined` where it cannot happen to this one. */
export type Mutation = (syn: Uint8Array) => Uint8Array | undefined

const isV4 = (syn: Uint8Array): boolean => syn[0]! >> 4 === 4
const tcpOffset = (syn: Uint8Array): number => (isV4(syn) ? (syn[0]! & 15) * 4 : 40)

/** Offset of an option of this kind. */
function findOption(syn: Uint8Array, kind: number): number | undefined {
  const tcp = tcpOffset(syn)
  const end = tcp + (syn[tcp + 12]! >> 4) * 4
  for (let i = tcp + 20; i < end; ) {
    if (syn[i] === kind) return i
    if (syn[i] === 0) return undefined
    if (syn[i] === 1) i += 1
    else i += Math.max(2, syn[i + 1]!)
  }
  return undefined
}

/** A copy with other octets, checksums left as they are: nobody here reads them. */
function changed(syn: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  const copy = syn.slice()
  change(copy)
  return copy
}

/** A router lowers the MSS and leaves the window. */
export const clampMss =
  (most: number): Mutation =>
  (syn) => {
    const at = findOption(syn, 2)
    if (at === undefined || ((syn[at + 2]! << 8) | syn[at + 3]!) <= most) return undefined
    return changed(syn, (bytes) => bytes.set([most >> 8, most & 255], at + 2))
  }

/** Routers passed. */
export const hops =
  (count: number): Mutation =>
  (syn) => {
    const at = isV4(syn) ? 8 : 7
    return syn[at]! <= count ? undefined : changed(syn, (bytes) => (bytes[at]! -= count))
  }

/** A gateway writes a new TTL. */
export const rewriteTtl =
  (ttl: number): Mutation =>
  (syn) =>
    changed(syn, (bytes) => (bytes[isV4(syn) ? 8 : 7] = ttl))

/** ECN asked for (CWR, ECE), with AE for Accurate ECN. */
export const askEcn =
  (accurate: boolean): Mutation =>
  (syn) =>
    changed(syn, (bytes) => {
      const tcp = tcpOffset(syn)
      bytes[tcp + 13]! |= 0xc0
      if (accurate) bytes[tcp + 12]! |= 1
    })

/** A middlebox clears DF. */
export const clearDf: Mutation = (syn) =>
  isV4(syn) && (syn[6]! & 0x40) !== 0 ? changed(syn, (bytes) => (bytes[6]! &= 0xbf)) : undefined

/** A middlebox, or the chance of one in 65,536, makes the identification 0. */
export const clearId: Mutation = (syn) =>
  isV4(syn) && (syn[4]! | syn[5]!) !== 0 ? changed(syn, (bytes) => bytes.fill(0, 4, 6)) : undefined

/** A tunnel clears the IPv6 flow label. */
export const clearFlow: Mutation = (syn) =>
  isV4(syn) || ((syn[1]! & 15) | syn[2]! | syn[3]!) === 0
    ? undefined
    : changed(syn, (bytes) => {
        bytes[1]! &= 0xf0
        bytes.fill(0, 2, 4)
      })

/** A firewall writes NOPs over the timestamps. */
export const stripTimestamps: Mutation = (syn) => {
  const at = findOption(syn, 8)
  return at === undefined ? undefined : changed(syn, (bytes) => bytes.fill(1, at, at + 10))
}

/** A network marks the packet. */
export const markDscp: Mutation = (syn) =>
  changed(syn, (bytes) => {
    if (isV4(syn)) bytes[1] = (bytes[1]! & 3) | 0xb8
    else {
      bytes[0] = 0x6b
      bytes[1] = (bytes[1]! & 0x3f) | 0x80
    }
  })

/** One after the other; `undefined` where one of them cannot happen. */
export const both =
  (...mutations: readonly Mutation[]): Mutation =>
  (syn) => {
    let all: Uint8Array | undefined = syn
    for (const mutation of mutations) all = all === undefined ? undefined : mutation(all)
    return all
  }
