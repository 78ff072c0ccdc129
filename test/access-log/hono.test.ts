import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { Hono } from 'hono'
import { requestId } from 'hono/request-id'
import { accessLog } from '../../src/access-log/hono.ts'
import type { AccessLogOptions } from '../../src/access-log/options.ts'
import { exchange } from '../apache/wire.ts'
import { until } from '../support/wait.ts'
import { directory, lineOf, logged, serve, undoAfterEach } from './logged.ts'

const undo = undoAfterEach()

describe('accessLog', () => {
  test('writes combined lines with the peer, without any other middleware', async () => {
    const { app, lines } = logged()
    app.get('/x', (c) => c.text('hello'))
    const url = serve(app.fetch)
    await (await fetch(`${url}/x?y=1`, { headers: { 'user-agent': 'a"b', referer: 'r' } })).text()
    expect(await lineOf(lines)).toMatch(/^127\.0\.0\.1 - - \[.{26}\] "GET \/x\?y=1 HTTP\/1\.1" 200 5 "r" "a\\"b"$/)
  })

  test('reads the variables of fingerprint(), and raw dumps that the environment does not get', async () => {
    const { app, lines } = logged({
      format: '%{FINGERPRINT_TCP_RTT}g %{fingerprint_tcp_mss}e %{FINGERPRINT_SAVED_SYN}g %{FINGERPRINT_TCP_INFO}g %k',
    })
    app.use(async (c, next) => {
      const set = c.set.bind(c) as (name: string, value: unknown) => void
      set('fingerprint', { syn: { hex: '4500' }, tcpInfoBytes: Uint8Array.of(1, 0xab), connection: { request: 3 } })
      set('fingerprintEnv', { FINGERPRINT_TCP_RTT: '57', FINGERPRINT_TCP_MSS: '1460' })
      await next()
    })
    app.get('/', (c) => c.text(''))
    await fetch(serve(app.fetch))
    expect(await lineOf(lines)).toBe('57 1460 4500 01ab 2')
  })

  test('reads notes from context variables and the request id', async () => {
    const { app, lines } = logged({ format: '%{team}n %{gone}n %L' })
    app.use(requestId({ generator: () => 'id-1' }))
    app.get('/', (c) => {
      ;(c.set as (name: string, value: unknown) => void)('team', 'blue')
      return c.text('')
    })
    await fetch(serve(app.fetch))
    expect(await lineOf(lines)).toBe('blue - id-1')
  })

  test('believes the application on users and facts, and nobody else', async () => {
    const { app, lines } = logged({
      format: '%u %a %{c}a %f %v %p %{local}p %H',
      user: (c) => c.req.query('user'),
      facts: (c) => ({
        remoteAddress: c.req.header('x-real-ip'),
        peerAddress: '10.0.0.1',
        get filename() {
          return '/srv/x'
        },
      }),
      serverName: 'example.org',
      serverPort: 443,
      protocol: 'HTTP/2.0',
    })
    app.get('/', (c) => c.text(''))
    const url = serve(app.fetch)
    const headers = { authorization: 'Basic dTpw', 'x-real-ip': '192.0.2.1' }
    await fetch(url, { headers })
    const port = new URL(url).port
    expect(await lineOf(lines)).toBe(`- 192.0.2.1 10.0.0.1 /srv/x example.org 443 ${port} HTTP/2.0`)
    await fetch(`${url}?user=jane`, { headers })
    expect(await lineOf(lines)).toStartWith('jane ')
  })

  test('skip leaves no line, whatever it was decided by', async () => {
    const { app, lines } = logged({ format: '%>s', skip: (c) => c.res.status === 200 })
    app.get('/', (c) => c.text(''))
    const url = serve(app.fetch)
    await fetch(url)
    await fetch(`${url}/none`)
    expect(await lineOf(lines)).toBe('404')
  })

  test('a function makes the line, or none', async () => {
    const { app, lines } = logged({
      format: (record) => (record.method === 'GET' ? `${record.status} ${record.bytes}` : undefined),
    })
    app.all('/', (c) => c.text('abc'))
    const url = serve(app.fetch)
    await fetch(url, { method: 'POST' })
    await fetch(url)
    expect(await lineOf(lines)).toBe('200 3')
  })

  test('json to a logger gets the record beside the line', async () => {
    const records: [string, number][] = []
    const app = new Hono().use(
      accessLog({ format: 'json', write: (line, record) => void records.push([line, record.status]) }),
    )
    await fetch(serve(app.fetch))
    await until('the record', () => records.length === 1, 5_000)
    expect(JSON.parse(records[0]![0])).toMatchObject({
      'http.response.status_code': 404,
      'client.address': '127.0.0.1',
    })
    expect(records[0]![1]).toBe(404)
  })

  test('trouble in callbacks and loggers is told once and never reaches the request', async () => {
    const errors: string[] = []
    const failing: AccessLogOptions<unknown>[] = [
      {
        write: () => {
          throw new Error('write')
        },
      },
      {
        write: (async () => {
          throw new Error('async write')
        }) as () => void,
      },
      {
        user: () => {
          throw new Error('user')
        },
      },
      {
        skip: () => {
          throw new Error('skip')
        },
      },
      {
        facts: () => {
          throw new Error('facts')
        },
      },
      {
        format: () => {
          throw new Error('format')
        },
      },
    ]
    for (const options of failing) {
      const { app } = logged({
        ...options,
        onError: (error) => {
          errors.push(error.message)
          throw new Error('again')
        },
      })
      app.get('/', (c) => c.text('fine'))
      const url = serve(app.fetch)
      for (let i = 0; i < 3; i += 1) expect(await (await fetch(url)).text()).toBe('fine')
    }
    expect(errors).toEqual(
      ['write', 'async write', 'user', 'skip', 'facts', 'format'].map((name) => `Cannot log a request: ${name}`),
    )
  })

  test('a variable of the application that throws as it is looked at reaches no answer', async () => {
    const { app } = logged({ format: '%h %>s', onError: () => {} })
    const hostile = {
      get hop(): never {
        throw null
      },
    }
    app.get('/', (c) => {
      c.set('fingerprint' as never, hostile as never)
      return c.text('fine')
    })
    expect(await (await app.request('/')).text()).toBe('fine')
  })

  test('what a handler throws leaves a line and goes on', async () => {
    const { app, lines } = logged({ format: '%>s %r' })
    app.get('/', () => {
      throw 'not an error'
    })
    const server = Bun.serve({ port: 0, fetch: app.fetch, error: () => new Response('caught', { status: 599 }) })
    undo.push(() => void server.stop(true))
    const response = await fetch(server.url)
    expect(response.status).toBe(599)
    expect(await lineOf(lines)).toBe('500 GET / HTTP/1.1')
  })

  test('works without a server, and with one that knows no peer', async () => {
    const { app, lines } = logged({ format: '%h %>s %B' })
    app.get('/', (c) => c.text('ok'))
    expect((await app.request('/')).status).toBe(200)
    expect(await lineOf(lines)).toBe('- 200 2')
    const path = join(directory(), 'socket')
    const server = Bun.serve({ unix: path, fetch: app.fetch })
    undo.push(() => void server.stop(true))
    await (await fetch('http://localhost/', { unix: path })).text()
    expect(await lineOf(lines)).toBe('- 200 2')
  })

  test('an IPv4 client of a dual-stack listener is written as IPv4', async () => {
    const { app, lines } = logged({ format: '%h %A' })
    const server = Bun.serve({ port: 0, hostname: '::', fetch: app.fetch })
    undo.push(() => void server.stop(true))
    await fetch(`http://127.0.0.1:${server.port}/`)
    expect(await lineOf(lines)).toBe('127.0.0.1 -')
  })

  test('a WebSocket upgrade is a 101', async () => {
    const { app, lines } = logged({ format: '%>s %r' })
    app.get('/ws', (c) => {
      const server = c.env as unknown as Bun.Server<undefined>
      return server.upgrade(c.req.raw) ? new Response(null) : c.text('no', 400)
    })
    const server = Bun.serve({ port: 0, fetch: app.fetch, websocket: { message() {} } })
    undo.push(() => void server.stop(true))
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws`)
    await new Promise((resolve) => socket.addEventListener('open', resolve))
    socket.close()
    expect(await lineOf(lines)).toBe('101 GET /ws HTTP/1.1')
    await fetch(`${server.url}ws`)
    expect(await lineOf(lines)).toBe('400 GET /ws HTTP/1.1')
  })

  test('requests without Host and with odd paths leave lines', async () => {
    const { app, lines } = logged({ format: '"%r" "%U" "%q" %V' })
    const port = Number(new URL(serve(app.fetch)).port)
    await exchange(port, 'GET /a%22%0a?q="\' HTTP/1.0\r\n\r\n')
    expect(await lineOf(lines)).toMatch(/^"GET \/a%22%0a\?q=.* HTTP\/1\.0" "\/a\\"\\n" "\?q=.*" -$/)
  })
})
