/**
 * The frame of every page.
 * @module
 */
import { html, raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import { PATH_START } from '../explain/usage.ts'
import cellStyle from './cells.css' with { type: 'text' }
import { compactScript, compactStyle } from './compact.ts'
import decodeStyle from './decode.css' with { type: 'text' }
import factStyle from './facts.css' with { type: 'text' }
import historyStyle from './history.css' with { type: 'text' }
import liveStyle from './live.css' with { type: 'text' }
import liveScript from './live-view.js' with { type: 'text' }
import meaningStyle from './meaning.css' with { type: 'text' }
import packetStyle from './packet.css' with { type: 'text' }
import pageStyle from './page.css' with { type: 'text' }
import script from './page.js' with { type: 'text' }

const base = compactStyle(pageStyle)
const facts = base + compactStyle(packetStyle + cellStyle + factStyle + meaningStyle)
const STYLE = {
  connection: facts,
  timing: base + compactStyle(factStyle + historyStyle),
  decode: facts + compactStyle(decodeStyle),
  live: base + compactStyle(factStyle + meaningStyle + liveStyle),
  history: base + compactStyle(factStyle + historyStyle),
} as const
const SCRIPT = compactScript(script)
const LIVE_SCRIPT = SCRIPT + compactScript(liveScript)

/** What every page needs. */
export interface Frame {
  /** Names style and script of this answer in its Content-Security-Policy. */
  readonly nonce: string
  /** True if the client may see the live page. */
  readonly live: boolean
  /** True if the client may see the history page. */
  readonly history: boolean
}

/** Which page it is. */
export type PageName = 'connection' | 'timing' | 'decode' | 'live' | 'history'

/** A page: what its frame says of it, and what stands in the frame. */
export interface Page {
  readonly name: PageName
  /** Under which name of the menu it stands, if not under its own. */
  readonly menu?: PageName
  readonly title: string
  /** Reload without scripts: seconds, and where from if not from the same place. */
  readonly refresh?: string
  /** A true sentence about where the page comes from. */
  readonly footer: string
  /** The query of this page, which a format can be added to: it is there as JSON and text, too. */
  readonly formats?: string
  /** Makes what stands in the frame, when the head is on its way. */
  readonly body: () => Child
}

/** A small SYN: three bars. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'%3E%3Cpath stroke='%231f9fff' d='M0 1h9M0 4h6M0 7h8'/%3E%3C/svg%3E"

const DESCRIPTION = 'What a connection tells of its client: system, way, round trip.'

const MENU: readonly (readonly [page: PageName, href: string, text: string])[] = [
  ['connection', '?', 'This connection'],
  ['timing', '?timing', 'RTT over time'],
  ['decode', '?decode', 'Decode a dump'],
  ['live', '?live', 'Live'],
  ['history', '?history', 'History'],
]

/**
 * The document up to where the page's own begins: cheap, so that it can be sent before the rest is made. No request leaves for another
 * host, and none for a second file.
 */
export function documentHead({ name, menu = name, title, refresh }: Page, frame: Frame): string {
  const items = MENU.filter(([page]) => (page !== 'live' && page !== 'history') || frame[page])
  const reload =
    refresh === undefined ? '' : html`<noscript><meta http-equiv="refresh" content="${refresh}"/></noscript>`
  return `<!doctype html>${html`<html lang="en"><head><meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta name="robots" content="noindex"/>${reload}
<title>${title}</title>
<meta property="og:title" content="${title}"/>
<meta property="og:type" content="website"/>
<meta name="description" property="og:description" content="${DESCRIPTION}"/>
<link rel="icon" href="${ICON}"/>
<style nonce="${frame.nonce}">${raw(STYLE[name])}</style></head>
<body><header class="top"><span class="brand">tcpfingerprint</span><nav aria-label="Pages">${items.map(
    ([page, href, text]) => html`<a href="${href}"${raw(page === menu ? ' aria-current="page"' : '')}>${text}</a>`,
  )}</nav></header>
<main data-path-start="${PATH_START}">`}`
}

/** What follows the page's own. */
export function documentEnd({ name, footer, formats }: Page, frame: Frame): string {
  const forms =
    formats === undefined
      ? ''
      : html`This page as <a href="${formats}json">JSON</a> and as <a href="${formats}text">text</a>. `
  return `${html`</main><footer><p>${footer}</p>
<p>${forms}Documents: README.md and src/GUIDE.md of the package tcpfingerprint.</p></footer>
<div class="status" role="status" aria-live="polite"></div>
<script nonce="${frame.nonce}">${raw(name === 'live' ? LIVE_SCRIPT : SCRIPT)}</script></body></html>`}`
}
