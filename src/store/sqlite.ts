/**
 * SQLite, the embedded engine: `node:sqlite`, one code path on Bun, Deno and Node 22.5 and newer.
 *
 * WAL, so that several processes may write one file. Its calls block the event loop, 16 µs a row, so batches are small.
 * @module
 */
import { fromHex } from '../base/bytes.ts'
import { networkPrefix, prefixOf } from './address.ts'
import { dayNumber, dayOf } from './answers.ts'
import { lastDayOf, readHosts, readLabels, readLabelsByDay, readStacks, whereOf } from './sqlite-answers.ts'
import { openDatabase, resultCode, type SqliteDatabase, type Value } from './sqlite-database.ts'
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

/** Result codes that are about a row, sqlite.org/rescode.html: SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH. */
const REFUSALS = [18, 19, 20]

/** Rows that one call of `expire` removes of a table: some milliseconds. */
const SLICE = 200
/** Stacks and accounts whose numbers are remembered. */
const REMEMBERED = 4096

/** Observations among which one call looks for those to forget. */
const SCANNED = 10_000
/** True of an account of which no count is left. */
const UNUSED = 'NOT EXISTS (SELECT 1 FROM seen_daily WHERE account = account.id AND account <> 0)'

/**
 * Opens a file, or `:memory:`, and brings its tables up to date.
 *
 * @throws {Error} (rejects) the file cannot be opened, is no database, or was made by a newer version of this library
 */
