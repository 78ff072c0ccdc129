import { expect, test } from 'bun:test'
import { ResponseReader } from './http.ts'

const CASES = [
  ['length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello', 200, 'hello'],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n', 200, 'hello'],
  [
    'chunks and trailers',
    'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n',
    201,
    'hello',
  ],
  ['no content', 'HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
  ['interim', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 200, 'ok'],
] as const

for (const [name, wire, status, body] of CASES) {
  test(`ResponseReader reads ${name}, octet by octet, and keeps what follows`, () => {
    const reader = new ResponseReader()
    const bytes = Buffer.from(`${wire}HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n`)
    for (let i = 0; i < wire.length; i += 1) {
      expect(reader.next()).toBeUndefined()
      reader.push(bytes.subarray(i, i + 1))
    }
    const response = reader.next()
    expect(response?.status).toBe(status)
    expect(response?.text()).toBe(body)
    reader.push(bytes.subarray(wire.length))
    expect(reader.next()?.status).toBe(404)
    expect(reader.buffered).toBe(0)
  })
}

test('ResponseReader joins repeated headers', () => {
  const reader = new ResponseReader()
  reader.push(Buffer.from(CASES[0][1]))
  expect(reader.next()?.headers['x-a']).toBe('1, 2')
})

test('ResponseReader takes a body without a length to the end of the connection', () => {
  const reader = new ResponseReader()
  reader.push(Buffer.from('HTTP/1.0 200 OK\r\n\r\nall of it'))
  expect(reader.next()).toBeUndefined()
  reader.end()
  expect(reader.next()?.text()).toBe('all of it')
})

test('ResponseReader expects no body after HEAD', () => {
  const reader = new ResponseReader()
  reader.push(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'))
  expect(reader.next(true)?.body.length).toBe(0)
})

test('ResponseReader refuses what is not HTTP', () => {
  const reader = new ResponseReader()
  reader.push(Buffer.from('SSH-2.0\r\n\r\n'))
  expect(() => reader.next()).toThrow('SSH-2.0')
})
