/**
 * ClickHouse, by `fetch` to its HTTP interface.
 *
 * An observation that is brought up to date is inserted again with a later version: ReplacingMergeTree keeps the latest of a key, and
 * `FINAL` reads no other. What has expired goes by partitions, a day each: into `observation_expiring`, where nothing is added while
 * its counts are written to `seen_daily`, and then away. A row that comes later is counted beside them.
 * @module
 */
import { dayOf, isoOf, sortAccounts } from './answers.ts'
import type { Batch, Engine, HostRow, LabelDayRow, LabelRow, Observation, Place, StackRow, Subject } from './types.ts'

type Row = Readonly<Record<string, string | number | readonly string[]>>

/** Milliseconds after which a request to the server has failed. */
const TIMEOUT = 25_000

/** Connects to `clickhouse+http://USER:PASSWORD@HOST:PORT/DATABASE`, and brings its tables up to date. */
export async function openClickhouse(url: string, migrations: typeof MIGRATIONS = MIGRATIONS): Promise<Engine> {
  const engine = new ClickhouseEngine(new URL(url.slice('clickhouse+'.length)))
  await engine.migrate(migrations)
  return engine
}

/** The server's answer to a statement that it refused. */
class ClickhouseError extends Error {
  override readonly name = 'ClickhouseError'
  /** HTTP status: 400 is about the statement or its rows. */
  readonly status: number

  constructor(status: number, text: string) {
    super(`ClickHouse answered ${status}: ${text.slice(0, 300).trim()}`)
    this.status = status
  }
}

