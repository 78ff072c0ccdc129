/**
 * The header of a CGI script's output (RFC 3875 section 6): found, checked and turned into an answer's head.
 * @module
 */

/** What a script wants done. */
export type CgiHead =
  | {
      readonly kind: 'document'
      readonly status: number
      readonly statusText: string
      readonly headers: Headers
    }
  /** Run this path and query instead, as a GET. */
  | { readonly kind: 'local-redirect'; readonly target: string }

/** Output that is no CGI answer. */
export class CgiOutputError extends Error {
  override readonly name = 'CgiOutputError'
}

const LF = 0x0a
const CR = 0x0d

/** Where the header ends: octets of it, and where the body begins. `undefined` where it has not ended yet. */
export function findHeaderEnd(octets: Uint8Array, from: number): { end: number; body: number } | undefined {
  // A line end just before `from` may be the first half of the blank line.
  for (let i = octets.indexOf(LF, Math.max(0, from - 2)); i >= 0; i = octets.indexOf(LF, i + 1)) {
    if (i === 0) return { end: 0, body: 1 }
    if (i === 1 && octets[0] === CR) return { end: 0, body: 2 }
    if (octets[i + 1] === LF) return { end: i, body: i + 2 }
    if (octets[i + 1] === CR && octets[i + 2] === LF) return { end: i, body: i + 3 }
  }
  return undefined
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Control characters but for the tab: among them the CR that would begin another header for some clients. */
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/
const STATUS = /^([1-9]\d\d)(?:[ \t]+(.*))?$/
/** RFC 9110 section 7.6.1, and lengths and codings, which are the server's business. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Reads the header of a script's output.
 *
 * A status of its own makes any Location a client's; without one, or with 200, a Location that begins with `/` is to be run
 * here, and any other is a 302: as Apache does it.
 *
 * @throws {CgiOutputError} for a line that is no header, a CGI field that comes twice, none at all, or a bad status
 */
export function parseHead(octets: Uint8Array): CgiHead {
  const headers = new Headers()
  const fields = new Map<string, string>()
  for (const line of latin1(octets).split(/\r?\n/)) {
    const colon = line.indexOf(':')
    const name = colon < 0 ? '' : line.slice(0, colon)
    const value = line.slice(colon + 1).trim()
    if (!TOKEN.test(name) || CONTROL.test(value)) throw new CgiOutputError(`malformed header line ${quote(line)}`)
    const lower = name.toLowerCase()
    if (lower === 'status' || lower === 'location' || lower === 'content-type') {
      if (fields.has(lower)) throw new CgiOutputError(`two ${name} fields`)
      fields.set(lower, value)
      if (lower !== 'status') headers.set(name, value)
    } else if (!HOP_BY_HOP.has(lower)) {
      headers.append(name, value)
    }
  }
  if (fields.size === 0) throw new CgiOutputError('neither Content-Type, Location nor Status')
  const location = fields.get('location')
  if (location === '') throw new CgiOutputError('an empty Location')
  const given = fields.get('status')
  const [, code, reason] = given === undefined ? [] : (STATUS.exec(given) ?? ['', '0'])
  let status = code === undefined ? 200 : Number(code)
  if (status < 200 || status > 599) throw new CgiOutputError(`the status ${quote(given ?? '')}`)
  if (location !== undefined && status === 200) {
    if (location.startsWith('/')) return { kind: 'local-redirect', target: location }
    status = 302
  }
  return { kind: 'document', status, statusText: reason ?? '', headers }
}

function latin1(octets: Uint8Array): string {
  let text = ''
  for (let i = 0; i < octets.length; i += 8192) text += String.fromCharCode(...octets.subarray(i, i + 8192))
  return text
}

/** Enough of a line to recognise it, fit for a log. */
function quote(line: string): string {
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}...` : line)
}
