import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { fingerprint } from 'tcpfingerprint/node'

const app = new Hono().use(fingerprint()).get('/', (c) => c.json(c.var.fingerprint))
serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on port ${port}`)
})
