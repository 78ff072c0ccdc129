/**
 * The questions, asked of SQLite: of counts by day and their sums, which are a fraction of the observations.
 * @module
 */
import { prefixOf, textOfPrefix } from './address.ts'
import { dayNumber, dayOf, isoOf, sortAccounts } from './answers.ts'
import type { SqliteDatabase } from './sqlite-database.ts'
import type { Row, Run, Value } from './sqlite-runner.ts'
import type { HostRow, LabelDayRow, LabelRow, Place, StackRow, Subject } from './types.ts'

/** Every UTC day from ? to today, for one seek into `seen_daily` a day. */
const DAYS = `WITH RECURSIVE days (day) AS (SELECT ? UNION ALL SELECT day + 1 FROM days WHERE day < ?)`
/** Networks of the addresses of a group: they have the first three or eight octets in common. */
const NETWORKS = 'count(DISTINCT substr(address, 1, CASE WHEN length(address) > 4 THEN 8 ELSE 3 END))'

/** Within the bounds of a network: of its IP version, and the whole of it or this address. */
const MATCH = '(length(address) > 4) = ? AND (? OR address IN (?, ?))'

/** The systems behind an address or network. */
export async function readHosts(database: SqliteDatabase, place: Place, since: string): Promise<HostRow[]> {
  const rows = await database.all(
    `${DAYS} SELECT s.id, s.stack, s.label, s.family, a.name AS account, sum(d.connections) AS connections, min(d.first) AS first,
         max(d.last) AS last
       FROM days CROSS JOIN seen_daily d ON d.day = days.day AND d.address >= ? AND d.address < ? AND ${MATCH}
       JOIN stack s ON s.id = d.stack LEFT JOIN account a ON a.id = d.account GROUP BY s.id, d.account`,
    ...days(since),
    ...boundsOf(prefixOf(place.network)),
    ...exactly(place),
  )
  return grouped(rows)
}

/** The stacks of an account. */
export async function readStacks(database: SqliteDatabase, account: string, since: string): Promise<StackRow[]> {
  const rows = await database.all(
    `SELECT s.stack, s.label, substr(d.address, 1, CASE WHEN length(d.address) > 4 THEN 8 ELSE 3 END) AS network,
         sum(d.connections) AS connections, min(d.first) AS first, max(d.last) AS last
       FROM seen_daily d JOIN stack s ON s.id = d.stack
       WHERE d.account = (SELECT id FROM account WHERE name = ?) AND d.account <> 0 AND d.day >= ? GROUP BY s.id, network ORDER BY last DESC`,
    account,
    dayNumber(since),
  )
  return rows.map((row) => ({
    network: textOfPrefix(row.network as Uint8Array),
    stack: row.stack as string,
    label: textOf(row.label),
    connections: row.connections as number,
    firstSeen: isoOf(row.first as number),
    lastSeen: isoOf(row.last as number),
  }))
}

/** Labels since a day, from the sums. */
export async function readLabels(database: SqliteDatabase, since: string): Promise<LabelRow[]> {
  const rows = await database.all(
    `SELECT s.label, s.family, sum(n) AS connections,
       (SELECT count(DISTINCT o.network) FROM stack t JOIN stack_network o ON o.stack = t.id
        WHERE t.label = s.label AND t.family = s.family AND o.last_day >= ?) AS networks
     FROM (SELECT stack, sum(connections) AS n FROM stack_daily WHERE day >= ? GROUP BY stack) d JOIN stack s ON s.id = d.stack
     GROUP BY s.label, s.family ORDER BY connections DESC, s.label`,
    dayNumber(since),
    dayNumber(since),
  )
  return rows.map(labelRow)
}

/** Labels of each day of which there are any, a day at a time. */
export async function readLabelsByDay(database: SqliteDatabase, since: string): Promise<LabelDayRow[]> {
  const all: LabelDayRow[] = []
  const known = await database.all('SELECT DISTINCT day FROM stack_daily WHERE day >= ? ORDER BY day', dayNumber(since))
  for (const { day } of known as { day: number }[]) {
    const rows = await database.all(
      `SELECT s.label, s.family, ${NETWORKS} AS networks, sum(connections) AS connections FROM seen_daily d
       JOIN stack s ON s.id = d.stack WHERE day = ? GROUP BY s.label, s.family ORDER BY connections DESC, s.label`,
      day,
    )
    for (const row of rows) all.push({ day: dayOf(day * 86_400_000_000), ...labelRow(row) })
    await new Promise((resolve) => setTimeout(resolve))
  }
  return all
}

