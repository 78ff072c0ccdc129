/**
 * `inspector()`: a Hono handler that explains the caller's connection: a page for browsers, JSON for everything else.
 * What it answers is loaded with the first inspector.
 * @module
 */
import type { Handler, MiddlewareHandler } from 'hono'
import * as v from 'valibot'
import { aFunction, anObjectOr, aTextLike, checkOptions, falseOr } from '../base/options.ts'
import { Database } from '../label/database.ts'
import type { HistoryStore } from './history.ts'
import type { LinkToken } from './link-access.ts'
import type { Pages } from './pages.ts'

/** Who may see the live view. */
export interface LiveOptions extends LinkToken {}

/** Where the history view comes from, and who may see it. */
export interface HistoryOptions extends LinkToken {
  /** A store of `openStore()`. */
  readonly store: HistoryStore
}

/** What the inspector shows, and to which clients. */
export interface InspectorOptions {
  /**
   * `?live` lists the last 100 connections of the server. It names clients by their addresses: it is off by default
   * (404), and open only to clients that bring this token as `?live&token=TOKEN`, from whatever address (else 403). The answer
   * to the link sets a cookie (HttpOnly, SameSite=Strict), which from then on stands for the token.
   *
   * Make the token anew at every start: `crypto.randomUUID()`. The request line of the link stands in access logs, whose readers can
   * open the page unless the token holds once (`renew`). Needs {@link Inspector.watch} among the middleware.
   */
  readonly live?: false | LiveOptions | undefined
  /**
   * `?history` shows what a store says of the caller's address and network, and of labels by day; `?history&days=30` of the last 30
   * days. Off by default (404), and open only to clients that bring its token, as `?live` is.
   */
  readonly history?: false | HistoryOptions | undefined
  /** Where labels of pasted SYNs come from; false for none. Default: the project's own signatures. */
  readonly database?: Database | false | undefined
}

/** The handler, and the middleware that feeds its live page. */
export interface Inspector extends Handler {
  /** Notes each request's connection for the live page; does nothing while that is off. Mount it after `fingerprint()`. */
  readonly watch: MiddlewareHandler
  /** Ends the streams of the pages and forgets the connections of the live one. */
  close(): void
}

const linkTokenEntries = () => ({
  token: aTextLike(/./s, 'a token that is not empty'),
  renew: v.optional(aFunction<() => string>()),
})

const historyOptionsSchema = () =>
  v.strictObject({
    ...linkTokenEntries(),
    store: v.custom<HistoryStore>(
      (value) => typeof (value as Partial<HistoryStore> | null)?.labelsByDay === 'function',
      'Expected a store of openStore()',
    ),
  })

const falseOrObject = <O>(object: v.GenericSchema<O>) =>
  anObjectOr<false, O>(object, (value) => value === false, 'false or an object')

const inspectorOptionsSchema = () =>
  v.strictObject({
    live: v.optional(falseOrObject(v.strictObject(linkTokenEntries())), false),
    history: v.optional(falseOrObject(historyOptionsSchema()), false),
    database: v.optional(falseOr(Database, 'a database of loadP0f')),
  })

/**
 * A Hono handler that explains the caller's connection. Mount it behind `fingerprint()`, for GET and POST, on any path.
 *
 * Answers HTML where `Accept` names it, text where it names `text/plain` and to curl and the like, and the JSON of the demonstration
 * server otherwise (`?json`, `?text` and `?pretty` choose). `?decode` is a form for pasted dumps (POST: nothing is stored),
 * `?decode=HEX` a dump that can be linked to, `?live` the last connections, where that is on. No page asks another host.
 *
 * @throws {TypeError} for an unknown option or a wrong value, when it is built
 * @example
 * const page = inspector()
 * const app = new Hono().use(fingerprint()).on(['GET', 'POST'], '/connection', page)
 */
export function inspector(options: InspectorOptions = {}): Inspector {
  const checked = checkOptions('inspector', inspectorOptionsSchema, options)
  let pages: Pages | undefined
  const loading = import('./pages.ts').then(({ Pages }) => (pages = new Pages(checked)))
  // Requests tell.
  loading.catch(() => {})

  const handler: Handler = async (c) => (pages ?? (await loading)).answer(c)
  const watch: MiddlewareHandler = (c, next) => {
    if (checked.live === false) return next()
    return pages === undefined
      ? loading.then(
          (loaded) => loaded.watch(c, next),
          () => next(),
        )
      : pages.watch(c, next)
  }
  const close = (): void => {
    if (pages === undefined) loading.then((loaded) => loaded.close()).catch(() => {})
    else pages.close()
  }
  return Object.assign(handler, { watch, close })
}
