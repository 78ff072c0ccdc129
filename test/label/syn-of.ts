/**
 * SYNs from the words of p0f signatures. Test support for labels.
 * @module
 */

import { buildPacket, FLAG } from '../lab/packet.ts'

const OPTION: Readonly<Record<string, (facts: { mss: number; scale: number; tsVal: number }) => number[]>> = {
  nop: () => [1],
  mss: ({ mss }) => [2, 4, mss >> 8, mss & 255],
  ws: ({ scale }) => [3, 3, scale],
  sok: () => [4, 2],
  ts: ({ tsVal }) => [8, 10, 0, 0, 0, tsVal, 0, 0, 0, 0],
  '?30': () => [30, 4, 1, 1],
  '?34': () => [34, 2],
  '?254': () => [254, 4, 0xf9, 0x89],
}

/**
 * The octets of a SYN that p0f would describe as `text`: `ver:ttl:olen:mss:window,scale:layout:quirks:pclass`, every field
 * a value, olen 0. Without `df` and `id-` the identification is not 0; `id=54321` among the quirks says which.
 */
export function synOf(text: string): Uint8Array {
  const [version, ttl, , mss, windowAndScale, layout, quirks, payload] = text.split(':')
  const [window, scale] = windowAndScale!.split(',')
  const quirk = new Set(quirks!.split(','))
  const stated = /id=(\d+)/.exec(quirks!)?.[1]
  const options: number[] = []
  for (const word of layout === '' ? [] : layout!.split(',')) {
    if (word.startsWith('eol+')) options.push(...new Array<number>(Number(word.slice(4)) + 1).fill(0))
    else options.push(...OPTION[word]!({ mss: Number(mss), scale: Number(scale), tsVal: quirk.has('ts1-') ? 0 : 7 }))
  }
  if (options.length % 4 !== 0) throw new Error(`options are no whole words: ${text}`)
  const address = version === '4' ? ['192.0.2.1', '198.51.100.1'] : ['2001:db8::1', '2001:db8::2']
  return buildPacket({
    source: { address: address[0]!, port: 40_000 },
    destination: { address: address[1]!, port: 443 },
    ttl: Number(ttl),
    ipId: Number(stated ?? (quirk.has('id+') || (!quirk.has('df') && !quirk.has('id-')) ? 4321 : 0)),
    dontFragment: quirk.has('df'),
    flowLabel: quirk.has('flow') ? 99 : 0,
    sequence: quirk.has('seq-') ? 0 : 12_345,
    acknowledgment: quirk.has('ack+') ? 0x01_02_03_04 : 0,
    flags: FLAG.SYN | (quirk.has('ecn') ? FLAG.ECE | FLAG.CWR : 0),
    urgentPointer: quirk.has('uptr+') ? 1 : 0,
    window: Number(window),
    options: Uint8Array.from(options),
    payload: new Uint8Array(payload === '+' ? 8 : 0),
  })
}
