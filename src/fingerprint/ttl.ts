/**
 * Initial TTL and distance, guessed from the TTL that arrived.
 * @module
 */
import type { Syn } from '../wire/syn.ts'

/** The TTL (IPv4) or hop limit (IPv6) with which a SYN arrived. */
export function timeToLiveOf({ ip }: Syn): number {
  return ip.version === 4 ? ip.timeToLive : ip.hopLimit
}

/** p0f 3.09b `MAX_DIST`: hops beyond which a guess of the distance is not believed. */
export const MAX_DISTANCE = 35

/** The lowest of 32, 64, 128 and 255 that is not below the TTL or hop limit observed: what stacks commonly start with. */
export function guessInitialTtl(timeToLive: number): 32 | 64 | 128 | 255 {
  if (timeToLive <= 32) return 32
  if (timeToLive <= 64) return 64
  return timeToLive <= 128 ? 128 : 255
}

/** Routers passed, if the sender started with {@link guessInitialTtl}: 0 to 126. */
export function guessHopDistance(timeToLive: number): number {
  return guessInitialTtl(timeToLive) - timeToLive
}
