import { expect, test } from 'bun:test'
import { existsSync, statSync } from 'node:fs'
import { openSqlite } from '../../src/store/sqlite.ts'
import { openDatabase } from '../../src/store/sqlite-database.ts'
import { startThread } from '../../src/store/sqlite-thread.ts'
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
  const thread = startThread('/nonexistent/seen.sqlite', '', ended.resolve)!
  await ended.promise
  expect(thread.isOpen).toBe(false)
})

test('a question that takes long leaves the event loop free', async () => {
  using directory = temporaryDirectory()
  const database = await openDatabase(directory.file('seen.sqlite'))
  await until('the thread', () => database.isApart)
  let isAnswered = false
  const counting =
    'WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000) SELECT count(*) AS n FROM c'
  const asked = database.all(counting).then((rows) => {
    isAnswered = true
    return rows
  })
  await Bun.sleep(1)
  expect(isAnswered).toBe(false)
  expect(await asked).toEqual([{ n: 1_000_000 }])
  await database.close()
})

test('without a thread all is done in this one, and errors of either are the same', async () => {
  using directory = temporaryDirectory()
  const file = directory.file('seen.sqlite')
  const database = await openDatabase(file)
  await until('the thread', () => database.isApart)
  const errorOf = async (): Promise<unknown> => {
    const { message, errcode } = (await database.all('SELECT nothing').catch((error: unknown) => error)) as never
    return { message, errcode }
  }
  const apart = await errorOf()
  await database.close()
  const here = await openDatabase(':memory:')
  expect(here.isApart).toBe(false)
  // One whose thread cannot open the file.
  here.moveApart('/nonexistent/seen.sqlite')
  await Bun.sleep(50)
  expect(here.isApart).toBe(false)
  const added = await here.transaction([['INSERT INTO account (name) VALUES (?)', 'anna'], ['SELECT changes() AS n']])
  expect(added).toEqual([{ n: 1 }])
  expect(await here.all('SELECT nothing').catch(({ message, errcode }) => ({ message, errcode }))).toEqual(
    apart as never,
  )
  await here.close()
})
