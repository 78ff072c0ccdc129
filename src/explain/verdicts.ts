/**
 * What the facts of a connection mean, in a few words each: for people who do not read packets.
 * @module
 */
import { plural } from '../base/text.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { signsOfRelay } from '../connection/relay.ts'
import type { Label } from '../label/match.ts'
import { compareWithUserAgent, type HeaderValues, platformOf } from '../label/user-agent.ts'
import type { Syn } from '../wire/syn.ts'
import { shortLabel } from './label.ts'
import { missingFacts } from './missing.ts'
import { PROVENANCE } from './timing.ts'
import { duration } from './units.ts'
import { explainWay } from './way.ts'

/** How a verdict is meant: `good` needs no look, `note` is worth knowing, `warn` is worth a look. */
export type Tone = 'good' | 'note' | 'warn'

/** One verdict. Safe for a terminal. */
export interface Verdict {
  /** What it is about, which is also the section of the page that proves it. */
  readonly topic: 'label' | 'way' | 'browser' | 'timing' | 'missing'
  readonly tone: Tone
  /** A few words. */
  readonly text: string
  /** A sentence without a full stop. */
  readonly about: string
}

/** What of a request goes into its verdicts besides the fingerprint. */
export interface VerdictContext {
  readonly headers: HeaderValues
  readonly tls: boolean
}

/** What sent the SYN, and how sure that is. */
function systemVerdict(label: Label): Verdict {
  const { system } = shortLabel(label)
  const verdict = (tone: Tone, text: string, about: string): Verdict => ({ topic: 'label', tone, text, about })
  if (label.name === undefined) {
    return verdict(
      'warn',
      'Unknown system',
      'No signature of the database fits this SYN: what sent it is rare, tuned or made up',
    )
  }
  if (label.kind === 'app') {
    return verdict(
      'warn',
      `${system}: a tool, no browser`,
      'Its SYN is not made by a system, but by a program that scans or generates traffic',
    )
  }
  if (label.match === 'rule') return verdict('good', `${system}, by your rule`, 'The labeller of this server says so')
  if (label.match === 'fuzzy') {
    return verdict(
      'note',
      `${system}, a near match`,
      'The SYN comes close to a signature of the database, and differs in what the way may change',
    )
  }
  if (label.generic) {
    return verdict(
      'note',
      `${system}, roughly`,
      'Only a general signature of the database fits: the system is likely, its version is not known',
    )
  }
  return verdict('good', `${system}, exact match`, 'The SYN is written just as this system writes it')
}

/** What is between the client and this server. */
function wayVerdicts(syn: Syn, label: Label | undefined, timeToLive: number | undefined): Verdict[] {
  const { routers, tunnel, changes, loopback, lastTimeToLive } = explainWay(syn, label, timeToLive)
  const list: Verdict[] = []
  const add = (tone: Tone, text: string, about: string): void => {
    list.push({ topic: 'way', tone, text, about })
  }
  if (loopback) add('good', 'Same machine', 'The SYN never left this machine, so that nothing is between the two ends')
  else if (routers === 0 && tunnel === undefined)
    add(
      'good',
      'Same network',
      'No router has lowered the TTL of the SYN: the client, or what speaks for it, is next door',
    )
  else if (routers > 0)
    add(
      'note',
      `${plural(routers, 'router')} away`,
      'Each router on the way takes one off the TTL, and systems start at a few known values',
    )
  if (tunnel !== undefined)
    add(
      'warn',
      `Through a tunnel: ${tunnel}`,
      'The MSS is that of a smaller MTU than a plain network has: a VPN, an overlay or a mobile network',
    )
  if (label?.family === 'relay')
    add(
      'warn',
      'A relay speaks for the client',
      'TCP ends at a load balancer, a VPN exit or a proxy, whose SYN this is',
    )
  if (label?.family === 'userspace')
    add(
      'warn',
      'A TCP stack inside a program',
      'A VPN or a sandbox has made this SYN; the system below it does not show',
    )
  for (const { text, about } of changes) add('warn', text, about)
  if (lastTimeToLive !== undefined)
    add(
      'warn',
      'Two ways',
      'The last segment of the handshake came with another TTL than the SYN: another route, or another machine',
    )
  return list
}

