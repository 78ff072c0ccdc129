/**
 * The two faces of a fingerprinter, Hono middleware and plain calls, as far as they are the same on Bun and Deno.
 * @module
 */
import type { Context } from 'hono'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { hideHeaders, withHeaders } from '../proxy/request-headers.ts'
import type { Fingerprinter, Status } from './fingerprinter.ts'
import { createMiddleware, type VariablesMiddleware } from './hono.ts'

/** What a fingerprinter does on every runtime. `Server` is what `Bun.serve` and `Deno.serve` give back. */
export interface FingerprinterFace<Server> {
  /** The `FINGERPRINT_*` variables of a fingerprint, with the raw dumps that the options ask for. */
  env(fingerprint: Fingerprint): Record<string, string>
  /**
   * Makes the server's listeners keep SYNs from now on, before the first packet comes. Without a server: all TCP listeners of
   * the process. True where at least one keeps them; the kernel's refusals go to `onError` and `status()`.
   */
  arm(server?: Server): boolean
  /** Counters and what is kept, for metrics. */
  status(): Status
}

/** The calls that need nothing of a request. `portOf` a server is `undefined` for a unix socket. */
export function createFace<Server, Subject>(
  core: Fingerprinter<Subject>,
  portOf: (server: Server) => number | undefined,
): FingerprinterFace<Server> {
  return {
    env: (fingerprint) => core.env(fingerprint),
    arm(server) {
      const port = server === undefined ? undefined : portOf(server)
      return (server === undefined || port !== undefined) && core.arm(port).some((one) => one.saveSyn)
    },
    status: () => core.status(),
  }
}

/** Gives the fingerprint of a request, which is found at the first call: `key` is what stands for the request. */
type FindOnce = (key: object | undefined, request: Request | undefined, find: () => Fingerprint) => Fingerprint

/** For plain handlers: the trusted headers are taken off the request object that they have. */
export function createFindOnce<Subject>(core: Fingerprinter<Subject>): FindOnce {
  const seen = new WeakMap<object, Fingerprint>()
  return (key, request, find) => {
    if (request !== undefined) core.takeHeaders(request, hideHeaders)
    let found = key && seen.get(key)
    if (found === undefined) {
      found = core.fingerprint(request as Subject, find)
      if (key !== undefined) seen.set(key, found)
    }
    return found
  }
}

/** The Hono middleware over a fingerprinter, whose listeners are armed from now on. */
export function createFingerprintMiddleware(
  core: Fingerprinter<Context>,
  find: (c: Context) => Fingerprint,
): VariablesMiddleware {
  core.armSoon()
  const takesHeaders = core.options.trustedHeaders !== undefined
  return createMiddleware({
    fingerprint(c) {
      if (takesHeaders) {
        c.req.raw = core.takeHeaders(c.req.raw, withHeaders)
        // Says to accessLog() that the client may be another than the connection's peer, without a look at the fingerprint.
        c.set('fingerprintBehindProxy', true)
      }
      return core.fingerprint(c, find)
    },
    env: (found) => core.env(found),
  })
}
