import { Hono } from 'hono'
import { accessLog, type FingerprintVariables, fingerprint } from 'tcpfingerprint/bun'

const app = new Hono<{ Variables: FingerprintVariables & { login: 'failed' } }>()
app.use(
  accessLog({
    format: '%h %{%Y-%m-%dT%H:%M:%S%z}t %{login}n "%r" %>s %{FINGERPRINT_MUONFP}g "%{FINGERPRINT_LABEL}g"',
    ...(process.env.LOG === undefined ? {} : { write: { file: process.env.LOG } }),
  }),
)
app.use(fingerprint())
app.post('/login', (c) => {
  c.set('login', 'failed') // the handler says so, however the client spelled the path
  return c.text('wrong password\n', 401)
})

const server = Bun.serve({ fetch: app.fetch }) // on PORT, or 3000
console.log(`listening on ${server.url}`)
