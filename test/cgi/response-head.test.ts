import { describe, expect, test } from 'bun:test'
import { type CgiHead, CgiOutputError, findHeaderEnd, parseHead } from '../../src/cgi/response-head.ts'

const octets = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))
const parse = (text: string): CgiHead => parseHead(octets(text))

describe('findHeaderEnd', () => {
  const rows: readonly (readonly [string, string, { end: number; body: number } | undefined])[] = [
    ['LF', 'A: b\n\nx', { end: 4, body: 6 }],
    ['CRLF', 'A: b\r\n\r\nx', { end: 5, body: 8 }],
    ['LF then CRLF', 'A: b\n\r\nx', { end: 4, body: 7 }],
    ['CRLF then LF', 'A: b\r\n\nx', { end: 5, body: 7 }],
    ['a blank line at once', '\nx', { end: 0, body: 1 }],
    ['a blank CRLF at once', '\r\nx', { end: 0, body: 2 }],
    ['no body', 'A: b\n\n', { end: 4, body: 6 }],
    ['not yet', 'A: b\nC: d\n', undefined],
    ['a lone CR', 'A: b\n\rx\n', undefined],
    ['nothing', '', undefined],
  ]
  for (const [name, text, expected] of rows) {
    test(name, () => expect(findHeaderEnd(octets(text), 0)).toEqual(expected as never))
  }
  test('finds the same end however the octets are cut', () => {
    for (const [, text, expected] of rows) {
      for (let cut = 0; cut <= text.length; cut += 1) {
        const early = findHeaderEnd(octets(text.slice(0, cut)), 0)
        expect(early ?? findHeaderEnd(octets(text), cut)).toEqual(expected as never)
      }
    }
  })
})

describe('parseHead', () => {
  test('a document', () => {
    const head = parse(
      'Content-Type: text/html\r\nX-A: 1\nX-A: 2\nSet-Cookie: a=1\nSet-Cookie: b=2',
    ) as never as CgiHead & { kind: 'document' }
    expect(head).toMatchObject({ kind: 'document', status: 200 })
    expect(head.headers.get('content-type')).toBe('text/html')
    expect(head.headers.get('x-a')).toBe('1, 2')
    expect(head.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })
  const statuses: readonly (readonly [string, number, string | null])[] = [
    ['Status: 404 Not Found', 404, null],
    ['status:418', 418, null],
    ['Status: 200 OK\nLocation: http://a/', 302, 'http://a/'],
    ['Location: http://a/', 302, 'http://a/'],
    ['Location: relative', 302, 'relative'],
    ['Status: 301 Moved\nLocation: /x', 301, '/x'],
    ['Status: 201\nLocation: /x\nContent-Type: a/b', 201, '/x'],
    ['Content-Type: a/b\nStatus: 599 x', 599, null],
  ]
  for (const [text, status, location] of statuses) {
    test(`${JSON.stringify(text)} is ${status}`, () => {
      const head = parse(text)
      expect(head).toMatchObject({ kind: 'document', status })
      expect((head as CgiHead & { kind: 'document' }).headers.get('location')).toBe(location)
    })
  }
  test('a Location that begins with a slash is for the server', () => {
    expect(parse('Location: /a?b=c')).toEqual({ kind: 'local-redirect', target: '/a?b=c' })
    expect(parse('Status: 200\nLocation: /a')).toEqual({ kind: 'local-redirect', target: '/a' })
  })
  test('hop-by-hop fields are dropped, other ones kept octet for octet', () => {
    const head = parse(
      'Content-Type: a/b\nConnection: close\nTransfer-Encoding: chunked\nKeep-Alive: 1\nUpgrade: x\nX-L: \u00e9\t"',
    ) as CgiHead & { kind: 'document' }
    expect([...head.headers.keys()]).toEqual(['content-type', 'x-l'])
    expect(head.headers.get('x-l')).toBe('\u00e9\t"')
  })
  const bad: readonly (readonly [string, string, RegExp])[] = [
    ['no colon', 'Content-Type: a/b\nhello', /malformed header line "hello"/],
    ['an empty name', ': x', /malformed/],
    ['a name with a blank', 'Content-Type : a/b', /malformed/],
    ['a name with an octet above ASCII', 'X-\u00e9: 1', /malformed/],
    ['a folded line', 'Content-Type: a/b\n c', /malformed/],
    ['a CR inside a value', 'Content-Type: a/b\rSet-Cookie: x=1', /malformed/],
    ['a NUL inside a value', 'Content-Type: a/b\0', /malformed/],
    ['nothing', '', /malformed/],
    ['none of the CGI fields', 'X-A: 1', /neither Content-Type, Location nor Status/],
    ['two Content-Type', 'Content-Type: a/b\ncontent-type: a/b', /two content-type/],
    ['two Status', 'Status: 200\nStatus: 201', /two Status/],
    ['two Location', 'Location: /\nLocation: /', /two Location/],
    ['an empty Location', 'Location:', /empty Location/],
    ['a Status without a number', 'Status: OK', /the status "OK"/],
    ['a Status of two digits', 'Status: 20', /status/],
    ['a Status of four digits', 'Status: 2000', /status/],
    ['an informational Status', 'Status: 100 Continue', /status/],
    ['a Status that upgrades', 'Status: 101', /status/],
    ['a Status above all classes', 'Status: 600', /status/],
    ['an empty Status', 'Status:', /status/],
  ]
  for (const [name, text, message] of bad) {
    test(`refuses ${name}`, () => {
      expect(() => parse(text)).toThrow(CgiOutputError)
      expect(() => parse(text)).toThrow(message)
    })
  }
  test('gives an answer for whatever octets come, or says why not', () => {
    let state = 1
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return state % below
    }
    const pieces = [
      'Status: ',
      'Location: ',
      'Content-Type: ',
      '200',
      '404 x',
      '/',
      'a',
      ':',
      '\n',
      '\r\n',
      '\0',
      '\u00ff',
      ' ',
      'X-A: 1',
      '\t',
    ]
    for (let i = 0; i < 20_000; i += 1) {
      const text = Array.from({ length: random(9) }, () => pieces[random(pieces.length)]).join('')
      let head: CgiHead | undefined
      try {
        head = parse(text)
      } catch (error) {
        if (!(error instanceof CgiOutputError)) throw new Error(`${JSON.stringify(text)}: ${error}`)
        continue
      }
      if (head.kind === 'document') {
        const bodiless = [204, 205, 304].includes(head.status)
        new Response(bodiless ? null : '', { status: head.status, statusText: head.statusText, headers: head.headers })
      }
    }
  })
})
