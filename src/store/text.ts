/**
 * Texts of applications as a store keeps them: what every engine takes and indexes, and no two of them as one.
 * @module
 */
import { processGlobal } from '../runtime/globals.ts'

/** Characters that are kept. Postgres indexes no value above 2,704 octets. */
export const MAX_TEXT = 256
/** What ends a text that is not kept as it is: SHA-256 in base64url, 43 characters. */
const DIGEST = /~[\w-]{43}$/
const KEPT_BEFORE_DIGEST = MAX_TEXT - 44

/**
 * A text of up to {@link MAX_TEXT} characters as it is. One that is longer, or holds what databases refuse (NUL, a lone surrogate), is
 * cut and cleaned, and a digest of the whole of it added: two accounts that differ somewhere stay two.
 */
export function keptText(text: string): string {
  // Quick: called for every account that is named.
  if (text.length <= MAX_TEXT && !text.includes('\0') && text.isWellFormed() && !DIGEST.test(text)) return text
  const begin = text.slice(0, KEPT_BEFORE_DIGEST).replaceAll('\0', '\ufffd').toWellFormed()
  return `${begin}~${digestOf(text)}`
}

/** Of JSON, which writes lone surrogates as escapes. */
function digestOf(text: string): string {
  const crypto = processGlobal()!.getBuiltinModule!('node:crypto') as typeof import('node:crypto')
  return crypto.createHash('sha256').update(JSON.stringify(text)).digest('base64url')
}
