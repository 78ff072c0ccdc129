import { expect, test } from 'bun:test'
import { wantsHtml, wantsText } from '../../src/inspector/accept.ts'

test.each([
  ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8', true],
  ['text/html', true],
  ['TEXT/HTML ; charset=utf-8', true],
  ['application/json, text/html;q=0.9', false],
  ['application/json;q=0.9, text/html;q=0.9', true],
  ['text/html;q=0', false],
  ['text/html; q=0.0, */*', false],
  ['application/xhtml+xml;level=1;q=0.3', true],
  ['*/*', false],
  ['text/*', false],
  ['application/json', false],
  ['', false],
  [',;,;q=,', false],
  [null, false],
  [undefined, false],
])('wantsHtml(%p) is %p', (accept, wanted) => {
  expect(wantsHtml(accept)).toBe(wanted)
})

test('wantsHtml reads no more than the start of a long header', () => {
  expect(wantsHtml(`${'a/b,'.repeat(100_000)}text/html`)).toBe(false)
})

test.each([
  ['text/plain', 'Mozilla/5.0', true],
  ['*/*', 'curl/8.5.0', true],
  [undefined, 'Wget/1.21', true],
  ['application/json', 'curl/8.5.0', false],
  ['application/json, text/plain', 'curl/8.5.0', false],
  ['*/*', 'Bun/1.4', false],
  ['*/*', undefined, false],
  ['text/html', 'curl/8.5.0', false],
])('wantsText(%p) of %p is %p', (accept, userAgent, wanted) => {
  expect(wantsText(accept, userAgent)).toBe(wanted)
})