const STACK = `stack String, label LowCardinality(String), family LowCardinality(String)`
/**
 * Statements that bring the tables from version N to N + 1, N counting from 0. The version is in the comment of `observation`, which is made
 * last. There are no transactions: each statement must do no harm when it comes again.
 */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE IF NOT EXISTS seen_daily (
      day Date, network String, address String, ${STACK}, account String, connections UInt64, first DateTime64(6, 'UTC'),
      last DateTime64(6, 'UTC'), rtt Nullable(UInt32), written DateTime64(6, 'UTC') DEFAULT now64(6)
    ) ENGINE = ReplacingMergeTree(written) PARTITION BY toYYYYMM(day) ORDER BY (network, day, address, stack, label, family, account)`,
    `CREATE TABLE IF NOT EXISTS observation (
      seen DateTime64(6, 'UTC'), last_seen DateTime64(6, 'UTC'), boot LowCardinality(String), host LowCardinality(String), cookie String,
      network String, address String, port UInt16, server_port UInt16, ${STACK}, muonfp String, haproxy String, mss UInt16,
      tcp_window UInt16, scale Nullable(UInt8), options LowCardinality(String), ttl UInt8, distance UInt8, rtt Nullable(UInt32),
      rtt_provenance LowCardinality(String), first_data_delay Nullable(UInt32), tls_round_trip Nullable(UInt32), requests UInt32,
      account String, syn String, version UInt64
    ) ENGINE = ReplacingMergeTree(version) PARTITION BY toDate(seen) ORDER BY (network, seen, boot, host, cookie)
    COMMENT 'tcpfingerprint 1'`,
  ],
  ['CREATE TABLE IF NOT EXISTS observation_expiring AS observation'],
]

/** Where observations are that are not yet counts alone. */
const OBSERVATIONS = `merge(currentDatabase(), '^observation(_expiring)?$')`

const KEY = 'network, address, stack, label, family, account'
const BY_DAY = `GROUP BY day, ${KEY}`
/** Observations of a table as counts of their days. */
const counted = (
  table: string,
): string => `SELECT toDate(seen) AS day, ${KEY}, count() AS connections, min(seen) AS first, max(last_seen) AS last, min(o.rtt) AS rtt
  FROM ${table} AS o FINAL WHERE stack <> ''`
/** Counts of observations that are there no more: those of which the first still is are counted in its place. */
const kept = (
  table: string,
): string => `SELECT day, ${KEY}, connections, first, last, rtt FROM seen_daily FINAL WHERE (${KEY}, first) NOT IN (
  SELECT ${KEY}, seen FROM ${table} FINAL WHERE toDate(seen) IN (SELECT DISTINCT day FROM seen_daily))`

class ClickhouseEngine implements Engine {
  readonly batch = { rows: 5000, milliseconds: 2000 }
  readonly #endpoint: URL
  readonly #headers: Readonly<Record<string, string>>
  /** Observations of UTC days before this one have gone. */
  #expiredBefore = ''

  constructor(url: URL) {
    this.#endpoint = new URL(url.origin)
    const database = decodeURIComponent(url.pathname.slice(1)) || 'default'
    this.#headers = {
      'X-ClickHouse-Database': database,
      ...(url.username === '' ? {} : { 'X-ClickHouse-User': decodeURIComponent(url.username) }),
      ...(url.password === '' ? {} : { 'X-ClickHouse-Key': decodeURIComponent(url.password) }),
    }
  }

  async #send(sql: string, body?: string, settings: Readonly<Record<string, string>> = {}): Promise<string> {
    const url = new URL(this.#endpoint)
    for (const [name, value] of Object.entries(settings)) url.searchParams.set(name, value)
    if (body !== undefined) url.searchParams.set('query', sql)
    const response = await fetch(url, {
      method: 'POST',
      headers: this.#headers,
      body: body ?? sql,
      signal: AbortSignal.timeout(TIMEOUT),
    })
    const text = await response.text()
    if (!response.ok) throw new ClickhouseError(response.status, text)
    return text
  }

  async #ask(sql: string): Promise<Row[]> {
    const text = await this.#send(`${sql} FORMAT JSONEachRow`, undefined, {
      output_format_json_quote_64bit_integers: '0',
    })
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Row)
  }

  async migrate(migrations: typeof MIGRATIONS): Promise<void> {
    const found = await this.#version()
    if (found === undefined || found > migrations.length) {
      const seen = found === undefined ? 'are not of this library' : `have version ${found}`
      throw new Error(`Cannot open ClickHouse: its tables ${seen}, this library knows ${migrations.length}`)
    }
    for (let version = found; version < migrations.length; version++) {
      for (const statement of migrations[version]!) await this.#send(statement)
      if (version > 0)
        await this.#send(`ALTER TABLE observation MODIFY COMMENT ${quote(`tcpfingerprint ${version + 1}`)}`)
    }
  }

  /** 0 where there is no table; `undefined` where there is one of another program's. */
  async #version(): Promise<number | undefined> {
    const [row] = await this.#ask(
      `SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = 'observation'`,
    )
    if (row === undefined) return 0
    const version = /^tcpfingerprint (\d+)$/.exec(String(row.comment))?.[1]
    return version === undefined ? undefined : Number(version)
  }

  async write({ observations, updates }: Batch): Promise<void> {
    const rows = [
      ...observations.map((one) => rowOf(one, one.seen, one.requests, one.account)),
      // Inserted again after its day has gone, a connection would count twice.
      ...updates
        .filter((one) => dayOf(one.first.seen) >= this.#expiredBefore)
        .map((one) =>
          rowOf(one.first, one.lastSeen, one.requests, one.account === '' ? one.first.account : one.account),
        ),
    ]
    if (rows.length === 0) return
    await this.#send(
      'INSERT INTO observation FORMAT JSONEachRow',
      rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
      { async_insert: '1', wait_for_async_insert: '1' },
    )
  }

  /** Counts of the days from `since` on: of what is there as observations, and of the days that are only counts. */
  #counts(since: string, where: string): string {
    const from = quote(since)
    return `(${counted(OBSERVATIONS)} AND toDate(seen) >= ${from} AND ${where} ${BY_DAY}
      UNION ALL ${kept(OBSERVATIONS)} AND day >= ${from} AND ${where})`
  }

  async hosts(place: Place, since: string): Promise<HostRow[]> {
    const rows = await this.#ask(
      `SELECT stack, label, family, sum(connections) AS n, toUnixTimestamp64Milli(min(first)) AS begin, toUnixTimestamp64Milli(max(last)) AS end,
         groupUniqArray(account) AS accounts FROM ${this.#counts(since, placeWhere(place))} GROUP BY stack, label, family
       ORDER BY max(last) DESC`,
    )
    return rows.map((row) => ({
      ...stackOf(row),
      family: textOf(row.family),
      accounts: sortAccounts(row.accounts as readonly string[]),
    }))
  }

  async stacks(account: string, since: string): Promise<StackRow[]> {
    const rows = await this.#ask(
      `SELECT network, stack, label, sum(connections) AS n, toUnixTimestamp64Milli(min(first)) AS begin,
         toUnixTimestamp64Milli(max(last)) AS end FROM ${this.#counts(since, `account <> '' AND account = ${quote(account)}`)}
       GROUP BY network, stack, label ORDER BY max(last) DESC`,
    )
    return rows.map((row) => ({ network: row.network as string, ...stackOf(row) }))
  }

  async labels(since: string): Promise<LabelRow[]> {
    const rows = await this.#ask(
      `SELECT label, family, uniqExact(network) AS networks, sum(connections) AS n FROM ${this.#counts(since, '1')}
       GROUP BY label, family ORDER BY n DESC, label`,
    )
    return rows.map(labelRow)
  }

  async labelsByDay(since: string): Promise<LabelDayRow[]> {
    const rows = await this.#ask(
      `SELECT toString(day) AS day_text, label, family, uniqExact(network) AS networks, sum(connections) AS n
       FROM ${this.#counts(since, '1')} GROUP BY day, label, family ORDER BY day, n DESC, label`,
    )
    return rows.map((row) => ({ day: row.day_text as string, ...labelRow(row) }))
  }

  async forget(subject: Subject): Promise<number> {
    const where =
      subject.kind === 'account' ? `account <> '' AND account = ${quote(subject.account)}` : placeWhere(subject)
    const [row] = await this.#ask(`SELECT count() AS n FROM ${OBSERVATIONS} FINAL WHERE ${where}`)
    for (const table of ['observation', 'observation_expiring', 'seen_daily']) {
      await this.#send(`ALTER TABLE ${table} DELETE WHERE ${where}`, undefined, { mutations_sync: '1' })
    }
    return Number(row?.n ?? 0)
  }

  async expire(observationsBefore: string, dailyBefore: string): Promise<boolean> {
    this.#expiredBefore = observationsBefore
    const [oldest] = await this.#ask(
      `SELECT toString(min(toDate(seen))) AS day, count() AS n FROM ${OBSERVATIONS} WHERE seen < ${quote(`${observationsBefore} 00:00:00`)}`,
    )
    await this.#send(`ALTER TABLE seen_daily DELETE WHERE day < ${quote(dailyBefore)}`)
    if (oldest === undefined || Number(oldest.n) === 0) return false
    const day = quote(oldest.day as string)
    const gone = 'observation_expiring'
    await this.#send(`ALTER TABLE observation MOVE PARTITION ${day} TO TABLE ${gone}`)
    await this.#send(
      `INSERT INTO seen_daily (day, ${KEY}, connections, first, last, rtt) SELECT day, ${KEY}, sum(connections), min(first), max(last), min(rtt)
       FROM (${counted(gone)} AND toDate(seen) = ${day} ${BY_DAY} UNION ALL ${kept(gone)} AND day = ${day}) ${BY_DAY}`,
    )
    await this.#send(`ALTER TABLE ${gone} DROP PARTITION ${day}`)
    return true
  }

  isRefusal(error: unknown): boolean {
    return error instanceof ClickhouseError && error.status === 400
  }

  async close(): Promise<void> {}
}

