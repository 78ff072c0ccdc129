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
import type { Fingerprint } from './connection/fingerprint.ts'
import { apiOf, type FingerprinterApi } from './fingerprinter/api.ts'
import { Fingerprinter } from './fingerprinter/fingerprinter.ts'
import { createMiddleware, type VariablesMiddleware } from './fingerprinter/hono.ts'
import type { FingerprintOptions } from './fingerprinter/options.ts'
import { createPeerLookup } from './fingerprinter/peer-lookup.ts'
import type { BunServer } from './runtime/bun.ts'
import { runtimeFor } from './runtime/current.ts'

export type { BunServer } from './runtime/bun.ts'
export * from './shared.ts'

/** A fingerprinter for plain handlers, and the status behind a middleware. */
export interface BunFingerprinter extends FingerprinterApi<BunServer> {
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
  const fingerprinter = new Fingerprinter<Context>(runtimeFor('bun'), options, createPeerLookup)
  return Object.assign(createMiddleware(fingerprinter), { fingerprinter: plain(fingerprinter) })
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
  return plain(new Fingerprinter<Request>(runtimeFor('bun'), options, createPeerLookup))
}

function plain<Subject>(fingerprinter: Fingerprinter<Subject>): BunFingerprinter {
  return {
    fromBun: (request, server) => fingerprinter.once(request, server, request),
    ...apiOf<BunServer, Subject>(fingerprinter),
  }
}
