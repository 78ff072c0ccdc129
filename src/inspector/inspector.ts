/**
 * `inspector()`: a Hono handler that explains the caller's connection: a page for browsers, JSON for everything else.
 * Pages are loaded with the first request for a page.
 * @module
 */
import type { Context, Handler, MiddlewareHandler, Next } from 'hono'
import * as v from 'valibot'
import { checkOptions } from '../base/options.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { Database } from '../label/database.ts'
import { acceptedFormat, type Format } from './accept.ts'
import { type Asked, HEADERS, refuse, sendJson, sendPage, type Views } from './answer.ts'
import { explainDump, linkedDump, readDump, type SentDump } from './decode.ts'
import { daysAsked, type HistoryStore, readHistory } from './history.ts'
import type { PageName } from './layout.ts'
import { LinkAccess, type LinkToken } from './link-access.ts'
import { clientOf, LIVE_CAPACITY, LiveList, type SeenConnection } from './live.ts'
import { showTiming } from './timing.ts'
import { TimingStreams } from './timing-streams.ts'

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
  token: v.pipe(v.string(), v.nonEmpty('Expected a token that is not empty')),
  renew: v.optional(v.custom<() => string>((value) => typeof value === 'function', 'Expected a function')),
})

const historyOptionsSchema = () =>
  v.strictObject({
    ...linkTokenEntries(),
    store: v.custom<HistoryStore>(
      (value) => typeof (value as Partial<HistoryStore> | null)?.labelsByDay === 'function',
      'Expected a store of openStore()',
    ),
  })

const inspectorOptionsSchema = () =>
  v.strictObject({
    live: v.optional(v.union([v.literal(false), v.strictObject(linkTokenEntries())]), false),
    history: v.optional(v.union([v.literal(false), historyOptionsSchema()]), false),
    database: v.optional(v.union([v.literal(false), v.instance(Database, 'Expected a database of loadP0f')])),
  })

/** What `fingerprint()` set. */
interface Seen {
  readonly fingerprint: Fingerprint
  readonly env: Readonly<Record<string, string>>
}

/**
 * A Hono handler that explains the caller's connection. Mount it behind `fingerprint()`, for GET and POST, on any path.
 *
 * Answers HTML where `Accept` names it, text where it names `text/plain` and to curl and the like, and the JSON of the demonstration
 * server otherwise (`?json`, `?text` and `?pretty` choose). `?decode` is a form for pasted dumps
 * (POST: nothing is stored), `?decode=HEX` a dump that can be linked to, `?live` the last connections, where that is on. Every page works without scripts, asks no other
 * host, and carries a Content-Security-Policy of its own that allows nothing but its own style and script.
 *
 * @throws {TypeError} for an unknown option or a wrong value, when it is built
 * @example
 * const page = inspector()
 * const app = new Hono().use(fingerprint()).on(['GET', 'POST'], '/connection', page)
 */
export function inspector(options: InspectorOptions = {}): Inspector {
  const { live, history, database } = checkOptions('inspector', inspectorOptionsSchema, options)
  const list = new LiveList()
  const streams = new TimingStreams()
  const access = live === false ? undefined : new LinkAccess(live)
  const historyAccess = history === false ? undefined : new LinkAccess(history)
  const ask = (c: Context): Asked => ({
    c,
    format: formatOf(c),
    database,
    views: {
      live: access?.allows(c.req.query('token'), c.req.header('cookie')) ?? false,
      history: historyAccess?.allows(c.req.query('token'), c.req.header('cookie')) ?? false,
    },
  })

  const handler: Handler = async (c) => {
    const { method } = c.req.raw
    const page = pageOf(c)
    if (page === 'decode' && method === 'POST') return await answerDump(ask(c), await readDump(c.req.raw))
    if (method !== 'GET' && method !== 'HEAD') {
      return c.text('Method not allowed\n', 405, { Allow: page === 'decode' ? 'GET, HEAD, POST' : 'GET, HEAD' })
    }
    switch (page) {
      case 'decode': {
        const linked = c.req.query('decode')!
        return await (linked === '' ? showForm(ask(c)) : answerDump(ask(c), linkedDump(linked, c.req.query('kind'))))
      }
      case 'live':
        return await showLive(ask(c), access, list)
      case 'history':
        return await showHistory(ask(c), historyAccess, history === false ? undefined : history.store)
      case 'timing':
        return await showTiming(ask(c), seenBy(c).fingerprint, streams)
      default:
        return await showConnection(ask(c))
    }
  }
  const watch: MiddlewareHandler = (c, next) =>
    access !== undefined && list.count() ? noteAfter(c, next, list) : next()
  const close = (): void => {
    list.close()
    streams.close()
  }
  return Object.assign(handler, { watch, close })
}

/** Notes the connection of a request when it has its answer. */
async function noteAfter(c: Context, next: Next, list: LiveList): Promise<void> {
  await next()
  try {
    list.note(c.get('fingerprint') as Fingerprint, () => ({
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      headers: new Headers(c.req.raw.headers),
      tls: isTls(c),
    }))
  } catch {
    // The list is not worth a request.
  }
}

/** Which page the query names. */
function pageOf(c: Context): PageName {
  for (const name of ['decode', 'timing', 'history', 'live'] as const) if (c.req.query(name) !== undefined) return name
  return 'connection'
}

/** By the query (`&json`, `&text`, `&pretty`), else by what the client accepts. */
function formatOf(c: Context): Format {
  if (c.req.query('json') !== undefined || c.req.query('pretty') !== undefined) return 'json'
  if (c.req.query('text') !== undefined) return 'text'
  return acceptedFormat(c.req.header('accept'), c.req.header('user-agent'))
}

