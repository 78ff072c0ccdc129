/**
 * `fingerprint()`: sets `c.var.fingerprint` and `c.var.fingerprintEnv`. Knows Hono, and nothing of sockets.
 * @module
 */
import type { Context, Env, Handler, MiddlewareHandler, Next } from 'hono'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { requestContext } from '../runtime/request-context.ts'
import type { Fingerprinter } from './fingerprinter.ts'
import { setVariables } from './lazy-env.ts'

/** What the middleware adds to Hono's context. For apps that are not chained: `new Hono<{ Variables: FingerprintVariables }>()`. */
export interface FingerprintVariables {
  /** Always set, never throws; `available` says whether anything was captured, `reason` why something is missing. */
  fingerprint: Fingerprint
  /** The `FINGERPRINT_*` variables, to be spread into a subprocess's `env`. Computed when first looked into. */
  fingerprintEnv: Record<string, string>
}

/**
 * Gives back the handler with `c.var.fingerprint` and `c.var.fingerprintEnv` set before it runs. Hono calls the only handler
 * of a route directly; with any middleware before it there is a chain of promises, which costs more than the fingerprint does.
 * Path parameters and the app's own variables are typed where `c` is annotated: `handler((c: Context<E, '/users/:id'>) => ...)`.
 */
export type WithFingerprint = <
  E extends Env = Env,
  // biome-ignore lint/suspicious/noExplicitAny: as in Hono's own types of handlers
  P extends string = any,
  R extends HandlerResponse = HandlerResponse,
>(
  handler: (c: Context<E & { Variables: FingerprintVariables }, P>, next: Next) => R,
  // biome-ignore lint/suspicious/noExplicitAny: what the app has besides is its own
) => (c: Context<any, P>, next: Next) => R

type HandlerResponse = ReturnType<Handler>

/** The middleware, and the way to do without. */
export interface VariablesMiddleware extends MiddlewareHandler<{ Variables: FingerprintVariables }> {
  /**
   * Wraps the only handler of a route, in place of `use`.
   *
   * @example
   * const { handler } = fingerprint()
   * const app = new Hono().get('/', handler((c) => c.json(c.var.fingerprint)))
   */
  readonly handler: WithFingerprint
}

/** What the middleware needs of a fingerprinter. */
type RequestFingerprinter = Pick<Fingerprinter<Context>, 'of' | 'takeHeaders' | 'takesHeaders'>

/** The middleware over a fingerprinter. Mounted twice, the inner one leaves what the outer one set. */
export function createMiddleware(fingerprinter: RequestFingerprinter): VariablesMiddleware {
  const { takesHeaders } = fingerprinter
  const set = (c: Context): void => {
    if (c.get('fingerprint') !== undefined) return
    if (takesHeaders) {
      fingerprinter.takeHeaders(c.req.raw, requestContext(c.env))
      // Says to accessLog() that the client may be another than the connection's peer, without a look at the fingerprint.
      c.set('fingerprintBehindProxy', true)
    }
    setVariables(c, fingerprinter.of(c.req.raw, requestContext(c.env), c))
  }
  const middleware: MiddlewareHandler<{ Variables: FingerprintVariables }> = function fingerprint(c, next) {
    set(c)
    return next()
  }
  const handler: WithFingerprint = (inner) => (c, next) => {
    set(c)
    return inner(c as never, next)
  }
  return Object.assign(middleware, { handler })
}
