/**
 * `store.record()`: the Hono middleware that keeps each request's connection.
 * @module
 */
import type { Context, MiddlewareHandler } from 'hono'
import type { Fingerprint } from '../connection/fingerprint.ts'

/** Options of {@link createRecordMiddleware}. */
export interface RecordOptions {
  /**
   * Who it is, as the application knows after its handlers have run: a session's user, an API key's owner. `undefined` for none.
   * 256 characters are kept. A function that throws names none.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the application's own variables
  readonly account?: (c: Context<any>) => string | number | bigint | null | undefined
  /** Requests to leave alone. */
  // biome-ignore lint/suspicious/noExplicitAny: the application's own variables
  readonly skip?: (c: Context<any>) => boolean
}

/** Reads `c.var.fingerprint`, sets nothing. */
export type RecordMiddleware = MiddlewareHandler

/** The middleware over a function that keeps a fingerprint. Never throws, and waits for nothing. */
export function createRecordMiddleware(
  observe: (fingerprint: Fingerprint, account: unknown) => void,
  { account, skip }: RecordOptions = {},
): RecordMiddleware {
  return async function record(c, next) {
    const fingerprint = c.get('fingerprint' as never) as Fingerprint | undefined
    if (fingerprint === undefined || skip?.(c) === true) return next()
    if (account === undefined) {
      observe(fingerprint, undefined)
      return next()
    }
    // Facts are found while the client is there; who it is shows later.
    void fingerprint.available
    try {
      await next()
    } finally {
      let name: unknown
      try {
        name = account(c)
      } catch {
        // The row has no account then.
      }
      observe(fingerprint, name)
    }
  }
}
