/**
 * A SQLite file over `node:sqlite`: opened, its tables brought up to date, transactions that wait for other processes without
 * blocking the event loop.
 * @module
 */
import { processGlobal } from '../runtime/globals.ts'
import { type NativeClass, openRunner, type Row, type Run, type Runner, type Value } from './sqlite-runner.ts'
import { COUNTING, MIGRATIONS } from './sqlite-schema.ts'
import { type SqliteThread, startThread } from './sqlite-thread.ts'

/** Result codes, sqlite.org/rescode.html. */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6

/** Milliseconds that a call may block the event loop while another process writes, and those after which it has failed. */
const BUSY_BLOCK = 2
const BUSY_LIMIT = 2000
/** Milliseconds that may be blocked in the thread, and at the end of the process. */
const BUSY_APART = 100
const BUSY_AT_END = 1000
/** Milliseconds between two attempts, at most. */
const BUSY_PAUSE = 10

/** The log is synced before a checkpoint, not at each commit. */
const SYNCHRONOUS = 'PRAGMA synchronous = NORMAL;'
/** For the thread, which makes checkpoints itself: those of commits only where it cannot. */
const APART = `PRAGMA busy_timeout = ${BUSY_APART}; ${SYNCHRONOUS} PRAGMA wal_autocheckpoint = 16000; ${COUNTING}`

/** The primary result code of an error of `node:sqlite`; 0 for others. */
export function resultCode(error: unknown): number {
  return Number((error as { errcode?: unknown }).errcode ?? 0) & 255
}

/** An open file. All is done in a thread, or in this one while there is no other. */
export class SqliteDatabase {
  readonly #open: () => Runner
  /** Absolute, since the process may go elsewhere; `undefined` for a database in memory. */
  readonly #path: string | undefined
  #here: Runner
  #file: string | undefined
  #thread: SqliteThread | undefined

  /** `open` opens the file and brings its tables up to date. */
  constructor(path: string | undefined, open: () => Runner) {
    this.#open = open
    this.#path = path
    this.#here = open()
    this.#file = fileAt(path)
    if (path !== undefined) this.moveApart(path)
  }

  /** Leaves the file to a thread, as soon as that has opened it. */
  moveApart(path: string): void {
    const thread = startThread(path, APART, () => {
      if (this.#thread === thread) this.#thread = undefined
    })
    this.#thread = thread
  }

  /** True while a thread does the work. */
  get isApart(): boolean {
    return this.#thread?.isOpen === true
  }

  /** The rows of a statement. Tries again where another process holds a lock that readers cannot pass. */
  all(sql: string, ...values: Value[]): Promise<Row[]> {
    return untilFree(() => this.#run([[sql, ...values]], false))
  }

  /** Runs all of the statements or none; the rows of the last. Waits for other processes without blocking. */
  transaction(runs: readonly Run[]): Promise<Row[]> {
    return untilFree(() => this.#run(runs, true))
  }

  #run(runs: readonly Run[], isTransaction: boolean): Row[] | Promise<Row[]> {
    this.#followPath()
    return (this.isApart ? this.#thread! : this.#here).run(runs, isTransaction)
  }

  /** Opens the file that is at the path, where the one that was opened there has been removed or replaced: SQLite does not tell. */
  #followPath(): void {
    if (this.#path === undefined || fileAt(this.#path) === this.#file) return
    const [here, thread] = [this.#here, this.#thread]
    this.#here = this.#open()
    this.#file = fileAt(this.#path)
    this.moveApart(this.#path)
    here.close()
    void thread?.close()
  }

  /** The same for the end of the process: blocks. */
  transactionNow(runs: readonly Run[]): void {
    this.#followPath()
    this.#here.exec(`PRAGMA busy_timeout = ${BUSY_AT_END}`)
    try {
      this.#here.run(runs, true)
    } finally {
      this.#here.exec(`PRAGMA busy_timeout = ${BUSY_BLOCK}`)
    }
  }

  async close(): Promise<void> {
    // The last one that closes the file makes a checkpoint.
    this.#here.close()
    await this.#thread?.close()
  }
}

/** What tells the file at a path from others; `undefined` where there is none. */
function fileAt(path: string | undefined): string | undefined {
  const fs = processGlobal()!.getBuiltinModule!('node:fs') as typeof import('node:fs')
  const found = path === undefined ? undefined : fs.statSync(path, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev} ${found.ino}`
}

/**
 * Opens a file, or `:memory:`, and brings its tables up to date.
 *
 * @throws {Error} (rejects) the file cannot be opened, is no database, or was made by a newer version of this library
 */
export async function openDatabase(path: string, migrations: readonly string[] = MIGRATIONS): Promise<SqliteDatabase> {
  const host = processGlobal()
  const builtin = host?.getBuiltinModule?.('node:sqlite') as { readonly DatabaseSync: NativeClass } | undefined
  if (builtin === undefined) {
    throw new Error(
      'Cannot open SQLite: this runtime has no node:sqlite, which came with Node 22.5, Deno 2.2 and Bun 1.4; expected one of these',
    )
  }
  const { resolve } = host!.getBuiltinModule!('node:path') as typeof import('node:path')
  const file = path === ':memory:' ? undefined : resolve(path)
  const open = (): Runner => {
    const here = openRunner(builtin.DatabaseSync, file ?? path)
    try {
      here.exec(`PRAGMA busy_timeout = ${BUSY_BLOCK}; PRAGMA journal_mode = WAL; ${SYNCHRONOUS}`)
      migrate(here, path, migrations)
      here.exec(COUNTING)
      return here
    } catch (error) {
      here.close()
      throw error
    }
  }
  return await untilFree(() => new SqliteDatabase(file, open))
}

/** `PRAGMA user_version` is the version of the tables' shape. */
function migrate(here: Runner, path: string, migrations: readonly string[]): void {
  const readVersion = (): number => Number(here.run([['PRAGMA user_version']], false)[0]?.user_version ?? 0)
  const found = readVersion()
  if (found === migrations.length) return
  if (found > migrations.length) {
    throw new Error(`Cannot open "${path}": its tables have version ${found}, this library knows ${migrations.length}`)
  }
  here.exec('BEGIN IMMEDIATE')
  try {
    // Another process may have done it while this one waited for the lock.
    for (let version = readVersion(); version < migrations.length; version++) {
      here.exec(migrations[version]!)
      here.exec(`PRAGMA user_version = ${version + 1}`)
    }
    here.exec('COMMIT')
  } catch (error) {
    try {
      here.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself, as it does on a full disk.
    }
    throw error
  }
}

/** Runs until no other process is in the way, for up to {@link BUSY_LIMIT}. */
async function untilFree<T>(run: () => T | Promise<T>): Promise<T> {
  const end = performance.now() + BUSY_LIMIT
  for (;;) {
    try {
      return await run()
    } catch (error) {
      const code = resultCode(error)
      if ((code !== SQLITE_BUSY && code !== SQLITE_LOCKED) || performance.now() > end) throw error
    }
    // At random, so that two processes do not meet again.
    await new Promise<void>((resolve) => setTimeout(resolve, 1 + Math.random() * BUSY_PAUSE))
  }
}
