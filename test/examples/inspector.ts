import { Hono } from 'hono'
import { fingerprint, inspector } from 'tcpfingerprint/bun'

const app = new Hono()
app.use(fingerprint())
app.on(['GET', 'POST'], '/connection', inspector())
app.get('/', (c) => c.html('<a href="/connection">your connection</a>'))

const server = Bun.serve({ fetch: app.fetch }) // on PORT, or 3000
console.log(`listening on ${server.url}`)