function seenBy(c: Context): Seen {
  const fingerprint = c.get('fingerprint') as Fingerprint | undefined
  if (fingerprint === undefined)
    throw new TypeError('Cannot show the connection: fingerprint() is not mounted before it')
  return { fingerprint, env: c.get('fingerprintEnv') as Record<string, string> }
}

function isTls(c: Context): boolean {
  return c.req.raw.url.startsWith('https:')
}

async function showConnection(asked: Asked): Promise<Response> {
  const { c, format, database } = asked
  const { fingerprint, env } = seenBy(c)
  const { headers } = c.req.raw
  const tls = isTls(c)
  if (format === 'json') return sendJson(c, { ...fingerprint.toJSON(), env })
  if (format === 'text') {
    const { connectionText } = await import('./text.ts')
    return c.text(connectionText(fingerprint, headers, tls, database), 200, HEADERS)
  }
  // What it has to ask the system is asked now, as long as the request is not answered.
  const facts = fingerprint.toJSON()
  const { connectionPage } = await import('./connection-page.tsx')
  return sendPage(asked, connectionPage({ fingerprint, facts, env, headers, tls, database }))
}

/** What the form says to programs. */
const USAGE = 'GET ?decode=HEX or POST dump=HEX, and kind=syn or kind=tcp-info where it is not to be found out'

async function showForm(asked: Asked): Promise<Response> {
  const { c, format } = asked
  if (format === 'json') return sendJson(c, { usage: USAGE })
  if (format === 'text') return c.text(`${USAGE}\n`, 200, HEADERS)
  const { decodePage } = await import('./decode-page.tsx')
  return sendPage(asked, decodePage({ text: '', kind: 'auto' }))
}

async function answerDump(asked: Asked, dump: SentDump | undefined): Promise<Response> {
  const { c, format, database } = asked
  const explained = await explainDump(dump, database)
  const { status, record, ...answer } = explained
  if (format === 'json') return sendJson(c, record, status)
  if (format === 'text') return c.text((await import('./text.ts')).dumpText(explained, database), status, HEADERS)
  const { decodePage } = await import('./decode-page.tsx')
  const text = answer.error === 'too-large' ? '' : (dump?.text ?? '')
  const kind = dump?.kind ?? 'auto'
  return sendPage(asked, decodePage({ text, kind, database, ...answer }), status)
}

/** The answer to a client that may not see a view; to one that brings its token, the cookie that stands for it from then on. */
async function admit(asked: Asked, access: LinkAccess | undefined, view: keyof Views): Promise<Response | undefined> {
  const { c } = asked
  if (access === undefined) return await refuse(asked, view, 404, `The ${view} page is off.`)
  const token = c.req.query('token')
  if (!access.allows(token, c.req.header('cookie'))) {
    const words = `The ${view} page needs its token: open the link that holds it, which may hold once.`
    return await refuse(asked, view, 403, words)
  }
  if (access.takes(token)) c.header('Set-Cookie', access.setCookie(isTls(c)), { append: true })
  return undefined
}

async function showHistory(
  asked: Asked,
  access: LinkAccess | undefined,
  store: HistoryStore | undefined,
): Promise<Response> {
  const refusal = await admit(asked, access, 'history')
  if (refusal !== undefined || store === undefined) return refusal!
  const { c, format } = asked
  const { peer } = seenBy(c).fingerprint
  // A database that is away is no reason for an error page without words.
  const history = await readHistory(store, peer?.address, daysAsked(c.req.query('days'))).catch(() => undefined)
  const status = history === undefined ? 503 : 200
  if (format !== 'html') return sendJson(c, history ?? { error: 'The store cannot answer now' }, status)
  const { historyPage } = await import('./history-page.tsx')
  return sendPage(asked, historyPage(history), status)
}

async function showLive(asked: Asked, access: LinkAccess | undefined, list: LiveList): Promise<Response> {
  const refusal = await admit(asked, access, 'live')
  if (refusal !== undefined) return refusal
  const { c } = asked
  if ((c.req.header('accept') ?? '').includes('text/event-stream')) return streamLive(c, list)
  const key = c.req.query('live') ?? ''
  if (key !== '') return await showSeen(asked, list.find(key))
  const { livePage, readGroup } = await import('./live-page.tsx')
  const filter = (c.req.query('filter') ?? '').slice(0, 100)
  const group = readGroup(c.req.query('group'))
  return sendPage(
    asked,
    livePage({ entries: list.entries(), counts: list.counts(), capacity: LIVE_CAPACITY, filter, group }),
  )
}

function streamLive(c: Context, list: LiveList): Response {
  const headers = { ...HEADERS, 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' }
  if (c.req.raw.method === 'HEAD') return c.body(null, 200, headers)
  const after = Number(c.req.header('last-event-id') ?? c.req.query('after') ?? 0)
  const stream = list.listen(
    Number.isSafeInteger(after) && after > 0 ? after : 0,
    clientOf(seenBy(c).fingerprint.peer?.address ?? ''),
  )
  if (stream === undefined) return c.text('Too many listeners.\n', 503, HEADERS)
  return c.body(stream, 200, headers)
}

/** A connection of the list, on its own page. */
async function showSeen(asked: Asked, one: SeenConnection | undefined): Promise<Response> {
  if (one === undefined) return await refuse(asked, 'live', 404, 'This connection is no longer in the list.')
  const { connectionPage } = await import('./connection-page.tsx')
  const { seen, fingerprint, request } = one
  const { env } = fingerprint
  const { headers, tls } = request
  const facts = fingerprint.toJSON()
  return sendPage(asked, connectionPage({ fingerprint, facts, env, headers, tls, database: asked.database, seen }))
}
