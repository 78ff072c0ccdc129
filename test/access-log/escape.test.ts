import { describe, expect, test } from 'bun:test'
import { escapeInvisible } from '../../src/access-log/escape.ts'
import { compileLogFormat, NAMED_LOG_FORMATS } from '../../src/access-log/format.ts'
import type { AccessRecord } from '../../src/access-log/record.ts'
import { record } from './records.ts'

describe('compileLogFormat escapes as ap_escape_logitem', () => {
  const escaped = (octet: number): string => {
    const named: Record<number, string> = { 8: 'b', 9: 't', 10: 'n', 11: 'v', 13: 'r', 34: '"', 92: '\\' }
    if (named[octet] !== undefined) return `\\${named[octet]}`
    if (octet >= 0x20 && octet < 0x7f) return String.fromCharCode(octet)
    return `\\x${octet.toString(16).padStart(2, '0')}`
  }
  /** Headers refuses what a server would never hand on; the escaping must not rely on that. */
  const reader = (value: string): AccessRecord['requestHeaders'] => ({ get: () => value })

  test('every octet of a header value', () => {
    const line = compileLogFormat('%{X}i')
    for (let octet = 0; octet < 256; octet += 1) {
      expect(line(record({ requestHeaders: reader(`a${String.fromCharCode(octet)}b`) }))).toBe(`a${escaped(octet)}b`)
    }
  })
  test('text of the application as UTF-8', () => {
    expect(compileLogFormat('%{X}i')(record({ requestHeaders: reader('é€') }))).toBe('\\xc3\\xa9\\xe2\\x82\\xac')
    expect(compileLogFormat('%{X}e')(record({ env: { X: 'é\n' } }))).toBe('\\xc3\\xa9\\n')
    expect(compileLogFormat('%u')(record({ user: '\ud800' }))).toBe('\\xef\\xbf\\xbd')
  })
  test('no value of a client can end the line or open a field', () => {
    const evil = '"\r\n\0\u007f\\"'
    const line = compileLogFormat(
      `${NAMED_LOG_FORMATS.vhost_combined} %a %A %{c}a %m %U %q %H %{c}C %V %{E}e %{N}n %L %f %R`,
    )
    const made = line(
      record({
        method: evil,
        url: `http://x/${evil}?${evil}`,
        requestHeaders: reader(`c=${evil}`),
        responseHeaders: reader(evil),
        remoteAddress: evil,
        localAddress: evil,
        peerAddress: evil,
        user: evil,
        protocol: evil,
        env: { E: evil },
        note: () => evil,
        logId: evil,
        filename: evil,
        handler: evil,
        serverName: evil,
      }),
    )
    expect(made).toMatch(/^[\x20-\x7e]*$/)
    expect(made.match(/(?<!\\)(?:\\\\)*"/g)).toHaveLength(6)
  })
})

describe('escapeInvisible', () => {
  /** What some reader takes for a line end: Python's splitlines, Java's \R, Unicode TR 14. */
  const LINE_ENDS = ['\u000a', '\u000b', '\u000c', '\u000d', '\u001c', '\u001d', '\u001e', '\u0085', '\u2028', '\u2029']
  const CONTROLS = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).filter((c) => !/[ -~]/.test(c))
  const FORMATS = [
    '\u00ad',
    '\u034f',
    '\u115f',
    '\u3164',
    '\ufe0f',
    '\u{e0100}',
    '\u061c',
    '\u200b',
    '\u200d',
    '\u200e',
    '\u200f',
    '\u202a',
    '\u202b',
    '\u202c',
    '\u202d',
    '\u202e',
  ]
  const ISOLATES = ['\u2060', '\u2066', '\u2067', '\u2068', '\u2069', '\ufeff', '\ufff9', '\u{e0001}', '\u{e0041}']

  test('leaves nothing that ends a line, moves the text or talks to a terminal, and the value as it is', () => {
    for (const text of [...LINE_ENDS, ...CONTROLS, ...FORMATS, ...ISOLATES]) {
      const json = escapeInvisible(JSON.stringify({ [`k${text}`]: `a${text}b` }))
      expect(json).toMatch(/^[ -~]*$/)
      expect(JSON.parse(json)).toEqual({ [`k${text}`]: `a${text}b` })
    }
  })
  test('leaves what prints as it is', () => {
    const text = '"Zürich\\ 東京 \u{1f600} العربية"'
    expect(escapeInvisible(text)).toBe(text)
  })
})
