/**
 * What ways, settings and gateways do to a SYN. Test support for labels.
 * @module
 */

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

/** Some senders count up from 0, and Apple's newer systems send 0 where the older ones did not. */
export const setId: Mutation = (syn) =>
  isV4(syn) && (syn[4]! | syn[5]!) === 0 ? changed(syn, (bytes) => bytes.set([0x12, 0x34], 4)) : undefined

/** A firewall writes NOPs over an option. */
export const overwriteOption =
  (kind: number): Mutation =>
  (syn) => {
    const at = findOption(syn, kind)
    return at === undefined ? undefined : changed(syn, (bytes) => bytes.fill(1, at, at + (bytes[at + 1] ?? 2)))
  }

/** A copy with other options, filled up to whole words, and lengths that fit; `undefined` where there is no room. */
function withOptions(syn: Uint8Array, options: readonly number[], fill: number): Uint8Array | undefined {
  const words = Math.ceil(options.length / 4)
  if (words > 10) return undefined
  const tcp = tcpOffset(syn)
  const before = (syn[tcp + 12]! >> 4) * 4 - 20
  const copy = new Uint8Array(tcp + 20 + words * 4).fill(fill)
  copy.set(syn.subarray(0, tcp + 20))
  copy.set(options, tcp + 20)
  copy[tcp + 12] = (copy[tcp + 12]! & 15) | ((words + 5) << 4)
  return lengthened(copy, words * 4 - before)
}

/** The length in the IP header, changed. */
function lengthened(syn: Uint8Array, by: number): Uint8Array {
  const at = isV4(syn) ? 2 : 4
  const length = ((syn[at]! << 8) | syn[at + 1]!) + by
  return changed(syn, (bytes) => bytes.set([length >> 8, length & 255], at))
}

/** Options without the End of Option List and what is behind it. */
function optionsOf(syn: Uint8Array): number[] {
  const tcp = tcpOffset(syn)
  const end = tcp + (syn[tcp + 12]! >> 4) * 4
  let at = tcp + 20
  while (at < end && syn[at] !== 0) at += syn[at] === 1 ? 1 : Math.max(2, syn[at + 1]!)
  return [...syn.subarray(tcp + 20, Math.min(at, end))]
}

/** A firewall cuts an option out, with the NOPs before it where they aligned it, and fills up with NOP (1) or the end (0). */
export const cutOption =
  (kind: number, fill: 0 | 1, isAligned: boolean): Mutation =>
  (syn) => {
    const at = findOption(syn, kind)
    if (at === undefined) return undefined
    let first = at - tcpOffset(syn) - 20
    const options = optionsOf(syn)
    let count = syn[at + 1]!
    while (isAligned && count % 4 !== 0 && options[first - 1] === 1) {
      first -= 1
      count += 1
    }
    options.splice(first, count)
    return withOptions(syn, options, fill)
  }

/** An option behind the others, filled up with NOP (1) or the end (0). */
export const appendOption =
  (option: readonly number[], fill: 0 | 1): Mutation =>
  (syn) =>
    withOptions(syn, [...optionsOf(syn), ...option], fill)

/** Words of zeros behind the options. */
export const padOptions =
  (words: number): Mutation =>
  (syn) => {
    const tcp = tcpOffset(syn)
    const octets = [...syn.subarray(tcp + 20, tcp + (syn[tcp + 12]! >> 4) * 4)]
    return withOptions(syn, [...octets, ...new Array<number>(words * 4).fill(0)], 0)
  }

/** Data in the SYN: a saved SYN tells of it by the IP length alone. */
export const carryData =
  (octets: number): Mutation =>
  (syn) =>
    lengthened(syn, octets)

/** The same sender over IPv6: MSS 20 less, and the window the same multiple or again the largest. */
export const overIpv6 =
  (hasFlowLabel: boolean): Mutation =>
  (syn) => {
    if (!isV4(syn) || (syn[0]! & 15) !== 5) return undefined
    const copy = new Uint8Array(syn.length + 20)
    const payload = ((syn[2]! << 8) | syn[3]!) - 20
    copy.set([0x60, 0, 0, hasFlowLabel ? 9 : 0, payload >> 8, payload & 255, 6, syn[8]!, 0x20, 1, 0xd, 0xb8])
    copy.set([0x20, 1, 0xd, 0xb8], 24)
    copy.set(syn.subarray(20), 40)
    const at = findOption(copy, 2)
    if (at === undefined) return copy
    const mss = ((copy[at + 2]! << 8) | copy[at + 3]!) - 20
    if (mss <= 0) return undefined
    copy.set([mss >> 8, mss & 255], at + 2)
    const window = (copy[54]! << 8) | copy[55]!
    const multiple = window / (mss + 20)
    if (window === 0 || !Number.isInteger(multiple)) return copy
    const other = window + mss + 20 > 65_535 ? 65_535 - (65_535 % mss) : multiple * mss
    copy.set([other >> 8, other & 255], 54)
    return copy
  }

/** The same sender over IPv4, without the MSS's 20 octets more; with an identification. */
export const overIpv4 =
  (hasDf: boolean): Mutation =>
  (syn) => {
    if (isV4(syn) || syn[6] !== 6) return undefined
    const copy = new Uint8Array(syn.length - 20)
    const length = ((syn[4]! << 8) | syn[5]!) + 20
    copy.set([0x45, 0, length >> 8, length & 255, 0, 9, hasDf ? 0x40 : 0, 0, syn[7]!, 6, 0, 0, 192, 0, 2, 1])
    copy.set([198, 51, 100, 1], 16)
    copy.set(syn.subarray(40), 20)
    return copy
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
