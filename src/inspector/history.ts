/**
 * What a store says of the caller's address and network, and of labels by day: the data of the history page.
 * @module
 */

/** A distinct stack behind an address, as `store.hosts()` gives it. */
export interface HistoryHost {
  readonly stack: string
  readonly label: string | undefined
  readonly connections: number
  /** ISO 8601. */
  readonly firstSeen: string
  readonly lastSeen: string
}

/** How often a label was seen on a UTC day, as `store.labelsByDay()` gives it. */
export interface HistoryLabel {
  readonly day: string
  readonly label: string | undefined
  readonly connections: number
  readonly networks: number
}

/** The questions that the history page asks: a store of `tcpfingerprint/store` has them. */
export interface HistoryStore {
  hosts(address: string, period: { readonly days: number }): Promise<readonly HistoryHost[]>
  labelsByDay(period: { readonly days: number }): Promise<readonly HistoryLabel[]>
}

/** What the page shows. */
export interface History {
  /** UTC days, the oldest first, today included. */
  readonly days: readonly string[]
  /** The caller's; `undefined` where it is not known. */
  readonly address: string | undefined
  readonly network: string | undefined
  /** Stacks behind the address, and behind its network. */
  readonly ofAddress: readonly HistoryHost[]
  readonly ofNetwork: readonly HistoryHost[]
  readonly labels: readonly HistoryLabel[]
}

/** Days that are shown by default, and at most. */
const HISTORY_DAYS = 14
const MOST_DAYS = 90

const DAY = 86_400_000

/** Days that a query asks for: from 1 to 90. */
export function daysAsked(text: string | undefined): number {
  const days = Number(text)
  return Number.isInteger(days) && days >= 1 && days <= MOST_DAYS ? days : HISTORY_DAYS
}

/** Asks a store about an address, its network and the labels. Rejects where the store cannot answer. */
export async function readHistory(
  store: HistoryStore,
  address: string | undefined,
  count: number,
  now: number = Date.now(),
): Promise<History> {
  const network = address === undefined ? undefined : networkOf(address)
  const [ofAddress, ofNetwork, labels] = await Promise.all([
    address === undefined ? [] : store.hosts(address, { days: count }),
    network === undefined ? [] : store.hosts(network, { days: count }),
    store.labelsByDay({ days: count }),
  ])
  const days = Array.from({ length: count }, (_, i) => new Date(now - (count - 1 - i) * DAY).toISOString().slice(0, 10))
  return { days, address, network, ofAddress, ofNetwork, labels }
}

/** The /24 of an IPv4 address; an IPv6 address stands for its /64 in a store. */
const networkOf = (address: string): string =>
  address.includes(':') ? `${address}/64` : `${address.split('.').slice(0, 3).join('.')}.0/24`

/** From when to when a stack was seen, as parts of the days that are shown: 0 is the first midnight, 1 the last. */
export function spanOf(host: HistoryHost, days: readonly string[]): readonly [from: number, to: number] {
  const start = Date.parse(`${days[0]}T00:00:00Z`)
  const part = (time: string): number => Math.min(1, Math.max(0, (Date.parse(time) - start) / (days.length * DAY)))
  return [part(host.firstSeen), part(host.lastSeen)]
}
