/**
 * `cgi()`: CGI for Hono, with what Hono knows of a request.
 * @module
 */
import type { Context, Handler } from 'hono'
import { requestTarget, targetPath } from '../http/request-target.ts'
import { requestContext } from '../runtime/request-context.ts'
import type { HandleDetails } from './exchange.ts'
import { type CgiStatus, createCgiHandler } from './handler.ts'
import type { CgiOptions } from './options.ts'

/** What is used of a fingerprint: its client, and the address and port that its connection came to. */
interface ConnectionFacts {
  readonly peer?: { readonly address: string; readonly port?: number | undefined } | undefined
  readonly local?: { readonly port: number } | undefined
  readonly syn?: { readonly ip: { readonly destination: string } } | undefined
  /** The proxy's connection, if a trusted header names the client. */
  readonly hop?: ConnectionFacts | undefined
}

/** The Hono handler, with what a graceful stop and metrics need. */
export interface HonoCgi extends Handler {
  /** Scripts that run and requests that wait. */
  status(): CgiStatus
  /** Stops every script: SIGTERM, then SIGKILL. Resolves when all have ended; later requests get 503. */
  close(): Promise<void>
}

/**
 * Hono handler that runs CGI/1.1 programs (RFC 3875): the scripts of a directory, or one program.
 *
 * Scripts get the meta-variables, `HTTP_*`, the `FINGERPRINT_*` variables of `fingerprint()` and nothing of this process's
 * environment but what `passEnv` names. Behind a proxy whose header `fingerprint()` trusts, REMOTE_ADDR and REMOTE_PORT are the
 * client's. A query without `=` becomes arguments (RFC 3875 section 4.4), except for interpreters and
 * `command`. A script whose name begins with `nph-` prints status line and fields itself; a `Response` carries
 * them but for hop-by-hop fields.
 *
 * A script's process group is stopped when the client goes, a limit is reached or the server ends. What cannot
 * be noticed: a process that closed standard output before the script ended well; a client that goes while its body lies unread.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 * @see {@link https://www.rfc-editor.org/rfc/rfc3875 RFC 3875}
 * @example
 * app.use(fingerprint())
 * app.all('/cgi-bin/*', cgi({ root: './cgi-bin' }))
 * app.all('/php/*', cgi({ root: './php', interpreters: { '.php': ['/usr/bin/php-cgi'] } }))
 */
export function cgi(options: CgiOptions<Context>): HonoCgi {
  const handler = createCgiHandler<Context>(options)
  const handle: Handler = async (c) => {
    const variables = c.get('fingerprintEnv') as Record<string, string> | undefined
    const facts = c.get('fingerprint') as ConnectionFacts | undefined
    const own = facts?.hop ?? facts
    const details: HandleDetails = {
      prefix: routePrefix(c),
      variables,
      client: facts?.hop === undefined ? undefined : facts.peer,
      localAddress: own?.syn?.ip.destination,
      localPort: own?.local?.port,
    }
    const request = c.req.raw
    if (!request.bodyUsed) return handler.handle(request, c, requestContext(c.env), details)
    // A middleware has read the body before. Hono still has it.
    const body = new Uint8Array(await c.req.arrayBuffer())
    return handler.handle(request, c, requestContext(c.env), { ...details, body })
  }
  return Object.assign(handle, { status: () => handler.status(), close: () => handler.close() })
}

/** The path before the `*` of the route: as many segments of the request's path as the pattern has there. */
function routePrefix(c: Context): string {
  const pattern = c.req.routePath
  const star = pattern.indexOf('*')
  const fixed = star < 0 ? pattern : pattern.slice(0, star)
  const count = fixed.split('/').filter((segment) => segment !== '').length
  const segments = targetPath(requestTarget(c.req.raw.url))
    .split('/')
    .filter((segment) => segment !== '')
  return segments
    .slice(0, count)
    .map((segment) => `/${segment}`)
    .join('')
}
