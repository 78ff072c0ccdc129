import { Hono } from 'hono'
import { cgi, fingerprint } from 'tcpfingerprint/bun'

const app = new Hono()
app.use(fingerprint())
app.all('/cgi-bin/*', cgi({ root: process.env.CGI_BIN ?? './cgi-bin' })) // scripts find FINGERPRINT_* in their environment

const server = Bun.serve({ fetch: app.fetch }) // on PORT, or 3000
console.log(`listening on ${server.url}`)
