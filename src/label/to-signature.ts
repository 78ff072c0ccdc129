/**
 * A SYN's p0f string as a line of a database.
 * @module
 */

import { guessInitialTtl } from '../fingerprint/ttl.ts'

/** Characters of a signature: p0f reads 24 options, the longest word is `eol+40`. */
const MAX_SIGNATURE = 512
const RAW_SIGNATURE =
  /^([46]):(\d{1,3})\+(?:\d{1,3}|\?):(\d{1,3}):(\d{1,5}):([^:,\s]{1,12}),(\d{1,3}):([^:\s]*):([^:\s]*):([0+])$/

/** Quirks of one IP version only. */
const ONE_VERSION: ReadonlySet<string> = new Set(['df', 'id+', 'id-', '0+', 'flow'])

/**
 * p0f's raw signature of one SYN as a database signature: the initial TTL in place of TTL and distance, any MSS where the
 * options have one (unless `exact`), any IP version where no quirk tells it. `undefined` for text that is no raw signature.
 *
 * @example toSignature('4:57+7:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0') // '4:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0'
 */
export function toSignature(raw: string, mss: 'any' | 'exact' = 'any'): string | undefined {
  if (raw.length > MAX_SIGNATURE) return undefined
  const parts = RAW_SIGNATURE.exec(raw)
  if (parts === null) return undefined
  const [, version, ttlText, optionsLength, mssText, window, scale, layout, quirks, payload] = parts
  const ttl = Number(ttlText)
  if (ttl > 255) return undefined
  const anyVersion = !quirks!.split(',').some((quirk) => ONE_VERSION.has(quirk))
  const anyMss = mss === 'any' && layout!.split(',').includes('mss')
  return [
    anyVersion ? '*' : version,
    guessInitialTtl(ttl),
    optionsLength,
    anyMss ? '*' : mssText,
    `${window},${scale}`,
    layout,
    quirks,
    payload,
  ].join(':')
}
