/**
 * Headers of the inspector's answers.
 * @module
 */

/** Headers of every answer. It is about this client, so that no cache may keep it. */
export const HEADERS = {
  'Cache-Control': 'no-store',
  Vary: 'Accept, User-Agent',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
} as const

/** A fresh name for a page's style and script, and the headers that go with it: its policy allows nothing else. */
export function freshPage(): { readonly nonce: string; readonly headers: Readonly<Record<string, string>> } {
  const nonce = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18))))
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    'img-src data:',
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  const headers = { ...HEADERS, 'Content-Security-Policy': policy, 'Cross-Origin-Opener-Policy': 'same-origin' }
  return { nonce, headers }
}
