import { describe, expect, test } from 'bun:test'
import { escapeControls, formatEndpoint, plural, printable } from '../../src/base/text.ts'

describe('escapeControls', () => {
  test.each([
    ['NUL', '\0', '\\x00'],
    ['ESC and a colour', '\x1b[31m', '\\x1b[31m'],
    ['line ends', 'a\r\nb', 'a\\x0d\\x0ab'],
    ['DEL', '\x7f', '\\x7f'],
    ['CSI of C1', '\x9b2J', '\\x9b2J'],
    ['next line', '\x85', '\\x85'],
    ['line and paragraph separators', '\u2028\u2029', '\\u2028\\u2029'],
    ['bidirectional override, isolate and mark', '\u202e\u2066\u200f\u061c', '\\u202e\\u2066\\u200f\\u061c'],
    ['zero-width characters and the byte order mark', '\u200b\ufeff', '\\u200b\\ufeff'],
    ['tags, which spell what nobody sees', '\u{e0041}', '\\udb40\\udc41'],
    ['half a surrogate pair', '\ud83d!\udc00', '\\ud83d!\\udc00'],
  ])('shows %s', (_, text, shown) => {
    expect(escapeControls(text)).toBe(shown)
  })
  test('keeps what people write, in every script', () => {
    const text = 'Linux 3.11 – Größe Ж 世界 עברית 😀'
    expect(escapeControls(text)).toBe(text)
  })
  test('leaves nothing to a terminal of any character', () => {
    const shown = escapeControls(
      Array.from({ length: 0x110000 }, (_, code) => `${String.fromCodePoint(code)} `).join(''),
    )
    expect(shown).not.toMatch(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Cs}/u)
  })
})

test('printable quotes the beginning of a long text', () => {
  expect(printable('a'.repeat(200))).toBe('a'.repeat(200))
  expect(printable('a'.repeat(201))).toBe(`${'a'.repeat(200)}...`)
  expect(printable(`${'a'.repeat(199)}😀`)).toBe(`${'a'.repeat(199)}\\ud83d...`)
})

test('plural counts', () => {
  expect([0, 1, 2].map((count) => plural(count, 'hop'))).toEqual(['0 hops', '1 hop', '2 hops'])
  expect(plural(1000, 'SYN', '1,000')).toBe('1,000 SYNs')
})

test('formatEndpoint brackets IPv6', () => {
  expect(formatEndpoint('192.0.2.1', 80)).toBe('192.0.2.1:80')
  expect(formatEndpoint('2001:db8::1', 80)).toBe('[2001:db8::1]:80')
})
