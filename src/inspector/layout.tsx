/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The frame of every page.
 * @module
 */
import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import type { JSX } from 'hono/jsx/jsx-runtime'
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

/** What a page puts into the frame. */
export interface LayoutProps {
  readonly frame: Frame
  readonly page: PageName
  /** Under which name of the menu it stands, if not under its own. */
  readonly menu?: PageName
  readonly title: string
  /** Reload without scripts: seconds, and where from if not from the same place. */
  readonly refresh?: string
  /** A true sentence about where the page comes from. */
  readonly footer: string
  /** The query of this page, which a format can be added to: it is there as JSON and text, too. */
  readonly formats?: string
  readonly children?: Child
}

/** A small SYN: three coloured bars. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%23182033'/%3E%3Cpath d='M3 4h10v2H3z' fill='%237cc4ff'/%3E%3Cpath d='M3 7h7v2H3z' fill='%2371dba8'/%3E%3Cpath d='M3 10h9v2H3z' fill='%23ffc46b'/%3E%3C/svg%3E"

const MENU: readonly (readonly [page: PageName, href: string, text: string])[] = [
  ['connection', '?', 'This connection'],
  ['timing', '?timing', 'RTT over time'],
  ['decode', '?decode', 'Decode a dump'],
  ['live', '?live', 'Live'],
  ['history', '?history', 'History'],
]

/** A whole document. No request leaves for another host, and none for a second file. */
export function Layout({ frame, page, menu, title, refresh, footer, formats, children }: LayoutProps): JSX.Element {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        {refresh === undefined ? null : (
          <noscript>
            <meta http-equiv="refresh" content={refresh} />
          </noscript>
        )}
        <title>{title}</title>
        <meta property="og:title" content={title} />
        <meta property="og:type" content="website" />
        <meta
          name="description"
          property="og:description"
          content="What the first packet of a connection and the kernel tell of a client: system, way, round trip."
        />
        <link rel="icon" href={ICON} />
        <style nonce={frame.nonce}>{raw(STYLE[page])}</style>
      </head>
      <body>
        <header class="top">
          <span class="brand">tcpfingerprint</span>
          <nav aria-label="Pages">
            {MENU.filter(([name]) => (name !== 'live' && name !== 'history') || frame[name]).map(
              ([name, href, text]) => (
                <a href={href} aria-current={name === (menu ?? page) ? 'page' : undefined}>
                  {text}
                </a>
              ),
            )}
          </nav>
        </header>
        <main data-path-start={PATH_START}>{children}</main>
        <footer>
          <p>{footer}</p>
          <p>
            {formats === undefined ? null : (
              <>
                This page as <a href={`${formats}json`}>JSON</a> and as <a href={`${formats}text`}>text</a>.{' '}
              </>
            )}
            Documents: README.md and src/GUIDE.md of the package tcpfingerprint.
          </p>
        </footer>
        <div class="status" role="status" aria-live="polite" />
        <script nonce={frame.nonce}>{raw(page === 'live' ? LIVE_SCRIPT : SCRIPT)}</script>
      </body>
    </html>
  )
}
