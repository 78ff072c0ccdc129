/**
 * What `inspector()` answers: loaded with the first inspector, and not by every application that imports this library. Pages are loaded
 * with the first request for a page.
 * @module
 */
import type { Context, Next } from 'hono'
import type { Fingerprint } from '../connection/fingerprint.ts'
import type { Database } from '../label/database.ts'
import { acceptedFormat, type Format } from './accept.ts'
import { type Asked, HEADERS, refuse, sendJson, sendPage, type Views } from './answer.ts'
import { explainDump, linkedDump, readDump, type SentDump } from './decode.ts'
import { daysAsked, type HistoryStore, readHistory } from './history.ts'
import type { PageName } from './layout.ts'
import { LinkAccess, type LinkToken } from './link-access.ts'
import { clientOf, LIVE_CAPACITY, LiveList, type SeenConnection } from './live.ts'
import { showTiming } from './timing.ts'
import { TimingStreams } from './timing-streams.ts'

/** Options of the inspector, checked. */
export interface PagesOptions {
  readonly live: false | LinkToken
  readonly history: false | (LinkToken & { readonly store: HistoryStore })
  readonly database?: Database | false | undefined
}

/** What `fingerprint()` set. */
interface Seen {
  readonly fingerprint: Fingerprint
  readonly env: Readonly<Record<string, string>>
}

export class Pages {
  readonly #list = new LiveList()
  readonly #streams = new TimingStreams()
  readonly #access: LinkAccess | undefined
  readonly #historyAccess: LinkAccess | undefined
  readonly #store: HistoryStore | undefined
  readonly #database: Database | false | undefined

  constructor({ live, history, database }: PagesOptions) {
    this.#access = live === false ? undefined : new LinkAccess(live)
    this.#historyAccess = history === false ? undefined : new LinkAccess(history)
    this.#store = history === false ? undefined : history.store
    this.#database = database
  }

  #ask(c: Context): Asked {
    const [token, cookie] = [c.req.query('token'), c.req.header('cookie')]
    return {
      c,
      format: formatOf(c),
      database: this.#database,
      views: {
        live: this.#access?.allows(token, cookie) ?? false,
        history: this.#historyAccess?.allows(token, cookie) ?? false,
      },
    }
  }

  /** Answers a request. */
  async answer(c: Context): Promise<Response> {
    const { method } = c.req.raw
    const page = pageOf(c)
    if (page === 'decode' && method === 'POST') return await answerDump(this.#ask(c), await readDump(c.req.raw))
    if (method !== 'GET' && method !== 'HEAD') {
      return c.text('Method not allowed\n', 405, { Allow: page === 'decode' ? 'GET, HEAD, POST' : 'GET, HEAD' })
    }
    switch (page) {
      case 'decode': {
        const linked = c.req.query('decode')!
        const asked = this.#ask(c)
        return await (linked === '' ? showForm(asked) : answerDump(asked, linkedDump(linked, c.req.query('kind'))))
      }
      case 'live':
        return await showLive(this.#ask(c), this.#access, this.#list)
      case 'history':
        return await showHistory(this.#ask(c), this.#historyAccess, this.#store)
      case 'timing':
        return await showTiming(this.#ask(c), seenBy(c).fingerprint, this.#streams)
      default:
        return await showConnection(this.#ask(c))
    }
  }

  /** Notes a request's connection for the live page. */
  watch(c: Context, next: Next): Promise<void> {
    return this.#list.count() ? noteAfter(c, next, this.#list) : next()
  }

  close(): void {
    this.#list.close()
    this.#streams.close()
  }
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
