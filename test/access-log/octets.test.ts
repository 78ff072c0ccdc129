import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Hono } from 'hono'
import { stream } from 'hono/streaming'
import { lineOf, logged, serve, undoAfterEach } from './logged.ts'

undoAfterEach()

describe('accessLog counts the octets of the body', () => {
  const file = join(import.meta.dir, 'octets.test.ts')
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
