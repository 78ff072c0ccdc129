import { expect, test } from 'bun:test'
import { Hono } from 'hono'
import { accessLog } from '../../src/access-log/hono.ts'
import { createAccessLogger } from '../../src/access-log/plain.ts'
import { exchange } from '../apache/wire.ts'
import { needs, program } from '../lab/privilege.ts'
import { until } from '../support/wait.ts'
import { lineOf, serve, undoAfterEach } from './logged.ts'

undoAfterEach()

/** A server that logs, plain because Hono routes nothing without a Host. */
function start(format: string): { port: number; url: string; lines: string[] } {
  const lines: string[] = []
  const log = createAccessLogger({ format, write: (line) => void lines.push(line) })
  const url = serve(log.wrap(() => new Response('ok')) as never)
  return { port: Number(new URL(url).port), url, lines }
}

/** Request as it is sent, and the line: what the runtime normalised before any handler saw it stands normalised. */
const RAW: readonly (readonly [string, string])[] = [
  ['GET /a?b#c HTTP/1.1\r\nHost: h', '"GET /a?b#c HTTP/1.1" h'],
  ['GET /a HTTP/1.0', '"GET /a HTTP/1.0" -'],
  ['GET /a?q=%22 HTTP/1.0', '"GET /a?q=%22 HTTP/1.0" -'],
  ['GET /a HTTP/1.0\r\nHost: h', '"GET /a HTTP/1.1" h'],
  ['GET http://other.example:81/a?b HTTP/1.1\r\nHost: h', '"GET /a?b HTTP/1.1" h'],
  ['GET //a//b HTTP/1.1\r\nHost: h', '"GET //a//b HTTP/1.1" h'],
  ['GET /x/../a/%2e%2e/b HTTP/1.1\r\nHost: h', '"GET /b HTTP/1.1" h'],
  ['PROPFIND /a HTTP/1.1\r\nHost: h', '"PROPFIND /a HTTP/1.1" h'],
]

for (const [request, line] of RAW) {
  test(`%r of ${JSON.stringify(request)}`, async () => {
    const { port, lines } = start('"%r" %V')
    await exchange(port, `${request}\r\nConnection: close\r\n\r\n`)
    expect(await lineOf(lines)).toBe(line)
  })
}

test('pipelined requests leave a line each, in order, each with its own answer', async () => {
  const lines: string[] = []
  const app = new Hono().use(accessLog({ format: '"%r" %>s %B %X', write: (line) => void lines.push(line) }))
  app.get('/:n', (c) => c.text('x'.repeat(Number(c.req.param('n')))))
  const port = Number(new URL(serve(app.fetch)).port)
  const one = (n: number, last = false): string =>
    `GET /${n} HTTP/1.1\r\nHost: h\r\n${last ? 'Connection: close\r\n' : ''}\r\n`
  await exchange(port, one(1) + one(2) + one(3) + one(4, true))
  await until('four lines', () => lines.length === 4, 5_000)
  expect(lines).toEqual([1, 2, 3, 4].map((n) => `"GET /${n} HTTP/1.1" 200 ${n} ${n === 4 ? '-' : '+'}`))
})

needs('curl').test('curl: what it asks for is what the line says', async () => {
  const { url, port, lines } = start('"%r" %>s %b "%{Referer}i" "%{User-Agent}i" %u')
  const rows: readonly (readonly [readonly string[], string])[] = [
    [[`${url}/a%20b?c`], '"GET /a%20b?c HTTP/1.1" 200 2 "-" "agent" -'],
    [['-X', 'DELETE', `${url}/a`], '"DELETE /a HTTP/1.1" 200 2 "-" "agent" -'],
    [['-d', 'x=1', `${url}/a`], '"POST /a HTTP/1.1" 200 2 "-" "agent" -'],
    [['-I', `${url}/a`], '"HEAD /a HTTP/1.1" 200 - "-" "agent" -'],
    [['-e', 'http://r/"', '-u', 'jane:x', `${url}/a`], '"GET /a HTTP/1.1" 200 2 "http://r/\\"" "agent" -'],
    [['-0', '-H', 'Host:', `${url}/a`], '"GET /a HTTP/1.0" 200 2 "-" "agent" -'],
    [['--path-as-is', `${url}/x/../a`], '"GET /a HTTP/1.1" 200 2 "-" "agent" -'],
    [['-x', `http://127.0.0.1:${port}`, 'http://h.example/a?b'], '"GET /a?b HTTP/1.1" 200 2 "-" "agent" -'],
  ]
  for (const [options, line] of rows) {
    const command = [program('curl'), '-sS', '-m', '5', '-A', 'agent', '-o', '/dev/null', ...options]
    const child = Bun.spawn(command, { stdout: 'ignore', stderr: 'pipe' })
    const said = await new Response(child.stderr).text()
    expect([options, await child.exited, said]).toEqual([options, 0, ''])
    expect(await lineOf(lines)).toBe(line)
  }
})
