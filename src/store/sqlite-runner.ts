/**
 * Statements on a SQLite file, by the calls of `node:sqlite`, which block.
 * @module
 */

/** A value of a column, or for a parameter. */
export type Value = string | number | Uint8Array | null
/** A row, by the names of its columns. */
export type Row = Readonly<Record<string, Value>>
/** A statement with its values. */
export type Run = readonly [sql: string, ...values: Value[]]

/** What is used of `node:sqlite`. */
export interface Native {
  exec(sql: string): void
  prepare(sql: string): { all(...values: Value[]): Row[] }
  close(): void
}
/** `DatabaseSync` of `node:sqlite`. */
export type NativeClass = new (path: string) => Native

/** An open file with its prepared statements. */
export interface Runner {
  /** Statements of no result. */
  exec(sql: string): void
  /** Runs statements in order, in a transaction all of them or none; the rows of the last. */
  run(runs: readonly Run[], isTransaction: boolean): Row[]
  close(): void
}

/** Opens a file. Names nothing outside of itself, because a thread gets its text: so bundlers of applications have no second file. */
export function openRunner(DatabaseSync: NativeClass, path: string): Runner {
  const native = new DatabaseSync(path)
  const statements = new Map<string, ReturnType<Native['prepare']>>()
  const runAll = (runs: readonly Run[]): Row[] => {
    let rows: Row[] = []
    for (const [sql, ...values] of runs) {
      let statement = statements.get(sql)
      if (statement === undefined) {
        statement = native.prepare(sql)
        statements.set(sql, statement)
      }
      rows = statement.all(...values)
    }
    return rows
  }
  const inTransaction = (runs: readonly Run[]): Row[] => {
    native.exec('BEGIN IMMEDIATE')
    try {
      const rows = runAll(runs)
      native.exec('COMMIT')
      return rows
    } catch (error) {
      try {
        native.exec('ROLLBACK')
      } catch {
        // SQLite has rolled back by itself, as it does on a full disk.
      }
      throw error
    }
  }
  return {
    exec: (sql) => native.exec(sql),
    run: (runs, isTransaction) => (isTransaction ? inTransaction(runs) : runAll(runs)),
    close: () => native.close(),
  }
}
