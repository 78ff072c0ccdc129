import { Hono } from 'hono'
import { compareWithUserAgent } from 'tcpfingerprint'
import { type FingerprintVariables, fingerprint } from 'tcpfingerprint/bun'

const app = new Hono<{ Variables: FingerprintVariables }>()
app.use(fingerprint())
app.post('/login', (c) => {
  const { verdict, stack, userAgent } = compareWithUserAgent(c.var.fingerprint.label, c.req.raw.headers)
  // Not proof: VPN exits and proxies have a stack of their own. A reason to ask for a second factor.
  if (verdict === 'mismatch') return c.json({ next: 'second-factor', stack, userAgent })
  return c.json({ next: 'welcome' })
})

const server = Bun.serve({ fetch: app.fetch }) // on PORT, or 3000
console.log(`listening on ${server.url}`)
