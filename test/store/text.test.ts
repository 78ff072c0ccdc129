import { describe, expect, test } from 'bun:test'
import { keptText, MAX_TEXT } from '../../src/store/text.ts'

const LONG = 'x'.repeat(65_536)
const cut = keptText(LONG)

describe('keptText', () => {
  test.each(['', 'anna', '😀', `'; DROP TABLE observation; --`, '\n', 'x'.repeat(MAX_TEXT)])('keeps %j', (text) => {
    expect(keptText(text)).toBe(text)
  })

  test('no two texts become one, and none becomes longer than what is indexed', () => {
    const texts = [
      LONG,
      `${LONG.slice(0, -1)}y`,
      'a\0',
      'a\ufffd',
      'a\0\0',
      'a\ud800',
      'a\udbff',
      `${'x'.repeat(211)}😀${LONG}`,
    ]
    // What somebody would call themselves to be taken for another.
    texts.push(cut, keptText(cut), keptText('a\0'))
    const kept = texts.map(keptText)
    expect(new Set(kept).size).toBe(texts.length)
    for (const one of kept) {
      expect(one.length).toBeLessThanOrEqual(MAX_TEXT)
      expect(one.isWellFormed()).toBe(true)
      expect(one).not.toContain('\0')
    }
  })

  test('begins as the text does', () => {
    expect(cut.slice(0, 212)).toBe('x'.repeat(212))
    expect(keptText('a\0b')).toStartWith('a\ufffdb~')
  })
})
