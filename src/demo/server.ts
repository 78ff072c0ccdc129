/**
 * The demonstration server: what `npm start` and `tcpfingerprint serve` run. Built from the public entry points only.
 * @module
 */
import { type Context, Hono } from 'hono'
import {
  type BunFingerprinter,
  type FingerprintOptions,
  type FingerprintVariables,
  fingerprint,
} from '../adapter/bun.ts'

/** What the command line gives. Shapes and defaults: INTERFACE section 2. */
export interface ServeOptions {
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** PEM files. */
  readonly tlsCert?: string | undefined
  readonly tlsKey?: string | undefined
  readonly http2?: boolean | undefined
  /** Passed to `fingerprint()`. */
  readonly fingerprint?: FingerprintOptions<Context> | undefined
}

/** A running demonstration server. */
export interface DemoServer {
  readonly url: string
  readonly port: number
  readonly fingerprinter: BunFingerprinter
  stop(): Promise<void>
}

/** The routes of INTERFACE section 3. */
export function createApp(options: FingerprintOptions<Context> = {}): {
  app: Hono<{ Variables: FingerprintVariables }>
  fingerprinter: BunFingerprinter
} {
  const middleware = fingerprint({ ...options, skip: (c) => c.req.path === '/healthz' || (options.skip?.(c) ?? false) })
  const app = new Hono<{ Variables: FingerprintVariables }>()
  app.use(middleware)
  app.get('/healthz', (c) => c.text('ok'))
  app.get('/json', json)
  app.get('/env', (c) => {
    const lines = Object.entries(c.var.fingerprintEnv).map(([name, value]) => `${name}=${value}\n`)
    return c.text(lines.join(''))
  })
  app.get('/', json)
  return { app, fingerprinter: middleware.fingerprinter }
}

function json(c: Context<{ Variables: FingerprintVariables }>): Response {
  return c.json({ ...c.var.fingerprint.toJSON(), env: c.var.fingerprintEnv })
}

/** Starts the server and prints where to point a browser and `curl`. */
export async function serve(options: ServeOptions = {}): Promise<DemoServer> {
  const { app, fingerprinter } = createApp(options.fingerprint)
  const tls =
    options.tlsCert === undefined || options.tlsKey === undefined
      ? undefined
      : { cert: Bun.file(options.tlsCert), key: Bun.file(options.tlsKey) }
  const server = Bun.serve({
    hostname: options.host ?? '127.0.0.1',
    port: options.port ?? 3000,
    idleTimeout: 120,
    fetch: app.fetch,
    ...(tls === undefined ? {} : { tls }),
    ...(options.http2 ? { http2: true } : {}),
  })
  fingerprinter.arm(server)
  const host = server.hostname?.includes(':') ? `[${server.hostname}]` : server.hostname
  const url = `${tls === undefined ? 'http' : 'https'}://${host}:${server.port}/`
  console.log(`tcpfingerprint listens on ${url}`)
  console.log(`  a browser:  ${url}`)
  console.log(`  a terminal: curl ${tls === undefined ? '' : '--insecure '}${url}json`)
  return {
    url,
    port: server.port!,
    fingerprinter,
    stop: async () => {
      await server.stop(true)
    },
  }
}
