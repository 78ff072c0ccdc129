import { expect, test } from 'bun:test'
import { acceptedFormat, type Format } from '../../src/inspector/accept.ts'

test.each<[string | null | undefined, string | undefined, Format]>([
  // Browsers.
  ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8', 'Mozilla/5.0', 'html'],
  ['text/html', 'curl/8.5.0', 'html'],
  ['TEXT/HTML ; charset=utf-8', undefined, 'html'],
  ['application/xhtml+xml;level=1;q=0.3', undefined, 'html'],
  // Qualities: the highest counts, of equals the page.
  ['application/json, text/html;q=0.9', undefined, 'json'],
  ['application/json;q=0.9, text/html;q=0.9', undefined, 'html'],
  ['text/html;q=0.1', undefined, 'html'],
  ['text/html;q=0.1, application/json;q=0.2, text/plain;q=0.3', undefined, 'text'],
  ['text/html;q=0.1, */*', undefined, 'json'],
  ['text/html;q=0.1, */*', 'curl/8.5.0', 'text'],
  ['text/html;q=0', undefined, 'json'],
  ['text/html; q=0.0, */*', undefined, 'json'],
  ['application/json;q=0, text/plain;q=0.2, */*', undefined, 'text'],
  // Text.
  ['text/plain', 'Mozilla/5.0', 'text'],
  ['text/plain, */*', undefined, 'text'],
  ['application/json, text/plain', 'curl/8.5.0', 'json'],
  ['application/json, text/plain, */*', 'axios/1.7', 'json'],
  // Anything, and nothing that is known.
  ['*/*', 'curl/8.5.0', 'text'],
  [undefined, 'Wget/1.21', 'text'],
  ['application/json', 'curl/8.5.0', 'json'],
  ['*/*', 'Bun/1.4', 'json'],
  ['*/*', undefined, 'json'],
  ['text/*', undefined, 'json'],
  ['image/png', undefined, 'json'],
  ['', undefined, 'json'],
  [',;,;q=,', undefined, 'json'],
  [null, undefined, 'json'],
])('acceptedFormat(%p) of %p is %p', (accept, userAgent, format) => {
  expect(acceptedFormat(accept, userAgent)).toBe(format)
})

test('acceptedFormat reads no more than the start of a long header', () => {
  expect(acceptedFormat(`${'a/b,'.repeat(100_000)}text/html`, undefined)).toBe('json')
})
