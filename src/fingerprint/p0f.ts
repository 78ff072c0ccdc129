/**
 * p0f v3 raw signature: `ver:ttl+distance:olen:mss:wsize,scale:olayout:quirks:pclass`.
 * @module
 */

import type { Syn } from '../wire/syn.ts'
import { formatQuirks } from './quirks.ts'
import { type SynTraits, traitsOf } from './traits.ts'
import { guessHopDistance, MAX_DISTANCE } from './ttl.ts'

/** `4:57+7:` for each version and TTL, made when first needed: at most 512 strings. */
const ttlText: (string | undefined)[] = []

function formatTtl(version: number, timeToLive: number): string {
  const distance = guessHopDistance(timeToLive)
  return `${version}:${timeToLive}+${distance > MAX_DISTANCE ? '?' : distance}:`
}

/** `mss*44`, `mtu*2`: a 16-bit window has at most 655 of a divisor of at least 88, so at most 1500 strings. */
const multipleText: (string | undefined)[] = []

/**
 * p0f v3 raw signature of a SYN, as p0f 3.09b logs it in `raw_sig`.
 *
 * `4:57+7:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0`: IP version; TTL and guessed distance (`?` above 35); octets of IP
 * options; MSS and scale (0 when absent); window, as a multiple if it is one; order of the options; quirks; `+` for data.
 *
 * Where p0f's documentation and its program disagree, or it says nothing:
 *
 * | case | p0f 3.09b | here |
 * | --- | --- | --- |
 * | `ack+`: acknowledgment number without ACK | only if bit 24 of the number is set (`&` for `&&` in its source) | for every number but 0 |
 * | `opt+`: other octets than 0 after End of Option List | missed when only the very last octet is | seen |
 * | IPv6 extension headers | packet ignored | octets of the extension headers as `olen`, as its documentation has it |
 *
 * Followed as p0f does it: the window is tried against 1460 and 1448 whatever the MSS; of several options of a kind the last
 * counts, but a quirk of any stays; an MSS, scale, SACK permitted or timestamps option with a wrong length is `bad` and still
 * read as if it had the right one; after 24 options the rest is `bad`.
 *
 * @see p0f 3.09b `docs/README` section 5 and its output
 */
export function formatP0f(syn: Syn): string {
  const traits = traitsOf(syn)
  return (traits.p0f ??= format(traits))
}

function format(traits: SynTraits): string {
  const ttlKey = traits.version === 4 ? traits.timeToLive : traits.timeToLive + 256
  const ttl = (ttlText[ttlKey] ??= formatTtl(traits.version, traits.timeToLive))
  let window: string | number = traits.window
  if (traits.multiple !== 0) {
    const key = traits.multiple * 2 + (traits.multipleOfMtu ? 1 : 0)
    window = multipleText[key] ??= `${traits.multipleOfMtu ? 'mtu' : 'mss'}*${traits.multiple}`
  }
  const scale = traits.p0fScale
  const end = `:${formatQuirks(traits.quirks)}${traits.payload ? ':+' : ':0'}`
  return `${ttl}${traits.optionsLength}:${traits.p0fMss}:${window},${scale}:${traits.p0fLayout}${end}`
}
