/**
 * A hello-world app behind a proxy, on Bun or Deno: `packets-server.ts address|packets`. It asks for SYN and TCP_INFO of the client's own
 * connection: `address` has TCP_INFO alone, `packets` both. Answers `/status` with the counters of packets.
 * @module
 */
import { Hono } from 'hono'
import type { FingerprintVariables } from '../../src/fingerprinter/hono.ts'

declare const Deno: { readonly args: readonly string[]; serve(options: object, handler: unknown): any }

const onDeno = 'Deno' in globalThis
const [variant] = onDeno ? Deno.args : process.argv.slice(2)
const { fingerprint } = (onDeno ? await import('../../src/deno.ts') : await import('../../src/bun.ts')) as any
const trustedHeader = { header: 'X-Real-IP', portHeader: 'X-Real-Port', kind: 'address', from: ['127.0.0.1'] }
const middleware = fingerprint({ trustedHeader, packets: variant === 'packets' })

/** Where results go, so that nothing read is optimised away. */
export let sink = 0
const app = new Hono<{ Variables: FingerprintVariables }>().use(middleware)
app.get('/status', (c) => c.json(middleware.fingerprinter.status().packets ?? {}))
app.get('/', (c) => {
  const { syn, tcpInfo } = c.var.fingerprint
  sink += (syn?.tcp.mss ?? 0) + (tcpInfo?.rtt ?? 0)
  return c.text('Hello')
})
const server = onDeno
  ? Deno.serve({ hostname: '127.0.0.1', port: 0, onListen: () => {} }, app.fetch)
  : Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: app.fetch })
middleware.fingerprinter.arm(server)
console.log(`listening on port ${onDeno ? server.addr.port : server.port}`)
