import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Hono } from 'hono'
import { accessLog, fingerprint } from 'tcpfingerprint/bun'

const log = accessLog()
const app = new Hono()
app.use(log, fingerprint())
app.get('/', (c) => c.text('hello\n'))
app.post('/report', async (c) => c.text(`${(await c.req.text()).length} octets\n`)) // takes as long as the client

const server = Bun.serve({ fetch: app.fetch }) // on PORT, or 3000
console.log(`listening on ${server.url}`)

async function stop(): Promise<void> {
  await Promise.race([server.stop(), sleep(10_000)]) // no new connections; requests in flight have ten seconds
  log.close() // writes what it holds
  process.exit(0)
}
process.once('SIGTERM', stop).once('SIGINT', stop)
