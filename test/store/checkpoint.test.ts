import { expect, test } from 'bun:test'
import { existsSync, statSync } from 'node:fs'
import { openSqlite } from '../../src/store/sqlite.ts'
import { startCheckpointer } from '../../src/store/sqlite-checkpoint.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { until } from '../support/wait.ts'
import { row } from './rows.ts'

const PAGE = 4096

test('a thread moves rows from the log into the file, and the file is whole when the engine is closed', async () => {
  using directory = temporaryDirectory()
  const file = directory.file('seen.sqlite')
  const engine = await openSqlite(file)
  const before = statSync(file).size
  let number = 0
  const write = (): Promise<void> => {
    const observations = Array.from({ length: 32 }, () => row(number++, `192.0.${number >> 8}.${number & 255}`))
    return engine.write({ observations, updates: [] })
  }
  // No commit makes a checkpoint by itself below 16,000 pages.
  await until('pages in the file', async () => {
    await write()
    return statSync(file).size > before + 8 * PAGE
  })
  expect(statSync(`${file}-wal`).size).toBeLessThan(16_000 * PAGE)
  await engine.close()
  expect(existsSync(`${file}-wal`)).toBe(false)
  const again = await openSqlite(file)
  const labels = await again.labels('2020-01-01')
  expect(labels.reduce((sum, { connections }) => sum + connections, 0)).toBe(number)
  await again.close()
})

test('a thread that cannot open the file says so by its end', async () => {
  const ended = Promise.withResolvers<void>()
  const checkpointer = startCheckpointer('/nonexistent/seen.sqlite', ended.resolve)!
  await ended.promise
  checkpointer.committed()
  await checkpointer.close()
})
