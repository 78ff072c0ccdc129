/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The live page: the connections that this server saw last.
 * @module
 */
import type { JSX } from 'hono/jsx/jsx-runtime'
import { curvePoints } from '../explain/curve.ts'
import type { Page } from './layout.ts'
import {
  arrange,
  groupOf,
  LIVE_COLUMNS,
  type LiveCounts,
  type LiveEntry,
  type LiveGroup,
  ROWS_PER_SECOND,
} from './live.ts'

/** What the page shows. */
export interface LivePageProps {
  /** The newest first. */
  readonly entries: readonly LiveEntry[]
  readonly counts: LiveCounts
  readonly capacity: number
  /** Text that rows hold. */
  readonly filter: string
  readonly group: LiveGroup
}

const GROUPS: readonly (readonly [LiveGroup, string])[] = [
  ['none', 'nothing'],
  ['label', 'label'],
  ['network', 'network'],
]

/** The group that the query names. */
export function readGroup(text: string | undefined): LiveGroup {
  return text === 'label' || text === 'network' ? text : 'none'
}

function Row({ entry }: { readonly entry: LiveEntry }): JSX.Element {
  return (
    <tr>
      {entry.cells.map(([text, small], i) => (
        <td>
          {i === 1 ? <a href={`?live=${encodeURIComponent(entry.key)}`}>{text}</a> : text}
          {small === '' ? null : <small>{small}</small>}
        </td>
      ))}
    </tr>
  )
}

/** The connections that this server saw last. */
export function livePage(props: LivePageProps): Page {
  const { filter, group } = props
  return {
    name: 'live',
    title: 'Live \u00b7 tcpfingerprint',
    refresh: `5; url=?live&filter=${encodeURIComponent(filter)}&group=${group}`,
    footer: 'Held in the memory of this server. No other host was asked.',
    body: () => <Live {...props} />,
  }
}

function Live({ entries, counts, capacity, filter, group }: LivePageProps): JSX.Element {
  const shown = arrange(entries, filter, group)
  const times = entries.flatMap(({ rtt }) => (rtt === undefined ? [] : [rtt])).reverse()
  return (
    <>
      <section class="hero">
        <p class="kicker">The last {capacity} connections of this server</p>
        <h1>Live</h1>
        <p class="quiet">
          <span class="lamp" /> <span id="live-state">Reloads every few seconds.</span>
        </p>
        <p id="live-counts">
          {counts.requests} requests since the start; {counts.unlisted} without a row: above {ROWS_PER_SECOND} a second
          they are counted only.
        </p>
      </section>
      <section>
        <form class="live-tools" method="get">
          <input type="hidden" name="live" value="" />
          <label>
            Only rows with <input type="search" name="filter" value={filter} maxlength={100} autocomplete="off" />
          </label>
          <label>
            Group by{' '}
            <select name="group">
              {GROUPS.map(([value, words]) => (
                <option value={value} selected={value === group}>
                  {words}
                </option>
              ))}
            </select>
          </label>
          <button type="submit">Apply</button>
          <button type="button" data-pause aria-pressed="false">
            Pause
          </button>
        </form>
        <figure class="curve">
          <svg class="spark" viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true">
            <polyline points={curvePoints(times)} />
          </svg>
          <figcaption class="quiet">Round trips of these connections, the newest on the right; logarithmic</figcaption>
        </figure>
        <table class="live" data-capacity={capacity} data-rows={ROWS_PER_SECOND} data-last={entries[0]?.id ?? 0}>
          <thead>
            <tr>
              {LIVE_COLUMNS.map((name) => (
                <th scope="col">{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((entry, i) => {
              const name = groupOf(entry, group)
              const isFirst = name !== '' && (i === 0 || groupOf(shown[i - 1]!, group) !== name)
              return (
                <>
                  {isFirst ? (
                    <tr class="group">
                      <th scope="colgroup" colspan={LIVE_COLUMNS.length}>
                        {name}
                      </th>
                    </tr>
                  ) : null}
                  <Row entry={entry} />
                </>
              )
            })}
          </tbody>
        </table>
        {shown.length === 0 ? <p class="quiet empty">No connection yet.</p> : null}
      </section>
    </>
  )
}
