/**
 * A SQLite file over `node:sqlite`: opened, its tables brought up to date, transactions that wait for other processes without
 * blocking the event loop.
 * @module
 */
import { processGlobal } from '../runtime/globals.ts'
import { type Checkpointer, startCheckpointer } from './sqlite-checkpoint.ts'
import { MIGRATIONS } from './sqlite-schema.ts'

/** What is used of `node:sqlite`. */
interface Native {
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
}
interface Statement {
  run(...values: Value[]): { readonly changes: number | bigint }
  get(...values: Value[]): Row | undefined
  all(...values: Value[]): Row[]
}
export type Value = string | number | Uint8Array | null
export type Row = Readonly<Record<string, Value>>

/** Result codes, sqlite.org/rescode.html. */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6

/** Milliseconds that a call may block while another process writes, and those after which it has failed. */
const BUSY_BLOCK = 2
const BUSY_LIMIT = 2000
/** Milliseconds that may be blocked at the end of the process. */
const BUSY_AT_END = 1000
/** Pages of the log at which a commit makes a checkpoint itself: SQLite's own number, and that beside a thread which makes them. */
const AUTOCHECKPOINT = 1000
const AUTOCHECKPOINT_BESIDE_THREAD = 16_000
/** Milliseconds between two attempts, at most. */
const BUSY_PAUSE = 10

/** The primary result code of an error of `node:sqlite`; 0 for others. */
export function resultCode(error: unknown): number {
  return Number((error as { errcode?: unknown }).errcode ?? 0) & 255
}

/** An open file with its prepared statements. */
export class SqliteDatabase {
  readonly #native: Native
  readonly #statements = new Map<string, Statement>()
  #version: Value | undefined
  #checkpointer: Checkpointer | undefined

  constructor(native: Native) {
    this.#native = native
  }

  /** Leaves checkpoints of the file to a thread, if there can be one. */
  checkpointApart(path: string): void {
    this.#checkpointer = startCheckpointer(path, () => this.#checkpointHere())
    if (this.#checkpointer !== undefined)
      this.#native.exec(`PRAGMA wal_autocheckpoint = ${AUTOCHECKPOINT_BESIDE_THREAD}`)
  }

  /** The thread has ended. */
  #checkpointHere(): void {
    if (this.#checkpointer === undefined) return
    this.#checkpointer = undefined
    this.#native.exec(`PRAGMA wal_autocheckpoint = ${AUTOCHECKPOINT}`)
  }

  prepare(sql: string): Statement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#native.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  /** Reads. Tries again where another process holds a lock that readers cannot pass. */
  all(sql: string, ...values: Value[]): Promise<Row[]> {
    return untilFree(() => this.prepare(sql).all(...values))
  }

  /** Writes all of it or nothing. Waits for other processes without blocking. */
  async transaction<T>(run: () => T): Promise<T> {
    const result = await untilFree(() => inTransaction(this.#native, run))
    this.#checkpointer?.committed()
    return result
  }

  /** The same for the end of the process: blocks. */
  transactionNow<T>(run: () => T): T {
    this.#native.exec(`PRAGMA busy_timeout = ${BUSY_AT_END}`)
    try {
      return inTransaction(this.#native, run)
    } finally {
      this.#native.exec(`PRAGMA busy_timeout = ${BUSY_BLOCK}`)
    }
  }

  /** True if another connection has written since this was asked last. */
  hasChangedElsewhere(): boolean {
    const before = this.#version
    this.#version = this.prepare('PRAGMA data_version').get()?.data_version
    return this.#version !== before
  }

  async close(): Promise<void> {
    const checkpointer = this.#checkpointer
    this.#checkpointer = undefined
    await checkpointer?.close()
    this.#native.close()
  }
}

/**
 * Opens a file, or `:memory:`, and brings its tables up to date.
 *
 * @throws {Error} (rejects) the file cannot be opened, is no database, or was made by a newer version of this library
 */
export async function openDatabase(path: string, migrations: readonly string[] = MIGRATIONS): Promise<SqliteDatabase> {
  const builtin = processGlobal()?.getBuiltinModule?.('node:sqlite') as
    | { readonly DatabaseSync: new (path: string) => Native }
    | undefined
  if (builtin === undefined) {
    throw new Error(
      'Cannot open SQLite: this runtime has no node:sqlite, which came with Node 22.5, Deno 2.2 and Bun 1.4; expected one of these',
    )
  }
  return await untilFree(() => {
    const native = new builtin.DatabaseSync(path)
    try {
      native.exec(`PRAGMA busy_timeout = ${BUSY_BLOCK}`)
      native.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
      migrate(native, path, migrations)
      const database = new SqliteDatabase(native)
      if (path !== ':memory:') database.checkpointApart(path)
      return database
    } catch (error) {
      native.close()
      throw error
    }
  })
}

/** `PRAGMA user_version` is the version of the tables' shape. */
function migrate(native: Native, path: string, migrations: readonly string[]): void {
  const readVersion = (): number => Number(native.prepare('PRAGMA user_version').get()?.user_version ?? 0)
  const found = readVersion()
  if (found === migrations.length) return
  if (found > migrations.length) {
    throw new Error(`Cannot open "${path}": its tables have version ${found}, this library knows ${migrations.length}`)
  }
  inTransaction(native, () => {
    // Another process may have done it while this one waited for the lock.
    for (let version = readVersion(); version < migrations.length; version++) {
      native.exec(migrations[version]!)
      native.exec(`PRAGMA user_version = ${version + 1}`)
    }
  })
}

function inTransaction<T>(native: Native, run: () => T): T {
  native.exec('BEGIN IMMEDIATE')
  try {
    const result = run()
    native.exec('COMMIT')
    return result
  } catch (error) {
    try {
      native.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself, as it does on a full disk.
    }
    throw error
  }
}

/** Runs until no other process is in the way, for up to {@link BUSY_LIMIT}. */
async function untilFree<T>(run: () => T): Promise<T> {
  const end = performance.now() + BUSY_LIMIT
  for (;;) {
    try {
      return run()
    } catch (error) {
      const code = resultCode(error)
      if ((code !== SQLITE_BUSY && code !== SQLITE_LOCKED) || performance.now() > end) throw error
    }
    // At random, so that two processes do not meet again.
    await new Promise<void>((resolve) => setTimeout(resolve, 1 + Math.random() * BUSY_PAUSE))
  }
}
