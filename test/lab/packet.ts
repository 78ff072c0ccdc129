/**
 * Builds and reads whole IP packets that carry TCP, for the test peers. Knows nothing of the product's own decoders.
 *
 * @example
 * const syn = buildPacket({
 *   source: { address: '198.51.100.10', port: 40000 },
 *   destination: { address: '10.66.0.1', port: 80 },
 *   flags: FLAG.SYN | FLAG.ECE | FLAG.CWR,
 *   options: tcpOptions(option.mss(1400), option.sackPermitted(), option.timestamps(1), option.nop(), option.windowScale(7)),
 * })
 * @module
 */

/** TCP control bits; `AE` is the low bit of the fourth reserved nibble (RFC 9293 section 3.1, RFC 9768). */
export const FLAG = {
  FIN: 0x001,
  SYN: 0x002,
  RST: 0x004,
  PSH: 0x008,
  ACK: 0x010,
  URG: 0x020,
  ECE: 0x040,
  CWR: 0x080,
  AE: 0x100,
} as const

/** One end of a connection. IPv4 in dotted form, IPv6 as RFC 4291 section 2.2 writes it. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** Everything a test can set in a packet. What is left out is what a current Linux client sends. */
export interface PacketFields {
  readonly source: Endpoint
  readonly destination: Endpoint
  /** IPv4 time to live or IPv6 hop limit. Default 64. */
  readonly ttl?: number
  /** IPv4 type of service or IPv6 traffic class, ECN bits included. Default 0. */
  readonly tos?: number
  /** IPv4 identification. Default 0. */
  readonly ipId?: number
  /** IPv4 DF. Default true. */
  readonly dontFragment?: boolean
  /** The IPv4 bit that must be zero. Default false. */
  readonly reservedFlag?: boolean
  /** IPv4 options: whole 32-bit words, at most 40 octets. */
  readonly ipOptions?: Uint8Array
  /** IPv6 flow label. Default 0. */
  readonly flowLabel?: number
  /** IPv6 extension headers: `first` goes into the fixed header, `bytes` end in one whose next header is 6. */
  readonly extensionHeaders?: { readonly first: number; readonly bytes: Uint8Array }
  readonly sequence?: number
  readonly acknowledgment?: number
  /** Sum of `FLAG` values. Default SYN. */
  readonly flags?: number
  /** The three reserved bits above AE. Default 0. */
  readonly reservedBits?: number
  /** As on the wire, not scaled. Default 64240. */
  readonly window?: number
  readonly urgentPointer?: number
  /** TCP options: whole 32-bit words, at most 40 octets. */
  readonly options?: Uint8Array
  readonly payload?: Uint8Array
}

/** What a packet said. */
export interface Segment {
  readonly version: 4 | 6
  readonly source: Endpoint
  readonly destination: Endpoint
  readonly ttl: number
  readonly tos: number
  readonly flowLabel: number
  readonly sequence: number
  readonly acknowledgment: number
  readonly flags: number
  /** As on the wire, not scaled. */
  readonly window: number
  readonly urgentPointer: number
  /** Raw TCP options. */
  readonly options: Uint8Array
  readonly mss: number | undefined
  readonly windowScale: number | undefined
  readonly timestamps: { readonly value: number; readonly echo: number } | undefined
  /** TCP Fast Open cookie (kind 34): empty for a request, `undefined` when absent. */
  readonly fastOpenCookie: Uint8Array | undefined
  readonly payload: Uint8Array
  /** Octets from the first IP octet to the first payload octet: what TCP_SAVED_SYN holds of a SYN. */
  readonly headerLength: number
}

/** Joins byte strings. */
export function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(new ArrayBuffer(parts.reduce((sum, part) => sum + part.length, 0)))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

const be16 = (value: number): number[] => [(value >>> 8) & 255, value & 255]
const be24 = (value: number): number[] => [(value >>> 16) & 255, ...be16(value)]
const be32 = (value: number): number[] => [value >>> 24, ...be24(value)]

