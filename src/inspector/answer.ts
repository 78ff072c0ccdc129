/**
 * How the inspector answers: headers, pages, JSON, and words where there is nothing to show.
 * @module
 */
import type { Context } from 'hono'
import type { Database } from '../label/database.ts'
import type { Format } from './accept.ts'
import type { Frame, Page, PageName } from './layout.ts'

/** Views with a token that the client has brought. */
export type Views = Pick<Frame, 'live' | 'history'>

/** A request, and what every page needs to answer it. */
export interface Asked {
  readonly c: Context
  readonly format: Format
  readonly database: Database | false | undefined
  readonly views: Views
}

/** Headers of every answer. It is about this client, so that no cache may keep it. */
export const HEADERS = {
  'Cache-Control': 'no-store',
  Vary: 'Accept, User-Agent',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
} as const

/** JSON; with `?pretty` indented, for people. */
export function sendJson(c: Context, value: object, status: 200 | 400 | 413 | 503 = 200): Response {
  if (c.req.query('pretty') === undefined) return c.json(value, status, HEADERS)
  const headers = { ...HEADERS, 'Content-Type': 'application/json' }
  return c.body(`${JSON.stringify(value, null, 2)}\n`, status, headers)
}

type RefusalStatus = 403 | 404 | 503

/** A fresh name for a page's style and script, and the headers that go with it: its policy allows nothing else. */
export function freshPage(): { readonly nonce: string; readonly headers: Readonly<Record<string, string>> } {
  const nonce = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18))))
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    'img-src data:',
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  const headers = { ...HEADERS, 'Content-Security-Policy': policy, 'Cross-Origin-Opener-Policy': 'same-origin' }
  return { nonce, headers }
}

/**
 * Sends a page made for a fresh nonce. What it shows of the connection must be read by now: the rest of the page is made when its head
 * is on its way.
 */
export async function sendPage(
  { c, views }: Asked,
  page: Page,
  status: 200 | RefusalStatus | 400 | 413 = 200,
): Promise<Response> {
  const { nonce, headers } = freshPage()
  const { encodingFor, streamPage } = await import('./page-stream.ts')
  const encoding = encodingFor(c.req.header('accept-encoding'))
  const all = {
    ...headers,
    'Content-Type': 'text/html; charset=UTF-8',
    Vary: 'Accept, User-Agent, Accept-Encoding',
    // A proxy is not to wait for the rest.
    'X-Accel-Buffering': 'no',
    ...(encoding === undefined ? {} : { 'Content-Encoding': 'gzip' }),
  }
  if (c.req.raw.method === 'HEAD') return c.body(null, status, all)
  return c.body(streamPage(page, { nonce, ...views }, encoding), status, all)
}

/** The answer where there is nothing to show: a page for browsers, a line for others. */
export async function refuse(asked: Asked, name: PageName, status: RefusalStatus, words: string): Promise<Response> {
  if (asked.format !== 'html') return asked.c.text(`${words}\n`, status, HEADERS)
  const { noticePage } = await import('./notice-page.tsx')
  return sendPage(asked, noticePage(name, status, words), status)
}
