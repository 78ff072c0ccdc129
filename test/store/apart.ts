/**
 * SQLite whose thread has the file open: what `openSqlite` gives comes to that a moment later.
 * @module
 */
import { openSqlite } from '../../src/store/sqlite.ts'
import type { Engine } from '../../src/store/types.ts'

/** Rows of a batch while the event loop itself writes. */
const HERE = 32

/** Opens a file, and waits for its thread, which makes the engine's batches larger. */
export async function openApart(file: string): Promise<Engine> {
  const engine = await openSqlite(file)
  const end = performance.now() + 10_000
  while (engine.batch.rows === HERE) {
    if (performance.now() > end) throw new Error('Waited 10 s in vain for the thread of SQLite')
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return engine
}
