import { describe, expect, test } from 'bun:test'
import {
  type CgiHead,
  CgiOutputError,
  findHeaderEnd,
  parseHead,
  parseNonParsedHead,
} from '../../src/cgi/response-head.ts'

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
    expect(parse('Location: /a?b=c')).toMatchObject({ kind: 'local-redirect', target: '/a?b=c' })
    expect(parse('Status: 200\nLocation: /a')).toMatchObject({ kind: 'local-redirect', target: '/a' })
  })
  test('a local redirect keeps cookies and drops what describes a document', () => {
    const head = parse(
      'Location: /a\nSet-Cookie: a=1\nX-A: 1\nContent-Type: a/b\nContent-Length: 1\nETag: "x"\nExpires: 0',
    ) as CgiHead & { kind: 'local-redirect' }
    expect([...head.headers]).toEqual([
      ['x-a', '1'],
      ['set-cookie', 'a=1'],
    ])
  })
  test('an empty header is that of a document without a type', () => {
    expect(parse('')).toMatchObject({ kind: 'document', status: 200 })
  })
  const dates: readonly (readonly [string, string | null])[] = [
    ['Tue, 20 Sep 2022 15:27:27 GMT', 'Tue, 20 Sep 2022 15:27:27 GMT'],
    ['Tue, 20 Sep 2022 15:27:27 +0000', 'Tue, 20 Sep 2022 15:27:27 GMT'],
    ['Tue, 20 Sep 2022 15:27:27 +0200', 'Tue, 20 Sep 2022 13:27:27 GMT'],
    ['Tue, 20 Sep 2022 20:27:27 EST', 'Wed, 21 Sep 2022 01:27:27 GMT'],
    ['Tue, 2 Sep 2022 15:27:27 GMT', 'Fri, 02 Sep 2022 15:27:27 GMT'],
    ['Tuesday, 20-Sep-22 15:27:27 GMT', 'Tue, 20 Sep 2022 15:27:27 GMT'],
    ['Tue Sep 20 15:27:27 2022', 'Tue, 20 Sep 2022 15:27:27 GMT'],
    ['Thu Sep  1 15:27:27 2022', 'Thu, 01 Sep 2022 15:27:27 GMT'],
    ['garbage', null],
    ['2022-09-20T15:27:27Z', null],
    ['Tue, 31 Feb 2022 15:27:27 GMT', null],
    ['Tue, 20 Sep 2022 25:27:27 GMT', null],
  ]
  for (const [given, expected] of dates) {
    test(`Last-Modified: ${given} is ${expected ?? 'left out'}`, () => {
      const head = parse(`Content-Type: a/b\nLast-Modified: ${given}`) as CgiHead & { kind: 'document' }
      expect(head.headers.get('last-modified')).toBe(expected)
    })
  }
  test('Last-Modified is never ahead of the answer, and the latest of two counts', () => {
    const value = (text: string): string | null =>
      (parse(`Content-Type: a/b\n${text}`) as CgiHead & { kind: 'document' }).headers.get('last-modified')
    const before = Math.floor(Date.now() / 1000) * 1000
    const ahead = Date.parse(value('Last-Modified: Tue, 20 Sep 2099 15:27:27 GMT') ?? '')
    expect(ahead).toBeGreaterThanOrEqual(before)
    expect(ahead).toBeLessThanOrEqual(Date.now())
    expect(value('Last-Modified: Tue, 20 Sep 2022 15:27:27 GMT\nLast-Modified: Mon, 20 Sep 2021 15:27:27 GMT')).toBe(
      'Tue, 20 Sep 2022 15:27:27 GMT',
    )
  })
  test("Expires becomes an IMF-fixdate, text that is no date stays, and Date is the server's", () => {
    const headers = (text: string): [string, string][] => [
      ...(parse(`Content-Type: a/b\n${text}`) as CgiHead & { kind: 'document' }).headers,
    ]
    expect(headers('Expires: Tue, 20 Sep 2022 15:27:27 -0100\nDate: Tue, 20 Sep 2022 15:27:27 GMT')).toEqual([
      ['content-type', 'a/b'],
      ['expires', 'Tue, 20 Sep 2022 16:27:27 GMT'],
    ])
    expect(headers('Expires: 0')).toEqual([
      ['content-type', 'a/b'],
      ['expires', '0'],
    ])
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

describe('parseNonParsedHead', () => {
  const nonParsed = (text: string): CgiHead => parseNonParsedHead(octets(text))
  test('gives status, reason and fields', () => {
    const head = nonParsed(
      'HTTP/1.1 299 Mine\r\nX-A: 1\r\nContent-Type: a/b\r\nLocation: /here\r\nStatus: 404\r\nConnection: close',
    ) as CgiHead & { kind: 'document' }
    expect(head).toMatchObject({ kind: 'document', status: 299, statusText: 'Mine' })
    expect([...head.headers]).toEqual([
      ['content-type', 'a/b'],
      ['location', '/here'],
      ['status', '404'],
      ['x-a', '1'],
    ])
  })
  test('needs no field and no reason', () => {
    expect(nonParsed('HTTP/1.0 204')).toMatchObject({ kind: 'document', status: 204, statusText: '' })
  })
  test('an interim answer is followed by another', () => {
    expect(nonParsed('HTTP/1.1 100 Continue')).toEqual({ kind: 'interim' })
    expect(nonParsed('HTTP/1.1 100 Continue\r')).toEqual({ kind: 'interim' })
    expect(nonParsed('HTTP/1.1 103 Early Hints\nLink: </a>')).toEqual({ kind: 'interim' })
  })
  const bad: readonly (readonly [string, RegExp])[] = [
    ['', /"" where a script whose name begins with "nph-" sends a status line/],
    ['Content-Type: a/b', /status line/],
    ['HTTP/1.1 2000 x', /status line/],
    ['HTTP/1.1 600 x', /status line/],
    ['HTTP/1.1 101 Switching Protocols\nUpgrade: x', /status line/],
    ['HTTP/1.1 200 a\rX: y', /status line/],
    ['HTTP/1.1 200 OK\nTransfer-Encoding: chunked', /which only the server may apply/],
    ['HTTP/1.1 200 OK\nhello', /malformed header line "hello"/],
  ]
  for (const [text, message] of bad) {
    test(`refuses ${JSON.stringify(text)}`, () => expect(() => nonParsed(text)).toThrow(message))
  }
})
