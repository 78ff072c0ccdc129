/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The live page: the connections that this server saw last.
 * @module
 */
import type { JSX } from 'hono/jsx/jsx-runtime'
import { type Frame, Layout } from './layout.tsx'
import type { LiveEntry } from './live.ts'

/** What the live page shows. */
export interface LivePageProps {
  readonly frame: Frame
  /** The newest first. */
  readonly entries: readonly LiveEntry[]
  readonly capacity: number
}

const COLUMNS = ['Time', 'Client', 'Looks like', 'MuonFP', 'Handshake RTT', 'Distance', 'Requests'] as const

/** The connections that this server saw last. */
export function LivePage({ frame, entries, capacity }: LivePageProps): JSX.Element {
  return (
    <Layout
      frame={frame}
      page="live"
      title={'Live \u00b7 tcpfingerprint'}
      refresh="5; url=?live"
      footer="Held in the memory of this server only. No other host was asked."
    >
      <section class="hero">
        <p class="kicker">The last {capacity} connections of this server</p>
        <h1>Live</h1>
        <p class="quiet">
          <span class="lamp" /> <span id="live-state">Reloads every few seconds.</span> Held in memory only, and gone
          with the server.
        </p>
      </section>
      <section>
        <table class="live" data-live={entries[0]?.id ?? 0} data-capacity={capacity}>
          <thead>
            <tr>
              {COLUMNS.map((name) => (
                <th scope="col">{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <tr data-key={entry.key}>
                {entry.cells.map((text, i) => (
                  <td data-head={COLUMNS[i]!}>{text}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {entries.length === 0 ? <p class="quiet empty">No connection yet.</p> : null}
      </section>
    </Layout>
  )
}
