import { afterEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { requestId } from 'hono/request-id'
import { stream } from 'hono/streaming'
import { accessLog } from '../../src/access-log/hono.ts'
import type { AccessLogOptions } from '../../src/access-log/options.ts'
import { createAccessLogger } from '../../src/access-log/plain.ts'
import { exchange, sleepUntil } from '../apache/wire.ts'

const undo: (() => void)[] = []
afterEach(() => {
  for (const step of undo.splice(0).reverse()) step()
})
function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'tcpfingerprint-log-'))
  undo.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}
function serve(fetch: (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>): string {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch })
  undo.push(() => void server.stop(true))
  return `http://127.0.0.1:${server.port}`
}
/** An app that logs into an array. */
function logged(options: Parameters<typeof accessLog>[0] = {}): { app: Hono; lines: string[] } {
  const lines: string[] = []
  const app = new Hono()
  app.use(accessLog({ write: (line) => void lines.push(line), ...options }))
  return { app, lines }
}
async function lineOf(lines: string[]): Promise<string> {
  await sleepUntil(() => lines.length > 0, 5_000, 'a line')
  return lines.splice(0).join('\n')
}

describe('accessLog', () => {
  test('writes combined lines with the peer, without any other middleware', async () => {
    const { app, lines } = logged()
    app.get('/x', (c) => c.text('hello'))
    const url = serve(app.fetch)
    await (await fetch(`${url}/x?y=1`, { headers: { 'user-agent': 'a"b', referer: 'r' } })).text()
    expect(await lineOf(lines)).toMatch(/^127\.0\.0\.1 - - \[.{26}\] "GET \/x\?y=1 HTTP\/1\.1" 200 5 "r" "a\\"b"$/)
  })

  describe('counts the octets of the body', () => {
    const file = join(import.meta.dir, 'hono.test.ts')
    const rows: readonly (readonly [string, (app: Hono) => void, string, boolean?])[] = [
      ['text', (app) => app.get('/', (c) => c.text('héllo')), '6'],
      ['long text', (app) => app.get('/', (c) => c.text('é'.repeat(100_000))), '200000'],
      ['json', (app) => app.get('/', (c) => c.json({ a: 'é' })), '10'],
      ['html', (app) => app.get('/', (c) => c.html('<p>')), '3'],
      ['html from a promise', (app) => app.get('/', (c) => c.html(Promise.resolve('<p>é'))), '5'],
      ['octets', (app) => app.get('/', (c) => c.body(new Uint8Array(7))), '7'],
      ['an ArrayBuffer', (app) => app.get('/', (c) => c.body(new ArrayBuffer(8))), '8'],
      ['nothing', (app) => app.get('/', (c) => c.body(null)), '0'],
      ['no content', (app) => app.get('/', (c) => c.body(null, 204)), '0'],
      ['a Response of text', (app) => app.get('/', () => new Response('héllo')), '6'],
      ['a Response of JSON', (app) => app.get('/', () => Response.json({ a: 1 })), '7'],
      ['a Response of a Blob', (app) => app.get('/', () => new Response(new Blob(['x'.repeat(5000)]))), '5000'],
      ['a Response of nothing', (app) => app.get('/', () => new Response(null)), '0'],
      ['a redirect', (app) => app.get('/', (c) => c.redirect('/x')), '0'],
      ['not found', () => {}, '13'],
      ['an error', (app) => app.get('/', () => Promise.reject(new Error('planned'))), '21'],
      [
        'headers set after the answer',
        (app) =>
          app
            .use(async (c, next) => {
              await next()
              c.header('x-late', '1')
            })
            .get('/', (c) => c.text('hello')),
        '5',
      ],
      [
        'an answer that another replaced',
        (app) =>
          app
            .use(async (c, next) => {
              await next()
              c.res = new Response('replaced')
            })
            .get('/', (c) => c.text('hello')),
        '8',
      ],
      ['a file', (app) => app.get('/', () => new Response(Bun.file(file))), `${Bun.file(file).size}`],
      [
        'a stream',
        (app) =>
          app.get('/', (c) =>
            stream(c, async (out) => {
              await out.write('ab')
              await out.sleep(2)
              await out.write('cé')
            }),
          ),
        '5',
        true,
      ],
      [
        'a stream with Content-Length',
        (app) => app.get('/', () => new Response(new Blob(['abc']).stream(), { headers: { 'content-length': '3' } })),
        '3',
        true,
      ],
      [
        'an empty stream',
        (app) => app.get('/', () => new Response(new ReadableStream({ start: (c) => c.close() }))),
        '0',
        true,
      ],
    ]
    for (const [name, route, octets, streamed] of rows) {
      test(name, async () => {
        const { app, lines } = logged({ format: '%>s %B' })
        app.onError((error, c) => c.text(error.message === 'planned' ? 'Internal Server Error' : error.message, 500))
        route(app)
        const response = await fetch(serve(app.fetch), { redirect: 'manual' })
        const body = await response.arrayBuffer()
        expect(await lineOf(lines)).toBe(`${response.status} ${octets}`)
        expect(body.byteLength).toBe(Number(octets))
        // Counting must not turn a ready body into a chunked one.
        if (streamed !== true && response.status !== 204) expect(response.headers.get('content-length')).toBe(octets)
      })
    }
    const ranges = ['0-9', '5-', '-7', '-0', '0-99999999', '99999999-', '9-5', 'x', '0-1,3-4', '']
    for (const range of ranges) {
      test(`of a file of which bytes=${range} was asked for`, async () => {
        const { app, lines } = logged({ format: '%>s %B' })
        app.get('/', () => new Response(Bun.file(file)))
        app.get('/slice', () => new Response(Bun.file(file).slice(5, 100)))
        const url = serve(app.fetch)
        for (const path of ['/', '/slice']) {
          const response = await fetch(url + path, { headers: { range: `bytes=${range}` } })
          const { byteLength } = await response.arrayBuffer()
          expect(await lineOf(lines)).toBe(`${response.status} ${byteLength}`)
        }
      })
    }
    test('none of HEAD', async () => {
      const { app, lines } = logged({ format: '%m %>s %b %B' })
      app.get('/', (c) => c.text('hello'))
      app.get('/s', (c) => stream(c, async (out) => void (await out.write('ab'))))
      const url = serve(app.fetch)
      await fetch(url, { method: 'HEAD' })
      expect(await lineOf(lines)).toBe('HEAD 200 - 0')
      await fetch(`${url}/s`, { method: 'HEAD' })
      expect(await lineOf(lines)).toBe('HEAD 200 - 0')
    })
  })

  test('waits for the end of a stream, with its time and its first octet', async () => {
    const { app, lines } = logged({ format: '%B %X %D %^FB' })
    app.get('/', (c) =>
      stream(c, async (out) => {
        await out.write('a')
        await out.sleep(60)
        await out.write('b')
      }),
    )
    await (await fetch(serve(app.fetch))).text()
    const [octets, state, duration, first] = (await lineOf(lines)).split(' ')
    expect([octets, state]).toEqual(['2', '+'])
    expect(Number(duration)).toBeGreaterThanOrEqual(55_000)
    expect(Number(first)).toBeLessThan(Number(duration) - 40_000)
  })

  test('a client that goes away mid-stream leaves one line, marked X', async () => {
    const { app, lines } = logged({ format: '%>s %B %X' })
    let cancelled = false
    app.get(
      '/',
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await Bun.sleep(5)
              controller.enqueue(new Uint8Array(10))
            },
            cancel() {
              cancelled = true
            },
          }),
        ),
    )
    const url = new URL(serve(app.fetch))
    const socket = connect(Number(url.port), '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    expect(await lineOf(lines)).toMatch(/^200 \d+ X$/)
    await sleepUntil(() => cancelled, 5_000, 'the cancellation of the source')
    await Bun.sleep(20)
    expect(lines).toEqual([])
  })

  test('a stream that fails leaves one line, marked X', async () => {
    const { app, lines } = logged({ format: '%B %X' })
    app.get(
      '/',
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              controller.enqueue(new Uint8Array(3))
              await Bun.sleep(5)
              controller.error(new Error('planned'))
            },
          }),
        ),
    )
    await exchange(Number(new URL(serve(app.fetch)).port), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n').catch(() => '')
    expect(await lineOf(lines)).toBe('3 X')
  })

  test('keeps the pace of the client: a stalled one does not fill memory', async () => {
    const { app } = logged()
    let pulled = 0
    app.get(
      '/',
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await Bun.sleep(0)
              pulled += 65_536
              controller.enqueue(new Uint8Array(65_536))
            },
          }),
        ),
    )
    const socket = connect(Number(new URL(serve(app.fetch)).port), '127.0.0.1')
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await sleepUntil(() => pulled > 0, 5_000, 'the first octets')
    await Bun.sleep(300)
    socket.destroy()
    expect(pulled).toBeLessThan(64 * 1024 * 1024)
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
    await sleepUntil(() => records.length === 1, 5_000, 'the record')
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

  describe('refuses options', () => {
    const rows: readonly (readonly [unknown, RegExp])[] = [
      [{ formt: '%h' }, /"formt"/],
      [{ format: 'combind' }, /"format".*common, combined, vhost_combined, json/],
      [{ format: '%z' }, /unknown directive "%z" at position 0/],
      [{ format: 7 }, /"format"/],
      [{ write: 'file' }, /"write"/],
      [{ write: { path: 'x' } }, /"write/],
      [{ write: { file: '' } }, /"write/],
      [{ write: { file: 'x', reopen: 'HUP' } }, /"write/],
      [{ delay: -1 }, /"delay"/],
      [{ delay: '1' }, /"delay"/],
      [{ maxPending: 1 }, /"maxPending"/],
      [{ skip: true }, /"skip"/],
      [{ user: 'x' }, /"user"/],
      [{ serverPort: 70_000 }, /"serverPort"/],
      [{ onError: {} }, /"onError"/],
      [null, /options/],
    ]
    for (const [options, message] of rows) {
      test(JSON.stringify(options), () => {
        expect(() => accessLog(options as never)).toThrow(TypeError)
        expect(() => accessLog(options as never)).toThrow(message)
      })
    }
    test('of the plain logger', () => {
      expect(() => createAccessLogger({ env: 1 } as never)).toThrow(/"env"/)
    })
  })
})

describe('createAccessLogger', () => {
  test('wraps a plain handler, with variables', async () => {
    const lines: string[] = []
    const log = createAccessLogger({
      format: '%h %r %>s %B %{FINGERPRINT_IP_TTL}g',
      write: (line) => void lines.push(line),
      env: (_request, server) => ({ FINGERPRINT_IP_TTL: server === undefined ? '0' : '64' }),
    })
    const url = serve(
      log.wrap((request) => {
        if (request.url.endsWith('/throw')) throw new Error('planned')
        if (request.url.endsWith('/reject')) return Promise.reject(new Error('planned'))
        return request.url.endsWith('/later') ? Promise.resolve(new Response('later')) : new Response('now')
      }) as never,
    )
    expect(await (await fetch(`${url}/now`)).text()).toBe('now')
    expect(await lineOf(lines)).toBe('127.0.0.1 GET /now HTTP/1.1 200 3 64')
    expect(await (await fetch(`${url}/later`)).text()).toBe('later')
    expect(await lineOf(lines)).toBe('127.0.0.1 GET /later HTTP/1.1 200 5 64')
    expect(() =>
      log.wrap(() => {
        throw new Error('planned')
      })(new Request('http://a/throw'), undefined),
    ).toThrow('planned')
    expect(await lineOf(lines)).toBe('- GET /throw HTTP/1.1 500 0 0')
    await expect(
      Promise.resolve(log.wrap(() => Promise.reject(new Error('planned')))(new Request('http://a/reject'), undefined)),
    ).rejects.toThrow('planned')
    expect(await lineOf(lines)).toBe('- GET /reject HTTP/1.1 500 0 0')
    expect(log.wrap(() => undefined)(new Request('http://a/ws'), undefined)).toBeUndefined()
    expect(await lineOf(lines)).toBe('- GET /ws HTTP/1.1 101 0 0')
  })
})

describe('accessLog writes to a file', () => {
  const BUN = process.execPath
  const script = (file: string, body: string): string => `
    import { Hono } from 'hono'
    import { accessLog } from ${JSON.stringify(join(import.meta.dir, '../../src/access-log/hono.ts'))}
    const log = accessLog({ format: process.env.FORMAT ?? '%{N}i', write: { file: ${JSON.stringify(file)} } })
    const app = new Hono().use(log).get('/', (c) => c.text('ok'))
    const one = (n) => app.request('/', { headers: { N: String(n) } })
    ${body}
  `
  const run = (file: string, body: string, env: Record<string, string> = {}) => {
    const path = join(import.meta.dir, `.access-log-${crypto.randomUUID()}.ts`)
    writeFileSync(path, script(file, body))
    undo.push(() => rmSync(path, { force: true }))
    const child = Bun.spawn([BUN, path], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    undo.push(() => child.kill('SIGKILL'))
    return child
  }
  const read = (file: string): string[] => (existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [''])

  test('whole lines of several processes, none lost or torn', async () => {
    const file = join(directory(), 'log')
    const long = 'x'.repeat(3000)
    const children = [0, 1, 2, 3].map((id) =>
      run(
        file,
        `for (let i = 0; i < 2000; i += 1) { await one('${id}-' + i + '-${long}'); if (i % 100 === 0) await Bun.sleep(1) }`,
      ),
    )
    for (const child of children) expect(await child.exited).toBe(0)
    const lines = read(file)
    expect(lines.pop()).toBe('')
    const expected = new Set([0, 1, 2, 3].flatMap((id) => Array.from({ length: 2000 }, (_, i) => `${id}-${i}-${long}`)))
    expect(lines.length).toBe(8000)
    expect(new Set(lines)).toEqual(expected)
  })

  test('opens the path again on SIGHUP, and goes on serving', async () => {
    const file = join(directory(), 'log')
    const child = run(
      file,
      `
      await one('before'); log.flush(); console.log('ready')
      process.on('SIGHUP', () => setTimeout(async () => { await one('after'); log.flush(); console.log('done') }, 20))
      setInterval(() => {}, 1000)
    `,
    )
    const out = child.stdout.getReader()
    await out.read()
    renameSync(file, `${file}.1`)
    child.kill('SIGHUP')
    await out.read()
    expect(read(`${file}.1`)).toEqual(['before', ''])
    expect(read(file)).toEqual(['after', ''])
    child.kill('SIGKILL')
    await child.exited
  })

  for (const [how, body, code] of [
    ['the end of the program', '', 0],
    ['process.exit', 'process.exit(3)', 3],
    ['an uncaught error', "setTimeout(() => { throw new Error('planned') }, 0)", 1],
    ['SIGTERM', "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)", 143],
    ['SIGINT', "process.kill(process.pid, 'SIGINT'); setInterval(() => {}, 1000)", 130],
    [
      'SIGTERM that the program handles',
      "process.on('SIGTERM', async () => { await one(2); process.exit(7) }); process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)",
      7,
    ],
  ] as const) {
    test(`loses nothing at ${how}`, async () => {
      const file = join(directory(), 'log')
      const child = run(file, `await one(1)\n${body}`)
      const exit = await child.exited
      expect(child.signalCode === null ? exit : 128 + { SIGTERM: 15, SIGINT: 2 }[child.signalCode as 'SIGTERM']!).toBe(
        code,
      )
      expect(read(file)).toEqual(how.includes('handles') ? ['1', '2', ''] : ['1', ''])
    })
  }

  test('to standard output by default, in order with whatever else is printed at the end', async () => {
    const path = join(import.meta.dir, `.access-log-${crypto.randomUUID()}.ts`)
    writeFileSync(path, script('unused', '').replace(/write: \{[^}]*\}/, ''))
    undo.push(() => rmSync(path, { force: true }))
    writeFileSync(path, `${readFileSync(path, 'utf8')}\nfor (let i = 0; i < 5000; i += 1) await one('line ' + i)\n`)
    const child = Bun.spawn([BUN, path], { stdout: 'pipe', stderr: 'inherit' })
    expect(await new Response(child.stdout).text()).toBe(Array.from({ length: 5000 }, (_, i) => `line ${i}\n`).join(''))
    expect(await child.exited).toBe(0)
  })

  test('a file that cannot be opened is told once; requests go on', async () => {
    const file = join(directory(), 'no', 'such', 'log')
    const child = run(
      file,
      'for (let i = 0; i < 100; i += 1) if ((await one(i)).status !== 200) process.exit(9); await Bun.sleep(30)',
    )
    expect(await child.exited).toBe(0)
    expect((await new Response(child.stderr).text()).match(/ENOENT/g)).toHaveLength(1)
  })

  test('a full disk is told once; requests go on', async () => {
    const child = run(
      '/dev/full',
      'for (let i = 0; i < 100; i += 1) { if ((await one(i)).status !== 200) process.exit(9); if (i === 50) await Bun.sleep(30) }',
    )
    expect(await child.exited).toBe(0)
    expect((await new Response(child.stderr).text()).match(/ENOSPC/g)).toHaveLength(1)
  })

  test('a standard output that nobody reads does not stop the server', async () => {
    const path = join(import.meta.dir, `.access-log-${crypto.randomUUID()}.ts`)
    writeFileSync(
      path,
      script(
        'unused',
        "const text = 'x'.repeat(1000); for (let i = 0; i < 3000; i += 1) { await one(text); if (i % 100 === 0) await Bun.sleep(1) }; console.error('served'); process.kill(process.pid, 'SIGKILL')",
      ).replace(/write: \{[^}]*\}/, ''),
    )
    undo.push(() => rmSync(path, { force: true }))
    const child = Bun.spawn(['sh', '-c', `"${BUN}" "${path}" | sleep 20`], {
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'pipe',
      detached: true,
    })
    undo.push(() => process.kill(-child.pid, 'SIGKILL'))
    const { value } = await child.stderr.getReader().read()
    expect(new TextDecoder().decode(value)).toContain('served')
  })

  test('close takes the signal listeners back', () => {
    const count = (): number =>
      ['SIGHUP', 'SIGTERM', 'SIGINT', 'exit'].reduce((sum, name) => sum + process.listenerCount(name), 0)
    const before = count()
    const log = accessLog({ write: { file: join(directory(), 'log') } })
    expect(count()).toBeGreaterThan(before)
    log.close()
    expect(count()).toBe(before)
  })
})
