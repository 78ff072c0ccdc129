/**
 * Satori TCP signature: `window:ttl:df:length:options:oddities`.
 * @module
 */

import { decodedSyn, type Syn } from '../wire/syn.ts'
import { TCP_FLAG } from '../wire/tcp.ts'
import type { TcpOption } from '../wire/tcp-options.ts'

/** Satori's letters for kinds without a value in its signature. */
const LETTERS: Readonly<Record<number, string>> = {
  0: 'E',
  1: 'N',
  4: 'S',
  5: 'K',
  6: 'J',
  7: 'F',
  8: 'T',
  9: 'P',
  10: 'R',
}

function letter(option: TcpOption): string {
  if (option.type === 'mss') return `M${option.mss}`
  if (option.type === 'window-scale') return `W${option.windowScale}`
  return LETTERS[option.kind] ?? 'U'
}

/** The lowest of 16, 32, 64, 128 and 255 that is not below the TTL; 0 stays 0. */
function nearTtl(timeToLive: number): number {
  return timeToLive === 0 ? 0 : ([16, 32, 64, 128].find((limit) => timeToLive <= limit) ?? 255)
}

/**
 * Satori's TCP signature of a SYN, e.g. `64240:64:1:60:M1460,S,T,N,W7:.`, or `undefined` where Satori makes none: for IPv6,
 * without options, and with any flag beside SYN.
 *
 * Window; TTL rounded up to 16, 32, 64, 128 or 255; DF; octets of the IP and TCP headers; options in wire order; oddities.
 *
 * @see satori.py `satoriTCP.py` and `fingerprints/tcp.xml`
 */
export function formatSatori(syn: Syn): string | undefined {
  // Options: `M` MSS, `W` scale with their values, `S` SACK permitted, `T` timestamps, `N` No-Operation, `E` for End of Option List and
  // for each zero octet after it, `K` SACK, `J` `F` echo, `P` partial order, `R` partial order service, `U` any other. Oddities, `.` for
  // none: `P` options end with End of Option List, `Z` identification 0, `I` IP options, `D` data, `A` acknowledgment number other than
  // 0, `T` TSecr other than 0.
  // Decisions: a SYN without timestamps gets `T` too, a slip in Satori that its database relies on. Values are unsigned, where
  // Satori reads an MSS above 32767 and a scale above 127 as negative. The option at which the walk stops is not listed, nor
  // are octets other than 0 after End of Option List.
  const { ip, tcp } = decodedSyn(syn)
  if (ip.version !== 4 || tcp.dataOffset === 5 || tcp.flagBits !== TCP_FLAG.SYN) return undefined
  const options = tcp.malformed === undefined ? tcp.options : tcp.options.slice(0, -1)
  const letters = options.map(letter)
  // `optionKinds` has one 0 for each zero octet behind End of Option List, `options` has not.
  for (let i = tcp.options.length; i < tcp.optionKinds.length; i++) letters.push('E')
  const headers = ip.headerLength + tcp.dataOffset * 4

  let odd = letters.at(-1) === 'E' ? 'P' : ''
  if (ip.identification === 0) odd += 'Z'
  if (ip.optionsLength > 0) odd += 'I'
  if (ip.totalLength > headers) odd += 'D'
  if (tcp.acknowledgmentNumber !== 0) odd += 'A'
  if (tcp.tsEcr !== 0) odd += 'T'
  const df = ip.dontFragment ? 1 : 0
  return `${tcp.window}:${nearTtl(ip.timeToLive)}:${df}:${headers}:${letters.join(',')}:${odd || '.'}`
}
