/**
 * SQLite, the embedded engine: `node:sqlite`, one code path on Bun, Deno and Node 22.5 and newer.
 *
 * WAL, so that several processes may write one file. Triggers keep the counts, see `sqlite-schema.ts`.
 * @module
 */
import { fromHex } from '../base/bytes.ts'
import { networkPrefix, prefixOf } from './address.ts'
import { dayNumber } from './answers.ts'
import { readHosts, readLabels, readLabelsByDay, readStacks, recountNetwork, whereOf } from './sqlite-answers.ts'
import { openDatabase, resultCode, type SqliteDatabase } from './sqlite-database.ts'
import type { Run, Value } from './sqlite-runner.ts'
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
} from './types.ts'

/** Result codes that are about a row, sqlite.org/rescode.html: SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH. */
const REFUSALS = [18, 19, 20]

/** Rows that are removed of a table in one go, in a thread and without: some milliseconds of the event loop. */
const SLICE = { apart: 2000, here: 200 } as const

/** Observations among which one call looks for those to forget. */
const SCANNED = 10_000
/** True of an account of which neither a count is left nor an observation without a stack, which has no count. */
const UNUSED = `NOT EXISTS (SELECT 1 FROM seen_daily WHERE account = account.id AND account <> 0)
  AND NOT EXISTS (SELECT 1 FROM observation WHERE account = account.id AND account <> 0 AND stack = 0)`
/** The same of any observation, which takes a look at all of them: for where counts are kept for less long. */
const UNSEEN = 'id NOT IN (SELECT account FROM observation)'

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

