/**
 * Options that several commands have.
 * @module
 */
import { printable } from '../base/text.ts'
import { type OptionSpec, UsageError } from './args.ts'

/** Lines of JSON in place of text. */
export const JSON_OPTION: OptionSpec = {
  name: 'json',
  help: 'print one JSON object per line instead of text for people',
}
/** Where labels come from: see `loadDatabase`. */
export const P0F_DB: OptionSpec = {
  name: 'p0f-db',
  value: 'FILE',
  help: 'take labels from this p0f v3 database (p0f.fp)\ninstead of the built-in one; repeat it to join several',
}
/** A labeller before the database. */
export const YARA: OptionSpec = {
  name: 'yara',
  value: 'FILE',
  help: 'let the YARA rules of this file label first (libyara,\non Bun and Deno); repeat it for several',
}
/** How `--p0f-db` is matched. */
export const TOLERANT: OptionSpec = {
  name: 'tolerant',
  help: 'let signatures of --p0f-db match in spite of an IPv6 flow\nlabel or Accurate ECN, which p0f does not know',
}
/** A fingerprint under a licence of its own. */
export const JA4T: OptionSpec = {
  name: 'ja4t',
  help: 'add the JA4T fingerprint\n(FoxIO License 1.1: no monetization)',
}

/** The port that an option `--port` names. @throws {UsageError} where it is no number from 1 to 65535 */
export function readPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535) return Number(text)
  throw new UsageError(`Option "--port" needs a number from 1 to 65535: "${printable(text)}"`)
}
