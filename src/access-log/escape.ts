/**
 * Text of clients made safe for one line of a log.
 *
 * In Apache's formats exactly as `ap_escape_logitem` does it: `"` and `\` get a backslash; backspace, newline, carriage return,
 * tab and vertical tab their letter; every other octet that is not printable ASCII becomes `\xhh`. In JSON as JSON has it.
 * @module
 */

import { hexDigit } from '../base/bytes.ts'
import { charactersOf, lazy } from '../base/lazy.ts'

/** Anything that cannot stand in a log line as it is. */
const UNSAFE = /[^\x20\x21\x23-\x5b\x5d-\x7e]/
const NAMED: Readonly<Record<number, string>> = {
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
}
/** The escape of every octet. */
const escapes: () => readonly string[] = /* @__PURE__ */ lazy(() =>
  Array.from({ length: 256 }, (_, octet) => {
    if (NAMED[octet] !== undefined) return NAMED[octet]
    if (octet >= 0x20 && octet < 0x7f) return String.fromCharCode(octet)
    return `\\x${octet.toString(16).padStart(2, '0')}`
  }),
)
const encoder = new TextEncoder()

/** Octets as a log line shows them. */
function escapeOctets(octets: Uint8Array): string {
  const texts = escapes()
  let text = ''
  for (const octet of octets) text += texts[octet]!
  return text
}

/** Text as a log line shows it: its UTF-8 octets, escaped. */
export function escapeText(text: string): string {
  return UNSAFE.test(text) ? escapeOctets(encoder.encode(text)) : text
}

/**
 * A header value as a log line shows it.
 *
 * Runtimes hand header octets over as code units 0 to 255, so each stands for itself; a value that the application made
 * and that has higher code units is text.
 */
export function escapeHeader(value: string): string {
  if (!UNSAFE.test(value)) return value
  const texts = escapes()
  let text = ''
  for (let i = 0; i < value.length; i += 1) {
    const octet = value.charCodeAt(i)
    if (octet > 0xff) return escapeOctets(encoder.encode(value))
    text += texts[octet]!
  }
  return text
}

/** Controls (C0, DEL, C1), line and paragraph separators, format characters (bidirectional marks, joiners, tags), and fillers and selectors. */
const invisible = /* @__PURE__ */ charactersOf('Cc', 'Cf', 'Zl', 'Zp', 'DI')

/**
 * JSON text with every character that prints nothing written as `\uhhhh`: the same value to a JSON reader (RFC 8259 section 7),
 * one line to readers that split at U+0085, U+2028 or U+2029, and no control of a terminal (ECMA-48).
 */
export function escapeInvisible(json: string): string {
  return BEYOND_ASCII.test(json) ? json.replace(invisible(), codeUnits) : json
}
const BEYOND_ASCII = /[^\x20-\x7e]/

/** A character as JSON escapes, two of them beyond U+FFFF. */
function codeUnits(character: string): string {
  let text = ''
  for (let i = 0; i < character.length; i += 1) text += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`
  return text
}

/** An escape that remembers its last text, because the same address or agent comes many times in a row. */
export function remembering(change: (text: string) => string): (text: string) => string {
  let last = ''
  let changed = change(last)
  return (text) => {
    if (text !== last) {
      changed = change(text)
      last = text
    }
    return changed
  }
}

/** A URL path with its percent-encoding undone, as a log line shows it. Bad encodings stay as they are. */
export function escapePath(path: string): string {
  if (!path.includes('%')) return escapeText(path)
  const octets = encoder.encode(path)
  let length = 0
  for (let i = 0; i < octets.length; i += 1) {
    const high = octets[i] === 0x25 ? hexDigit(octets[i + 1] ?? 0) : -1
    const low = high < 0 ? -1 : hexDigit(octets[i + 2] ?? 0)
    if (low < 0) octets[length] = octets[i]!
    else {
      octets[length] = high * 16 + low
      i += 2
    }
    length += 1
  }
  return escapeOctets(octets.subarray(0, length))
}
