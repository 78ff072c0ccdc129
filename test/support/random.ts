/**
 * Seeded random numbers and SYNs, well-formed and broken: the same for the same seed on every machine.
 * @module
 */
import { seeded } from './seeded.ts'

/** Numbers from a seed. */
export interface Random {
  /** From 0 to below 1. */
  (): number
  /** Whole number from 0 to below `limit`. */
  below(limit: number): number
  /** One of the values. */
  pick<T>(values: readonly T[]): T
  /** True this often. */
  chance(probability: number): boolean
  /** Random octets. */
  octets(count: number): number[]
}

/** A generator of numbers and choices. */
export function createRandom(seed: number): Random {
  const next = seeded(seed)
  const below = (limit: number): number => Math.floor(next() * limit)
  return Object.assign(next, {
    below,
    pick: <T>(values: readonly T[]): T => values[below(values.length)]!,
    chance: (probability: number): boolean => next() < probability,
    octets: (count: number): number[] => Array.from({ length: count }, () => below(256)),
  })
}

/** Orders that stacks use, and some that none does. */
const LAYOUTS: readonly (readonly number[])[] = [
  [2, 4, 8, 1, 3],
  [2, 1, 3, 1, 1, 4],
  [2, 1, 3, 1, 1, 8, 4, 0],
  [2],
  [],
  [2, 1, 1, 4],
  [2, 1, 3],
  [2, 4, 8],
  [2, 1, 3, 4, 8],
  [2, 1, 1, 4, 1, 3, 1, 1, 8],
  [1, 3, 1, 1, 8, 1, 1, 4, 2],
]

const be16 = (value: number): number[] => [(value >>> 8) & 255, value & 255]
const be32 = (value: number): number[] => [...be16(value >>> 16), ...be16(value)]

/** A SYN as it would be saved: IP and TCP headers without data, whose length the IP header may state nevertheless. */
export interface RandomSyn {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Octets of data that the IP header states. */
  readonly dataLength: number
}

/**
 * A SYN of random fields, options and errors, its source 10.x.y.z or 2001:db8::/32 with the given number in the address and
 * the port, so that each is another connection.
 */
export function randomSynBytes(random: Random, number: number): RandomSyn {
  const { below, pick, chance, octets } = random
  const isV6 = chance(0.3)
  const mss = pick([
    1460,
    1460,
    1440,
    1452,
    1400,
    1380,
    536,
    265,
    100,
    99,
    0,
    1,
    12,
    65_535,
    8960,
    16_396,
    below(65_536),
  ])
  const scale = pick([0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 14, 15, below(256)])
  const tsVal = pick([0, 1, below(2 ** 32), below(2 ** 32)])
  const tsEcr = pick([0, 0, 0, 0, 1, below(2 ** 32)])
  const encode = (kind: number): number[] => {
    if (kind < 2) return [kind]
    if (kind === 2) return [2, 4, ...be16(mss)]
    if (kind === 3) return [3, 3, scale]
    if (kind === 4) return [4, 2]
    if (kind === 8) return [8, 10, ...be32(tsVal), ...be32(tsEcr)]
    const data = kind === 5 ? octets(pick([8, 16])) : octets(below(11))
    return [kind, 2 + data.length, ...data]
  }
  const kinds = chance(0.6)
    ? pick(LAYOUTS)
    : Array.from({ length: below(12) }, () => pick([0, 1, 1, 1, 2, 2, 3, 4, 5, 8, 8, 30, 34, 254, below(256)]))
  let options = kinds.flatMap(encode)
  const fault = random()
  if (fault < 0.15 && options.length > 0) {
    options[below(options.length)] = pick([0, 1, 2, 3, 4, 5, 9, 10, 11, 40, 41, 255])
  } else if (fault < 0.2) options = octets(below(41))
  else if (fault < 0.25) options.push(pick([1, 2, 3, 4, 5, 8, 30, 34]))
  else if (fault < 0.27) options.unshift(...new Array<number>(20 + below(12)).fill(1))
  options.length = Math.min(options.length, 40)
  while (options.length % 4 !== 0) options.push(chance(0.8) ? 0 : pick([1, below(256)]))
  if (chance(0.1) && options.length <= 36) options.push(...pick([[0, 0, 0, 0], [0, 0, 0, 1], octets(4)]))

  const factor = 1 + below(59)
  const divisor = mss || 1460
  const headers = (isV6 ? 60 : 40) + options.length
  const window = pick([
    divisor * factor,
    (divisor - 12) * factor,
    (divisor + 40) * factor,
    (divisor + 60) * factor,
    (divisor + headers) * factor,
    1460 * factor,
    1448 * factor,
    1440 * factor,
    1428 * factor,
    1500 * factor,
    pick([0, 512, 1024, 1337, 8192, 16_384, 29_200, 64_240, 65_535]),
    below(65_536),
  ])
  const offset = 5 + options.length / 4
  const tcp = [
    ...be16(1024 + (number % 60_000)),
    ...be16(pick([80, 443])),
    ...be32(pick([0, below(2 ** 32), below(2 ** 32), below(2 ** 32)])),
    ...be32(pick([0, 0, 0, 0, 1, 2 ** 24, below(2 ** 32)])),
    (offset << 4) | pick([0, 0, 0, 0, 1, below(16)]),
    2 | pick([0, 0, 0, 0, 0, 0xc0, 0x40, 0x80, 0x20, 8, 0x28]),
    ...be16(window >= 0 && window < 65_536 ? window : below(65_536)),
    ...be16(below(65_536)),
    ...be16(pick([0, 0, 0, 1, below(65_536)])),
    ...options,
  ]
  const dataLength = pick([0, 0, 0, 0, 0, 0, 1 + below(20)])
  const ttl = pick([64, 128, 255, 63, 57, 32, 33, 30, 29, 28, 1, 192, 0, below(256), below(256)])
  if (isV6) {
    const service = pick([0, 0, 0, 1, 2, 3, below(256)])
    const flow = pick([0, 0, below(2 ** 20)])
    const ip = [
      ...be32(0x6000_0000 + service * 2 ** 20 + flow),
      ...be16(tcp.length + dataLength),
      6,
      ttl,
      ...[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, ...be32(number + 1)],
      ...[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
    return { bytes: Uint8Array.from([...ip, ...tcp]), dataLength }
  }
  const ipOptions = pick([[], [], [], [], [1, 1, 1, 1], octets(8), [0, 0, 0, 0]])
  const length = 20 + ipOptions.length
  const ip = [
    0x40 | (length / 4),
    pick([0, 0, 0, 1, 2, 3, below(256)]),
    ...be16(length + tcp.length + dataLength),
    ...be16(pick([0, 1, below(65_536)])),
    pick([0x40, 0x40, 0x40, 0, 0, 0x80, 0xc0]),
    0,
    ttl,
    6,
    ...be16(below(65_536)),
    ...be32(0x0a00_0001 + number),
    ...[192, 0, 2, 1],
    ...ipOptions,
  ]
  return { bytes: Uint8Array.from([...ip, ...tcp]), dataLength }
}
