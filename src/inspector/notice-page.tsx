/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The page where there is nothing to show: why.
 * @module
 */
import type { JSX } from 'hono/jsx/jsx-runtime'
import { type Frame, Layout, type PageName } from './layout.tsx'

/** What the page shows. */
export interface NoticePageProps {
  readonly frame: Frame
  readonly page: PageName
  readonly status: 403 | 404 | 503
  /** A sentence, or a few words before a colon and the rest after it. */
  readonly words: string
}

const TITLE = { 403: 'Not allowed', 404: 'Nothing here', 503: 'Not now' } as const

/** Why there is nothing to show. */
export function NoticePage({ frame, page, status, words }: NoticePageProps): JSX.Element {
  return (
    <Layout
      frame={frame}
      page={page}
      title={`${TITLE[status]} \u00b7 tcpfingerprint`}
      footer="Nothing was asked of another host."
    >
      <section class="hero">
        <p class="kicker">{status}</p>
        <h1>{TITLE[status]}</h1>
        <p>{words}</p>
      </section>
    </Layout>
  )
}
