import { Hono } from 'hono'
import { signsOfRelay } from 'tcpfingerprint'
import { type FingerprintVariables, fingerprint } from 'tcpfingerprint/bun'

const app = new Hono<{ Variables: FingerprintVariables }>()
app.use(fingerprint())
app.get('/', (c) => c.json({ signs: signsOfRelay(c.var.fingerprint, c.req.raw.headers) }))

const server = Bun.serve({ fetch: app.fetch }) // on PORT, or 3000
console.log(`listening on ${server.url}`)
