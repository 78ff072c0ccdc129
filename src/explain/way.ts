/**
 * The way of a SYN from the client to this server, as far as the SYN shows it.
 * @module
 */
import { plural } from '../base/text.ts'
import { TUNNEL } from '../connection/relay.ts'
import { guessHopDistance, guessInitialTtl, timeToLiveOf } from '../fingerprint/ttl.ts'
import type { Label } from '../label/match.ts'
import type { WayTrait } from '../label/way-traits.ts'
import type { Syn } from '../wire/syn.ts'

/** What something on the way has done to the SYN. */
export interface WayChange {
  /** A few words. */
  readonly text: string
  /** A sentence without a full stop. */
  readonly about: string
}

/** One place on the way. */
export interface WayStop {
  readonly kind: 'client' | 'routers' | 'link' | 'tunnel' | 'change' | 'server'
  readonly name: string
  /** What is known there, such as a TTL. */
  readonly fact: string
}

/** The way of a SYN. */
export interface Way {
  /** From the client to this server. */
  readonly stops: readonly WayStop[]
  readonly routers: number
  /** True if client and server are one machine. */
  readonly loopback: boolean
  /** TTL or hop limit with which the SYN was probably sent, and that with which it came. */
  readonly sentTimeToLive: number
  readonly timeToLive: number
  /** That of the segment that completed the handshake, where it differs from the SYN's. */
  readonly lastTimeToLive: number | undefined
  /** MTU by the MSS, octets. */
  readonly mtu: number | undefined
  /** The kind of link where it is a tunnel. */
  readonly tunnel: string | undefined
  readonly changes: readonly WayChange[]
}

const CHANGE: Readonly<Record<WayTrait, WayChange>> = {
  'timestamps-removed': {
    text: 'Timestamps cut out on the way',
    about: 'A firewall or an optimiser has overwritten the timestamps that this system sends',
  },
  'mss-lowered': {
    text: 'MSS lowered on the way',
    about:
      'The window is a multiple of a larger MSS than the one that came: a router with a smaller MTU has lowered it',
  },
  'ttl-rewritten': {
    text: 'TTL rewritten on the way',
    about:
      'The TTL cannot come from the one that this system starts with: a proxy, a mobile network or a gateway sets its own',
  },
}

const LOOPBACK = /^(?:127\.|::1$)/

/**
 * The way of a SYN.
 *
 * @param handshakeTimeToLive TTL or hop limit of the segment that completed the handshake
 */
export function explainWay(syn: Syn, label: Label | undefined, handshakeTimeToLive: number | undefined): Way {
  const timeToLive = timeToLiveOf(syn)
  const routers = label?.distance ?? guessHopDistance(timeToLive)
  const isRewritten = label?.traits.includes('ttl-rewritten') === true
  const sentTimeToLive = isRewritten ? guessInitialTtl(timeToLive) : Math.min(255, timeToLive + routers)
  const loopback = LOOPBACK.test(syn.ip.source)
  const link = label?.link
  const tunnel = !loopback && link !== undefined && TUNNEL.test(link) ? link : undefined
  const changes = (label?.traits ?? []).map((trait) => CHANGE[trait])
  const name = syn.ip.version === 4 ? 'TTL' : 'hop limit'
  const lastTimeToLive = handshakeTimeToLive === timeToLive ? undefined : handshakeTimeToLive
  const stops: WayStop[] = [{ kind: 'client', name: 'Client', fact: `${name} ${sentTimeToLive}, probably` }]
  if (label?.mtu !== undefined) {
    stops.push({
      kind: tunnel === undefined ? 'link' : 'tunnel',
      name: link ?? 'Unknown link',
      fact: `MTU ${label.mtu}`,
    })
  }
  for (const { text } of changes) stops.push({ kind: 'change', name: text, fact: '' })
  if (routers > 0) stops.push({ kind: 'routers', name: plural(routers, 'router'), fact: `${name} \u2212${routers}` })
  const last = handshakeTimeToLive === undefined ? '' : `, ${handshakeTimeToLive} in the last segment of the handshake`
  stops.push({ kind: 'server', name: 'This server', fact: `${name} ${timeToLive} in the SYN${last}` })
  return { stops, routers, loopback, sentTimeToLive, timeToLive, lastTimeToLive, mtu: label?.mtu, tunnel, changes }
}
