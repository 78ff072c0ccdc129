import { describe, expect, test } from 'bun:test'
import { searchWords } from '../../src/cgi/search-words.ts'

describe('searchWords', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['one', ['one']],
    ['one+two', ['one', 'two']],
    ['a=b', []],
    ['a+b=c', []],
    ['a%3Db', ['a=b']],
    ['a%2Bb', ['a+b']],
    ['a%20b', ['a b']],
    ['a++b', ['a', '', 'b']],
    ['+', ['', '']],
    ['%C3%A9', ['é']],
    ['-x', ['-x']],
    ['a%3Bb', ['a\\;b']],
    ['a&b', ['a\\&b']],
    ["$(x)`y`'z'", ["\\$\\(x\\)\\`y\\`\\'z\\'"]],
    ['a%0Ab', ['a\\\nb']],
    ['a%5Cb', ['a\\\\b']],
    ['a+%zz', []],
    ['a+%00', []],
    ['a+%FF', []],
    ['a%', []],
  ]
  for (const [query, words] of rows) {
    test(JSON.stringify(query), () => expect(searchWords('GET', query)).toEqual(words))
  }
  test('only GET and HEAD search', () => {
    expect(searchWords('HEAD', 'one')).toEqual(['one'])
    expect(searchWords('POST', 'one')).toEqual([])
  })
  test('none at all rather than some of too many', () => {
    expect(searchWords('GET', Array(4_096).fill('a').join('+'))).toHaveLength(4_096)
    expect(searchWords('GET', Array(4_097).fill('a').join('+'))).toEqual([])
  })
})
