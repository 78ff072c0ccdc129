/**
 * Postgres, through the optional peer dependency `postgres` or a client that the application hands in (`postgres`, Bun.SQL).
 * @module
 */
import { isoOf, sortAccounts } from './answers.ts'
import { MIGRATIONS } from './postgres-schema.ts'
import type {
  Batch,
  Engine,
  HostRow,
  LabelDayRow,
  LabelRow,
  Observation,
  Place,
  StackRow,
  Subject,
  Update,
} from './types.ts'

type Row = Readonly<Record<string, string | number | null>>

/** Runs statements with `$1` parameters. */
interface Session {
  unsafe(sql: string, values?: readonly unknown[]): PromiseLike<readonly Row[] & { readonly count?: number | null }>
}

/** What is used of a client. */
interface Client extends Session {
  begin<T>(run: (session: Session) => Promise<T>): Promise<T>
  end?(options?: { readonly timeout?: number }): Promise<void>
  close?(): Promise<void>
}

/** Rows that one call of `expire` removes of a table. */
const SLICE = 5000
/** Taken while tables are made: several processes may start at once. */
const MIGRATION_LOCK = 0x7463_7066

/** Connects by URL with the package `postgres`. Rejects with what to install where it is not there. */
export async function connectPostgres(url: string): Promise<Engine> {
  const name: string = 'postgres'
  let postgres: (url: string, options: object) => Client
  try {
    postgres = ((await import(name)) as { default: typeof postgres }).default
  } catch (error) {
    throw new Error('Cannot open Postgres: install the package "postgres" (npm install postgres)', { cause: error })
  }
  const client = postgres(url, { max: 2, connect_timeout: 10, idle_timeout: 60, onnotice: () => {} })
  try {
    return await openPostgres(client, true)
  } catch (error) {
    await client.end?.({ timeout: 1 })
    throw error
  }
}

/** The engine over a connected client, which stays the application's unless `isOwn`. */
export async function openPostgres(
  client: object,
  isOwn = false,
  migrations: typeof MIGRATIONS = MIGRATIONS,
): Promise<Engine> {
  const connected = client as Client
  await migrate(connected, migrations)
  return new PostgresEngine(connected, isOwn)
}

