/**
 * One app served twice, bare and with an access log, on Bun or Deno: prints both ports, then each line of the log.
 * @module
 */
import { Hono } from 'hono'
import { stream, streamSSE } from 'hono/streaming'
import { accessLog } from '../../../src/access-log/hono.ts'

/** What both runtimes have of a server. */
type Served = { readonly port: number }
type Fetch = (request: Request, server: never) => Response | Promise<Response>

const { Deno } = globalThis as unknown as {
  Deno?: {
    serve(options: { port: number; hostname: string; onListen(): void }, fetch: Fetch): { addr: Served }
    upgradeWebSocket(request: Request): { response: Response; socket: WebSocket }
    openSync(path: string): { readonly readable: ReadableStream<Uint8Array> }
  }
}

const FILE = new URL(import.meta.url).pathname
const chunks = (...texts: string[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    async pull(controller) {
      const text = texts.shift()
      if (text === undefined) return controller.close()
      await new Promise((resolve) => setTimeout(resolve, 2))
      controller.enqueue(new TextEncoder().encode(text))
    },
  })
const form = (): FormData => {
  const data = new FormData()
  data.set('a', 'é')
  data.set('f', new Blob(['x'.repeat(100)], { type: 'text/csv' }), 'a.csv')
  return data
}

/** Requests whose client is waited for to go. */
let held = 0

async function leaving({ signal }: Request): Promise<void> {
  held++
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  held--
}

