/**
 * `store.record()`: the Hono middleware that keeps each request's connection.
 * @module
 */
import type { Context, MiddlewareHandler } from 'hono'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { VIEW } from '../connection/view.ts'

/** Options of {@link createRecordMiddleware}. */
export interface RecordOptions {
  /**
   * Who it is, as the application knows after its handlers have run: a session's user, an API key's owner. `undefined` for none.
   * Above 256 characters the first 212 are kept, with a digest of the whole. A function that throws names none.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the application's own variables
  readonly account?: (c: Context<any>) => string | number | bigint | null | undefined
  /** Requests to leave alone. */
  // biome-ignore lint/suspicious/noExplicitAny: the application's own variables
  readonly skip?: (c: Context<any>) => boolean
}

/** Reads `c.var.fingerprint`, sets nothing. */
export type RecordMiddleware = MiddlewareHandler

/** What the middleware needs of a store. */
export interface Observer {
  /** Reads what is to be kept of a connection's first request, while the client is there. */
  look(fingerprint: Fingerprint): void
  /** Keeps what is known of a request's connection. `account` is whatever the application gave. */
  observe(fingerprint: Fingerprint, account: unknown): void
}

/** The middleware over a store. Never throws, and nothing waits for it. */
export function createRecordMiddleware(observer: Observer, { account, skip }: RecordOptions = {}): RecordMiddleware {
  const found = (c: Context): Fingerprint | undefined =>
    skip !== undefined && answerOf(skip, c) === true ? undefined : fingerprintOf(c)
  if (account === undefined) {
    // Not async: a promise costs a request more than recording does.
    return function record(c, next) {
      const fingerprint = found(c)
      if (fingerprint !== undefined) observer.observe(fingerprint, undefined)
      return next()
    }
  }
  return async function record(c, next) {
    const fingerprint = found(c)
    if (fingerprint !== undefined) observer.look(fingerprint)
    try {
      await next()
    } finally {
      if (fingerprint !== undefined) observer.observe(fingerprint, answerOf(account, c))
    }
  }
}

/** What `fingerprint()` has set; in a test of the application's own perhaps nothing but the variable. */
function fingerprintOf(c: Context): Fingerprint | undefined {
  return (c as { [VIEW]?: Fingerprint })[VIEW] ?? (c.get('fingerprint' as never) as Fingerprint | undefined)
}

/** What the application's function says; `undefined` where it throws. */
function answerOf(ask: (c: Context) => unknown, c: Context): unknown {
  try {
    return ask(c)
  } catch {
    return undefined
  }
}