/** What the User-Agent says beside the system of the SYN. */
function userAgentVerdict(label: Label | undefined, headers: HeaderValues): Verdict | undefined {
  const platform = platformOf(headers)
  if (label?.name === undefined || platform === undefined) return undefined
  const { verdict } = compareWithUserAgent(label, headers)
  const make = (tone: Tone, text: string, about: string): Verdict => ({ topic: 'browser', tone, text, about })
  if (verdict === 'match') return make('good', 'User-Agent agrees', `Headers and SYN both say ${platform.name}`)
  if (verdict === 'mismatch') {
    return make(
      'warn',
      `User-Agent says ${platform.name}`,
      'The SYN says something else: a proxy or VPN speaks for the client, or the header lies',
    )
  }
  return make(
    'note',
    'User-Agent not comparable',
    `The headers say ${platform.name}; what sent the SYN may speak for clients of any system`,
  )
}

/** How long the way is. */
function timeVerdict({ timing }: Fingerprint): Verdict | undefined {
  const { handshakeRtt, rtt } = timing
  const time = handshakeRtt ?? rtt
  if (time === undefined) return undefined
  const isUnsure = handshakeRtt?.provenance === 'deferred' || handshakeRtt?.provenance === 'cookie'
  return {
    topic: 'timing',
    tone: isUnsure || time.microseconds > 300_000 ? 'note' : 'good',
    text: `${isUnsure ? 'At most ' : ''}${duration(time.microseconds)} round trip`,
    about:
      handshakeRtt === undefined
        ? 'As the kernel estimates it now'
        : `In the handshake; ${PROVENANCE[handshakeRtt.provenance]}`,
  }
}

/** Signs that are a wait of the client's, which browsers show that connect in advance. */
const WAITS: readonly string[] = ['tls-round-trip', 'first-data-delay']

/** Waits that a machine between client and server explains. A wait alone calls no client relayed; what else speaks of one does. */
function relayVerdicts(fingerprint: Fingerprint): Verdict[] {
  const signs = signsOfRelay(fingerprint)
  const isAlone = signs.every(({ name }) => WAITS.includes(name))
  return signs
    .filter(({ name }) => WAITS.includes(name))
    .map(({ words, against }) => ({
      topic: 'timing',
      tone: isAlone ? 'note' : 'warn',
      text: isAlone ? 'Waited before it spoke' : 'Perhaps relayed',
      about: `${words}. A relay does that, and so does ${against}`,
    }))
}

/** What a SYN alone tells. */
export function synVerdicts(syn: Syn, label: Label | undefined): Verdict[] {
  return [...(label === undefined ? [] : [systemVerdict(label)]), ...wayVerdicts(syn, label, undefined)]
}

/** The verdicts on a connection, the weightiest topic first. */
export function verdicts(fingerprint: Fingerprint, { headers, tls }: VerdictContext): Verdict[] {
  const { syn, label, timing, hop } = fingerprint
  const list: Verdict[] = []
  if (label !== undefined) list.push(systemVerdict(label))
  if (hop !== undefined) {
    list.push({
      topic: 'way',
      tone: 'note',
      text: 'A proxy in front',
      about: 'A proxy that this server trusts hands on what it knows of the client',
    })
  }
  if (syn !== undefined) list.push(...wayVerdicts(syn, label, timing.handshakeTimeToLive))
  for (const one of [userAgentVerdict(label, headers), timeVerdict(fingerprint)]) if (one !== undefined) list.push(one)
  list.push(...relayVerdicts(fingerprint))
  const missing = missingFacts(fingerprint, { tls }).filter(({ unsent }) => unsent !== true)
  if (missing.length > 0) {
    list.push({
      topic: 'missing',
      tone: syn === undefined ? 'warn' : 'note',
      text: syn === undefined ? 'No SYN was kept' : `${plural(missing.length, 'fact')} missing`,
      about: missing.map(({ fact }) => fact).join(', '),
    })
  }
  return list
}
