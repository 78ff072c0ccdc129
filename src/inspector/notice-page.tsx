/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The page where there is nothing to show: why.
 * @module
 */
import type { JSX } from 'hono/jsx/jsx-runtime'
import type { Page, PageName } from './layout.ts'

const TITLE = { 403: 'Not allowed', 404: 'Nothing here', 503: 'Not now', 500: 'Not to its end' } as const

/** Status of a page without what was asked for. */
export type NoticeStatus = keyof typeof TITLE

/** What is said in its place: a sentence, or a few words before a colon and the rest after it. */
export function Notice({ status, words }: { readonly status: NoticeStatus; readonly words: string }): JSX.Element {
  return (
    <section class="hero">
      <p class="kicker">{status}</p>
      <h1>{TITLE[status]}</h1>
      <p>{words}</p>
    </section>
  )
}

/** Why there is nothing to show. */
export function noticePage(name: PageName, status: NoticeStatus, words: string): Page {
  return {
    name,
    title: `${TITLE[status]} \u00b7 tcpfingerprint`,
    footer: 'Nothing was asked of another host.',
    body: () => <Notice status={status} words={words} />,
  }
}
