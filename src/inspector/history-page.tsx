/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The history page: stacks of the caller's address and network over the days, labels per day.
 * @module
 */
import type { JSX } from 'hono/jsx/jsx-runtime'
import { escapeControls, plural } from '../base/text.ts'
import { type History, type HistoryHost, spanOf } from './history.ts'
import type { Page } from './layout.ts'

/** Stacks that are drawn, and rows of labels that are listed. */
const MOST_STACKS = 20
const MOST_LABELS = 200
/** Of a bar, in its own units, which the width of the screen stretches. */
const WIDTH = 1000
const HEIGHT = 10

const nameOf = (label: string | undefined): string => escapeControls(label ?? 'not in the database')

/** One bar a stack, from when it was seen first to when it was seen last. */
function Stacks({
  what,
  hosts,
  days,
}: {
  readonly what: string
  readonly hosts: readonly HistoryHost[]
  readonly days: readonly string[]
}): JSX.Element {
  if (hosts.length === 0) return <p class="quiet">Nothing is kept of it in these days.</p>
  const shown = hosts.slice(0, MOST_STACKS)
  const at = (part: number): number => Math.round(part * WIDTH)
  const grid = days.map((_, i) => `M${at(i / days.length)} 0V${HEIGHT}`).join('')
  return (
    <>
      <ul class="days" aria-label={`${what}: ${plural(hosts.length, 'stack')} in ${plural(days.length, 'day')}`}>
        {shown.map((host) => {
          const [from, to] = spanOf(host, days)
          const x = Math.min(at(from), WIDTH - 8)
          return (
            <li title={`${escapeControls(host.stack)}: ${host.firstSeen} to ${host.lastSeen}`}>
              {nameOf(host.label)}, {plural(host.connections, 'connection')}
              <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
                <path class="grid" d={grid} />
                <rect class="bar" x={x} width={Math.max(8, at(to) - x)} height={HEIGHT} />
              </svg>
              <span class="hidden">
                from {host.firstSeen} to {host.lastSeen}
              </span>
            </li>
          )
        })}
      </ul>
      <p class="quiet ends">
        <span>{days[0]}</span>
        <span>{days.at(-1)}</span>
      </p>
      {hosts.length > shown.length ? (
        <p class="quiet">And {hosts.length - shown.length} more that were seen less recently.</p>
      ) : null}
    </>
  )
}

/** Stacks of the caller's address and network over the days, labels per day. */
export function historyPage(history: History | undefined): Page {
  return {
    name: 'history',
    title: 'History \u00b7 tcpfingerprint',
    footer: 'Kept in the store of this server. No other host was asked.',
    body: () => <Days history={history} />,
  }
}

/** `undefined` where the store could not answer. */
function Days({ history }: { readonly history: History | undefined }): JSX.Element {
  return (
    <>
      <section class="hero">
        <p class="kicker">What the store of this server says</p>
        <h1>History</h1>
        {history === undefined ? (
          <p class="quiet">The store cannot answer now. What is seen waits to be kept.</p>
        ) : (
          <p class="quiet">
            {plural(history.days.length, 'day')} up to now, by UTC. A bar begins when a stack was first seen and ends
            when it was seen last.
          </p>
        )}
      </section>
      {history?.address === undefined ? null : (
        <section id="address">
          <h2>Stacks behind your address, {history.address}</h2>
          <Stacks what={history.address} hosts={history.ofAddress} days={history.days} />
        </section>
      )}
      {history?.network === undefined ? null : (
        <section id="network">
          <h2>Stacks in its network, {history.network}</h2>
          <Stacks what={history.network} hosts={history.ofNetwork} days={history.days} />
        </section>
      )}
      {history === undefined ? null : (
        <section id="labels">
          <h2>Labels per day</h2>
          <table>
            <thead>
              <tr>
                {['Day', 'Looks like', 'Connections', 'Networks'].map((name) => (
                  <th scope="col">{name}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {[...history.labels]
                .reverse()
                .slice(0, MOST_LABELS)
                .map((row) => (
                  <tr>
                    <td>{row.day}</td>
                    <td>{nameOf(row.label)}</td>
                    <td>{row.connections}</td>
                    <td>{row.networks}</td>
                  </tr>
                ))}
            </tbody>
          </table>
          {history.labels.length === 0 ? <p class="quiet empty">No connection is kept yet.</p> : null}
        </section>
      )}
    </>
  )
}
