/**
 * `fingerprint()`: sets `c.var.fingerprint` and `c.var.fingerprintEnv`. Knows Hono, and nothing of sockets: where facts come
 * from is a probe, which an adapter supplies, or a test.
 * @module
 */
import type { Context, MiddlewareHandler } from 'hono'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { lazyEnv, lazyEnvHandler } from '../output/env.ts'

/** What the middleware adds to Hono's context. For apps that are not chained: `new Hono<{ Variables: FingerprintVariables }>()`. */
export interface FingerprintVariables {
  /** Always set, never throws; `available` says whether anything was captured, `reason` why something is missing. */
  fingerprint: Fingerprint
  /** The `FINGERPRINT_*` variables, to be spread into a subprocess's `env`. Computed when first looked into. */
  fingerprintEnv: Record<string, string>
}

/** Where the middleware gets a request's fingerprint and its variables. Neither may throw. */
export interface Probe {
  fingerprint(c: Context): Fingerprint
  env(fingerprint: Fingerprint): Record<string, string>
}

/** The middleware over a probe. Mounted twice, the inner one leaves what the outer one set. */
export function createMiddleware(probe: Probe): MiddlewareHandler<{ Variables: FingerprintVariables }> {
  const handler = lazyEnvHandler<Fingerprint>((found) => probe.env(found))
  return function fingerprint(c, next) {
    if (c.get('fingerprint') === undefined) {
      const found = probe.fingerprint(c)
      c.set('fingerprint', found)
      c.set('fingerprintEnv', lazyEnv(found, handler))
    }
    return next()
  }
}
