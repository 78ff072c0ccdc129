/**
 * ClickHouse for tests: its own engine in a process of its own, over HTTP. `.ci/run` installs it into `.cache/chdb`.
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { OwnNeed } from '../lab/privilege.ts'
import { ROOT } from '../lab/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { startProgram } from './program.ts'

const CHDB = join(ROOT, '.cache/chdb/node_modules/chdb')

/** ClickHouse's engine, 543 MB, which no developer needs for anything else. */
export const CHDB_PACKAGE: OwnNeed = {
  reason: existsSync(CHDB) ? undefined : '"chdb" is not in .cache/chdb: npm install --prefix .cache/chdb chdb@3',
}

/** A running engine. */
export interface ClickhouseServer {
  /** For `openStore`. */
  readonly url: string
  /** Every request is answered so late, and with this status where it is not 0. */
  trouble(what: { status?: number; milliseconds?: number }): Promise<void>
  /** Ends it and starts it again on its data, at the same address. */
  stop(): Promise<void>
}

/** Starts it with no tables. */
export async function startClickhouse(): Promise<ClickhouseServer> {
  const directory = temporaryDirectory()
  const argv = ['node', join(import.meta.dir, 'chdb-server.mjs'), CHDB, directory.file('data')]
  const server = await startProgram(argv, /port (\d+)/)
  const origin = `http://127.0.0.1:${server.port}`
  return {
    url: `clickhouse+${origin}/default`,
    trouble: async (what) => {
      await fetch(`${origin}/trouble`, { method: 'POST', body: JSON.stringify(what) })
    },
    stop: async () => {
      await server.stop()
      directory.remove()
    },
  }
}
