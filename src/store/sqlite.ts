/**
 * SQLite, the embedded engine: `node:sqlite`, one code path on Bun, Deno and Node 22.5 and newer.
 *
 * WAL, so that several processes may write one file. Its calls block the event loop, about 13 µs a row, so batches are small.
 * @module
 */
import { fromHex } from '../base/bytes.ts'
import { processGlobal } from '../runtime/globals.ts'
import { prefixOf, textOfPrefix } from './address.ts'
import { dayNumber, dayOf, isoOf, sortAccounts } from './answers.ts'
import { MIGRATIONS } from './sqlite-schema.ts'
import type {
  Batch,
  Engine,
  HostRow,
  LabelDayRow,
  LabelRow,
  Observation,
  Place,
  Stack,
  StackRow,
  Subject,
  Update,
} from './types.ts'

/** What is used of `node:sqlite`. */
interface Database {
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
}
interface Statement {
  run(...values: Value[]): { readonly changes: number | bigint }
  get(...values: Value[]): Row | undefined
  all(...values: Value[]): Row[]
}
type Value = string | number | Uint8Array | null
type Row = Readonly<Record<string, Value>>

/** Result codes, sqlite.org/rescode.html. */
const SQLITE_TOOBIG = 18
const SQLITE_CONSTRAINT = 19
const SQLITE_MISMATCH = 20

/** Milliseconds to wait for another process that writes. */
const BUSY_TIMEOUT = 2000
/** Rows that one call of `expire` removes of a table: some milliseconds. */
const SLICE = 500
/** Stacks and accounts whose numbers are remembered. */
const REMEMBERED = 4096

/**
 * Opens a file, or `:memory:`, and brings its tables up to date.
 *
 * @throws {Error} the file cannot be opened, is no database, or was made by a newer version of this library
 */