/** Writes the last day of which a count of this stack in this network is left, if there is any. */
export function recountNetwork(stack: Value, network: Uint8Array): readonly Run[] {
  return [
    ['DELETE FROM stack_network WHERE stack = ? AND network = ?', stack, network],
    [
      `INSERT INTO stack_network (stack, network, last_day)
       WITH RECURSIVE days (day) AS (SELECT max(day) FROM stack_daily WHERE stack = ?
         UNION ALL SELECT (SELECT max(day) FROM stack_daily WHERE stack = ? AND day < days.day) FROM days WHERE day IS NOT NULL)
       SELECT ?, ?, days.day FROM days WHERE EXISTS (SELECT 1 FROM seen_daily d WHERE d.day = days.day AND d.address >= ?
         AND d.address < ? AND (length(d.address) > 4) = ? AND d.stack = ?) LIMIT 1`,
      stack,
      stack,
      stack,
      network,
      ...boundsOf(network),
      network.length > 4 ? 1 : 0,
      stack,
    ],
  ]
}

/** The condition for what is kept of an address, network or account, and its values. */
export function whereOf(subject: Subject): [string, Value[]] {
  if (subject.kind === 'account') {
    return ['account <> 0 AND account = (SELECT id FROM account WHERE name = ?)', [subject.account]]
  }
  return [`address >= ? AND address < ? AND ${MATCH}`, [...boundsOf(prefixOf(subject.network)), ...exactly(subject)]]
}

const days = (since: string): [number, number] => [dayNumber(since), dayNumber(dayOf(Date.now() * 1000))]

/** From the first to past the last octets that begin as the network does. */
function boundsOf(start: Uint8Array): [Uint8Array, Uint8Array] {
  const end = start.slice()
  let at = end.length - 1
  while (at >= 0 && end[at] === 255) at--
  if (at < 0) return [start, new Uint8Array(17).fill(255)]
  end[at]!++
  return [start, end.slice(0, at + 1)]
}

/**
 * IPv6 or not, since octets of one may begin as those of the other do; whether the whole network is meant; else the address, or what
 * stands for it where only networks are kept.
 */
function exactly(place: Place): [number, number, Uint8Array, Uint8Array] {
  const network = prefixOf(place.network)
  const isIpv6 = network.length > 4 ? 1 : 0
  return place.kind === 'network' ? [isIpv6, 1, network, network] : [isIpv6, 0, prefixOf(place.address), network]
}

const textOf = (value: Value | undefined): string | undefined => (value === '' ? undefined : (value as string))

const labelRow = (row: Row): LabelRow => ({
  label: textOf(row.label),
  family: textOf(row.family),
  networks: row.networks as number,
  connections: row.connections as number,
})

/** One row a stack from one row a stack and account, of which an address may have very many. */
function grouped(rows: readonly Row[]): HostRow[] {
  const groups = new Map<number, { row: Row; connections: number; first: number; last: number; accounts: string[] }>()
  for (const row of rows) {
    const [first, last, connections] = [row.first as number, row.last as number, row.connections as number]
    let group = groups.get(row.id as number)
    if (group === undefined) {
      group = { row, connections: 0, first, last, accounts: [] }
      groups.set(row.id as number, group)
    }
    group.connections += connections
    group.first = Math.min(group.first, first)
    group.last = Math.max(group.last, last)
    group.accounts.push((row.account ?? '') as string)
  }
  return [...groups.values()]
    .sort((a, b) => b.last - a.last)
    .map(({ row, connections, first, last, accounts }) => ({
      stack: row.stack as string,
      label: textOf(row.label),
      family: textOf(row.family),
      connections,
      firstSeen: isoOf(first),
      lastSeen: isoOf(last),
      accounts: sortAccounts(accounts),
    }))
}