/** Builders of single TCP options. */
export const option = {
  /** End of Option List and `padding` octets after it. */
  endOfList: (padding: readonly number[] = []): number[] => [0, ...padding],
  nop: (): number[] => [1],
  mss: (octets: number): number[] => [2, 4, ...be16(octets)],
  windowScale: (shift: number): number[] => [3, 3, shift],
  sackPermitted: (): number[] => [4, 2],
  timestamps: (value: number, echo: number = 0): number[] => [8, 10, ...be32(value), ...be32(echo)],
  /** MD5 signature (RFC 2385) with a made-up digest. A Linux listener without a key drops such a SYN. */
  md5: (): number[] => [19, 18, ...new Array<number>(16).fill(0xd5)],
  /** Fast Open cookie (RFC 7413); empty asks for one. */
  fastOpen: (cookie: ArrayLike<number> = []): number[] => [34, 2 + cookie.length, ...Array.from(cookie)],
  /** MP_CAPABLE of version 1 as the first SYN carries it (RFC 8684 section 3.1). */
  mptcpCapable: (): number[] => [30, 4, 0x01, 0x81],
  /** AccECN option order 0 (kind 172) or 1 (kind 174), RFC 9768 section 3.2.3. */
  accEcn: (order: 0 | 1, first: number, ce: number, last: number): number[] => [
    order === 0 ? 172 : 174,
    11,
    ...be24(first),
    ...be24(ce),
    ...be24(last),
  ],
  /** Any kind with any data. */
  unknown: (kind: number, data: ArrayLike<number> = []): number[] => [kind, 2 + data.length, ...Array.from(data)],
} as const

/**
 * Options in the given order, filled with zero octets to whole words (End of Option List and its padding).
 * @throws {RangeError} above 40 octets
 */
export function tcpOptions(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> {
  const joined = concat(...parts)
  if (joined.length > 40) throw new RangeError(`Cannot send ${joined.length} octets of TCP options: 40 fit`)
  return concat(joined, new Uint8Array((4 - (joined.length % 4)) % 4))
}

/** The options of a current Linux client: MSS, SACK permitted, timestamps, NOP, window scale 7. */
export function linuxOptions(mss: number = 1460, timestamp: number = 1): Uint8Array<ArrayBuffer> {
  return tcpOptions(
    option.mss(mss),
    option.sackPermitted(),
    option.timestamps(timestamp),
    option.nop(),
    option.windowScale(7),
  )
}

/** IPv6 extension headers by name; join several with `extensionHeaders`. */
export const IPV6_HEADER = { hopByHop: 0, routing: 43, destination: 60 } as const

/**
 * A chain of options headers, each filled with PadN to whole 8-octet units.
 * Linux drops a packet with more than 7 octets of padding in a row, neighbouring PadN options together.
 * `options` default to one PadN of 6 octets.
 *
 * @example extensionHeaders({ kind: IPV6_HEADER.hopByHop }, { kind: IPV6_HEADER.destination, options: [1, 2, 0, 0] })
 */
export function extensionHeaders(
  ...headers: readonly { readonly kind: number; readonly options?: readonly number[] }[]
): {
  first: number
  bytes: Uint8Array
} {
  const parts = headers.map(({ options = [1, 4, 0, 0, 0, 0] }, index) => {
    const missing = (8 - ((2 + options.length) % 8)) % 8
    const pad = missing === 0 ? [] : missing === 1 ? [0] : [1, missing - 2, ...new Array<number>(missing - 2).fill(0)]
    const next = headers[index + 1]?.kind ?? 6
    return [next, (2 + options.length + pad.length) / 8 - 1, ...options, ...pad]
  })
  return { first: headers[0]?.kind ?? 6, bytes: concat(...parts) }
}

/** Octets of an address. @throws {RangeError} when it is neither IPv4 nor IPv6 */
export function addressBytes(text: string): Uint8Array<ArrayBuffer> {
  const bad = () => new RangeError(`Cannot read the address "${text}"`)
  if (!text.includes(':')) {
    const parts = text.split('.').map(Number)
    if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) throw bad()
    return concat(parts)
  }
  const [head = '', tail, more] = text.split('::')
  if (more !== undefined) throw bad()
  const groups = (side: string): number[] =>
    side === ''
      ? []
      : side.split(':').flatMap((group) => {
          if (group.includes('.')) return Array.from(addressBytes(group))
          if (!/^[0-9a-f]{1,4}$/i.test(group)) throw bad()
          return be16(Number.parseInt(group, 16))
        })
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const missing = 16 - left.length - right.length
  if (missing < 0 || (tail === undefined && missing !== 0)) throw bad()
  return concat(left, new Uint8Array(missing), right)
}

