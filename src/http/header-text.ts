/**
 * Header values as text.
 * @module
 */
import { lazy } from '../base/lazy.ts'

const strict = /* @__PURE__ */ lazy(() => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }))
const BEYOND_ASCII = /[^\u0000-\u007f]/
const BEYOND_OCTETS = /[^\u0000-\u00ff]/

/**
 * A header value as text. Runtimes give one code unit for each octet: UTF-8 where the octets are that, else each is taken for
 * Latin-1. A value with higher code units is text that the application made.
 */
export function headerText(value: string | null): string | undefined {
  if (value === null) return undefined
  if (!BEYOND_ASCII.test(value) || BEYOND_OCTETS.test(value)) return value
  try {
    return strict().decode(Uint8Array.from(value, (character) => character.charCodeAt(0)))
  } catch {
    return value
  }
}
