/**
 * Synthetic connections of 30 days, in the order of time: 40,000 networks of which few have most, two stacks an address out of 60, a
 * third with an account. A visit is one to seven connections, as browsers open them.
 * @module
 */
import type { Observation, Stack } from '../../src/store/types.ts'
import { seeded } from '../support/seeded.ts'

const NETWORKS = 40_000
const STACKS = 60
const DAYS = 30
const DAY = 86_400_000_000

const stacks: readonly Stack[] = Array.from({ length: STACKS }, (_, i) => ({
  stack: `4:64:0:${1360 + i}:mss*${20 + i},7:mss,sok,ts,nop,ws:df,id+:0`,
  muonfp: `64240:2-4-8-1-3:${1360 + i}:7`,
  haproxy: '0050A8FAF005B447',
  mss: 1360 + i,
  window: 64_240,
  scale: 7,
  options: '2,4,8,1,3',
  label: `System ${i % 25}`,
  family: 'linux',
}))

/** Makes connections. */
export interface Visitors {
  /** Midnight before the first, microseconds since 1970. */
  readonly start: number
  /** The connection with this number, each once and in order. */
  connection(number: number): Observation
  /** The first connection of a visit. */
  visitor(number: number): Observation
}

/** `rows` connections of the last 30 days. */
export function visitors(rows: number): Visitors {
  const random = seeded(7)
  const below = (limit: number): number => Math.floor(random() * limit)
  const start = Math.floor(Date.now() / 86_400_000) * DAY - (DAYS - 1) * DAY
  let visit: Observation | undefined
  let left = 0

  const visitor = (number: number): Observation => {
    // The square: half of all connections come from a fourth of the networks.
    const network = Math.floor(random() ** 2 * NETWORKS)
    const host = 1 + below(3)
    const prefix = `${1 + (network >> 12)}.${(network >> 4) & 255}.${(network & 15) * 16}`
    const client = network * 3 + host
    return {
      boot: 'b6d5c7a2-0000-4000-8000-000000000001',
      host: 'web-1',
      cookie: String(1_000_000 + number * 3),
      seen: start + Math.floor((number / rows) * DAYS * DAY),
      network: `${prefix}.0/24`,
      address: `${prefix}.${host}`,
      port: 32_768 + below(28_232),
      serverPort: 443,
      stack: stacks[(client * 7 + below(2)) % STACKS],
      timeToLive: 64 - below(20),
      distance: 7,
      rtt: 500 + below(200_000),
      rttProvenance: 'handshake',
      firstDataDelay: below(40),
      tlsRoundTrip: undefined,
      requests: 1,
      account: client % 3 === 0 ? `user-${client}` : '',
      syn: undefined,
    }
  }
  const connection = (number: number): Observation => {
    if (left-- <= 0 || visit === undefined) {
      visit = visitor(number)
      left = below(7)
    }
    const seen = start + Math.floor((number / rows) * DAYS * DAY)
    const port = 32_768 + below(28_232)
    return { ...visit, cookie: String(1_000_000 + number * 3), seen, port, firstDataDelay: below(40) }
  }
  return { start, connection, visitor }
}
