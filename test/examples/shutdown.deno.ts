import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Hono } from 'hono'
import { accessLog, fingerprint } from 'tcpfingerprint/deno'

let inFlight = 0
const log = accessLog()
const app = new Hono()
app.use(async (_, next) => {
  inFlight += 1
  await next()
  inFlight -= 1
})
app.use(log, fingerprint())
app.get('/', (c) => c.text('hello\n'))
app.post('/report', async (c) => c.text(`${(await c.req.text()).length} octets\n`)) // takes as long as the client

const server = Deno.serve({ port: Number(process.env.PORT ?? 3000) }, app.fetch)

async function stop(): Promise<void> {
  // shutdown() takes bodies that are still on their way from their handlers: first these have their time.
  for (let waited = 0; inFlight > 0 && waited < 10_000; waited += 50) await sleep(50)
  await Promise.race([server.shutdown(), sleep(5_000)]) // answers that are still being sent
  log.close()
  process.exit(0)
}
process.once('SIGTERM', stop).once('SIGINT', stop)
