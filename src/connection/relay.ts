/**
 * Signs that a connection ends at another machine than the client's: a SOCKS proxy, a port forward, a VPN exit, a carrier's proxy.
 * Each is a fact with its figures and with what speaks against it. There is no score: which signs matter is the application's to say.
 * @module
 */
import { timeToLiveOf } from '../fingerprint/ttl.ts'
import type { Label } from '../label/match.ts'
import { compareWithUserAgent, type HeaderValues } from '../label/user-agent.ts'
import type { Fingerprint } from './fingerprint.ts'

/** The names of signs. */
export type RelaySignName =
  | 'tls-round-trip'
  | 'first-data-delay'
  | 'tunnel-link'
  | 'relay-label'
  | 'time-to-live'
  | 'user-agent'

/** One sign. */
export interface RelaySign {
  readonly name: RelaySignName
  /** What was seen, as a sentence without full stop. */
  readonly words: string
  /** The figures and names in it: times in milliseconds, TTLs as on the wire. */
  readonly figures: Readonly<Record<string, string | number>>
  /** What makes an honest client look the same. */
  readonly against: string
}

/** What is read of a fingerprint. */
export type RelayFacts = Pick<Fingerprint, 'timing'> & Partial<Pick<Fingerprint, 'syn' | 'label'>>

/** Almost four jiffies at 250 a second, milliseconds: what the kernel's clock and a busy machine add. */
const SLACK = 15
/** Part of the handshake RTT by which a way may be unsteady. */
const UNSTEADY = 0.25
/** A client that asks later than this has connected in advance, milliseconds: no relay is that far. */
const IN_ADVANCE = 1000

/** Names of links that are tunnels. */
export const TUNNEL: RegExp = /tunnel|VPN|overlay/i

/**
 * The signs that a connection was relayed, the weightiest first; empty where none shows.
 *
 * @param headers of the request, for the comparison with the User-Agent; hostile values are safe
 * @example
 * signsOfRelay(c.var.fingerprint, c.req.raw.headers).map(({ words, against }) => `${words}; but: ${against}`)
 * // ['TLS round trip 40 ms, handshake 0.1 ms; but: a client that was busy, or ...']
 */
export function signsOfRelay(fingerprint: RelayFacts, headers?: HeaderValues): RelaySign[] {
  const { label } = fingerprint
  const signs = [roundTrip(fingerprint), firstData(fingerprint), tunnel(label), relay(label), timeToLive(fingerprint)]
  if (headers !== undefined) signs.push(userAgent(label, headers))
  return signs.filter((sign) => sign !== undefined)
}

/** True if a wait is more than the handshake's round trip explains, and not that of a client that connected in advance. */
function isLate(wait: number, handshake: number): boolean {
  const excess = wait - handshake
  return excess > Math.max(SLACK, handshake * UNSTEADY) && excess < IN_ADVANCE
}

/** Milliseconds of the handshake with one decimal; `undefined` where it has no sample. */
function handshakeOf({ timing }: RelayFacts): number | undefined {
  const microseconds = timing.handshakeRtt?.microseconds
  return microseconds === undefined ? undefined : Math.round(microseconds / 100) / 10
}

const inWords = (milliseconds: number): string => (milliseconds === 0 ? 'under 0.1 ms' : `${milliseconds} ms`)

function roundTrip(facts: RelayFacts): RelaySign | undefined {
  const handshakeRtt = handshakeOf(facts)
  const { tlsRoundTripMilliseconds: tlsRoundTrip } = facts.timing
  if (handshakeRtt === undefined || tlsRoundTrip === undefined || !isLate(tlsRoundTrip, handshakeRtt)) return undefined
  return {
    name: 'tls-round-trip',
    words: `TLS round trip ${tlsRoundTrip} ms, handshake ${inWords(handshakeRtt)}`,
    figures: { tlsRoundTrip, handshakeRtt },
    against:
      'a client that connected in advance or was busy before its request, a slow way that lost a packet, a proxy of the operator\u2019s own',
  }
}

function firstData(facts: RelayFacts): RelaySign | undefined {
  const handshakeRtt = handshakeOf(facts)
  const { firstDataDelayMilliseconds: firstDataDelay } = facts.timing
  // A client that speaks for itself asks at once: half a round trip later at most, because the ACK and the data leave together.
  if (handshakeRtt === undefined || firstDataDelay === undefined || !isLate(firstDataDelay, handshakeRtt))
    return undefined
  return {
    name: 'first-data-delay',
    words: `first data ${firstDataDelay} ms after the handshake, which took ${inWords(handshakeRtt)}`,
    figures: { firstDataDelay, handshakeRtt },
    against: 'a client that connected in advance, as browsers do, or was busy before its request; a lost packet',
  }
}

function tunnel(label: Label | undefined): RelaySign | undefined {
  if (label?.link === undefined || !TUNNEL.test(label.link)) return undefined
  const { link, mtu } = label
  return {
    name: 'tunnel-link',
    words: `link: ${link}`,
    figures: mtu === undefined ? { link } : { link, mtu },
    against:
      'a home line with PPPoE, IPv6 over IPv4 or a mobile network, whose MTU is as small; a VPN to the client\u2019s employer',
  }
}

function relay(label: Label | undefined): RelaySign | undefined {
  if (label?.family !== 'relay') return undefined
  const name = label.name ?? 'relay'
  return {
    name: 'relay-label',
    words: `the SYN is that of ${name}`,
    figures: { label: name },
    against:
      'a carrier or satellite network that ends the TCP connections of all its customers; a load balancer in front of this server',
  }
}

function timeToLive({ syn, timing }: RelayFacts): RelaySign | undefined {
  const { handshakeTimeToLive } = timing
  if (syn === undefined || handshakeTimeToLive === undefined) return undefined
  const synTimeToLive = timeToLiveOf(syn)
  if (synTimeToLive === handshakeTimeToLive) return undefined
  return {
    name: 'time-to-live',
    words: `TTL ${synTimeToLive} in the SYN, ${handshakeTimeToLive} in the last segment of the handshake`,
    figures: { synTimeToLive, handshakeTimeToLive },
    against:
      'several ways of different length between client and server; a firewall that answers SYNs itself before it forwards them',
  }
}

function userAgent(label: Label | undefined, headers: HeaderValues): RelaySign | undefined {
  const { verdict, stack, userAgent } = compareWithUserAgent(label, headers)
  if (verdict !== 'mismatch' || stack === undefined || userAgent === undefined) return undefined
  return {
    name: 'user-agent',
    words: `the SYN is that of ${stack}, the User-Agent names ${userAgent}`,
    figures: { stack, userAgent },
    against: 'a User-Agent that the user has changed, WSL 1, Docker Desktop',
  }
}
