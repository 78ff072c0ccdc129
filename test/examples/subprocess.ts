import { Hono } from 'hono'
import { type FingerprintVariables, fingerprint } from 'tcpfingerprint/bun'

const app = new Hono<{ Variables: FingerprintVariables }>()
app.use(fingerprint())
app.get('/', async (c) => {
  const env = { PATH: process.env.PATH ?? '', ...c.var.fingerprintEnv }
  const child = Bun.spawn(['/bin/sh', '-c', 'echo "TTL $FINGERPRINT_IP_TTL"'], { env })
  return c.text(await new Response(child.stdout).text())
})

const server = Bun.serve({ fetch: app.fetch }) // on PORT, or 3000
console.log(`listening on ${server.url}`)
