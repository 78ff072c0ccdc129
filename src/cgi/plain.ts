/**
 * `createCgi()`: CGI for plain handlers of `Bun.serve` and `Deno.serve`.
 * @module
 */
import { type CgiStatus, createCgiHandler } from './handler.ts'
import type { CgiOptions } from './options.ts'

/** A CGI handler for `Bun.serve` and `Deno.serve`. */
export interface PlainCgi {
  /** Answers a request; `server` is what came with it: Bun's server, Deno's `info`. Never rejects. */
  (request: Request, server?: unknown): Promise<Response>
  /** Scripts that run and requests that wait. */
  status(): CgiStatus
  /** Stops every script: SIGTERM, then SIGKILL. Resolves when all have ended; later requests get 503. */
  close(): Promise<void>
}

/** What the callbacks of {@link createCgi} get. */
export interface CgiExchange {
  readonly request: Request
  readonly server: unknown
}

/**
 * The same as `cgi()` for handlers without Hono.
 *
 * Behind a proxy REMOTE_ADDR is the proxy: `variables` may name the client in its place.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 * @example
 * const fp = createFingerprinter()
 * const scripts = createCgi({
 *   root: './cgi-bin',
 *   prefix: '/cgi-bin',
 *   variables: ({ request, server }) => fp.env(fp.fromBun(request, server)),
 * })
 * Bun.serve({ fetch: (request, server) => scripts(request, server) })
 */
export function createCgi(options: CgiOptions<CgiExchange>): PlainCgi {
  const handler = createCgiHandler<CgiExchange>(options)
  const run = (request: Request, server?: unknown): Promise<Response> =>
    handler.handle(request, { request, server }, server)
  return Object.assign(run, { status: () => handler.status(), close: () => handler.close() })
}
