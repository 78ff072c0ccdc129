/**
 * A server process for the tests of real sockets, made from the public entry points: `/json`,
 * `/env` and `/healthz`, with what the environment variables choose.
 *
 * `FACE` `hono` (default) or `plain`; `HOSTNAME_TO_BIND` default `::`; `DEFER_ACCEPT` `clear` (default) or `keep`;
 * `RESOLVE` `request` (default) or `read`; `TCP_INFO` as the option `tcpInfo`; `TLS` `1`; `HTTP2` `1`; `PORT_TO_BIND`
 * a fixed port.
 *
 * @example
 * const server = await startServer(ns, 'test/lab/json-server.ts', { DEFER_ACCEPT: 'keep' })
 * @module
 */
import { createFingerprinter, type FingerprintOptions, fingerprint } from '../../src/bun.ts'
import { jsonApp } from './json-app.ts'
import { TEST_CERTIFICATE } from './tls-peer.ts'

type Choice = NonNullable<FingerprintOptions['tcpInfo']>

if (import.meta.main) {
  const { env } = process
  const options = {
    deferAccept: env.DEFER_ACCEPT === 'keep' ? 'keep' : 'clear',
    resolve: env.RESOLVE === 'read' ? 'read' : 'request',
    tcpInfo: (env.TCP_INFO ?? 'request') as Choice,
    env: { savedSyn: true, tcpInfo: true },
  } as const
  const listener = {
    hostname: env.HOSTNAME_TO_BIND ?? '::',
    port: Number(env.PORT_TO_BIND ?? 0),
    idleTimeout: 120,
    ...(env.TLS === '1' ? { tls: TEST_CERTIFICATE } : {}),
    ...(env.HTTP2 === '1' ? { http2: true } : {}),
  }
  let server: ReturnType<typeof Bun.serve>
  if (env.FACE === 'plain') {
    const fp = createFingerprinter(options)
    server = Bun.serve({
      ...listener,
      fetch(request, self) {
        const path = new URL(request.url, 'http://unknown').pathname
        if (path === '/healthz') return new Response('ok')
        const found = fp.fromBun(request, self)
        return Response.json({ ...found.toJSON(), env: fp.env(found) })
      },
    })
    fp.arm(server)
  } else {
    const middleware = fingerprint(options)
    const app = jsonApp(middleware, middleware.fingerprinter)
    server = Bun.serve({ ...listener, fetch: app.fetch })
    middleware.fingerprinter.arm(server)
  }
  console.log(`listening on port ${server.port}`)
}
