/**
 * Conditions of a request against the validators of a script's answer (RFC 9110 section 13.1): Not Modified.
 * @module
 */
import { parseHttpDate } from './http-date.ts'

/**
 * True if the client has what a script sends. Apache asks this of scripts that give no status of their own.
 *
 * If-Match and If-Unmodified-Since are not looked at: when the validators are there, the script has done its work.
 */
export function isNotModified(request: Request, answer: Headers): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false
  const tags = request.headers.get('if-none-match')
  if (tags !== null) {
    const tag = answer.get('etag')
    // Weak comparison (section 8.8.3.2): the octets between the quotes.
    const opaque = (text: string): string => text.trim().replace(/^W\//, '')
    return tag !== null && (tags.trim() === '*' || tags.split(',').some((other) => opaque(other) === opaque(tag)))
  }
  const since = parseHttpDate(request.headers.get('if-modified-since') ?? '')
  const modified = parseHttpDate(answer.get('last-modified') ?? '')
  return since !== undefined && modified !== undefined && modified <= since
}
