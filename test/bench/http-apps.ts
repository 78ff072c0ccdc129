/**
 * The variants of a hello-world app that the HTTP benchmarks compare, on either runtime.
 * @module
 */
import { type Context, Hono } from 'hono'
import type { fingerprint as bunFingerprint } from '../../src/bun.ts'
import type { FingerprintVariables, VariablesMiddleware } from '../../src/fingerprinter/hono.ts'

type Make = (options?: NonNullable<Parameters<typeof bunFingerprint>[0]>) => VariablesMiddleware

/** The runtime's own parts: what is measured, and what it is compared with. */
export interface Parts {
  readonly fingerprint: Make
  readonly getConnInfo: (c: Context) => { readonly remote: { readonly port?: number | undefined } }
}

/** Where results go, so that nothing read is optimised away. */
export let sink = 0

/** The lone handler that reads something of the fingerprint. */
function reading(
  { handler }: VariablesMiddleware,
  read: (found: FingerprintVariables['fingerprint']) => number | undefined,
): ReturnType<typeof handler<{ Variables: FingerprintVariables }>> {
  return handler((c) => {
    sink += read(c.var.fingerprint) ?? 0
    return c.text('Hello')
  })
}

/** The app of this name. */
export function appOf(variant: string, { fingerprint, getConnInfo }: Parts): Hono {
  const app = new Hono<{ Variables: FingerprintVariables }>()
  const hello = (c: Context): Response => c.text('Hello')
  switch (variant) {
    case 'bare':
      app.get('/', hello)
      break
    case 'empty middleware':
      app.use((_, next) => next()).get('/', hello)
      break
    case 'getConnInfo':
      app.get('/', (c) => {
        sink += getConnInfo(c).remote.port ?? 0
        return c.text('Hello')
      })
      break
    case 'getConnInfo in a middleware':
      app
        .use((c, next) => {
          sink += getConnInfo(c).remote.port ?? 0
          return next()
        })
        .get('/', hello)
      break
    case 'nothing of ours':
      // What any middleware must do that gives handlers two variables of the peer's, read as `c.var.NAME`.
      app
        .use((c, next) => {
          const { remote } = getConnInfo(c)
          c.set('fingerprint', remote as never)
          c.set('fingerprintEnv', new Proxy(remote, {}) as never)
          return next()
        })
        .get('/', (c) => {
          sink += (c.var.fingerprint as { port?: number }).port ?? 0
          return c.text('Hello')
        })
      break
    case 'reads syn':
      app.use(fingerprint()).get('/', (c) => {
        sink += c.var.fingerprint.syn?.tcp.mss ?? 0
        return c.text('Hello')
      })
      break
    case 'handler() reads syn':
      app.get(
        '/',
        reading(fingerprint(), (found) => found.syn?.tcp.mss),
      )
      break
    case 'handler() reads TCP_INFO':
      app.get(
        '/',
        reading(fingerprint(), (found) => found.tcpInfo?.rtt),
      )
      break
    case 'handler() reads TCP_INFO and delivery':
      app.get(
        '/',
        reading(fingerprint(), ({ tcpInfo, delivery }) => (tcpInfo?.rtt ?? 0) + (delivery?.bytesSent ?? 0)),
      )
      break
    case 'handler(), resolve read, unread':
      app.get('/', fingerprint({ resolve: 'read' }).handler(hello))
      break
    case 'resolve read, unread':
      app.use(fingerprint({ resolve: 'read' })).get('/', hello)
      break
    default:
      throw new Error(`no such variant: ${variant}`)
  }
  return app as unknown as Hono
}
