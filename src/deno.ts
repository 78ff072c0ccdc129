/**
 * tcpfingerprint for Deno: `fingerprint()` for Hono, `createFingerprinter()` for plain `Deno.serve` handlers, `cgi()` and
 * `accessLog()`. Run with `--allow-net --allow-ffi`.
 *
 * ```ts
 * import { Hono } from 'hono'
 * import { fingerprint } from 'tcpfingerprint/deno'
 *
 * const app = new Hono().use(fingerprint()).get('/', (c) => c.json(c.var.fingerprint))
 * Deno.serve(app.fetch)
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
import { runtimeFor } from './runtime/current.ts'
import { type DenoInfo, type DenoServer, isDenoInfo } from './runtime/deno.ts'

export type { DenoInfo, DenoServer } from './runtime/deno.ts'
export * from './shared.ts'

/** A fingerprinter for plain handlers, and the status behind a middleware. */
export interface DenoFingerprinter extends FingerprinterApi<DenoServer> {
  /**
   * The fingerprint of a request. Call it first in the handler, before any `await`: Deno forgets the peer once the response is
   * sent or the client has gone. Never throws; `info` may be `undefined`.
   *
   * Trusted headers are taken off the request, also for `request.clone()`, `new Request(request)` and `fetch(request)`.
   */
  fromDeno(request: Request, info: DenoInfo | undefined): Fingerprint
  /** The same by `info` alone, for fingerprinters without the options `skip` and `trustedHeader`, which look at the request. */
  fromDeno(info: DenoInfo): Fingerprint
}

/** The Hono middleware with the fingerprinter behind it. */
export interface FingerprintMiddleware extends VariablesMiddleware {
  /** For `arm()` and `status()`. */
  readonly fingerprinter: DenoFingerprinter
}

/**
 * Hono middleware that sets `c.var.fingerprint` and `c.var.fingerprintEnv`. Mount it first, on the root app: the peer is
 * known only until the response is sent. Listeners are armed by themselves.
 *
 * @throws {TypeError} for an unknown option or a wrong value, when it is built
 * @example
 * const app = new Hono().use(fingerprint()).get('/', (c) => c.text(c.var.fingerprint.fingerprints?.muonfp ?? 'unknown'))
 */
export function fingerprint(options?: FingerprintOptions<Context>): FingerprintMiddleware {
  const fingerprinter = new Fingerprinter<Context>(runtimeFor('deno'), options, createPeerLookup)
  return Object.assign(createMiddleware(fingerprinter), { fingerprinter: plain(fingerprinter) })
}

/**
 * A fingerprinter for handlers without Hono.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 * @example
 * const fp = createFingerprinter()
 * const server = Deno.serve((request, info) => Response.json(fp.fromDeno(request, info)))
 * fp.arm(server)
 */
export function createFingerprinter(options?: FingerprintOptions): DenoFingerprinter {
  return plain(new Fingerprinter<Request>(runtimeFor('deno'), options, createPeerLookup))
}

function plain<Subject>(fingerprinter: Fingerprinter<Subject>): DenoFingerprinter {
  return {
    fromDeno(first: Request | DenoInfo, second?: DenoInfo) {
      const request = isDenoInfo(first) ? undefined : first
      const info = isDenoInfo(first) ? first : second
      return fingerprinter.once(request, info, isDenoInfo(info) ? info : request)
    },
    ...apiOf<DenoServer, Subject>(fingerprinter),
  }
}
