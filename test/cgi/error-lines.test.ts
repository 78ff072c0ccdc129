import { describe, expect, test } from 'bun:test'
import { ErrorLines } from '../../src/cgi/error-lines.ts'

/** The lines of text that comes in pieces. */
function linesOf(pieces: readonly string[], limit = 1000): string[] {
  const lines: string[] = []
  const reader = new ErrorLines(limit, (line) => lines.push(line))
  for (const piece of pieces) reader.add(new TextEncoder().encode(piece))
  reader.end()
  return lines
}

describe('ErrorLines', () => {
  test('are the same however the text is cut', () => {
    const text = 'one\r\n\ntwo \r three\r\r\nfour é\n\rfive\r'
    const whole = linesOf([text])
    expect(whole).toEqual(['one', 'two \r three\r', 'four é', '\rfive\r'])
    expect(linesOf([...text])).toEqual(whole)
    for (let at = 0; at <= text.length; at++) expect(linesOf([text.slice(0, at), text.slice(at)])).toEqual(whole)
  })

  test('end at the limit, and say so once', () => {
    expect(linesOf([...'abc\ndefgh\n'], 6)).toEqual(['abc', 'de', '(more was written to standard error and dropped)'])
  })

  test('a line that comes octet by octet is looked through once', () => {
    const split = String.prototype.split
    let looked = 0
    String.prototype.split = function (this: string, ...rest: [never]) {
      looked += this.length
      return split.apply(this, rest)
    } as typeof split
    try {
      linesOf([...'x'.repeat(500), '\n'], 10_000)
    } finally {
      String.prototype.split = split
    }
    expect(looked).toBeLessThan(1000)
  })
})
