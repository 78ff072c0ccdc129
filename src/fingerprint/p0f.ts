/**
 * p0f v3 raw signature: `ver:ttl+distance:olen:mss:wsize,scale:olayout:quirks:pclass`.
 * @module
 */

import type { Syn } from '../wire/syn.ts'
import { p0fView } from './p0f-view.ts'
import { formatQuirks } from './quirks.ts'
import { guessHopDistance, MAX_DISTANCE } from './ttl.ts'

/**
 * p0f v3 raw signature of a SYN, as p0f 3.09b logs it in `raw_sig`.
 *
 * `4:57+7:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0`: IP version; TTL and guessed distance (`?` above 35); octets of IP
 * options; MSS and scale (0 when absent); window, as a multiple if it is one; order of the options; quirks; `+` for data.
 *
 * @see p0f 3.09b `docs/README` section 5 and its output
 */
export function formatP0f(syn: Syn): string {
  // Where p0f's documentation and its program disagree, or it says nothing:
  //
  // | case | p0f 3.09b | here |
  // | --- | --- | --- |
  // | `ack+`: acknowledgment number without ACK | only if bit 24 of the number is set (`&` for `&&` in its source) | for every number but 0 |
  // | `opt+`: other octets than 0 after End of Option List | missed when only the very last octet is | seen |
  // | IPv6 extension headers | packet ignored | octets of the extension headers as `olen`, as its documentation has it |
  //
  // Followed as p0f does it: the window is tried against 1460 and 1448 whatever the MSS; of several options of a kind the last
  // counts, but a quirk of any stays; an MSS, scale, SACK permitted or timestamps option with a wrong length is `bad` and still
  // read as if it had the right one; after 24 options the rest is `bad`.
  const { version, timeToLive, optionsLength, mss, window, multiple, multipleOfMtu, scale, layout, quirks, payload } =
    p0fView(syn)
  const start = (starts[version * 256 + timeToLive] ??= formatStart(version, timeToLive))
  const size = multiple === 0 ? window : `${multipleOfMtu ? 'mtu' : 'mss'}*${multiple}`
  return `${start}${optionsLength}:${mss}:${size},${scale}:${layout}:${formatQuirks(quirks)}${payload ? ':+' : ':0'}`
}

/** Texts made so far, by version and TTL. */
const starts: string[] = []

function formatStart(version: number, timeToLive: number): string {
  const distance = guessHopDistance(timeToLive)
  return `${version}:${timeToLive}+${distance > MAX_DISTANCE ? '?' : distance}:`
}
