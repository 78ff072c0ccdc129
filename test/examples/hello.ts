import { Hono } from 'hono'
import { fingerprint } from 'tcpfingerprint/bun'

const app = new Hono().use(fingerprint()).get('/', (c) => {
  const { syn, fingerprints, label, timing, reason } = c.var.fingerprint
  if (syn === undefined) return c.text(`no SYN: ${reason}\n`)
  return c.text(
    `${label?.name ?? 'unknown system'}, ${label?.distance} hops away, ` +
      `${timing.handshakeRtt?.microseconds} microseconds\n${fingerprints?.muonfp}\n`,
  )
})

const server = Bun.serve({ fetch: app.fetch }) // on PORT, or 3000
console.log(`listening on ${server.url}`)
