/**
 * Bodies of every kind behind a log of what clients receive: a line is the answer's path, its type, its length and its octets. Then the
 * same without a log. `SERVER` is the package that serves.
 */
import { Hono } from 'hono'
import { accessLog } from 'tcpfingerprint/node'

const { serve } = await import(process.env.SERVER ?? '@hono/node-server')
const bodies = {
  text: () => 'x',
  bytes: () => new Uint8Array(2),
  view: () => new DataView(new ArrayBuffer(3)),
  blob: () => new Blob(['abc']),
  form: () => new URLSearchParams('a=b'),
  stream: () => new Blob(['abc']).stream(),
  none: () => null,
}
/** The server's app, behind these middlewares. */
function application(...middlewares) {
  const app = new Hono()
  for (const one of middlewares) app.use(one)
  for (const [name, body] of Object.entries(bodies)) app.get(`/${name}`, () => new Response(body()))
  app.get('/html', (c) => c.html('<p>'))
  app.get('/octets', (c) => c.body(new Uint8Array(4)))
  app.get('/late', (c) => {
    c.header('X-A', '1')
    return c.body('late')
  })
  app.get('/long', () => new Response('x'.repeat(200_000)))
  app.get('/slow', () => {
    const { readable, writable } = new TransformStream()
    const writer = writable.getWriter()
    void writer.write(new Uint8Array(3))
    setTimeout(() => writer.close(), 50)
    return new Response(readable)
  })
  app.get('/no-content', (c) => c.body(null, 204))
  // Headers that are set of an answer that is there.
  for (const body of ['text', null])
    app.get(`/set/${body}`, () => {
      const answer = new Response(body, { headers: { 'X-Multi': 'a' } })
      answer.headers.append('X-Multi', 'b')
      answer.headers.set('X-New', '1')
      return answer
    })
  app.get('/image', () => new Response(new Blob(['b'], { type: 'image/svg+xml' })))
  return app
}

function listen(app, done) {
  serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => done(port))
}

process.on('SIGTERM', () => process.exit(0))
listen(application(), (bare) => {
  const logged = application(accessLog({ format: '%m %U %{Content-Type}o %{Content-Length}o %B' }))
  listen(logged, (port) => console.log(`bare ${bare} listening on port ${port}`))
})
