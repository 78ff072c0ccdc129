/** `cgi()` and `accessLog()` on Deno: a script that prints its environment, a line for each answer on standard output. */
import { Hono } from 'hono'
import { accessLog, cgi, type FingerprintVariables, fingerprint } from '../../../src/deno.ts'

declare const Deno: {
  serve(options: object, handler: unknown): { readonly addr: { readonly port: number } }
}

const middleware = fingerprint({ trustedHeader: { header: 'X-TCP-SYN', kind: 'syn', from: ['192.0.2.1'] } })
const app = new Hono<{ Variables: FingerprintVariables }>()
app.use(accessLog({ format: '%h %>s %b "%r" mss=%{FINGERPRINT_TCP_MSS}g' }))
app.use(middleware)
app.all('/env/*', cgi({ command: ['/bin/sh', '-c', "printf 'Content-Type: text/plain\\n\\n'; env"] }))
app.all('/echo', cgi({ command: ['/bin/sh', '-c', "printf 'Content-Type: text/plain\\n\\n'; cat"] }))
const server = Deno.serve({ hostname: '127.0.0.1', port: 0, onListen: () => {} }, app.fetch)
middleware.fingerprinter.arm(server)
console.log(`listening on port ${server.addr.port}`)
