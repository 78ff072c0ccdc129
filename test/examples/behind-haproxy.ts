import { Hono } from 'hono'
import { type FingerprintVariables, fingerprint } from 'tcpfingerprint/bun'

const app = new Hono<{ Variables: FingerprintVariables }>()
app.use(fingerprint({ trustedHeader: { header: 'X-TCP-SYN', kind: 'syn', from: ['127.0.0.1', '::1'] } }))
app.get('/', (c) => {
  const { source, peer, label, hop } = c.var.fingerprint
  return c.json({ source, client: peer?.address, label: label?.name, proxy: hop?.peer?.address })
})

const server = Bun.serve({ fetch: app.fetch }) // on PORT, or 3000
console.log(`listening on ${server.url}`)