async function migrate(client: Client, migrations: typeof MIGRATIONS): Promise<void> {
  await client.begin(async (session) => {
    await session.unsafe(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`)
    await session.unsafe('CREATE SCHEMA IF NOT EXISTS tcpfingerprint')
    await session.unsafe('CREATE TABLE IF NOT EXISTS tcpfingerprint.version (version int NOT NULL)')
    const [row] = await session.unsafe('SELECT max(version) AS version FROM tcpfingerprint.version')
    const found = Number(row?.version ?? 0)
    if (found > migrations.length) {
      throw new Error(
        `Cannot open the schema "tcpfingerprint": its tables have version ${found}, this library knows ${migrations.length}`,
      )
    }
    for (let version = found; version < migrations.length; version++) {
      for (const statement of migrations[version]!) await session.unsafe(statement)
      await session.unsafe('INSERT INTO tcpfingerprint.version VALUES ($1)', [version + 1])
    }
  })
}

const ROW = `boot text, host text, cookie text, seen bigint, network text, address text, port int, server_port int, stack text,
  label text, family text, muonfp text, haproxy text, mss int, tcp_window int, scale int, options text, ttl int, distance int,
  rtt bigint, rtt_provenance text, first_data_delay int, tls_round_trip int, requests int, account text, syn text`
const FROM_ROWS = `FROM jsonb_to_recordset($1::text::jsonb) AS r (${ROW})`
const FROM_UPDATES = `FROM jsonb_to_recordset($1::text::jsonb) AS u (boot text, host text, cookie text, last_seen bigint, requests int,
  account text)`
/** Exact, where a division of the microseconds would round. */
const time = (column: string): string => `timestamptz 'epoch' + ${column} * interval '1 microsecond'`
const microseconds = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::float8`

const INSERT_STACKS = `INSERT INTO tcpfingerprint.stack (stack, label, family, muonfp, haproxy, mss, tcp_window, scale, options)
  SELECT DISTINCT ON (stack, label, family) stack, label, family, muonfp, haproxy, mss, tcp_window, scale, options ${FROM_ROWS}
  WHERE stack <> '' ORDER BY stack, label, family ON CONFLICT DO NOTHING`
/** What is counted by day is what was inserted: the same rows again insert nothing. */
const INSERT_ROWS = `WITH inserted AS (
    INSERT INTO tcpfingerprint.observation AS o (boot, host, cookie, seen, last_seen, network, address, port, server_port, stack, ttl,
      distance, rtt, rtt_provenance, first_data_delay, tls_round_trip, requests, account, syn)
    SELECT boot, host, cookie, ${time('seen')}, ${time('seen')}, network, address, port, server_port, s.id, ttl, distance, rtt,
      rtt_provenance, first_data_delay, tls_round_trip, requests, account, decode(syn, 'hex')
    ${FROM_ROWS} LEFT JOIN tcpfingerprint.stack s USING (stack, label, family) ORDER BY boot, host, cookie
    ON CONFLICT DO NOTHING RETURNING o.*)
  INSERT INTO tcpfingerprint.seen_daily AS d (day, network, address, stack, account, connections, first, last, rtt)
  SELECT (seen AT TIME ZONE 'UTC')::date, network, address, stack, account, count(*), min(seen), max(seen), min(rtt) FROM inserted
  WHERE stack IS NOT NULL GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (day, network, address, stack, account) DO UPDATE SET connections = d.connections + excluded.connections,
    first = least(d.first, excluded.first), last = greatest(d.last, excluded.last), rtt = least(d.rtt, excluded.rtt)`
/** The rows before the update, locked in one order. A connection counts for the account that was named last. */
const UPDATE_ROWS = `WITH changed AS MATERIALIZED (
    SELECT o.boot, o.host, o.cookie, (o.seen AT TIME ZONE 'UTC')::date AS day, o.network, o.address, o.stack, o.account AS before,
      CASE WHEN u.account = '' THEN o.account ELSE u.account END AS after, o.seen, ${time('u.last_seen')} AS last, u.requests, o.rtt
    ${FROM_UPDATES} JOIN tcpfingerprint.observation o USING (boot, host, cookie) ORDER BY boot, host, cookie FOR UPDATE OF o),
  updated AS (
    UPDATE tcpfingerprint.observation o SET last_seen = greatest(o.last_seen, c.last), requests = greatest(o.requests, c.requests),
      account = c.after FROM changed c WHERE (o.boot, o.host, o.cookie) = (c.boot, c.host, c.cookie)),
  changes AS (
    SELECT day, network, address, stack, after AS account, sum((before <> after)::int) AS connections, min(seen) AS first,
      max(last) AS last, min(rtt) AS rtt FROM changed WHERE stack IS NOT NULL GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT day, network, address, stack, before, -count(*), min(seen), min(seen), NULL FROM changed
    WHERE stack IS NOT NULL AND before <> after GROUP BY 1, 2, 3, 4, 5)
  INSERT INTO tcpfingerprint.seen_daily AS d (day, network, address, stack, account, connections, first, last, rtt)
  SELECT day, network, address, stack, account, sum(connections), min(first), max(last), min(rtt) FROM changes
  GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (day, network, address, stack, account) DO UPDATE SET connections = d.connections + excluded.connections,
    first = least(d.first, excluded.first), last = greatest(d.last, excluded.last), rtt = least(d.rtt, excluded.rtt)`

class PostgresEngine implements Engine {
  readonly batch = { rows: 5000, milliseconds: 2000 }
  readonly #client: Client
  readonly #isOwn: boolean

  constructor(client: Client, isOwn: boolean) {
    this.#client = client
    this.#isOwn = isOwn
  }

  async write({ observations, updates }: Batch): Promise<void> {
    await this.#client.begin(async (session) => {
      if (observations.length > 0) {
        const rows = JSON.stringify(observations.map(rowOf))
        await session.unsafe(INSERT_STACKS, [rows])
        await session.unsafe(INSERT_ROWS, [rows])
      }
      if (updates.length > 0) await session.unsafe(UPDATE_ROWS, [JSON.stringify(lastOfEach(updates))])
    })
  }

  async hosts(place: Place, since: string): Promise<HostRow[]> {
    const [where, values] = placeWhere(place, 2)
    const rows = await this.#client.unsafe(
      `SELECT s.stack, s.label, s.family, sum(connections)::float8 AS connections, ${microseconds('min(first)')} AS first,
         ${microseconds('max(last)')} AS last, json_agg(DISTINCT account)::text AS accounts
       FROM tcpfingerprint.seen_daily d JOIN tcpfingerprint.stack s ON s.id = d.stack
       WHERE connections > 0 AND day >= $1::text::date AND ${where} GROUP BY 1, 2, 3 ORDER BY last DESC`,
      [since, ...values],
    )
    return rows.map((row) => ({
      ...stackOf(row),
      family: textOf(row.family),
      accounts: sortAccounts(JSON.parse(row.accounts as string) as string[]),
    }))
  }

  async stacks(account: string, since: string): Promise<StackRow[]> {
    const rows = await this.#client.unsafe(
      `SELECT network, s.stack, s.label, sum(connections)::float8 AS connections, ${microseconds('min(first)')} AS first,
         ${microseconds('max(last)')} AS last
       FROM tcpfingerprint.seen_daily d JOIN tcpfingerprint.stack s ON s.id = d.stack
       WHERE connections > 0 AND account = $2 AND account <> '' AND day >= $1::text::date GROUP BY network, s.id ORDER BY last DESC`,
      [since, account],
    )
    return rows.map((row) => ({ network: row.network as string, ...stackOf(row) }))
  }

  async labels(since: string): Promise<LabelRow[]> {
    return (await this.#labels(since, '')).map(labelRow)
  }

  async labelsByDay(since: string): Promise<LabelDayRow[]> {
    return (await this.#labels(since, 'day')).map((row) => ({ day: row.day as string, ...labelRow(row) }))
  }

  #labels(since: string, by: '' | 'day'): PromiseLike<readonly Row[]> {
    const [day, order] = by === '' ? [`''`, ''] : ['day::text', 'day, ']
    return this.#client.unsafe(
      `SELECT ${day} AS day, label, family, count(DISTINCT network)::float8 AS networks, sum(connections)::float8 AS connections
       FROM tcpfingerprint.seen_daily d JOIN tcpfingerprint.stack s ON s.id = d.stack
       WHERE connections > 0 AND day >= $1::text::date GROUP BY 1, 2, 3 ORDER BY ${order}connections DESC, label`,
      [since],
    )
  }

  async forget(subject: Subject): Promise<number> {
    const [where, values] =
      subject.kind === 'account' ? [`account = $1 AND account <> ''`, [subject.account]] : placeWhere(subject, 1)
    return await this.#client.begin(async (session) => {
      const [row] = await session.unsafe(
        `WITH gone AS (DELETE FROM tcpfingerprint.observation WHERE ${where} RETURNING 1) SELECT count(*)::int AS count FROM gone`,
        values,
      )
      await session.unsafe(`DELETE FROM tcpfingerprint.seen_daily WHERE ${where}`, values)
      return Number(row!.count)
    })
  }

  async expire(observationsBefore: string, dailyBefore: string): Promise<boolean> {
    const remove = async (table: string, where: string, day: string): Promise<number> => {
      const [row] = await this.#client.unsafe(
        `WITH gone AS (DELETE FROM tcpfingerprint.${table} WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM tcpfingerprint.${table} WHERE ${where} LIMIT ${SLICE})) RETURNING 1) SELECT count(*)::int AS count FROM gone`,
        [day],
      )
      return Number(row!.count)
    }
    const observations = await remove(
      'observation',
      `seen < ($1::text || ' 00:00+00')::timestamptz`,
      observationsBefore,
    )
    const daily = await remove('seen_daily', 'day < $1::text::date OR connections <= 0', dailyBefore)
    return observations === SLICE || daily === SLICE
  }

  /** SQLSTATE classes 22 (data exception), 23 (integrity constraint violation) and 54 (program limit exceeded) are about the rows. */
  isRefusal(error: unknown): boolean {
    return /^(2[23]|54)/.test(String((error as { code?: unknown }).code ?? ''))
  }

  async close(): Promise<void> {
    if (!this.#isOwn) return
    await (this.#client.end?.({ timeout: 2 }) ?? this.#client.close?.())
  }
}

function rowOf(one: Observation): object {
  const { stack } = one
  return {
    boot: one.boot,
    host: one.host,
    cookie: one.cookie,
    seen: one.seen,
    network: one.network,
    address: one.address,
    port: one.port,
    server_port: one.serverPort,
    stack: stack?.stack ?? '',
    label: stack?.label ?? '',
    family: stack?.family ?? '',
    muonfp: stack?.muonfp,
    haproxy: stack?.haproxy,
    mss: stack?.mss,
    tcp_window: stack?.window,
    scale: stack?.scale,
    options: stack?.options,
    ttl: one.timeToLive,
    distance: one.distance,
    rtt: one.rtt,
    rtt_provenance: one.rttProvenance,
    first_data_delay: one.firstDataDelay,
    tls_round_trip: one.tlsRoundTrip,
    requests: one.requests,
    account: one.account,
    syn: one.syn,
  }
}

/** One row a connection: a statement updates each row once. */
function lastOfEach(updates: readonly Update[]): object[] {
  const rows = new Map<string, object>()
  for (const { first, lastSeen, requests, account } of updates) {
    const { boot, host, cookie } = first
    rows.set(`${boot} ${host} ${cookie}`, { boot, host, cookie, last_seen: lastSeen, requests, account })
  }
  return [...rows.values()]
}

function placeWhere(place: Place, first: number): [string, string[]] {
  if (place.kind === 'network') return [`network = $${first}`, [place.network]]
  // Where only networks are kept, the network stands for each of its addresses.
  return [`network = $${first} AND address IN ($${first + 1}, $${first})`, [place.network, place.address]]
}

const textOf = (value: string | number | null | undefined): string | undefined =>
  value === '' || value === null || value === undefined ? undefined : String(value)

const stackOf = (row: Row): Omit<StackRow, 'network'> => ({
  stack: row.stack as string,
  label: textOf(row.label),
  connections: row.connections as number,
  firstSeen: isoOf(row.first as number),
  lastSeen: isoOf(row.last as number),
})

const labelRow = (row: Row): LabelRow => ({
  label: textOf(row.label),
  family: textOf(row.family),
  networks: row.networks as number,
  connections: row.connections as number,
})
