/**
 * Hexadecimal text as people paste it: plain digits, with separators, or as `tcpdump -x`, `xxd` and `hexdump -C` print it.
 * @module
 */
import type { Result } from '../base/result.ts'
import type { DecodeError } from '../wire/errors.ts'
import { type Syn, safeParseSyn } from '../wire/syn.ts'
import { safeParseTcpInfo, type TcpInfo } from '../wire/tcp-info.ts'

/** Characters of a pasted dump that are taken. */
export const MAX_PASTE = 65_536

/** What a dump may hold. */
export type DumpKind = 'auto' | 'syn' | 'tcp-info'

/** A dump that was understood. */
export type Decoded =
  | { readonly kind: 'syn'; readonly hex: string; readonly syn: Syn }
  | { readonly kind: 'tcp-info'; readonly hex: string; readonly tcpInfo: TcpInfo; readonly octets: number }

/** The start of a dump line: an offset of at least four digits, then a colon or two blanks. */
const LINE = /^\s*(?:0x)?([0-9a-f]{4,8})(?::\s*| {2}\s*|$)(.*)$/i

/** Octets of a line of `tcpdump -x`, `xxd` or `hexdump -C`, without the text at its end. */
function octetsOf(rest: string): string {
  // Two blanks part octets from text in all three; hexdump has two in the middle as well.
  let digits = ''
  for (const group of rest.split('|')[0]!.split(/ {2,}/)) {
    if (!/^(?:[0-9a-f]{2}|[0-9a-f]{4}|[0-9a-f]{8})(?: (?:[0-9a-f]{2}|[0-9a-f]{4}|[0-9a-f]{8}))*\s*$/i.test(group)) break
    if (digits.length + group.replace(/\s/g, '').length > 32) break
    digits += group.replace(/\s/g, '')
  }
  return digits
}

/** The digits of a dump with offsets; `undefined` where the text is none. */
function fromOffsets(text: string): string | undefined {
  let digits = ''
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || line.trim() === '*') continue
    const found = LINE.exec(line)
    if (found === null || Number.parseInt(found[1]!, 16) !== digits.length / 2) return undefined
    digits += octetsOf(found[2]!)
  }
  return digits
}

/** Bare hexadecimal digits of a pasted text. What is no digit stays, for the decoder to tell where it is. */
export function readDump(text: string): string {
  const trimmed = text.trim()
  const dump = /\n|^(?:0x)?0{4,8}(?::| {2})/i.test(trimmed) ? fromOffsets(trimmed) : undefined
  return dump ?? trimmed.replace(/0x|\\x|[\s:,;"'-]/gi, '').toLowerCase()
}

/** Decodes a pasted text. `auto` takes it for a SYN if it can be one, else for `struct tcp_info` if it begins like one. */
export function decodeDump(text: string, kind: DumpKind): Result<Decoded, DecodeError> {
  const hex = readDump(text)
  if (kind !== 'tcp-info') {
    const syn = safeParseSyn(hex)
    if (syn.ok) return { ok: true, value: { kind: 'syn', hex, syn: syn.value } }
    if (kind === 'syn' || !looksLikeTcpInfo(hex)) return syn
  }
  const info = safeParseTcpInfo(hex)
  if (!info.ok) return info
  return { ok: true, value: { kind: 'tcp-info', hex, tcpInfo: info.value, octets: hex.length / 2 } }
}

/** `struct tcp_info` begins with the state (1 to 12) and that of congestion control (0 to 4), and has at least its first words. */
function looksLikeTcpInfo(hex: string): boolean {
  const state = Number.parseInt(hex.slice(0, 2), 16)
  return hex.length >= 16 && state >= 1 && state <= 12 && /^0[0-4]$/.test(hex.slice(2, 4))
}