export async function openSqlite(path: string): Promise<Engine> {
  return new SqliteEngine(await openDatabase(path))
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

/** Numbers of `rtt_provenance`, from 1. */
const PROVENANCES = ['handshake', 'recovered', 'minimum', 'retransmitted', 'cookie', 'deferred']

const INSERT = `INSERT INTO observation (seen, machine, cookie, lasted, address, port, server_port, stack, ttl, rtt, rtt_provenance,
  first_data_delay, tls_round_trip, requests, account, syn) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING`
const COUNT = `INSERT INTO seen_daily (day, address, stack, account, connections, first, last, rtt) VALUES (?, ?, ?, ?, 1, ?, ?, ?)
  ON CONFLICT DO UPDATE SET connections = connections + 1, first = min(first, excluded.first), last = max(last, excluded.last),
  rtt = min(ifnull(rtt, excluded.rtt), ifnull(excluded.rtt, rtt))`
const COUNT_STACK = `INSERT INTO stack_daily (day, stack, connections) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET connections = connections + excluded.connections`
const COUNT_NETWORK = `INSERT INTO stack_network (stack, network, last_day) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET last_day = excluded.last_day WHERE last_day < excluded.last_day`
const ROW = 'WHERE seen = ? AND machine = ? AND cookie = ?'
const DAILY_ROW = 'WHERE day = ? AND address = ? AND stack = ? AND account = ?'

class SqliteEngine implements Engine {
  readonly batch = { rows: 32, milliseconds: 1000 }
  readonly #database: SqliteDatabase
  readonly #numbers = new Map<string, number>()
  /** Accounts up to this number were looked at for whether they are still used. */
  #accountsLooked = 0

  constructor(database: SqliteDatabase) {
    this.#database = database
  }

  async write(batch: Batch): Promise<void> {
    try {
      await this.#database.transaction(() => this.#writeAll(batch))
    } catch (error) {
      // Numbers given in this transaction have gone with it.
      this.#numbers.clear()
      throw error
    }
  }

  writeNow(batch: Batch): void {
    this.#database.transactionNow(() => this.#writeAll(batch))
  }

  #writeAll({ observations, updates }: Batch): void {
    // Another process may have removed an account, and its number.
    if (this.#database.hasChangedElsewhere()) this.#numbers.clear()
    for (const one of observations) this.#insert(one)
    for (const one of updates) this.#update(one)
  }

  #insert(one: Observation): void {
    const stack = one.stack === undefined ? 0 : this.#stackNumber(one.stack)
    const account = this.#accountNumber(one.account)
    const address = prefixOf(one.address)
    const provenance = PROVENANCES.indexOf(one.rttProvenance ?? '') + 1
    const { changes } = this.#database
      .prepare(INSERT)
      .run(
        one.seen,
        this.#machineNumber(one),
        cookieValue(one.cookie),
        address,
        one.port ?? null,
        one.serverPort ?? null,
        stack,
        one.timeToLive ?? null,
        one.rtt ?? null,
        provenance === 0 ? null : provenance,
        one.firstDataDelay ?? null,
        one.tlsRoundTrip ?? null,
        one.requests,
        account,
        one.syn === undefined ? null : octetsOf(one.syn),
      )
    if (Number(changes) === 0 || stack === 0) return
    const { seen, rtt } = one
    const day = dayNumber(dayOf(seen))
    this.#database.prepare(COUNT).run(day, address, stack, account, seen, seen, rtt ?? null)
    this.#database.prepare(COUNT_STACK).run(day, stack, 1)
    this.#database.prepare(COUNT_NETWORK).run(stack, networkPrefix(address), day)
  }

  #update({ first, lastSeen, requests, account: name }: Update): void {
    const { seen } = first
    const key = [seen, this.#machineNumber(first), cookieValue(first.cookie)] as const
    const found = this.#database.prepare(`SELECT stack, account, address, rtt FROM observation ${ROW}`).get(...key)
    // It was forgotten or has expired.
    if (found === undefined) return
    const account = name === '' ? found.account! : this.#accountNumber(name)
    this.#database
      .prepare(`UPDATE observation SET lasted = max(lasted, ?), requests = max(requests, ?), account = ? ${ROW}`)
      .run(lastSeen - seen, requests, account, ...key)
    if (found.stack === 0) return
    const place = [dayNumber(dayOf(seen)), found.address!, found.stack!] as const
    if (account !== found.account) {
      // A connection counts for the account that was named last.
      this.#uncount([...place, found.account!])
      this.#database.prepare(COUNT).run(...place, account, seen, lastSeen, found.rtt!)
    }
    this.#database.prepare(`UPDATE seen_daily SET last = max(last, ?) ${DAILY_ROW}`).run(lastSeen, ...place, account)
  }

  #uncount(row: readonly Value[]): void {
    this.#database.prepare(`UPDATE seen_daily SET connections = connections - 1 ${DAILY_ROW}`).run(...row)
    this.#database.prepare(`DELETE FROM seen_daily ${DAILY_ROW} AND connections <= 0`).run(...row)
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
    let row = this.#database.prepare(select).get(...key)
    if (row === undefined) {
      this.#database.prepare(insert).run(...key, ...rest)
      row = this.#database.prepare(select).get(...key)
    }
    number = row!.id as number
    if (this.#numbers.size >= REMEMBERED) this.#numbers.clear()
    this.#numbers.set(name, number)
    return number
  }

  hosts(place: Place, since: string): Promise<HostRow[]> {
    return readHosts(this.#database, place, since)
  }

  stacks(account: string, since: string): Promise<StackRow[]> {
    return readStacks(this.#database, account, since)
  }

  labels(since: string): Promise<LabelRow[]> {
    return readLabels(this.#database, since)
  }

  labelsByDay(since: string): Promise<LabelDayRow[]> {
    return readLabelsByDay(this.#database, since)
  }

  async forget(subject: Subject): Promise<number> {
    const [where, values] = whereOf(subject)
    let count = 0
    // By time, since observations have no other index.
    for (let from: number | undefined = 0; from !== undefined; await nextTurn()) {
      const [removed, next] = await this.#forgetFrom(from, where, values)
      count += removed
      from = next
    }
    while (await this.#database.transaction(() => this.#forgetCounts(where, values))) await nextTurn()
    if (subject.kind === 'account') {
      await this.#database.transaction(() =>
        this.#database.prepare('DELETE FROM account WHERE name = ?').run(subject.account),
      )
    }
    this.#numbers.clear()
    return count
  }

  /** Forgets among a slice of the observations; how many went, and where the next slice begins. */
  #forgetFrom(from: number, where: string, values: readonly Value[]): Promise<[number, number | undefined]> {
    return this.#database.transaction(() => {
      const next = this.#database
        .prepare(`SELECT seen FROM observation WHERE seen >= ? ORDER BY seen LIMIT 1 OFFSET ${SCANNED}`)
        .get(from)?.seen as number | undefined
      const { changes } = this.#database
        .prepare(`DELETE FROM observation WHERE seen >= ? AND seen < ? AND ${where}`)
        .run(from, next ?? Number.MAX_SAFE_INTEGER, ...values)
      return [Number(changes), next]
    })
  }

  /** Forgets a slice of the counts, and takes it from their sums. True if there may be more. */
  #forgetCounts(where: string, values: readonly Value[]): boolean {
    const rows = this.#database
      .prepare(`SELECT day, address, stack, account, connections FROM seen_daily WHERE ${where} LIMIT ${SLICE}`)
      .all(...values)
    const networks = new Map<string, [Value, Uint8Array]>()
    for (const { day, address, stack, account, connections } of rows as Record<string, number>[]) {
      const octets = address as unknown as Uint8Array
      this.#database.prepare(`DELETE FROM seen_daily ${DAILY_ROW}`).run(day!, octets, stack!, account!)
      this.#database.prepare(COUNT_STACK).run(day!, stack!, -connections!)
      const network = networkPrefix(octets)
      networks.set(`${stack} ${network}`, [stack!, network])
    }
    this.#database.prepare('DELETE FROM stack_daily WHERE connections <= 0').run()
    for (const [stack, network] of networks.values()) {
      this.#database.prepare('DELETE FROM stack_network WHERE stack = ? AND network = ?').run(stack, network)
      const last = lastDayOf(this.#database, stack, network)
      if (last !== undefined) this.#database.prepare(COUNT_NETWORK).run(stack, network, last)
    }
    return rows.length === SLICE
  }

  async expire(observationsBefore: string, dailyBefore: string): Promise<boolean> {
    const day = dayNumber(dailyBefore)
    const conditions = {
      observation: ['seen, machine, cookie', `seen < ${dayNumber(observationsBefore) * 86_400_000_000}`],
      seen_daily: ['day, address, stack, account', `day < ${day}`],
      stack_daily: ['day, stack', `day < ${day}`],
      stack_network: ['stack, network', `last_day < ${day}`],
    }
    let isMore = false
    for (const [table, [key, where]] of Object.entries(conditions)) {
      const sql = `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE ${where} LIMIT ${SLICE})`
      const { changes } = await this.#database.transaction(() => this.#database.prepare(sql).run())
      isMore ||= Number(changes) === SLICE
    }
    return isMore || (await this.#expireAccounts())
  }

  /** Names of accounts of which no row is left go as well, a slice at a time. True if there may be more. */
  async #expireAccounts(): Promise<boolean> {
    const from = this.#accountsLooked
    const last = await this.#database.transaction(() => {
      const end = `SELECT max(id) AS id FROM (SELECT id FROM account WHERE id > ? ORDER BY id LIMIT ${SLICE})`
      const id = this.#database.prepare(end).get(from)?.id as number | null
      if (id === null) return undefined
      const { changes } = this.#database
        .prepare(`DELETE FROM account WHERE id > ? AND id <= ? AND ${UNUSED}`)
        .run(from, id)
      if (Number(changes) > 0) this.#numbers.clear()
      return id
    })
    this.#accountsLooked = last ?? 0
    return last !== undefined
  }

  /** A row that breaks the tables' rules; everything else (locked, full, read-only, input and output) may pass. */
  isRefusal(error: unknown): boolean {
    return REFUSALS.includes(resultCode(error)) || error instanceof TypeError
  }

  async close(): Promise<void> {
    await this.#database.close()
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