const MACHINE = '(SELECT id FROM machine WHERE boot = ? AND host = ?)'
const ACCOUNT = '(SELECT id FROM account WHERE name = ?)'
const ADD_MACHINE = 'INSERT INTO machine (boot, host) VALUES (?, ?) ON CONFLICT DO NOTHING'
const ADD_ACCOUNT = 'INSERT INTO account (name) VALUES (?) ON CONFLICT DO NOTHING'
const ADD_STACK = `INSERT INTO stack (stack, label, family, muonfp, haproxy, mss, tcp_window, scale, options)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
const INSERT = `INSERT INTO observation (seen, machine, cookie, lasted, address, port, server_port, stack, ttl, rtt, rtt_provenance,
  first_data_delay, tls_round_trip, requests, account, syn) VALUES (?, ${MACHINE}, ?, 0, ?, ?, ?,
  ifnull((SELECT id FROM stack WHERE stack = ? AND label = ? AND family = ?), 0), ?, ?, ?, ?, ?, ?, ifnull(${ACCOUNT}, 0), ?)
  ON CONFLICT DO NOTHING`
const UPDATE = `UPDATE observation SET lasted = max(lasted, ?), requests = max(requests, ?), account = ifnull(${ACCOUNT}, account)
  WHERE seen = ? AND machine = ${MACHINE} AND cookie = ?`
const DAILY_ROW = 'WHERE day = ? AND address = ? AND stack = ? AND account = ?'
const TAKE_FROM_SUM = `UPDATE stack_daily SET connections = connections - ifnull((SELECT connections FROM seen_daily ${DAILY_ROW}), 0)
  WHERE day = ? AND stack = ?`
/** After a statement that changes rows: how many it were. */
const CHANGES: Run = ['SELECT changes() AS n']

class SqliteEngine implements Engine {
  readonly #database: SqliteDatabase
  /** Accounts up to this number were looked at for whether they are still used. */
  #accountsLooked = 0

  constructor(database: SqliteDatabase) {
    this.#database = database
  }

  /** A row costs the event loop 3 µs where a thread writes it, else 20. */
  get batch(): Engine['batch'] {
    return { rows: this.#database.isApart ? 128 : 32, milliseconds: 1000 }
  }

  async write(batch: Batch): Promise<void> {
    await this.#database.transaction(runsOf(batch))
  }

  writeNow(batch: Batch): void {
    this.#database.transactionNow(runsOf(batch))
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
    while (await this.#forgetCounts(where, values)) await nextTurn()
    if (subject.kind === 'account') {
      await this.#database.transaction([['DELETE FROM account WHERE name = ?', subject.account]])
    }
    return count
  }

  get #slice(): number {
    return this.#database.isApart ? SLICE.apart : SLICE.here
  }

  /** Runs a statement by itself; how many rows it has changed. */
  async #change(...run: Run): Promise<number> {
    return Number((await this.#database.transaction([run, CHANGES]))[0]!.n)
  }

  /** Forgets among a slice of the observations; how many went, and where the next slice begins. */
  async #forgetFrom(from: number, where: string, values: readonly Value[]): Promise<[number, number | undefined]> {
    const [end] = await this.#database.all(
      `SELECT seen FROM observation WHERE seen >= ? ORDER BY seen LIMIT 1 OFFSET ${SCANNED}`,
      from,
    )
    const next = end?.seen as number | undefined
    const sql = `DELETE FROM observation WHERE seen >= ? AND seen < ? AND ${where}`
    return [await this.#change(sql, from, next ?? Number.MAX_SAFE_INTEGER, ...values), next]
  }

  /** Forgets a slice of the counts, and takes it from their sums. True if there may be more. */
  async #forgetCounts(where: string, values: readonly Value[]): Promise<boolean> {
    const slice = this.#slice
    const rows = await this.#database.all(
      `SELECT day, address, stack, account FROM seen_daily WHERE ${where} LIMIT ?`,
      ...values,
      slice,
    )
    const runs: Run[] = []
    const networks = new Map<string, readonly Run[]>()
    for (const { day, address, stack, account } of rows) {
      const key = [day!, address!, stack!, account!] as const
      runs.push([TAKE_FROM_SUM, ...key, day!, stack!], [`DELETE FROM seen_daily ${DAILY_ROW}`, ...key])
      const network = networkPrefix(address as Uint8Array)
      networks.set(`${stack} ${network}`, recountNetwork(stack!, network))
    }
    runs.push(['DELETE FROM stack_daily WHERE connections <= 0'], ...[...networks.values()].flat())
    await this.#database.transaction(runs)
    return rows.length === slice
  }

  async expire(observationsBefore: string, dailyBefore: string): Promise<boolean> {
    const slice = this.#slice
    const day = dayNumber(dailyBefore)
    const old = [
      ['observation', 'seen, machine, cookie', 'seen', dayNumber(observationsBefore) * 86_400_000_000],
      ['seen_daily', 'day, address, stack, account', 'day', day],
      ['stack_daily', 'day, stack', 'day', day],
      ['stack_network', 'stack, network', 'last_day', day],
    ] as const
    let isMore = false
    for (const [table, key, time, before] of old) {
      const sql = `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE ${time} < ? LIMIT ?)`
      if ((await this.#change(sql, before, slice)) === slice) isMore = true
    }
    return isMore || (await this.#expireAccounts(dailyBefore > observationsBefore ? `${UNUSED} AND ${UNSEEN}` : UNUSED))
  }

  /** Names of accounts of which no row is left go as well, a slice at a time. True if there may be more. */
  async #expireAccounts(where: string): Promise<boolean> {
    const from = this.#accountsLooked
    const [end] = await this.#database.all(
      'SELECT max(id) AS id FROM (SELECT id FROM account WHERE id > ? ORDER BY id LIMIT ?)',
      from,
      this.#slice,
    )
    const last = end!.id as number | null
    if (last !== null) await this.#change(`DELETE FROM account WHERE id > ? AND id <= ? AND ${where}`, from, last)
    this.#accountsLooked = last ?? 0
    return last !== null
  }

  /** A row that breaks the tables' rules; everything else (locked, full, read-only, input and output) may pass. */
  isRefusal(error: unknown): boolean {
    return REFUSALS.includes(resultCode(error)) || (error as Error).name === 'TypeError'
  }

  async close(): Promise<void> {
    await this.#database.close()
  }
}

/** What writes a batch: its names, then its rows. */
function runsOf({ observations, updates }: Batch): Run[] {
  const names: Run[] = []
  const named = new Set<Stack | string>()
  const addName = (key: Stack | string, run: () => Run): void => {
    if (named.has(key)) return
    named.add(key)
    names.push(run())
  }
  const rows: Run[] = []
  let machine: Observation | undefined
  const addNames = (one: Observation, account: string): void => {
    if (one.boot !== machine?.boot || one.host !== machine.host) names.push([ADD_MACHINE, one.boot, one.host])
    machine = one
    if (account !== '') addName(account, () => [ADD_ACCOUNT, account])
  }
  for (const one of observations) {
    addNames(one, one.account)
    const { stack } = one
    const key = stack === undefined ? [null, null, null] : stackKey(stack)
    // Rows share stacks, see `observation.ts`; the same twice is kept once.
    if (stack !== undefined) addName(stack, () => [ADD_STACK, ...key, ...stackFacts(stack)])
    const provenance = PROVENANCES.indexOf(one.rttProvenance ?? '') + 1
    rows.push([
      INSERT,
      one.seen,
      one.boot,
      one.host,
      cookieValue(one.cookie),
      prefixOf(one.address),
      one.port ?? null,
      one.serverPort ?? null,
      ...key,
      one.timeToLive ?? null,
      one.rtt ?? null,
      provenance === 0 ? null : provenance,
      one.firstDataDelay ?? null,
      one.tlsRoundTrip ?? null,
      one.requests,
      one.account,
      one.syn === undefined ? null : octetsOf(one.syn),
    ])
  }
  for (const { first, lastSeen, requests, account } of updates) {
    addNames(first, account)
    const { seen, boot, host, cookie } = first
    rows.push([UPDATE, lastSeen - seen, requests, account, seen, boot, host, cookieValue(cookie)])
  }
  return [...names, ...rows]
}

const stackKey = ({ stack, label, family }: Stack): Value[] => [stack, label ?? '', family ?? '']
const stackFacts = ({ muonfp, haproxy, mss, window, scale, options }: Stack): Value[] => [
  muonfp,
  haproxy,
  mss ?? null,
  window,
  scale ?? null,
  options,
]

/** A cookie is stored as a number where it is one that SQLite holds: 64 bits, signed. */
function cookieValue(cookie: string): Value {
  const number = Number(cookie)
  return Number.isSafeInteger(number) && String(number) === cookie ? number : cookie
}

function octetsOf(hex: string): Uint8Array | null {
  const read = fromHex(hex)
  return read.ok ? read.value : null
}
