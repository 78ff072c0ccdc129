import { describe, expect, test } from 'bun:test'
import { isNotModified } from '../../src/cgi/conditional.ts'

const EARLY = 'Tue, 20 Sep 2022 15:27:26 GMT'
const MODIFIED = 'Tue, 20 Sep 2022 15:27:27 GMT'
const LATE = 'Tue, 20 Sep 2022 15:27:28 GMT'

describe('isNotModified', () => {
  const rows: readonly (readonly [string, Record<string, string>, Record<string, string>, boolean, string?])[] = [
    ['no condition', {}, { etag: '"a"', 'last-modified': MODIFIED }, false],
    ['the same tag', { 'if-none-match': '"a"' }, { etag: '"a"' }, true],
    ['one of several tags', { 'if-none-match': '"b", "a"' }, { etag: '"a"' }, true],
    ['another tag', { 'if-none-match': '"b"' }, { etag: '"a"' }, false],
    ['weak tags', { 'if-none-match': 'W/"a"' }, { etag: '"a"' }, true],
    ['any tag', { 'if-none-match': '*' }, { etag: '"a"' }, true],
    ['no tag to compare with', { 'if-none-match': '*' }, {}, false],
    [
      'a tag goes before a date',
      { 'if-none-match': '"b"', 'if-modified-since': LATE },
      { etag: '"a"', 'last-modified': MODIFIED },
      false,
    ],
    [
      'a date without its counterpart does not spoil a tag',
      { 'if-none-match': '"a"', 'if-modified-since': EARLY },
      { etag: '"a"' },
      true,
    ],
    ['the same date', { 'if-modified-since': MODIFIED }, { 'last-modified': MODIFIED }, true],
    ['modified since', { 'if-modified-since': EARLY }, { 'last-modified': MODIFIED }, false],
    ['not modified since', { 'if-modified-since': LATE }, { 'last-modified': MODIFIED }, true],
    ['a date that is none', { 'if-modified-since': 'yesterday' }, { 'last-modified': MODIFIED }, false],
    ['no date to compare with', { 'if-modified-since': LATE }, {}, false],
    ['HEAD', { 'if-none-match': '"a"' }, { etag: '"a"' }, true, 'HEAD'],
    ['POST', { 'if-none-match': '"a"' }, { etag: '"a"' }, false, 'POST'],
  ]
  for (const [name, request, answer, expected, method = 'GET'] of rows) {
    test(name, () => {
      const asked = new Request('http://a/', { method, headers: request })
      expect(isNotModified(asked, new Headers(answer))).toBe(expected)
    })
  }
})
