/**
 * `store.record()`: the Hono middleware that keeps each request's connection.
 * @module
 */
import type { Context, MiddlewareHandler } from 'hono'
import { ignoreRejection } from '../base/report-once.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { VIEW } from '../connection/view.ts'

/** Options of {@link createRecordMiddleware}. */
export interface RecordOptions {
  /**
   * Who it is, as the application knows after its handlers have run: a session's user, an API key's owner. `undefined` for none.
   * GET and HEAD are asked for before that too where the connection is known by an account; if it is still this one, that stands.
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
  /** The same where its connection is known by the account that `ask` names; else false, and nothing is kept. A connection without an account is not asked for. */
  observeAgain<Asked>(fingerprint: Fingerprint, ask: (of: Asked) => unknown, of: Asked): boolean
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
  const ask = (c: Context): unknown => answerOf(account, c)
  return function record(c, next) {
    const fingerprint = found(c)
    if (fingerprint === undefined) return next()
    observer.look(fingerprint)
    const done = next()
    // Handlers run up to their first `await`. Most requests are of the account that the connection is known by: no promise for these.
    const isKept = SAFE.has(c.req.method) && observer.observeAgain(fingerprint, ask, c)
    return isKept ? done : observedAfter(done, () => observer.observe(fingerprint, ask(c)))
  }
}

/** Requests of other methods may log an account in or out, or change to another. RFC 9110 section 9.2.1. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD'])

async function observedAfter(done: Promise<void>, observe: () => void): Promise<void> {
  try {
    await done
  } finally {
    observe()
  }
}

/** What `fingerprint()` has set; in a test of the application's own perhaps nothing but the variable. */
function fingerprintOf(c: Context): Fingerprint | undefined {
  return (c as { [VIEW]?: Fingerprint })[VIEW] ?? (c.get('fingerprint' as never) as Fingerprint | undefined)
}

/** What the application's function says; `undefined` where it throws. A promise names no account. */
function answerOf(ask: (c: Context) => unknown, c: Context): unknown {
  try {
    const answer = ask(c)
    if (typeof answer === 'object') ignoreRejection(answer)
    return answer
  } catch {
    return undefined
  }
}
