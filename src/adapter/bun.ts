/**
 * tcpfingerprint for Bun: `fingerprint()` for Hono, `createFingerprinter()` for plain `Bun.serve` handlers, `cgi()` and
 * `accessLog()`.
 *
 * ```ts
 * import { Hono } from 'hono'
 * import { fingerprint } from 'tcpfingerprint/bun'
 *
 * const app = new Hono().use(fingerprint()).get('/', (c) => c.json(c.var.fingerprint))
 * export default app
 * ```
 * @module
 */
import type { Context, MiddlewareHandler } from 'hono'
import { openLibc } from '../../ffi/libc.bun.ts'
import type { Fingerprint, Peer } from '../connection/fingerprint.ts'
import { createMiddleware, type FingerprintVariables } from '../hono/middleware.ts'
import type { FingerprintOptions } from '../options.ts'
import { hideHeaders, withHeaders } from '../trusted-header/request.ts'
import type { ServerFacts } from './capture.ts'
import { Fingerprinter, type Runtime, type Status } from './fingerprinter.ts'

export type { Reason } from '../connection/connection.ts'
export type { Fingerprint, Source, Timing } from '../connection/fingerprint.ts'
export type { HandshakeRtt, RttProvenance } from '../connection/timing.ts'
export type { FingerprintVariables } from '../hono/middleware.ts'
export type { Inspector, InspectorOptions } from '../inspector/inspector.ts'
export { inspector } from '../inspector/inspector.ts'
export type { FingerprintOptions } from '../options.ts'
export type { TrustedHeader } from '../trusted-header/trusted-header.ts'
export type {
  AccessLogMiddleware,
  AccessLogOptions,
  AccessRecord,
  HeaderReader,
  LogFileOptions,
  LoggedExchange,
  PlainAccessLog,
  PlainAccessLogOptions,
  PlainHandler,
} from './access-log.ts'
export { accessLog, createAccessLogger } from './access-log.ts'
export type { CgiExchange, CgiLimits, CgiOptions, CgiStatus, HonoCgi, PlainCgi, ScriptNote } from './cgi.ts'
export { cgi, createCgi } from './cgi.ts'
export type { Outcomes, Status } from './fingerprinter.ts'

/** What is used of `Bun.Server`. */
export interface BunServer {
  requestIP(request: Request): { readonly address: string; readonly port: number } | null
  readonly port?: number | undefined
  readonly protocol?: string | null
  readonly address?: { readonly address: string; readonly port: number } | null
  /** Proposed (oven-sh/bun pull request 29599): used where the runtime has it. */
  requestFD?(request: Request): number | null | undefined
}

/** A fingerprinter for plain handlers, and the status behind a middleware. */
export interface BunFingerprinter {
  /**
   * The fingerprint of a request. Call it first in the handler, before any `await`: Bun forgets the peer once the response is
   * sent, the client has gone or the request was upgraded. Never throws; `server` may be `undefined` (`server.fetch()`).
   */
  fromBun(request: Request, server: BunServer | undefined): Fingerprint
  /** The `FINGERPRINT_*` variables of a fingerprint, with the raw dumps that the options ask for. */
  env(fingerprint: Fingerprint): Record<string, string>
  /**
   * Makes the server's listeners keep SYNs from now on, before the first packet comes. Without a server: all TCP listeners of
   * the process. True where at least one keeps them; the kernel's refusals go to `onError` and `status()`.
   */
  arm(server?: BunServer): boolean
  /** Counters and what is kept, for metrics. */
  status(): Status
}

/** The Hono middleware with the fingerprinter behind it. */
export interface FingerprintMiddleware extends MiddlewareHandler<{ Variables: FingerprintVariables }> {
  /** For `arm()` and `status()`. */
  readonly fingerprinter: BunFingerprinter
}

/**
 * Hono middleware that sets `c.var.fingerprint` and `c.var.fingerprintEnv`. Mount it first, on the root app: what comes
 * before it may consume or clone the request, and then the peer is lost. Listeners are armed by themselves.
 *
 * @throws {TypeError} for an unknown option or a wrong value, when it is built
 * @example
 * const app = new Hono().use(fingerprint()).get('/', (c) => c.text(c.var.fingerprint.fingerprints?.muonfp ?? 'unknown'))
 */
export function fingerprint(options?: FingerprintOptions<Context>): FingerprintMiddleware {
  const core = new Fingerprinter<Context>(RUNTIME, options)
  core.armSoon()
  const takesHeaders = core.options.trustedHeaders !== undefined
  const find = (c: Context): Fingerprint => lookUp(core, c.req.raw, serverOf(c.env))
  const middleware = createMiddleware({
    fingerprint: (c) => {
      if (takesHeaders) c.req.raw = core.takeHeaders(c.req.raw, withHeaders)
      return core.fingerprint(c, find)
    },
    env: (found) => core.env(found),
  })
  return Object.assign(middleware, { fingerprinter: face(core) })
}

/**
 * A fingerprinter for handlers without Hono.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 * @example
 * const fp = createFingerprinter()
 * const server = Bun.serve({ fetch: (request, server) => Response.json(fp.fromBun(request, server)) })
 * fp.arm(server)
 */
export function createFingerprinter(options?: FingerprintOptions): BunFingerprinter {
  const core = new Fingerprinter<Request>(RUNTIME, options)
  core.armSoon()
  return face(core)
}

function face<Subject>(core: Fingerprinter<Subject>): BunFingerprinter {
  const seen = new WeakMap<Request, Fingerprint>()
  return {
    fromBun: (request, server) => {
      const before = seen.get(request)
      if (before !== undefined) return before
      core.takeHeaders(request, hideHeaders)
      const found = core.fingerprint(request as Subject, () => lookUp(core, request, server))
      if (typeof request === 'object') seen.set(request, found)
      return found
    },
    env: (fingerprint) => core.env(fingerprint),
    arm: (server) => core.arm(server === undefined ? undefined : factsOf(server).port).some((one) => one.saveSyn),
    status: () => core.status(),
  }
}

/** The server in Hono's `c.env`: the env itself with `Bun.serve({ fetch: app.fetch })`, its `server` where one was passed on. */
function serverOf(env: unknown): BunServer | undefined {
  if (typeof env !== 'object' || env === null) return undefined
  const server = 'server' in env ? env.server : env
  return typeof (server as BunServer | undefined)?.requestIP === 'function' ? (server as BunServer) : undefined
}

function lookUp<Subject>(core: Fingerprinter<Subject>, request: Request, server: BunServer | undefined): Fingerprint {
  let peer: Peer | null
  let named: number | undefined
  try {
    if (server === undefined) return core.miss('no-connection')
    peer = server.requestIP(request)
    if (typeof server.requestFD === 'function') named = server.requestFD(request) ?? undefined
  } catch {
    return core.miss('no-connection')
  }
  return core.find(server, request, peer, named)
}

function factsOf(server: BunServer): ServerFacts {
  const address = server.address
  return {
    port: typeof address === 'object' && address !== null ? address.port : (server.port ?? undefined),
    address: address?.address,
    tls: server.protocol === 'https',
  }
}

const RUNTIME: Runtime = { openLibc, facts: (server) => factsOf(server as BunServer) }