/** Text of an address: dotted, or IPv6 as RFC 5952 wants it. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!)
  let best = -1
  let bestLength = 1
  for (let i = 0; i < 8; i += 1) {
    let n = 0
    while (i + n < 8 && groups[i + n] === 0) n += 1
    if (n > bestLength) {
      best = i
      bestLength = n
    }
  }
  const hex = (list: number[]) => list.map((group) => group.toString(16)).join(':')
  return best < 0 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`
}

/** The address family, told by the text. */
export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4
}

/** `sockaddr_in` or `sockaddr_in6` of an endpoint. */
export function sockaddr(endpoint: Endpoint): Uint8Array<ArrayBuffer> {
  const address = addressBytes(endpoint.address)
  return address.length === 4
    ? concat([2, 0], be16(endpoint.port), address, new Uint8Array(8))
    : concat([10, 0], be16(endpoint.port), new Uint8Array(4), address, new Uint8Array(4))
}

/** The endpoint in a `sockaddr_in` or `sockaddr_in6`. */
export function endpointOf(address: Uint8Array): Endpoint {
  const port = (address[2]! << 8) | address[3]!
  return { address: addressText(address[0] === 10 ? address.subarray(8, 24) : address.subarray(4, 8)), port }
}

function sumWords(bytes: Uint8Array, start: number): number {
  let sum = start
  const even = bytes.length & ~1
  for (let i = 0; i < even; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!
  if (even !== bytes.length) sum += bytes[even]! << 8
  return sum
}

function foldSum(start: number): number {
  let sum = start
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return sum
}

/** The Internet checksum (RFC 1071) of `bytes`; over octets with a right checksum in them it is 0. */
export function checksum(bytes: Uint8Array, pseudoHeader: Uint8Array = new Uint8Array(0)): number {
  return ~foldSum(sumWords(bytes, sumWords(pseudoHeader, 0))) & 0xffff
}

function pseudoHeader(source: Uint8Array, destination: Uint8Array, length: number): Uint8Array {
  return source.length === 4
    ? concat(source, destination, [0, 6], be16(length))
    : concat(source, destination, be32(length), [0, 0, 0, 6])
}

/**
 * The octets of one packet, every checksum right.
 * @throws {RangeError} for mixed families or option fields that are not whole words of at most 40 octets
 */
export function buildPacket(fields: PacketFields): Uint8Array<ArrayBuffer> {
  const source = addressBytes(fields.source.address)
  const destination = addressBytes(fields.destination.address)
  if (source.length !== destination.length) throw new RangeError('Cannot build a packet between IPv4 and IPv6')
  const { options = new Uint8Array(0), ipOptions = new Uint8Array(0), payload = new Uint8Array(0) } = fields
  for (const field of [options, ipOptions]) {
    if (field.length % 4 !== 0 || field.length > 40) {
      throw new RangeError(`Cannot send ${field.length} octets of options: whole words up to 40 octets are needed`)
    }
  }
  const flags = fields.flags ?? FLAG.SYN
  const tcp = concat(
    be16(fields.source.port),
    be16(fields.destination.port),
    be32(fields.sequence ?? 0),
    be32(fields.acknowledgment ?? 0),
    [((5 + options.length / 4) << 4) | ((fields.reservedBits ?? 0) << 1) | (flags >>> 8), flags & 255],
    be16(fields.window ?? 64240),
    [0, 0],
    be16(fields.urgentPointer ?? 0),
    options,
    payload,
  )
  const sum = checksum(tcp, pseudoHeader(source, destination, tcp.length))
  tcp[16] = sum >>> 8
  tcp[17] = sum & 255
  const tos = fields.tos ?? 0
  const ttl = fields.ttl ?? 64
  if (source.length === 16) {
    const { first, bytes } = fields.extensionHeaders ?? { first: 6, bytes: new Uint8Array(0) }
    const label = fields.flowLabel ?? 0
    return concat(
      [0x60 | (tos >>> 4), ((tos & 15) << 4) | ((label >>> 16) & 15), ...be16(label & 0xffff)],
      be16(bytes.length + tcp.length),
      [first, ttl],
      source,
      destination,
      bytes,
      tcp,
    )
  }
  const headerLength = 20 + ipOptions.length
  const header = concat(
    [0x40 | (headerLength / 4), tos],
    be16(headerLength + tcp.length),
    be16(fields.ipId ?? 0),
    [((fields.reservedFlag ?? false) ? 0x80 : 0) | ((fields.dontFragment ?? true) ? 0x40 : 0), 0, ttl, 6, 0, 0],
    source,
    destination,
    ipOptions,
  )
  const headerSum = checksum(header)
  header[10] = headerSum >>> 8
  header[11] = headerSum & 255
  return concat(header, tcp)
}

/** Reads a packet; `undefined` when it is not one whole TCP segment. Checksums are not looked at: see `checksumsRight`. */
export function parsePacket(bytes: Uint8Array): Segment | undefined {
  const version = bytes.length < 20 ? 0 : bytes[0]! >>> 4
  const u16 = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!
  const u32 = (at: number) =>
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  let at: number
  let end: number
  if (version === 4) {
    at = (bytes[0]! & 15) * 4
    end = u16(2)
    if (at < 20 || bytes[9] !== 6 || (u16(6) & 0x1fff) !== 0) return undefined
  } else if (version === 6 && bytes.length >= 40) {
    at = 40
    end = 40 + u16(4)
    let next = bytes[6]!
    while (next === 0 || next === 43 || next === 60) {
      if (at + 8 > bytes.length) return undefined
      next = bytes[at]!
      at += (bytes[at + 1]! + 1) * 8
    }
    if (next !== 6) return undefined
  } else return undefined
  if (end > bytes.length || at + 20 > end) return undefined
  const dataAt = at + (bytes[at + 12]! >>> 4) * 4
  if (dataAt < at + 20 || dataAt > end) return undefined
  const options = bytes.slice(at + 20, dataAt)
  let mss: number | undefined
  let windowScale: number | undefined
  let timestamps: { value: number; echo: number } | undefined
  let fastOpenCookie: Uint8Array | undefined
  const view = new DataView(options.buffer, options.byteOffset, options.length)
  for (let i = 0; i < options.length && options[i] !== 0; ) {
    if (options[i] === 1) {
      i += 1
      continue
    }
    const length = options[i + 1] ?? 0
    if (length < 2 || i + length > options.length) break
    if (options[i] === 2 && length === 4) mss = view.getUint16(i + 2)
    if (options[i] === 3 && length === 3) windowScale = options[i + 2]
    if (options[i] === 8 && length === 10) timestamps = { value: view.getUint32(i + 2), echo: view.getUint32(i + 6) }
    if (options[i] === 34) fastOpenCookie = options.slice(i + 2, i + length)
    i += length
  }
  const v4 = version === 4
  return {
    version: v4 ? 4 : 6,
    source: { address: addressText(bytes.subarray(v4 ? 12 : 8, v4 ? 16 : 24)), port: u16(at) },
    destination: { address: addressText(bytes.subarray(v4 ? 16 : 24, v4 ? 20 : 40)), port: u16(at + 2) },
    ttl: bytes[v4 ? 8 : 7]!,
    tos: v4 ? bytes[1]! : (u16(0) >>> 4) & 255,
    flowLabel: v4 ? 0 : u32(0) & 0xfffff,
    sequence: u32(at + 4),
    acknowledgment: u32(at + 8),
    flags: u16(at + 12) & 0x1ff,
    window: u16(at + 14),
    urgentPointer: u16(at + 18),
    options,
    mss,
    windowScale,
    timestamps,
    fastOpenCookie,
    payload: bytes.slice(dataAt, end),
    headerLength: dataAt,
  }
}

/** True if the IPv4 header checksum (always right for IPv6) and the TCP checksum of a packet hold. */
export function checksumsRight(bytes: Uint8Array): boolean {
  const segment = parsePacket(bytes)
  if (segment === undefined) return false
  if (segment.version === 4 && checksum(bytes.subarray(0, (bytes[0]! & 15) * 4)) !== 0) return false
  const v4 = segment.version === 4
  const end = v4 ? (bytes[2]! << 8) | bytes[3]! : 40 + ((bytes[4]! << 8) | bytes[5]!)
  const tcpAt = segment.headerLength - 20 - segment.options.length
  const tcp = bytes.subarray(tcpAt, end)
  const source = bytes.subarray(v4 ? 12 : 8, v4 ? 16 : 24)
  const destination = bytes.subarray(v4 ? 16 : 24, v4 ? 20 : 40)
  return checksum(tcp, pseudoHeader(source, destination, tcp.length)) === 0
}
