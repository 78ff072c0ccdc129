import { prometheus } from '@hono/prometheus'
import { Hono } from 'hono'
import { Counter, Registry } from 'prom-client'
import { family } from 'tcpfingerprint'
import { fingerprint } from 'tcpfingerprint/bun'

const registry = new Registry()
const { printMetrics, registerMetrics } = prometheus({
  registry,
  metricOptions: {
    requestsTotal: {
      customLabels: {
        client_family: (c) => family(c.get('fingerprint').label) ?? 'unknown',
        rtt_provenance: (c) => c.get('fingerprint').timing.handshakeRtt?.provenance ?? 'none',
      },
    },
  },
})
const middleware = fingerprint()
new Counter({
  name: 'tcp_fingerprint_requests_total',
  help: 'Requests by what was captured of their connection',
  labelNames: ['outcome'],
  registers: [registry],
  collect() {
    this.reset()
    for (const [outcome, count] of Object.entries(middleware.fingerprinter.status().requests)) {
      this.inc({ outcome }, count)
    }
  },
})
const app = new Hono()
  .use(middleware, registerMetrics)
  .get('/', (c) => c.text('hello\n'))
  .get('/metrics', printMetrics)

const server = Bun.serve({ fetch: app.fetch })
console.log(`listening on ${server.url}`)
