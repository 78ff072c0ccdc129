/**
 * `cgi()` for Hono: the handler of `src/cgi` with what Hono knows of a request.
 * @module
 */
import type { Context, Handler } from 'hono'
import { requestContext } from '../runtime/request-context.ts'
import { type CgiStatus, createCgiHandler, type HandleDetails } from './handler.ts'
import type { CgiOptions } from './options.ts'
import type { CgiRuntime } from './runtime-parts.ts'

/** What is used of a fingerprint: which port its connection came to, behind a proxy the proxy's. */
interface SeenConnection {
  readonly local?: { readonly port: number } | undefined
  readonly hop?: SeenConnection | undefined
}

/** The Hono handler, with what a graceful stop and metrics need. */
export interface HonoCgi extends Handler {
  /** Scripts that run and requests that wait. */
  status(): CgiStatus
  /** Stops every script: SIGTERM, then SIGKILL. Resolves when all are gone; later requests get 503. */
  close(): Promise<void>
}

/**
 * A Hono handler that runs CGI scripts, with `c.var.fingerprintEnv` in their environment.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 */
export function createHonoCgi(runtime: CgiRuntime, options: CgiOptions<Context>): HonoCgi {
  const handler = createCgiHandler<Context>(runtime, options)
  const cgi: Handler = async (c) => {
    const variables = c.get('fingerprintEnv') as Record<string, string> | undefined
    const seen = c.get('fingerprint') as SeenConnection | undefined
    const details: HandleDetails = {
      prefix: routePrefix(c),
      variables,
      localPort: (seen?.hop ?? seen)?.local?.port,
    }
    const request = c.req.raw
    if (!request.bodyUsed) return handler.handle(request, c, requestContext(c.env), details)
    // Somebody has read the body before; Hono still has it.
    const body = new Uint8Array(await c.req.arrayBuffer())
    return handler.handle(request, c, requestContext(c.env), { ...details, body })
  }
  return Object.assign(cgi, { status: () => handler.status(), close: () => handler.close() })
}

/** What stands before the `*` of the route: as many segments of the path as the pattern has there. */
function routePrefix(c: Context): string {
  const pattern = c.req.routePath
  const star = pattern.indexOf('*')
  const fixed = star < 0 ? pattern : pattern.slice(0, star)
  const count = fixed.split('/').filter((segment) => segment !== '').length
  const path = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/?#]*)?([^?#]*)/i.exec(c.req.raw.url)?.[1] ?? '/'
  const segments = path.split('/').filter((segment) => segment !== '')
  return segments
    .slice(0, count)
    .map((segment) => `/${segment}`)
    .join('')
}
