/**
 * The header of a CGI script's output (RFC 3875 section 6): found, checked and turned into an answer's head.
 * @module
 */
import { formatHttpDate, parseHttpDate } from './http-date.ts'

/** What a script wants done. */
export type CgiHead =
  | {
      readonly kind: 'document'
      readonly status: number
      readonly statusText: string
      /** True if the script gave the status itself: then conditions of the request do not change it. */
      readonly ownStatus: boolean
      readonly headers: Headers
    }
  /** Run this path and query instead, as a GET, and add these fields to its answer. */
  | { readonly kind: 'local-redirect'; readonly target: string; readonly headers: Headers }
  /** An interim answer (1xx) of an `nph-` script: another head follows. */
  | { readonly kind: 'interim' }

/** Output that is no CGI answer. */
export class CgiOutputError extends Error {
  override readonly name = 'CgiOutputError'
}

const LF = 0x0a
const CR = 0x0d

/** Where the header ends: octets of it, and where the body begins. `undefined` if it has not ended yet. */
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
const STATUS_LINE = /^HTTP\/\d\.\d +(\d{3})(?: +(.*))?$/
/** Hop-by-hop fields (RFC 9110 section 7.6.1), and the date, which the runtime adds as Apache does. */
const SERVERS_OWN: ReadonlySet<string> = new Set([
  'connection',
  'date',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
/** Fields of a local redirect that say nothing of the answer it leads to. */
const OF_THE_DOCUMENT = /^(?:content-.*|etag|expires|last-modified|location)$/

/**
 * Reads the header of a script's output.
 *
 * A status of its own makes any Location a client's. Without one, or with 200, a Location that begins with `/` is to be run
 * here, and any other is a 302: as Apache does it. An empty header, for output that begins with an empty line, is that of a document of
 * no type, for Apache as well.
 *
 * @throws {CgiOutputError} for a line that is no header, a CGI field that comes twice, fields of which none is a CGI field, or a
 *   bad status
 */
export function parseHead(octets: Uint8Array): CgiHead {
  if (octets.length === 0) return document(200, '', false, new Headers())
  const fields = new Map<string, string>()
  const headers = parseFields(latin1(octets).split(/\r?\n/), fields)
  if (fields.size === 0) throw new CgiOutputError('neither Content-Type, Location nor Status')
  const location = fields.get('location')
  if (location === '') throw new CgiOutputError('an empty Location')
  const given = fields.get('status')
  const [, code, reason] = given === undefined ? [] : (STATUS.exec(given) ?? ['', '0'])
  let status = code === undefined ? 200 : Number(code)
  if (status < 200 || status > 599) throw new CgiOutputError(`the status ${quote(given ?? '')}`)
  if (location !== undefined && status === 200) {
    if (location.startsWith('/')) {
      for (const name of [...headers.keys()]) if (OF_THE_DOCUMENT.test(name)) headers.delete(name)
      return { kind: 'local-redirect', target: location, headers }
    }
    status = 302
  }
  return document(status, reason ?? '', given !== undefined, headers)
}

/**
 * Reads the head of what an `nph-` script prints (RFC 3875 section 5): a status line and fields.
 *
 * A `Response` carries status, reason, fields and body. The version, hop-by-hop fields and interim answers are the runtime's affair
 * and are dropped. Bun and Deno write a reason of their own.
 *
 * @throws {CgiOutputError} if there is no status line, a line is no header, the connection is to be upgraded, or the script codes
 *   its body itself
 */
export function parseNonParsedHead(octets: Uint8Array): CgiHead {
  const [first = '', ...lines] = latin1(octets).replace(/\r$/, '').split(/\r?\n/)
  const [, code = '', reason = ''] = STATUS_LINE.exec(first) ?? []
  const status = Number(code)
  if (CONTROL.test(first) || status < 100 || status > 599 || status === 101) {
    throw new CgiOutputError(`${quote(first)} where a script whose name begins with "nph-" sends a status line`)
  }
  const coding = lines.find((line) => /^transfer-encoding:/i.test(line))
  if (coding !== undefined) throw new CgiOutputError(`${quote(coding)}, which only the server may apply`)
  const headers = parseFields(lines, undefined)
  return status < 200 ? { kind: 'interim' } : document(status, reason, true, headers)
}

function document(status: number, statusText: string, ownStatus: boolean, headers: Headers): CgiHead {
  return { kind: 'document', status, statusText, ownStatus, headers }
}

/**
 * Fields as headers, dates as IMF-fixdate.
 *
 * @param cgiFields - where the CGI fields are kept, each once; `undefined` for an `nph-` script, which has none
 */
function parseFields(lines: readonly string[], cgiFields: Map<string, string> | undefined): Headers {
  const headers = new Headers()
  let modified: number | undefined
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = colon < 0 ? '' : line.slice(0, colon)
    const value = line.slice(colon + 1).trim()
    if (!TOKEN.test(name) || CONTROL.test(value)) throw new CgiOutputError(`malformed header line ${quote(line)}`)
    const lower = name.toLowerCase()
    if (cgiFields !== undefined && (lower === 'status' || lower === 'location' || lower === 'content-type')) {
      if (cgiFields.has(lower)) throw new CgiOutputError(`two ${name} fields`)
      cgiFields.set(lower, value)
      // Of an empty type Apache sends none.
      if (lower !== 'status' && value !== '') headers.set(name, value)
    } else if (lower === 'last-modified') {
      // As Apache: text that is no date is left out, and the latest of several dates counts.
      modified = latest(modified, parseHttpDate(value))
    } else if (lower === 'expires') {
      // "0" and other text that is no date means "in the past" (RFC 9111 section 5.3).
      const date = parseHttpDate(value)
      headers.append(name, date === undefined ? value : formatHttpDate(date))
    } else if (!SERVERS_OWN.has(lower)) {
      headers.append(name, value)
    }
  }
  // RFC 9110 section 8.8.2.1: not later than the answer itself.
  if (modified !== undefined) headers.set('last-modified', formatHttpDate(Math.min(modified, Date.now())))
  return headers
}

function latest(first: number | undefined, second: number | undefined): number | undefined {
  return first === undefined || second === undefined ? (first ?? second) : Math.max(first, second)
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
