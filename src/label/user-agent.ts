/**
 * The system that a request's headers speak of, and whether the TCP stack's label agrees.
 * @module
 */

import type { Family, LabelName } from './family.ts'
import { families, family, isSameStack } from './family.ts'

/** Headers of a request: `Headers`, or names and values in any case; of several values the first counts. */
export type HeaderValues = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

/** The system a client says it is. */
export interface Platform {
  readonly family: Family
  /** As a person would write it: `Windows`, `macOS or iOS`, `Android`, `Linux`, `Chrome OS`, `FreeBSD` ... */
  readonly name: string
}

/** Characters of a header value that are looked at: clients name their system early. */
const MAX_LENGTH = 1024
/** Names of a record that are looked at for one in another case. */
const MAX_NAMES = 256

const WINDOWS: Platform = { family: 'windows', name: 'Windows' }
const APPLE: Platform = { family: 'apple', name: 'macOS or iOS' }
const ANDROID: Platform = { family: 'android', name: 'Android' }
const CHROME_OS: Platform = { family: 'chromeos', name: 'Chrome OS' }
const LINUX: Platform = { family: 'linux', name: 'Linux' }

/** Values of Sec-CH-UA-Platform, lower case. "Unknown" and the rest leave the word to the User-Agent. */
const CLIENT_HINT: ReadonlyMap<string, Platform> = new Map([
  ['windows', WINDOWS],
  ['macos', APPLE],
  ['mac os x', APPLE],
  ['ios', APPLE],
  ['ipados', APPLE],
  ['android', ANDROID],
  ['chrome os', CHROME_OS],
  ['chromium os', CHROME_OS],
  ['chromeos', CHROME_OS],
  ['linux', LINUX],
])

/**
 * Programs whose User-Agent names no system, or not that of the sender: crawlers (they claim phones), command line tools
 * and libraries, browsers whose requests come from the maker's servers, and consoles, whose stacks are not established. Cubot makes phones.
 */
const NO_PLATFORM =
  /(?<!cu)bot\b|crawl|spider|slurp|facebookexternalhit|preview|monitor|lighthouse|^(?:curl|wget|libcurl|python|aiohttp|httpx|go-http|java|jakarta|apache-httpclient|okhttp|ruby|php|guzzle|perl|libwww|lwp|node|undici|axios|got|deno|bun|httpie|postman|insomnia|restsharp|k6|hey|ab|wrk|siege)\b|opera mini|puffin|playstation|nintendo|nmap|zgrab|masscan/i