function routes(app: Hono): Hono {
  app.get('/text', (c) => c.text('héllo'))
  app.get('/text/empty', (c) => c.text(''))
  app.get('/text/long', (c) => c.text('é'.repeat(100_000)))
  app.get('/text/header', (c) => {
    c.header('x-own', '1')
    return c.text('héllo')
  })
  app.get('/text/type', (c) => c.text('a,b', 200, { 'content-type': 'text/csv' }))
  app.get('/json', (c) => c.json({ a: 'é' }))
  app.get('/json/long', (c) => c.json({ a: 'é'.repeat(50_000) }))
  app.get('/json/status', (c) => c.json({ a: 1 }, 418))
  app.get('/html', (c) => c.html('<p>é'))
  app.get('/html/promise', (c) => c.html(Promise.resolve('<p>é')))
  app.get('/body', (c) => c.body('é'))
  app.get('/body/octets', (c) => c.body(new Uint8Array(7)))
  app.get('/body/buffer', (c) => c.body(new ArrayBuffer(8)))
  app.get('/body/null', (c) => c.body(null))
  app.get('/body/stream', (c) => c.body(chunks('ab', 'cé')))
  app.get('/204', (c) => c.body(null, 204))
  app.get('/205', () => new Response(null, { status: 205 }))
  app.get('/304', () => new Response(null, { status: 304, headers: { etag: '"x"' } }))
  app.get('/redirect', (c) => c.redirect('/text'))
  app.get('/response/text', () => new Response('héllo'))
  app.get('/response/text/length', () => new Response('hello', { headers: { 'content-length': '5' } }))
  app.get('/response/text/long', () => new Response('é, '.repeat(5000)))
  app.get('/response/text/pairs', () => new Response('п'))
  app.get('/response/text/pairs/long', () => new Response('п'.repeat(5000)))
  app.get('/response/text/ascii/long', () => new Response('x'.repeat(5000)))
  app.get('/response/text/status', () => new Response('€', { status: 404, statusText: 'n'.repeat(100) }))
  app.get('/response/empty', () => new Response(''))
  app.get('/response/null', () => new Response(null))
  app.get('/response/json', () => Response.json({ a: 'é' }))
  app.get('/response/redirect', () => Response.redirect('http://a/', 307))
  app.get('/response/blob', () => new Response(new Blob(['x'.repeat(5000)])))
  app.get('/response/blob/type', () => new Response(new Blob(['x'], { type: 'image/x' })))
  app.get('/response/blob/empty', () => new Response(new Blob([])))
  app.get('/response/blob/octets', () => new Response(new Blob([new Uint8Array([0xff]), 'x'])))
  app.get('/response/blob/octets/long', () => new Response(new Blob([new Uint8Array(5000).fill(0xc3), 'x'])))
  app.get('/response/octets', () => new Response(new Uint8Array(70_000)))
  app.get('/response/octets/text', () => new Response(new TextEncoder().encode('hello')))
  app.get('/response/octets/text/long', () => new Response(new TextEncoder().encode('é, '.repeat(5000))))
  app.get('/response/view', () => new Response(new DataView(new ArrayBuffer(9), 2, 5)))
  app.get('/response/buffer', () => new Response(new ArrayBuffer(8)))
  app.get('/response/form', () => new Response(form()))
  app.get('/response/params', () => new Response(new URLSearchParams({ a: 'é' })))
  app.get('/response/stream', () => new Response(chunks('ab', 'cé')))
  app.get('/response/stream/empty', () => new Response(chunks()))
  app.get('/response/stream/long', () => new Response(chunks(...Array.from({ length: 40 }, () => 'x'.repeat(5000)))))
  app.get('/response/stream/length', () => new Response(chunks('abc'), { headers: { 'content-length': '3' } }))
  app.get('/response/blob/stream', () => new Response(new Blob(['abc']).stream()))
  app.get('/response/copy', () => {
    const made = Response.json({ a: 1 })
    return new Response(made.body, made)
  })
  app.get('/response/clone', () => Response.json({ a: 1 }).clone())
  app.get('/response/seen', () => {
    const made = Response.json({ a: 1 })
    return made.body === null ? new Response(null) : made
  })
  app.get('/stream', (c) => stream(c, async (out) => void (await out.write('abc'))))
  app.get('/sse', (c) => streamSSE(c, (out) => out.writeSSE({ data: 'x' })))
  app.get('/file', () => {
    const { Bun } = globalThis as unknown as { Bun?: { file(path: string): Blob } }
    return new Response(Bun === undefined ? Deno!.openSync(FILE).readable : Bun.file(FILE))
  })
  app.get('/proxy', () => fetch(`http://127.0.0.1:${bare}/json`))
  app.get('/proxy/copy', async () => {
    const answer = await fetch(`http://127.0.0.1:${bare}/response/stream`)
    return new Response(answer.body, answer)
  })
  app.get('/proxy/stream', () => fetch(`http://127.0.0.1:${bare}/response/stream`))
  app.get('/generator', () => {
    const text = new TextEncoder()
    return new Response(
      (async function* () {
        yield text.encode('ab')
        await new Promise((resolve) => setTimeout(resolve, 2))
        yield text.encode('c')
      })() as never,
    )
  })
  app.get('/direct', () => {
    const source = {
      type: 'direct',
      pull(controller: { write(text: string): void; close(): void }) {
        controller.write('abc')
        controller.close()
      },
    }
    return new Response(Deno === undefined ? new ReadableStream(source as never) : 'abc')
  })
  app.use('/late/*', async (c, next) => {
    await next()
    c.header('x-late', '1')
  })
  app.get('/late/header', async (c) => {
    return c.text('hello')
  })
  app.get('/ws', (c) => {
    if (Deno !== undefined) return Deno.upgradeWebSocket(c.req.raw).response
    const { upgrade } = c.env as unknown as { upgrade(request: Request): boolean }
    return upgrade.call(c.env, c.req.raw) ? new Response(null) : c.text('no', 400)
  })
  app.get('/throw', () => {
    throw new Error('planned')
  })
  app.get('/held', async (c) => {
    await leaving(c.req.raw)
    return c.text('late')
  })
  app.get('/held/stream', async (c) => {
    await leaving(c.req.raw)
    return c.body(chunks('late'))
  })
  app.get('/endless', () => new Response(chunks(...Array.from({ length: 10_000 }, () => 'x'.repeat(1000)))))
  app.get('/fails', () => {
    const source = chunks('abc')
    return new Response(
      new ReadableStream({
        async start(controller) {
          controller.enqueue(new Uint8Array(3))
          await source.cancel()
          setTimeout(() => controller.error(new Error('planned')), 5)
        },
      }),
    )
  })
  app.get('/held/count', (c) => c.text(String(held)))
  app.onError((error, c) => c.text(error.message, 500))
  return app
}

function serve(app: Hono): number {
  const options = { port: 0, hostname: '127.0.0.1' }
  if (Deno !== undefined) return Deno.serve({ ...options, onListen() {} }, app.fetch as Fetch).addr.port
  const { Bun } = globalThis as unknown as { Bun: { serve(options: object): Served } }
  return Bun.serve({ ...options, fetch: app.fetch, websocket: { message() {} } }).port
}

const bare: number = serve(routes(new Hono()))
const log = accessLog({
  format: 'line %>s %B %X "%{Content-Type}o" "%{Content-Length}o" %r',
  write: (line) => console.log(line),
})
const logged = serve(routes(new Hono().use(log)))
console.log(`bare ${bare}, listening ${logged}`)
