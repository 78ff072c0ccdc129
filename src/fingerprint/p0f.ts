/**
 * p0f v3 raw signature: `ver:ttl+distance:olen:mss:wsize,scale:olayout:quirks:pclass`.
 * @module
 */

import type { OptionLayout } from '../wire/option-layout.ts'
import type { Syn } from '../wire/syn.ts'
import { type SynTraits, traitsOf } from './p0f-view.ts'
import { formatQuirks } from './quirks.ts'
import { guessHopDistance, MAX_DISTANCE } from './ttl.ts'

/** `4:57+7:0:` for each version and TTL without IP options, made when first needed: at most 512 strings. */
const headText: (string | undefined)[] = []

function formatHead(version: number, timeToLive: number, optionsLength: number): string {
  const distance = guessHopDistance(timeToLive)
  return `${version}:${timeToLive}+${distance > MAX_DISTANCE ? '?' : distance}:${optionsLength}:`
}

/** `:mss*44,`, `:mtu*2,`: a 16-bit window has at most 744 times a divisor, which is 88 at least, so 1500 strings at most. */
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
  const { version, timeToLive, optionsLength, layout } = traits
  const head =
    optionsLength === 0
      ? (headText[version === 4 ? timeToLive : timeToLive + 256] ??= formatHead(version, timeToLive, 0))
      : formatHead(version, timeToLive, optionsLength)
  let window: string
  if (traits.multiple === 0) window = `:${traits.window},`
  else {
    const key = traits.multiple * 2 + (traits.multipleOfMtu ? 1 : 0)
    window = multipleText[key] ??= `:${traits.multipleOfMtu ? 'mtu' : 'mss'}*${traits.multiple},`
  }
  const tail = traits.raw === undefined ? sharedTail(traits, layout) : formatTail(traits)
  // Joined, not added: a sum is a tree of pieces, which costs whoever reads it first.
  return [head, traits.p0fMss, window, traits.p0fScale, tail].join('')
}

/** `:mss,sok,ts,nop,ws:df,id+:0`, remembered with the order of options for the quirks that came with it last. */
function sharedTail(traits: SynTraits, layout: OptionLayout): string {
  const key = traits.quirks * 2 + (traits.payload ? 1 : 0)
  if (layout.p0fTailKey !== key) {
    layout.p0fTail = formatTail(traits)
    layout.p0fTailKey = key
  }
  return layout.p0fTail
}

function formatTail(traits: SynTraits): string {
  return `:${traits.p0fLayout}:${formatQuirks(traits.quirks)}${traits.payload ? ':+' : ':0'}`
}
