/** A server of CGI scripts in a process of its own, whose memory is measured: `bun memory.ts ROOT`. */
import { Hono } from 'hono'
import { cgi } from '../../../src/cgi/hono.ts'

const app = new Hono()
app.all('/cgi-bin/*', cgi({ root: process.argv[2]! }))
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  maxRequestBodySize: 4 * 1024 ** 3,
  fetch: app.fetch,
})
console.log(`listening on ${server.port}`)
