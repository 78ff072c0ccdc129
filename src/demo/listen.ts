/**
 * What the demonstration server needs of the runtime it runs on.
 * @module
 */
import type { Context, Hono, MiddlewareHandler } from 'hono'
import type { FingerprintOptions, FingerprintVariables, Status } from '../bun.ts'

/** Where and how to listen. */
export interface ListenOptions {
  readonly host: string
  readonly port: number
  /** PEM files. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  readonly http2: boolean
}

/** A server that listens. */
export interface Listening {
  /** The address as the runtime gives it. */
  readonly host: string
  readonly port: number
  stop(): Promise<void>
}

/** `fingerprint()` of the runtime in use, with what is the same on both. */
export interface DemoMiddleware extends MiddlewareHandler<{ Variables: FingerprintVariables }> {
  readonly fingerprinter: { status(): Status }
}

/** Bun or Deno. */
export interface DemoRuntime {
  fingerprint(options: FingerprintOptions<Context>): DemoMiddleware
  listen(app: Hono<{ Variables: FingerprintVariables }>, middleware: DemoMiddleware, options: ListenOptions): Listening
}

/** Idle connections are kept so long, seconds. */
const IDLE = 120

async function onBun(): Promise<DemoRuntime> {
  const { fingerprint } = await import('../bun.ts')
  return {
    fingerprint,
    listen(app, middleware, { host, port, tls, http2 }) {
      const server = Bun.serve({
        hostname: host,
        port,
        idleTimeout: IDLE,
        fetch: app.fetch,
        ...(tls === undefined ? {} : { tls: { cert: Bun.file(tls.cert), key: Bun.file(tls.key) } }),
        ...(http2 ? { http2: true } : {}),
      })
      const { fingerprinter } = middleware as ReturnType<typeof fingerprint>
      fingerprinter.arm(server)
      return { host: server.hostname ?? host, port: server.port!, stop: () => server.stop(true) }
    },
  }
}

/** What is used of Deno. HTTP/2 is spoken over TLS and with prior knowledge unasked. */
interface DenoParts {
  readTextFileSync(path: string): string
  serve(
    options: { hostname: string; port: number; cert?: string; key?: string; onListen: () => void },
    handler: (request: Request, info: object) => Response | Promise<Response>,
  ): {
    readonly addr: { readonly transport: 'tcp'; readonly hostname: string; readonly port: number }
    shutdown(): Promise<void>
  }
}

async function onDeno(): Promise<DemoRuntime> {
  const { fingerprint } = await import('../deno.ts')
  const { Deno } = globalThis as unknown as { Deno: DenoParts }
  return {
    fingerprint,
    listen(app, middleware, { host, port, tls }) {
      const pem =
        tls === undefined ? {} : { cert: Deno.readTextFileSync(tls.cert), key: Deno.readTextFileSync(tls.key) }
      const server = Deno.serve({ hostname: host, port, ...pem, onListen: () => {} }, app.fetch)
      const { fingerprinter } = middleware as ReturnType<typeof fingerprint>
      fingerprinter.arm(server)
      return { host: server.addr.hostname, port: server.addr.port, stop: () => server.shutdown() }
    },
  }
}

/** The runtime that this process is. */
export function demoRuntime(): Promise<DemoRuntime> {
  return (globalThis as { Bun?: unknown }).Bun === undefined ? onDeno() : onBun()
}
