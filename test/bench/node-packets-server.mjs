/**
 * The twin of `packets-server.ts` on Node: `node-packets-server.mjs address|packets`.
 * @module
 */
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { fingerprint } from 'tcpfingerprint/node'

const [variant] = process.argv.slice(2)
const trustedHeader = { header: 'X-Real-IP', portHeader: 'X-Real-Port', kind: 'address', from: ['127.0.0.1'] }
const middleware = fingerprint({ trustedHeader, packets: variant === 'packets' })

/** Where results go, so that nothing read is optimised away. */
export let sink = 0
const app = new Hono().use(middleware)
app.get('/status', (c) => c.json(middleware.fingerprinter.status().packets ?? {}))
app.get('/', (c) => {
  const { syn, tcpInfo } = c.var.fingerprint
  sink += (syn?.tcp.mss ?? 0) + (tcpInfo?.rtt ?? 0)
  return c.text('Hello')
})
const server = createAdaptorServer({ fetch: app.fetch })
server.listen(0, '127.0.0.1', () => console.log(`listening on port ${server.address().port}`))
