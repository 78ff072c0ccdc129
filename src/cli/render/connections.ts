/**
 * Live connections as lines of a table.
 * @module
 */
import { formatEndpoint } from '../../base/text.ts'
import type { LiveConnection } from '../../connections/list.ts'
import { duration } from '../../explain/units.ts'

const WIDTHS = [2, 12, 28, 28, 10, 10, 8, 6, 8] as const
const NAMES = ['', 'STATE', 'LOCAL', 'PEER', 'RTT', '+-', 'RETRANS', 'CWND', 'UNACKED', 'CC'] as const

const line = (cells: readonly string[]): string =>
  cells
    .map((cell, i) => cell.padEnd(WIDTHS[i] ?? 0))
    .join(' ')
    .trimEnd()

/** The names of the columns. */
export const COLUMNS_LINE: string = line(NAMES)

/** One connection. `mark`: what ails it, R and W. */
export function connectionRow(
  { state, local, peer, tcpInfo, congestionControl }: LiveConnection,
  mark: string,
): string {
  const { rtt, rttvar, total_retrans: retransmitted, snd_cwnd: window, unacked } = tcpInfo ?? {}
  const time = (value: number | undefined): string => (value === undefined || value === 0 ? '-' : duration(value))
  return line([
    mark,
    state,
    formatEndpoint(local.address, local.port),
    formatEndpoint(peer.address, peer.port),
    time(rtt),
    time(rttvar),
    String(retransmitted ?? '-'),
    String(window ?? '-'),
    String(unacked ?? '-'),
    congestionControl ?? '',
  ])
}

/** What is compared with the next picture. */
export interface Seen {
  readonly retransmitted: number
  readonly receiverLimited: number
}

/** Connections in the order in which they are watched: those that ail first, then by RTT, the longest first. */
export function orderForWatching(
  connections: readonly LiveConnection[],
  before: ReadonlyMap<string, Seen>,
): {
  readonly rows: readonly { readonly connection: LiveConnection; readonly mark: string }[]
  readonly seen: ReadonlyMap<string, Seen>
} {
  const seen = new Map<string, Seen>()
  const rows = connections.map((connection) => {
    const { tcpInfo, cookie } = connection
    const now: Seen = { retransmitted: tcpInfo?.total_retrans ?? 0, receiverLimited: tcpInfo?.rwnd_limited ?? 0 }
    seen.set(cookie, now)
    const last = before.get(cookie) ?? now
    const mark = `${now.retransmitted > last.retransmitted ? 'R' : ''}${now.receiverLimited > last.receiverLimited ? 'W' : ''}`
    return { connection, mark }
  })
  const rtt = ({ tcpInfo }: LiveConnection): number => tcpInfo?.rtt ?? 0
  rows.sort((a, b) => b.mark.length - a.mark.length || rtt(b.connection) - rtt(a.connection))
  return { rows, seen }
}
