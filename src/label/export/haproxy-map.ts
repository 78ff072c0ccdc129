/**
 * A database as a map for HAProxy: label by the hexadecimal text of `ip.fp`.
 * @module
 */

import { ttlClass } from '../../fingerprint/haproxy.ts'
import { QUIRK } from '../../fingerprint/quirks.ts'
import type { Database, Signature } from '../database.ts'
import { multipliedMss } from '../largest-multiple.ts'
import type { Exported } from './exported.ts'
import { readOptions } from './option-layout.ts'

/** MSS values of usual links, which are written out: the map has exact keys. */
const MSS_V4 = [1460, 1452, 1440, 1436, 1420, 1412, 1400, 1380, 1360, 1240] as const
const MSS_V6 = [1440, 1432, 1420, 1400, 1392, 1380, 1360, 1340, 1220] as const
/** Scales written for any: what memory and buffers of today give. */
const SCALES = [0, 4, 5, 6, 7, 8, 9, 10] as const
/** Quirks that `ip.fp` cannot show. A signature that needs one of the others would match senders that it is not of. */
const HIDDEN_BUT_HARMLESS = QUIRK.DF | QUIRK.ID_NONZERO | QUIRK.ID_ZERO | QUIRK.ECN | QUIRK.FLOW | QUIRK.TS1_ZERO

const KIND: Readonly<Record<string, number>> = { mss: 2, ws: 3, sok: 4, ts: 8 }

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0')

/** Windows for one MSS; none where the signature leaves too many open. */
function windowsOf({ windowRule, window }: Signature, mss: number): readonly number[] {
  switch (windowRule) {
    case 'value':
      return [window]
    case 'mss':
      return window * mss > 65_535 ? [] : [window * mss]
    case 'mtu':
      return window * (mss + 40) > 65_535 ? [] : [window * (mss + 40)]
    case 'full': {
      const usual = [mss, MSS_V4[0]].map((one) => 65_535 - (65_535 % one))
      return [...new Set(usual)].filter((one) => multipliedMss(one, mss) !== 0)
    }
    default:
      return []
  }
}

/** The second octet without ECN, for each version and DF that the signature allows. */
function headsOf({ version, quirks, optionalQuirks, timeToLive }: Signature): readonly (readonly [4 | 6, number])[] {
  const heads: (readonly [4 | 6, number])[] = []
  const ttl = ttlClass(timeToLive)
  if (version !== 6) {
    if ((quirks & QUIRK.DF) !== 0 || (optionalQuirks & QUIRK.DF) !== 0) heads.push([4, ttl | 0x40])
    if ((quirks & QUIRK.DF) === 0) heads.push([4, ttl])
  }
  if (version !== 4) heads.push([6, ttl | 0xc0])
  return heads
}

/** Keys of a signature: the eight octets of `ip.fp(0)`; `undefined` where there is no bounded number of them. */
function keysOf(signature: Signature): readonly string[] | undefined {
  const { quirks, optionalQuirks, zmapIdentification, optionsLength, payload, windowRule, label } = signature
  const options = readOptions(signature.layout)
  const isSaid = (quirks & ~HIDDEN_BUT_HARMLESS) === 0 && !zmapIdentification && optionsLength === 0 && payload !== true
  if (options === undefined || !isSaid || windowRule === 'any' || windowRule === 'modulo') return undefined
  let presence = 0
  for (const word of options.words) if (KIND[word] !== undefined) presence |= 1 << (KIND[word] - 2)
  const words = (20 + options.length) / 4
  if (!Number.isInteger(words)) return undefined
  const scales = !options.words.includes('ws') ? [-1] : signature.scale < 0 ? SCALES : [signature.scale]
  // Service octet and ECE, CWR: not asked for; asked for by TCP; and Windows, which sets ECT(0) in the IP header too.
  const ecn = [[0, 3], ...(label.kin === 'windows' ? [[2, 3]] : [])]
  const marks = (optionalQuirks & QUIRK.ECN) !== 0 ? [[0, 0], ...ecn] : (quirks & QUIRK.ECN) !== 0 ? ecn : [[0, 0]]
  const keys: string[] = []
  for (const [version, head] of headsOf(signature)) {
    const hasMss = options.words.includes('mss')
    const sizes = !hasMss ? [0] : signature.mss >= 0 ? [signature.mss] : version === 4 ? MSS_V4 : MSS_V6
    for (const mss of sizes) {
      for (const window of windowsOf(signature, mss)) {
        for (const scale of scales) {
          const low = scale < 0 ? 0 : Math.min(scale, 14) + 1
          for (const [service, bits] of marks) {
            keys.push(
              hex(service!, 2) +
                hex(head | bits!, 2) +
                hex((words << 4) | low, 2) +
                hex(window, 4) +
                hex(mss, 4) +
                hex(presence, 2),
            )
          }
        }
      }
    }
  }
  return keys
}

/**
 * Writes a map of exact keys for usual MSS values. Where signatures of several labels have one key, its value names all of them;
 * last resorts only where nothing else has the key.
 */
export function exportHaproxyMap(database: Database): Exported {
  const values = new Map<string, Set<string>>()
  let leftOut = 0
  for (const generic of [false, true]) {
    const before = new Set(values.keys())
    for (const signature of database.signatures) {
      if (signature.label.generic !== generic) continue
      const keys = keysOf(signature)
      if (keys === undefined) leftOut += 1
      for (const key of keys ?? []) {
        if (generic && before.has(key)) continue
        const known = values.get(key)
        if (known === undefined) values.set(key, new Set([signature.label.name]))
        else if (known.size < 3) known.add(signature.label.name)
      }
    }
  }
  const lines = [...values].map(([key, names]) => `${key} ${[...names].join(' / ')}\n`)
  return {
    text: `# Labels by ip.fp in hexadecimal, written by tcpfingerprint; for HAProxy 3.4 and newer\n${lines.join('')}`,
    written: lines.length,
    leftOut: [{ reason: 'any window, data, or an option or quirk that ip.fp does not show', count: leftOut }],
  }
}
