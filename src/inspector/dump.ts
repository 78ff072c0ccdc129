/**
 * What a pasted dump holds: a SYN or `struct tcp_info`.
 * @module
 */
import { readHexDump } from '../base/hex-dump.ts'
import type { Result } from '../base/result.ts'
import type { DecodeError } from '../wire/errors.ts'
import { type Syn, safeParseSyn } from '../wire/syn.ts'
import { safeParseTcpInfo, type TcpInfo } from '../wire/tcp-info.ts'

/** Characters of a pasted dump that are taken. */
export const MAX_PASTE = 65_536

/** What a dump may hold. */
export type DumpKind = 'auto' | 'syn' | 'tcp-info'

/** What both kinds of dumps have. */
interface DecodedBase {
  readonly hex: string
  /** Further dumps in the text, which were not decoded. */
  readonly more: number
}

/** The first dump of a text, understood. */
export type Decoded =
  | (DecodedBase & { readonly kind: 'syn'; readonly syn: Syn })
  | (DecodedBase & { readonly kind: 'tcp-info'; readonly tcpInfo: TcpInfo; readonly octets: number })

/** Decodes a pasted text. `auto` takes it for a SYN if it decodes as a SYN, else for `struct tcp_info` if it begins like that. */
export function decodeDump(text: string, kind: DumpKind): Result<Decoded, DecodeError> {
  const { digits: hex, more } = readHexDump(text)
  if (kind !== 'tcp-info') {
    const syn = safeParseSyn(hex)
    if (syn.ok) return { ok: true, value: { kind: 'syn', hex, more, syn: syn.value } }
    if (kind === 'syn' || !looksLikeTcpInfo(hex)) return syn
  }
  const info = safeParseTcpInfo(hex)
  if (!info.ok) return info
  return { ok: true, value: { kind: 'tcp-info', hex, more, tcpInfo: info.value, octets: hex.length / 2 } }
}

/** `struct tcp_info` begins with the state (1 to 12) and that of congestion control (0 to 4), and has at least its first words. */
function looksLikeTcpInfo(hex: string): boolean {
  const state = Number.parseInt(hex.slice(0, 2), 16)
  return hex.length >= 16 && state >= 1 && state <= 12 && /^0[0-4]$/.test(hex.slice(2, 4))
}
