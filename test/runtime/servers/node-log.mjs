/** Bodies of every kind behind a log of what clients receive: a line is the answer's path, its type, its length and its octets. */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { accessLog } from 'tcpfingerprint/node'

const app = new Hono().use(accessLog({ format: '%m %U %{Content-Type}o %{Content-Length}o %B' }))
const bodies = {
  text: () => 'x',
  bytes: () => new Uint8Array(2),
  view: () => new DataView(new ArrayBuffer(3)),
  blob: () => new Blob(['abc']),
  form: () => new URLSearchParams('a=b'),
  stream: () => new Blob(['abc']).stream(),
  none: () => null,
}
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
process.on('SIGTERM', () => process.exit(0))
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => console.log(`listening on port ${port}`))
