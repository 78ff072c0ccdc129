/**
 * Text for people: escapes, counts, endpoints.
 * @module
 */

import { charactersOf } from './lazy.ts'

/**
 * Control characters, which a terminal acts on, and what moves or hides the text around it: format characters (bidirectional and
 * zero-width ones, tags), line and paragraph separators, lone surrogates.
 */
const unsafe = /* @__PURE__ */ charactersOf('Cc', 'Cf', 'Cs', 'Zl', 'Zp')

function escaped(character: string): string {
  let text = ''
  for (let i = 0; i < character.length; i += 1) {
    const code = character.charCodeAt(i)
    text += code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  }
  return text
}

/**
 * Text from outside (a database, a capture, a header, an argument) as a terminal and a page may show it: control and
 * bidirectional characters become `\x1b` or `\u202e`, everything else stays.
 */
export function escapeControls(text: string): string {
  return text.replace(unsafe(), escaped)
}

/** UTF-16 units that a message quotes of a text. */
const QUOTED = 200

/** As {@link escapeControls}, for messages: of a text longer than 200 UTF-16 units its beginning and `...`. */
export function printable(text: string): string {
  return text.length > QUOTED ? `${escapeControls(text.slice(0, QUOTED))}...` : escapeControls(text)
}

/** A count, as it is to be shown, with its noun: `1 hop`, `7 hops`. */
export function plural(count: number, noun: string, shown: number | string = count): string {
  return `${shown} ${noun}${count === 1 ? '' : 's'}`
}

/** An address and port as in URLs: `192.0.2.1:80`, `[2001:db8::1]:80`. Without a port the address alone. */
export function formatEndpoint(address: string, port: number | undefined): string {
  if (port === undefined) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
