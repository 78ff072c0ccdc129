/**
 * The `FINGERPRINT_*` variables: what scripts find in their environment and log formats name. One row a variable.
 * @module
 */

import { toHex } from '../base/bytes.ts'
import type { Fingerprint } from './fingerprint.ts'

/** Which raw dumps go into the map; both are off by default. */
export interface EnvOptions {
  /** `FINGERPRINT_SAVED_SYN`: the saved SYN in lower-case hex. */
  readonly savedSyn?: boolean | undefined
  /** `FINGERPRINT_TCP_INFO`: `struct tcp_info` as the kernel gave it, in lower-case hex. */
  readonly tcpInfo?: boolean | undefined
}

type Value = string | number | undefined

const bit = (flag: boolean | undefined): Value => (flag === undefined ? undefined : flag ? 1 : 0)

/** Each variable and where its value comes from; `undefined` leaves it unset. Names: those of mod_tcpfingerprint, and README. */
const VARIABLES: readonly (readonly [name: string, read: (fingerprint: Fingerprint, options: EnvOptions) => Value])[] =
  [
    ['FINGERPRINT_IP_TTL', ({ syn }) => syn && (syn.ip.version === 4 ? syn.ip.timeToLive : syn.ip.hopLimit)],
    ['FINGERPRINT_IP_DF', ({ syn }) => (syn?.ip.version === 4 ? bit(syn.ip.dontFragment) : undefined)],
    ['FINGERPRINT_IP_ECN', ({ syn }) => syn?.ip.ecn],
    ['FINGERPRINT_TCP_WSIZE', ({ syn }) => syn?.tcp.window],
    ['FINGERPRINT_TCP_WSCALE', ({ syn }) => syn?.tcp.windowScale],
    ['FINGERPRINT_TCP_MSS', ({ syn }) => syn?.tcp.mss],
    [
      'FINGERPRINT_TCP_OPTIONS',
      ({ syn }) => (syn && syn.tcp.optionKinds.length > 0 ? syn.tcp.optionKinds.join() : undefined),
    ],
    ['FINGERPRINT_TCP_ECN', ({ syn }) => syn && Number(syn.tcp.flags.ece) + 2 * Number(syn.tcp.flags.cwr)],
    ['FINGERPRINT_TCP_RTT', ({ timing }) => timing.rtt?.microseconds],
    ['FINGERPRINT_ACCEPT_TIME', ({ timing }) => timing.acceptTime && Date.parse(timing.acceptTime) * 1000],
    ['FINGERPRINT_SAVED_SYN', ({ syn }, options) => (options.savedSyn ? syn?.hex : undefined)],
    [
      'FINGERPRINT_TCP_INFO',
      ({ tcpInfoBytes }, options) => (options.tcpInfo && tcpInfoBytes ? toHex(tcpInfoBytes) : undefined),
    ],
    ['FINGERPRINT_TCP_HANDSHAKE_RTT', ({ timing }) => timing.handshakeRtt?.microseconds],
    ['FINGERPRINT_TCP_HANDSHAKE_RTT_SOURCE', ({ timing }) => timing.handshakeRtt?.provenance],
    ['FINGERPRINT_FIRST_DATA_DELAY', ({ timing }) => timing.firstDataDelayMilliseconds],
    ['FINGERPRINT_P0F', ({ fingerprints }) => fingerprints?.p0f],
    ['FINGERPRINT_MUONFP', ({ fingerprints }) => fingerprints?.muonfp],
    ['FINGERPRINT_HAPROXY', ({ fingerprints }) => fingerprints?.haproxy],
    ['FINGERPRINT_LABEL', ({ label }) => label?.name],
    ['FINGERPRINT_LINK', ({ label }) => label?.link],
    ['FINGERPRINT_DISTANCE', ({ label }) => label?.distance],
    ['FINGERPRINT_SOURCE', ({ source }) => source],
    ['FINGERPRINT_REASON', ({ reason }) => reason],
  ]

/** Every name that `toEnv` may set. */
export const ENV_NAMES: readonly string[] = VARIABLES.map(([name]) => name)

/**
 * The `FINGERPRINT_*` variables of a fingerprint, for the environment of a subprocess.
 *
 * Values are decimal but for text and the dumps, which are hexadecimal; an absent fact is an absent key. No value holds a control
 * character: NUL would make `spawn` throw, and a line break could pass for another variable where the environment is printed.
 *
 * @example
 * Bun.spawn(['./handler'], { env: { PATH: '/usr/bin', ...toEnv(c.var.fingerprint) } })
 */
export function toEnv(fingerprint: Fingerprint, options: EnvOptions = {}): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, read] of VARIABLES) {
    const value = read(fingerprint, options)
    if (value !== undefined && value !== '') env[name] = safeText(String(value))
  }
  return env
}

const safeText = (text: string): string => text.replace(/[\u0000-\u001f\u007f]/g, '')

/** The map of each fingerprint that somebody looked into. */
const maps = new WeakMap<object, Record<string, string>>()

/**
 * A record of a fingerprint's variables that is filled when somebody first looks into it, and can be spread, listed and
 * changed like any other. `fill` computes it. Made for every request: the fingerprint itself is the proxy's target, so that
 * nothing else is allocated until it is looked into.
 */
export function lazyEnv<Target extends object>(target: Target, handler: ProxyHandler<Target>): Record<string, string> {
  return new Proxy(target, handler) as unknown as Record<string, string>
}

/** The handler for `lazyEnv`, one for all requests. */
export function lazyEnvHandler<Target extends object>(
  fill: (target: Target) => Record<string, string>,
): ProxyHandler<Target> {
  const map = (target: Target): Record<string, string> => {
    let env = maps.get(target)
    if (env === undefined) {
      env = fill(target)
      maps.set(target, env)
    }
    return env
  }
  return {
    get: (target, key) => Reflect.get(map(target), key),
    has: (target, key) => Reflect.has(map(target), key),
    ownKeys: (target) => Reflect.ownKeys(map(target)),
    getOwnPropertyDescriptor: (target, key) => Reflect.getOwnPropertyDescriptor(map(target), key),
    set: (target, key, value) => Reflect.set(map(target), key, value),
    defineProperty: (target, key, descriptor) => Reflect.defineProperty(map(target), key, descriptor),
    deleteProperty: (target, key) => Reflect.deleteProperty(map(target), key),
    getPrototypeOf: () => Object.prototype,
    preventExtensions: () => false,
  }
}