export function openSqlite(path: string): Engine {
  const builtin = processGlobal()?.getBuiltinModule?.('node:sqlite') as
    | { readonly DatabaseSync: new (path: string) => Database }
    | undefined
  if (builtin === undefined) {
    throw new Error(
      'Cannot open SQLite: this runtime has no node:sqlite, which came with Node 22.5, Deno 2.2 and Bun 1.4; expected one of these',
    )
  }
  const database = new builtin.DatabaseSync(path)
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT}`)
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    migrate(database, path)
    return new SqliteEngine(database)
  } catch (error) {
    database.close()
    throw error
  }
}

/** `PRAGMA user_version` is the version of the tables' shape. */
function migrate(database: Database, path: string): void {
  const readVersion = (): number => Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0)
  const found = readVersion()
  if (found === MIGRATIONS.length) return
  if (found > MIGRATIONS.length) {
    throw new Error(`Cannot open "${path}": its tables have version ${found}, this library knows ${MIGRATIONS.length}`)
  }
  inTransaction(database, () => {
    // Another process may have done it while this one waited for the lock.
    for (let version = readVersion(); version < MIGRATIONS.length; version++) {
      database.exec(MIGRATIONS[version]!)
      database.exec(`PRAGMA user_version = ${version + 1}`)
    }
  })
}

function inTransaction<T>(database: Database, run: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = run()
    database.exec('COMMIT')
    return result
  } catch (error) {
    try {
      database.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself, as it does on a full disk.
    }
    throw error
  }
}

/** Every UTC day from ? to today, for one seek into `seen_daily` a day. */
const DAYS = `WITH RECURSIVE days (day) AS (SELECT ? UNION ALL SELECT day + 1 FROM days WHERE day < ?)`
const INSERT = `INSERT INTO observation (machine, cookie, seen, lasted, address, port, server_port, stack, ttl, rtt, rtt_provenance,
  first_data_delay, tls_round_trip, requests, account, syn) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING`
const COUNT = `INSERT INTO seen_daily (day, address, stack, account, connections, first, last, rtt) VALUES (?, ?, ?, ?, 1, ?, ?, ?)
  ON CONFLICT DO UPDATE SET connections = connections + 1, first = min(first, excluded.first), last = max(last, excluded.last),
  rtt = min(ifnull(rtt, excluded.rtt), ifnull(excluded.rtt, rtt))`
const DAILY_ROW = 'WHERE day = ? AND address = ? AND stack = ? AND account = ?'
/** Networks of the addresses of a group: they have the first three or eight octets in common. */
const NETWORKS = 'count(DISTINCT substr(address, 1, CASE WHEN length(address) > 4 THEN 8 ELSE 3 END))'

class SqliteEngine implements Engine {
  readonly batch = { rows: 200, milliseconds: 1000 }
  readonly #database: Database
  readonly #statements = new Map<string, Statement>()
  readonly #numbers = new Map<string, number>()

  constructor(database: Database) {
    this.#database = database
  }

  #prepare(sql: string): Statement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  async write(batch: Batch): Promise<void> {
    this.writeNow(batch)
  }

  writeNow({ observations, updates }: Batch): void {
    try {
      inTransaction(this.#database, () => {
        for (const one of observations) this.#insert(one)
        for (const one of updates) this.#update(one)
      })
    } catch (error) {
      // Numbers given in this transaction have gone with it.
      this.#numbers.clear()
      throw error
    }
  }

  #insert(one: Observation): void {
    const stack = one.stack === undefined ? 0 : this.#stackNumber(one.stack)
    const account = this.#accountNumber(one.account)
    const address = prefixOf(one.address)
    const { changes } = this.#prepare(INSERT).run(
      this.#machineNumber(one),
      cookieValue(one.cookie),
      one.seen,
      address,
      one.port ?? null,
      one.serverPort ?? null,
      stack,
      one.timeToLive ?? null,
      one.rtt ?? null,
      one.rttProvenance ?? null,
      one.firstDataDelay ?? null,
      one.tlsRoundTrip ?? null,
      one.requests,
      account,
      one.syn === undefined ? null : octetsOf(one.syn),
    )
    if (Number(changes) === 0 || stack === 0) return
    const { seen, rtt } = one
    this.#prepare(COUNT).run(dayNumber(dayOf(seen)), address, stack, account, seen, seen, rtt ?? null)
  }

  #update({ first, lastSeen, requests, account: name }: Update): void {
    const key = [this.#machineNumber(first), cookieValue(first.cookie)] as const
    const found = this.#prepare(
      'SELECT seen, stack, account, address, rtt FROM observation WHERE machine = ? AND cookie = ?',
    ).get(...key)
    // It was forgotten or has expired.
    if (found === undefined) return
    const seen = found.seen as number
    const account = name === '' ? found.account! : this.#accountNumber(name)
    this.#prepare(
      'UPDATE observation SET lasted = max(lasted, ?), requests = max(requests, ?), account = ? WHERE machine = ? AND cookie = ?',
    ).run(lastSeen - seen, requests, account, ...key)
    if (found.stack === 0) return
    const place = [dayNumber(dayOf(seen)), found.address!, found.stack!] as const
    if (account !== found.account) {
      // A connection counts for the account that was named last.
      this.#uncount([...place, found.account!])
      this.#prepare(COUNT).run(...place, account, seen, lastSeen, found.rtt!)
    }
    this.#prepare(`UPDATE seen_daily SET last = max(last, ?) ${DAILY_ROW}`).run(lastSeen, ...place, account)
  }

  #uncount(row: readonly Value[]): void {
    this.#prepare(`UPDATE seen_daily SET connections = connections - 1 ${DAILY_ROW}`).run(...row)
    this.#prepare(`DELETE FROM seen_daily ${DAILY_ROW} AND connections <= 0`).run(...row)
  }

  #machineNumber({ boot, host }: { readonly boot: string; readonly host: string }): number {
    return this.#number(
      `machine ${boot} ${host}`,
      'SELECT id FROM machine WHERE boot = ? AND host = ?',
      'INSERT INTO machine (boot, host) VALUES (?, ?)',
      [boot, host],
    )
  }

  #accountNumber(account: string): number {
    if (account === '') return 0
    return this.#number(
      `account ${account}`,
      'SELECT id FROM account WHERE name = ?',
      'INSERT INTO account (name) VALUES (?)',
      [account],
    )
  }

  #stackNumber(one: Stack): number {
    const key = [one.stack, one.label ?? '', one.family ?? '']
    return this.#number(
      `stack ${key.join(' ')}`,
      'SELECT id FROM stack WHERE stack = ? AND label = ? AND family = ?',
      'INSERT INTO stack (stack, label, family, muonfp, haproxy, mss, tcp_window, scale, options) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      key,
      [one.muonfp, one.haproxy, one.mss ?? null, one.window, one.scale ?? null, one.options],
    )
  }

  #number(name: string, select: string, insert: string, key: readonly Value[], rest: readonly Value[] = []): number {
    let number = this.#numbers.get(name)
    if (number !== undefined) return number
    let row = this.#prepare(select).get(...key)
    if (row === undefined) {
      this.#prepare(insert).run(...key, ...rest)
      row = this.#prepare(select).get(...key)
    }
    number = row!.id as number
    if (this.#numbers.size >= REMEMBERED) this.#numbers.clear()
    this.#numbers.set(name, number)
    return number
  }

  async hosts(place: Place, since: string): Promise<HostRow[]> {
    const rows = this.#prepare(
      `${DAYS} SELECT s.stack, s.label, s.family, a.name AS account, sum(d.connections) AS connections, min(d.first) AS first,
         max(d.last) AS last
       FROM days CROSS JOIN seen_daily d ON d.day = days.day AND d.address >= ? AND d.address < ? AND (? OR d.address IN (?, ?))
       JOIN stack s ON s.id = d.stack LEFT JOIN account a ON a.id = d.account GROUP BY s.id, d.account`,
    ).all(...days(since), ...bounds(place.network), ...exactly(place))
    return grouped(rows)
  }

  async stacks(account: string, since: string): Promise<StackRow[]> {
    const rows = this.#prepare(
      `SELECT s.stack, s.label, substr(d.address, 1, CASE WHEN length(d.address) > 4 THEN 8 ELSE 3 END) AS network,
         sum(d.connections) AS connections, min(d.first) AS first, max(d.last) AS last
       FROM seen_daily d JOIN stack s ON s.id = d.stack
       WHERE d.account = (SELECT id FROM account WHERE name = ?) AND d.account <> 0 AND d.day >= ? GROUP BY s.id, network ORDER BY last DESC`,
    ).all(account, dayNumber(since))
    return rows.map((row) => ({
      network: textOfPrefix(row.network as Uint8Array),
      stack: row.stack as string,
      label: textOf(row.label),
      connections: row.connections as number,
      firstSeen: isoOf(row.first as number),
      lastSeen: isoOf(row.last as number),
    }))
  }

  async labels(since: string): Promise<LabelRow[]> {
    const rows = this.#prepare(
      `SELECT s.label, s.family, ${NETWORKS} AS networks, sum(connections) AS connections FROM seen_daily d
       JOIN stack s ON s.id = d.stack WHERE day >= ? GROUP BY s.label, s.family ORDER BY connections DESC, s.label`,
    ).all(dayNumber(since))
    return rows.map(labelRow)
  }

  async labelsByDay(since: string): Promise<LabelDayRow[]> {
    const rows = this.#prepare(
      `SELECT day, s.label, s.family, ${NETWORKS} AS networks, sum(connections) AS connections FROM seen_daily d
       JOIN stack s ON s.id = d.stack WHERE day >= ? GROUP BY day, s.label, s.family ORDER BY day, connections DESC, s.label`,
    ).all(dayNumber(since))
    return rows.map((row) => ({ day: dayOf((row.day as number) * 86_400_000_000), ...labelRow(row) }))
  }

  async forget(subject: Subject): Promise<number> {
    return inTransaction(this.#database, () => {
      const [where, values] = subjectOf(subject)
      const { changes } = this.#prepare(`DELETE FROM observation WHERE ${where}`).run(...values)
      this.#prepare(`DELETE FROM seen_daily WHERE ${where}`).run(...values)
      if (subject.kind === 'account') {
        this.#prepare('DELETE FROM account WHERE name = ?').run(subject.account)
        this.#numbers.clear()
      }
      return Number(changes)
    })
  }

  async expire(observationsBefore: string, dailyBefore: string): Promise<boolean> {
    const observations = this.#prepare(
      `DELETE FROM observation WHERE (machine, cookie) IN (SELECT machine, cookie FROM observation WHERE seen < ? LIMIT ${SLICE})`,
    ).run(dayNumber(observationsBefore) * 86_400_000_000)
    const daily = this.#prepare(
      `DELETE FROM seen_daily WHERE (day, address, stack, account) IN
         (SELECT day, address, stack, account FROM seen_daily WHERE day < ? LIMIT ${SLICE})`,
    ).run(dayNumber(dailyBefore))
    return Number(observations.changes) === SLICE || Number(daily.changes) === SLICE
  }

  /** A row that breaks the tables' rules; everything else (locked, full, read-only, input and output) may pass. */
  isRefusal(error: unknown): boolean {
    const code = Number((error as { errcode?: unknown }).errcode ?? 0) & 255
    return (
      code === SQLITE_CONSTRAINT || code === SQLITE_MISMATCH || code === SQLITE_TOOBIG || error instanceof TypeError
    )
  }

  async close(): Promise<void> {
    this.#database.close()
  }
}

/** A cookie is stored as a number where it is one that SQLite holds: 64 bits, signed. */
function cookieValue(cookie: string): Value {
  const number = Number(cookie)
  return Number.isSafeInteger(number) && String(number) === cookie ? number : cookie
}

function octetsOf(hex: string): Uint8Array | null {
  const read = fromHex(hex)
  return read.ok ? read.value : null
}

const days = (since: string): [number, number] => [dayNumber(since), dayNumber(dayOf(Date.now() * 1000))]

/** From the first to past the last octets that begin as the network does. */
function bounds(network: string): [Uint8Array, Uint8Array] {
  const start = prefixOf(network)
  const end = start.slice()
  let at = end.length - 1
  while (at >= 0 && end[at] === 255) at--
  if (at < 0) return [start, new Uint8Array(17).fill(255)]
  end[at]!++
  return [start, end.slice(0, at + 1)]
}

/** Whether the whole network is meant; else the address, or what stands for it where only networks are kept. */
function exactly(place: Place): [number, Uint8Array, Uint8Array] {
  const network = prefixOf(place.network)
  return place.kind === 'network' ? [1, network, network] : [0, prefixOf(place.address), network]
}

function subjectOf(subject: Subject): [string, Value[]] {
  if (subject.kind === 'account') {
    return ['account <> 0 AND account = (SELECT id FROM account WHERE name = ?)', [subject.account]]
  }
  return [
    'address >= ? AND address < ? AND (? OR address IN (?, ?))',
    [...bounds(subject.network), ...exactly(subject)],
  ]
}

const textOf = (value: Value | undefined): string | undefined => (value === '' ? undefined : (value as string))

const labelRow = (row: Row): LabelRow => ({
  label: textOf(row.label),
  family: textOf(row.family),
  networks: row.networks as number,
  connections: row.connections as number,
})

/** One row a stack from one row a stack and account. */
function grouped(rows: readonly Row[]): HostRow[] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = `${row.stack} ${row.label} ${row.family}`
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  const hosts = [...groups.values()].map((group) => ({
    stack: group[0]!.stack as string,
    label: textOf(group[0]!.label),
    family: textOf(group[0]!.family),
    connections: group.reduce((sum, row) => sum + (row.connections as number), 0),
    firstSeen: isoOf(Math.min(...group.map((row) => row.first as number))),
    lastSeen: isoOf(Math.max(...group.map((row) => row.last as number))),
    accounts: sortAccounts(group.map((row) => (row.account ?? '') as string)),
  }))
  return hosts.sort((a, b) => (a.lastSeen < b.lastSeen ? 1 : a.lastSeen > b.lastSeen ? -1 : 0))
}
