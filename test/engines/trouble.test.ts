/**
 * Engines in trouble: requests go on, memory is bounded, `status()` tells, and what could be kept is there afterwards.
 */
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { openStore, type Store } from '../../src/store/index.ts'
import { needs } from '../lab/privilege.ts'
import { connection, request } from '../store/fingerprints.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { until } from '../support/wait.ts'
import { CHDB_PACKAGE, startClickhouse } from './clickhouse.ts'
import { POSTGRES, startPostgres } from './postgres.ts'

const { DatabaseSync } = process.getBuiltinModule('node:sqlite')

let cookie = 0
function observe(store: Store, count: number): void {
  for (let i = 0; i < count; i++) store.observe(request(connection(++cookie)))
}

describe('a SQLite file', () => {
  test('locked by another process: nothing waits for it, and the rows are there when it is free', async () => {
    using directory = temporaryDirectory()
    const file = directory.file('seen.sqlite')
    const store = openStore({ url: `sqlite:${file}` })
    await store.ready()
    const other = new DatabaseSync(file)
    other.exec('BEGIN IMMEDIATE')
    store.observe(request(connection(5)))
    let longest = 0
    let last = performance.now()
    const timer = setInterval(() => {
      const now = performance.now()
      longest = Math.max(longest, now - last)
      last = now
    }, 1)
    await store.flush()
    expect(store.status()).toMatchObject({ queued: 1, failed: 1 })
    expect(store.status().lastError).toContain('locked')
    // It gave up after two seconds, of which no piece was blocked for long.
    expect(longest).toBeLessThan(1000)
    clearInterval(timer)
    expect(await store.hosts('192.0.2.10')).toEqual([])
    other.exec('COMMIT')
    other.close()
    await until('the row', () => store.status().written === 1, 5000)
    expect(await store.hosts('192.0.2.10')).toMatchObject([{ connections: 1 }])
    await store.close()
  }, 15_000)

  needs('raw').test(
    'on a disk that is full, and in a directory that cannot be written',
    async () => {
      using directory = temporaryDirectory()
      const script = join(import.meta.dir, 'disk-trouble.ts')
      const { stdout, stderr } = Bun.spawnSync(['unshare', '-m', process.execPath, script, directory.path])
      const told = JSON.parse(stdout.toString() || `"${stderr}"`) as Record<string, object>
      expect(told.full).toMatchObject({
        queued: 300,
        written: 100,
        failed: 1,
        lastError: expect.stringContaining('full'),
      })
      expect(told.room).toMatchObject({ queued: 0, written: 400, dropped: 0 })
      expect(told.hosts).toMatchObject([{ connections: 400 }])
      expect(told.readOnly).toMatchObject({
        queued: 5,
        written: 0,
        failed: 1,
        lastError: expect.stringMatching(/open|read/),
      })
      expect(told.writable).toMatchObject({ queued: 0, written: 5 })
    },
    30_000,
  )
})

needs('linux', CHDB_PACKAGE).test(
  'ClickHouse that answers 500, hangs, and is well again',
  async () => {
    const server = await startClickhouse()
    const store = openStore({ url: server.url, queue: 100 })
    try {
      await store.ready()
      await server.trouble({ status: 500 })
      observe(store, 40)
      await store.flush()
      expect(store.status()).toMatchObject({ queued: 40, written: 0, failed: 1 })
      expect(store.status().lastError).toContain('answered 500')
      observe(store, 1000)
      expect(store.status().queued).toBeLessThanOrEqual(100)
      const { dropped, queued } = store.status()
      expect(dropped + queued).toBe(1040)
      await server.trouble({ status: 0, milliseconds: 700 })
      const flushed = store.flush()
      // While the engine is slow nothing waits for it.
      const before = performance.now()
      observe(store, 10)
      expect(performance.now() - before).toBeLessThan(500)
      await flushed
      await server.trouble({ milliseconds: 0 })
      await store.flush()
      const status = store.status()
      expect(status).toMatchObject({ queued: 0, lastError: undefined })
      expect(await store.hosts('192.0.2.10')).toMatchObject([{ connections: status.written }])
    } finally {
      await store.close()
      await server.stop()
    }
  },
  30_000,
)

needs('linux', POSTGRES).test(
  'Postgres that goes away, and comes back',
  async () => {
    const server = await startPostgres()
    const store = openStore({ url: server.url })
    try {
      observe(store, 40)
      await store.flush()
      await server.down()
      observe(store, 60)
      await store.flush()
      expect(store.status()).toMatchObject({ queued: 60, written: 40, failed: 1 })
      await expect(store.labels()).rejects.toThrow()
      await server.up()
      // By itself, after a pause.
      await until('the rows that waited', () => store.status().written === 100, 15_000)
      expect(store.status()).toMatchObject({ queued: 0, dropped: 0, lastError: undefined })
      expect(await store.hosts('192.0.2.10')).toMatchObject([{ connections: 100 }])
    } finally {
      await store.close()
      await server.stop()
    }
  },
  60_000,
)
