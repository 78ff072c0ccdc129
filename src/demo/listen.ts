/**
 * What the demonstration server needs of the runtime it runs on.
 * @module
 */
import { readFileSync } from 'node:fs'
import type { Context, Hono, MiddlewareHandler } from 'hono'
import { currentRuntime } from '../runtime/current.ts'
import type { RequestHandler, RuntimeName } from '../runtime/types.ts'
import type { FingerprintOptions, FingerprintVariables, Status } from '../shared.ts'

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
  /** As `RunningServer.stop`. */
  stop(graceMilliseconds?: number): Promise<void>
}

/** `fingerprint()` of the runtime in use, with what is the same on all. */
export interface DemoMiddleware extends MiddlewareHandler<{ Variables: FingerprintVariables }> {
  readonly fingerprinter: { status(): Status }
}

/** Bun, Deno or Node. */
export interface DemoRuntime {
  fingerprint(options: FingerprintOptions<Context>): DemoMiddleware
  listen(
    app: Hono<{ Variables: FingerprintVariables }>,
    middleware: DemoMiddleware,
    options: ListenOptions,
  ): Promise<Listening>
}

/** Idle connections, and scripts without output, are kept so long, seconds. On Deno the connections stay. */
export const IDLE = 120

function entryOf(name: RuntimeName): Promise<Pick<typeof import('../bun.ts'), 'fingerprint'>> {
  if (name === 'bun') return import('../bun.ts')
  // What differs are the calls of its fingerprinter that take a request.
  return (name === 'deno' ? import('../deno.ts') : import('../node.ts')) as never
}

/** `fingerprint()` of the runtime in use, and its server. */
export async function demoRuntime(): Promise<DemoRuntime> {
  const runtime = currentRuntime()
  const { fingerprint } = await entryOf(runtime.name)
  return {
    fingerprint,
    async listen(app, middleware, { host, port, tls, http2 }) {
      const { fingerprinter } = middleware as { fingerprinter: { arm(server?: object): boolean } } & typeof middleware
      // Opens libc, which takes milliseconds: a SYN that comes between listen() and arming is lost.
      fingerprinter.arm()
      const { hostname, server, ...listening } = await runtime.listen(
        {
          hostname: host,
          port,
          idleTimeout: IDLE,
          http2,
          tls: tls && { cert: readFileSync(tls.cert, 'utf8'), key: readFileSync(tls.key, 'utf8') },
        },
        app.fetch as RequestHandler,
      )
      fingerprinter.arm(server)
      return { host: hostname, port: listening.port, stop: listening.stop }
    },
  }
}
