/**
 * Label names grouped into families: what kind of system or program a label speaks of.
 * @module
 */
import { lazy } from '../base/lazy.ts'

/**
 * Family of a label or a User-Agent.
 *
 * `linux` is any Linux; `android` and `chromeos` share its stack. `apple` is macOS, iOS and their kin. `unix` are the other Unix
 * systems. `userspace` are stacks inside a program (gVisor, Tailscale, mTCP): they say nothing of the system below. `embedded` are
 * devices, `network` routers and switches, `relay` what ends TCP on behalf of others (load balancers, VPN exits, carrier proxies),
 * `tool` what a database lists as a program: scanners, malware.
 */
export type Family =
  | 'linux'
  | 'android'
  | 'chromeos'
  | 'windows'
  | 'apple'
  | 'bsd'
  | 'unix'
  | 'userspace'
  | 'embedded'
  | 'network'
  | 'relay'
  | 'tool'

/** The part of a label that tells its family. */
export interface LabelName {
  /** As the database has it; absent where nothing matched. */
  readonly name?: string | undefined
  /** `app` for programs, whatever their name. */
  readonly kind?: 'os' | 'app' | undefined
  /** Family as a label has it; decides before the words of the name. */
  readonly family?: string | undefined
}

/** Words of each family in label names: those of our own database, of p0f's and of common inventions. */
const wordsOfFamilies = /* @__PURE__ */ lazy((): readonly (readonly [Family, RegExp])[] => [
  ['relay', /\brelay\b|middlebox/],
  ['userspace', /gvisor|netstack|tailscale|\bmtcp\b|smoltcp|user-space wireguard/],
  ['android', /android/],
  ['chromeos', /chrom(?:e|ium) ?os/],
  ['linux', /linux|openwrt|ubuntu|debian|tizen/],
  ['windows', /windows|\bwin(?:9x|nt|xp|dows)?\b/],
  ['apple', /mac ?os|\bos x\b|\bi(?:pad)?os\b|iphone|ipad|darwin|\bapple\b|tvos|watchos/],
  ['bsd', /bsd\b|dragonfly/],
  ['unix', /solaris|sunos|illumos|\baix\b|hp-ux|irix|tru64|\bunix\b/],
  ['tool', /\b(?:nmap|naabu|masscan|zmap|hping\d?|nping|scapy|mirai)\b|traceroute/],
])
/** Words that count where no family is stated: a label of another family may name such a thing as an example. */
const moreWords = /* @__PURE__ */ lazy((): readonly (readonly [Family, RegExp])[] => [
  ['network', /cisco|comware|\bvrp\b|junos|routeros|\bf5\b|big-ip|netscaler/],
  [
    'embedded',
    /lwip|freertos|contiki|\briot\b|\buip\b|netx duo|picotcp|zephyr|vxworks|esp-?(?:idf|32|8266)|nintendo|playstation/,
  ],
])
/** Every {@link Family}. */
export const familyNames: () => ReadonlySet<string> = /* @__PURE__ */ lazy(
  () => new Set<string>([...wordsOfFamilies(), ...moreWords()].map(([one]) => one)),
)

/**
 * Every family that a label speaks of, most often one; none for names that tell no family, more where it names several senders.
 *
 * @example families({ name: 'Linux (Android or tuned)' }) // ['android', 'linux']
 */
export function families(label: LabelName | undefined): readonly Family[] {
  if (label?.name === undefined) return []
  if (label.kind === 'app') return ['tool']
  // Cisco's system is called IOS too
  const name = label.name.slice(0, 256).toLowerCase().replace('cisco ios', 'cisco')
  const stated = label.family !== undefined && familyNames().has(label.family) ? (label.family as Family) : undefined
  const found: Family[] = []
  for (const [family, words] of wordsOfFamilies()) if (family === stated || words.test(name)) found.push(family)
  for (const [family, words] of moreWords()) {
    if (stated === undefined ? words.test(name) : family === stated) found.push(family)
  }
  // p0f writes "Linux (Android)" for Android alone, we "Linux (Android or ...)" for either
  if (found.includes('android') && !name.includes(' or ')) return found.filter((family) => family !== 'linux')
  return found
}

const LINUX: ReadonlySet<Family> = new Set(['linux', 'android', 'chromeos'])

/** True if two families share one TCP/IP stack: equal ones do, and Linux, Android and Chrome OS do. */
export function isSameStack(a: Family, b: Family): boolean {
  return a === b || (LINUX.has(a) && LINUX.has(b))
}

/**
 * The one family of a label: `linux` also where it may be Android. `undefined` without a label, for names that tell none,
 * and where the label names unrelated senders.
 *
 * @example family({ name: 'Windows 10 or newer, or Server 2016 or newer' }) // 'windows'
 */
export function family(label: LabelName | undefined): Family | undefined {
  const found = families(label)
  if (found.length < 2) return found[0]
  return found.every((one) => LINUX.has(one)) ? 'linux' : undefined
}

/**
 * `Label.family` of a signature: its class where that is one of ours, `tool` for a program, else by the words of the name
 * (p0f's classes are `win`, `unix` and `other`); the class itself where the name tells none.
 */
export function familyOfClass(signatureClass: string | undefined, name: string): string {
  if (signatureClass === undefined) return 'tool'
  if (familyNames().has(signatureClass) && signatureClass !== 'unix') return signatureClass
  const found = family({ name })
  return found === undefined ? signatureClass : LINUX.has(found) ? 'linux' : found
}