/** A time as text: an integer would be taken for ticks. */
function timeText(microseconds: number): string {
  const iso = isoOf(microseconds)
  const rest = Math.floor(microseconds) % 1000
  return `${dayOf(microseconds)} ${iso.slice(11, 23)}${String(rest).padStart(3, '0')}`
}

function rowOf(one: Observation, lastSeen: number, requests: number, account: string): object {
  const { stack } = one
  return {
    seen: timeText(one.seen),
    last_seen: timeText(lastSeen),
    boot: one.boot,
    host: one.host,
    cookie: one.cookie,
    network: one.network,
    address: one.address,
    port: one.port ?? 0,
    server_port: one.serverPort ?? 0,
    stack: stack?.stack ?? '',
    label: stack?.label ?? '',
    family: stack?.family ?? '',
    muonfp: stack?.muonfp ?? '',
    haproxy: stack?.haproxy ?? '',
    mss: stack?.mss ?? 0,
    tcp_window: stack?.window ?? 0,
    scale: stack?.scale ?? null,
    options: stack?.options ?? '',
    ttl: one.timeToLive ?? 0,
    distance: one.distance ?? 0,
    rtt: one.rtt ?? null,
    rtt_provenance: one.rttProvenance ?? '',
    first_data_delay: one.firstDataDelay ?? null,
    tls_round_trip: one.tlsRoundTrip ?? null,
    requests,
    account,
    syn: one.syn ?? '',
    version: lastSeen,
  }
}

/** A string literal of ClickHouse: backslashes escape. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function placeWhere(place: Place): string {
  const network = `network = ${quote(place.network)}`
  if (place.kind === 'network') return network
  // Where only networks are kept, the network stands for each of its addresses.
  return `${network} AND address IN (${quote(place.address)}, ${quote(place.network)})`
}

const textOf = (value: Row[string] | undefined): string | undefined => (value === '' ? undefined : (value as string))

const stackOf = (row: Row): Omit<StackRow, 'network'> => ({
  stack: row.stack as string,
  label: textOf(row.label),
  connections: Number(row.n),
  firstSeen: new Date(Number(row.begin)).toISOString(),
  lastSeen: new Date(Number(row.end)).toISOString(),
})

const labelRow = (row: Row): LabelRow => ({
  label: textOf(row.label),
  family: textOf(row.family),
  networks: Number(row.networks),
  connections: Number(row.n),
})