/** What stands in User-Agents of each system, in the order of asking: Windows Phone also says Android and iPhone. */
const USER_AGENT: readonly (readonly [RegExp, Platform])[] = [
  [/\bwindows\b|\bwin(?:64|32|nt|9[58])\b/i, WINDOWS],
  [/\bandroid\b|^dalvik\//i, ANDROID],
  [/\b(?:iphone|ipad|ipod|macintosh|mac os x|mac_powerpc|macos|ios|cfnetwork|darwin|apple ?tv)\b/i, APPLE],
  [/\bcros\b/i, CHROME_OS],
  [/\bfreebsd\b/i, { family: 'bsd', name: 'FreeBSD' }],
  [/\bopenbsd\b/i, { family: 'bsd', name: 'OpenBSD' }],
  [/\bnetbsd\b/i, { family: 'bsd', name: 'NetBSD' }],
  [/\bdragonfly\b/i, { family: 'bsd', name: 'DragonFly' }],
  [/\bsunos\b/i, { family: 'unix', name: 'Solaris' }],
  [/\b(?:linux|tizen|web0s|webos|kaios)\b/i, LINUX],
]

function first(value: string | readonly string[] | undefined): string | undefined {
  const one = typeof value === 'object' ? value[0] : value
  return typeof one === 'string' ? one.slice(0, MAX_LENGTH) : undefined
}

/** One header, by its name in lower case. */
function header(headers: HeaderValues, name: string): string | undefined {
  if (typeof headers.get === 'function') return (headers as Headers).get(name)?.slice(0, MAX_LENGTH)
  const record = headers as Readonly<Record<string, string | readonly string[] | undefined>>
  if (Object.hasOwn(record, name)) return first(record[name])
  let looked = 0
  for (const other in record) {
    if (other.length === name.length && other.toLowerCase() === name) return first(record[other])
    if ((looked += 1) === MAX_NAMES) break
  }
  return undefined
}

/**
 * The system that the headers name: by `Sec-CH-UA-Platform` where it names one, else by `User-Agent`.
 *
 * `undefined` for crawlers, command line tools, libraries and consoles, for browsers that fetch through their maker's
 * servers, and where nothing is named. At most 1,024 characters of a value are read, and nothing throws.
 *
 * @example platformOf({ 'user-agent': 'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ...' })?.family // 'chromeos'
 */
export function platformOf(headers: HeaderValues): Platform | undefined {
  const userAgent = header(headers, 'user-agent') ?? ''
  if (NO_PLATFORM.test(userAgent)) return undefined
  const hint = header(headers, 'sec-ch-ua-platform')
  if (hint !== undefined) {
    // RFC 8941 string: "macOS"
    const platform = CLIENT_HINT.get(hint.trim().replace(/^"|"$/g, '').toLowerCase())
    if (platform !== undefined) return platform
  }
  for (const [words, platform] of USER_AGENT) if (words.test(userAgent)) return platform
  return undefined
}

/** Families whose TCP may end on behalf of a client behind them. */
const IN_BETWEEN: ReadonlySet<Family> = new Set(['userspace', 'relay', 'embedded', 'network'])

/** Devices with the stack of a system: their labels have the system's family. */
const DEVICE = /playstation|nintendo|gateway/i

/** What stack and headers say, and if they agree. */
export interface Comparison {
  /**
   * `mismatch`: the headers name another system than the label: the connection was relayed (proxy, VPN exit) or they lie.
   * `unknown`: one of the two tells nothing, or the stack is that of a relay, a device or a program (gVisor, Tailscale).
   */
  readonly verdict: 'match' | 'mismatch' | 'unknown'
  /** Family of the label; where it names several, the one that agrees, else the first. */
  readonly stack: Family | undefined
  /** Family of the headers. */
  readonly userAgent: Family | undefined
}

/**
 * Compares a label with what the request's headers say of the client.
 *
 * Families are compared, never versions. Linux, Android and Chrome OS share a stack and match each other, as do macOS, iOS and
 * iPadOS. A scanner's label contradicts every browser. Labels of relays, devices, routers and stacks inside a program contradict
 * none. Under WSL 1 and behind Docker Desktop programs of Linux use the stack of Windows or macOS: a `mismatch` without a lie.
 * Proxies and VPN exits have a stack of their own.
 *
 * @param label of `match`, or `undefined` where there is none
 * @param headers of the request; hostile values are safe
 * @example
 * compareWithUserAgent({ name: 'Linux 4.20 or newer', kind: 'os' }, { 'user-agent': 'Mozilla/5.0 (Windows NT 10.0)' })
 * // { verdict: 'mismatch', stack: 'linux', userAgent: 'windows' }
 */
export function compareWithUserAgent(label: LabelName | undefined, headers: HeaderValues): Comparison {
  const userAgent = platformOf(headers)?.family
  const stacks = families(label)
  const stack = family(label) ?? stacks[0]
  if (userAgent === undefined || stack === undefined) return { verdict: 'unknown', stack, userAgent }
  const agreeing = stacks.includes(userAgent) ? userAgent : stacks.find((one) => isSameStack(one, userAgent))
  if (agreeing !== undefined) return { verdict: 'match', stack: family(label) ?? agreeing, userAgent }
  const isBetween = stacks.some((one) => IN_BETWEEN.has(one)) || DEVICE.test(label!.name!)
  return { verdict: isBetween ? 'unknown' : 'mismatch', stack, userAgent }
}
