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
import type { Context } from 'hono'
import { openLibc } from '../ffi/libc.bun.ts'
import { type ServerFacts, STOPPED } from './capture/server.ts'
import type { Fingerprint, Peer } from './connection/fingerprint.ts'
import {
  createFace,
  createFindOnce,
  createFingerprintMiddleware,
  type FingerprinterFace,
} from './fingerprinter/face.ts'
import { Fingerprinter, type Runtime } from './fingerprinter/fingerprinter.ts'
import type { VariablesMiddleware } from './fingerprinter/hono.ts'
import type { FingerprintOptions } from './fingerprinter/options.ts'
import { requestContext } from './runtime/request-context.ts'

export * from './shared.ts'

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
export interface BunFingerprinter extends FingerprinterFace<BunServer> {
  /**
   * The fingerprint of a request. Call it first in the handler, before any `await`: Bun forgets the peer once the response is
   * sent, the client has gone or the request was upgraded. Never throws; `server` may be `undefined` (`server.fetch()`).
   */
  fromBun(request: Request, server: BunServer | undefined): Fingerprint
}

/** The Hono middleware with the fingerprinter behind it. */
export interface FingerprintMiddleware extends VariablesMiddleware {
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
  const middleware = createFingerprintMiddleware(core, (c) => {
    const server = requestContext(c.env)
    return lookUp(core, c.req.raw, isServer(server) ? server : undefined)
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
  const findOnce = createFindOnce(core)
  return {
    fromBun: (request, server) => findOnce(request, request, () => lookUp(core, request, server)),
    ...createFace(core, (server: BunServer) => factsOf(server).port),
  }
}

function isServer(value: unknown): value is BunServer {
  return typeof (value as BunServer | undefined | null)?.requestIP === 'function'
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
  const port = typeof address === 'object' && address !== null ? address.port : (server.port ?? undefined)
  return {
    port: port === 0 ? STOPPED : port,
    address: address?.address,
    tls: server.protocol === 'https',
  }
}

const RUNTIME: Runtime = { openLibc, facts: (server) => factsOf(server as BunServer) }
