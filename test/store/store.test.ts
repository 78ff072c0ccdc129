import { describe, expect, test } from 'bun:test'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Hono } from 'hono'
import { openStore, type Store } from '../../src/store/index.ts'
import { openDatabase } from '../../src/store/sqlite-database.ts'
import { MIGRATIONS } from '../../src/store/sqlite-schema.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { connection, request } from './fingerprints.ts'

const { DatabaseSync } = process.getBuiltinModule('node:sqlite')

/** A store in memory, closed at the end. */
async function withStore(run: (store: Store) => Promise<void>): Promise<void> {
  const store = openStore({ url: 'sqlite::memory:' })
  try {
    await run(store)
  } finally {
    await store.close()
  }
}

describe('openStore', () => {
  test('what was observed is answered for', async () => {
    await withStore(async (store) => {
      const client = connection(1)
      store.observe(request(client), { account: 'anna' })
      store.observe(request(client), { account: 'anna' })
      store.observe(request(connection(2, '::ffff:192.0.2.10')))
      await store.flush()
      expect(await store.hosts('::ffff:c000:20a')).toMatchObject([
        { connections: 2, accounts: ['anna'], family: 'linux' },
      ])
      expect(await store.stacks('anna')).toMatchObject([{ network: '192.0.2.0/24', connections: 1 }])
      expect(await store.labels({ days: 1 })).toMatchObject([{ networks: 1, connections: 2 }])
      expect(store.status()).toMatchObject({ queued: 0, dropped: 0, failed: 0 })
      expect(await store.forget({ account: 'anna' })).toBe(1)
      expect(await store.forget({ address: '192.0.2.10' })).toBe(1)
      expect(await store.labels()).toEqual([])
    })
  })

  test('accounts of 64 KiB that differ in their last character are two, and each is asked for and forgotten by its own name', async () => {
    await withStore(async (store) => {
      const begin = 'x'.repeat(65_535)
      const accounts = [`${begin}a`, `${begin}b`, 'a\0', 'a\ufffd', 'a\ud800']
      for (const [i, account] of accounts.entries()) store.observe(request(connection(i + 1)), { account })
      await store.flush()
      for (const account of accounts) expect(await store.stacks(account)).toMatchObject([{ connections: 1 }])
      expect(await store.stacks(begin)).toEqual([])
      expect(await store.forget({ account: accounts[1]! })).toBe(1)
      expect(await store.stacks(accounts[1]!)).toEqual([])
      expect(await store.stacks(accounts[0]!)).toMatchObject([{ connections: 1 }])
    })
  })

  test('a skip that throws skips nothing; what is no name names nobody', async () => {
    await withStore(async (store) => {
      let cookie = 0
      const names = [{}, Promise.resolve('anna'), Symbol('x'), 17, 18n, null]
      const app = new Hono()
        .use((c, next) => {
          c.set('fingerprint' as never, request(connection(++cookie)) as never)
          return next()
        })
        .use(
          store.record({
            account: (c) => names[Number(c.req.path.slice(1))] as never,
            skip: () => {
              throw undefined
            },
          }),
        )
        .get('*', (c) => c.text('hello'))
      for (const i of names.keys()) expect((await app.request(`/${i}`)).status).toBe(200)
      await store.flush()
      expect(await store.hosts('192.0.2.10')).toMatchObject([{ connections: 6, accounts: ['17', '18'] }])
    })
  })

  test('record() takes the account after the handler, also of one that throws, and never fails a request', async () => {
    await withStore(async (store) => {
      let cookie = 0
      const app = new Hono<{ Variables: { user: string } }>()
        .use((c, next) => {
          c.set('fingerprint' as never, request(connection(++cookie, '192.0.2.10', cookie)) as never)
          return next()
        })
        .use(
          store.record({
            account: (c) => {
              if (c.get('user') === 'bad') throw new Error('no session')
              return c.get('user')
            },
            skip: (c) => c.req.path === '/healthz',
          }),
        )
        .get('/healthz', (c) => c.text('ok'))
        .get('/fails', (c) => {
          c.set('user', 'bert')
          throw new Error('handler')
        })
        .get('/:user', (c) => {
          c.set('user', c.req.param('user'))
          return c.text('hello')
        })
        .onError((_, c) => c.text('failed', 500))
      for (const path of ['/anna', '/anna', '/bad', '/healthz']) expect((await app.request(path)).status).toBe(200)
      expect((await app.request('/fails')).status).toBe(500)
      await store.flush()
      const [host] = await store.hosts('192.0.2.10')
      expect(host).toMatchObject({ connections: 4, accounts: ['anna', 'bert'] })
    })
  })

  test('record() leaves the promise of a request alone whose account is known, and asks again where it may change', async () => {
    await withStore(async (store) => {
      const client = connection(1)
      let user: unknown = 'anna'
      let asked = 0
      const record = store.record({
        account: () => {
          asked++
          return user as string
        },
      })
      const served = async (method: string, handler = (): void => {}): Promise<boolean> => {
        const handled = Promise.resolve().then(handler)
        const c = { get: () => request(client), req: { method } }
        const done = record(c as never, () => handled)
        await done
        return (done as unknown) === handled
      }
      // The row, then the requests after it. Each asks once.
      for (const isAlone of [false, true, true, true]) expect(await served('GET')).toBe(isAlone)
      expect(asked).toBe(4)
      expect(await served('POST', () => (user = 'bert'))).toBe(false)
      for (let i = 0; i < 2; i++) expect(await served('GET')).toBe(true)
      expect(asked).toBe(7)
      user = Promise.reject(new Error('no text'))
      expect(await served('GET')).toBe(false)
      await store.flush()
      expect(await store.stacks('bert')).toMatchObject([{ connections: 1 }])
      expect(await store.stacks('anna')).toEqual([])
    })
  })

  test('a function that rejects is no unhandled rejection', async () => {
    const reject = async (): Promise<never> => {
      throw new Error('mine')
    }
    const store = openStore({ sink: () => Promise.reject(Object.create(null)), onError: reject as never })
    const app = new Hono()
      .use((c, next) => {
        c.set('fingerprint' as never, request(connection(1)) as never)
        return next()
      })
      .use(store.record({ account: reject as never, skip: reject as never }))
      .get('/', (c) => c.text('hello'))
    expect((await app.request('/')).status).toBe(200)
    await store.flush()
    expect(store.status()).toMatchObject({ queued: 1, failed: 1, lastError: expect.stringContaining('no error') })
    await store.close()
  })

  test('closed twice at once, and while it writes', async () => {
    using directory = temporaryDirectory()
    const store = openStore({ url: `sqlite:${directory.file('seen.sqlite')}` })
    for (let i = 0; i < 500; i++) store.observe(request(connection(i)))
    await Promise.all([store.flush(), store.close(), store.close()])
    expect(store.status()).toMatchObject({ queued: 0, written: 500, dropped: 0, lastError: undefined })
    store.observe(request(connection(501)))
    await store.close()
    expect(store.status()).toMatchObject({ written: 500 })
  })

  test.each(['flush', 'close'] as const)('%s() writes all that has changed, however small the queue', async (how) => {
    using directory = temporaryDirectory()
    const file = directory.file('seen.sqlite')
    const store = openStore({ url: `sqlite:${file}`, queue: 1 })
    const clients = Array.from({ length: 40 }, (_, i) => connection(i))
    for (const client of clients) {
      store.observe(request(client))
      await store.flush()
    }
    for (const client of clients) store.observe(request(client))
    await store[how]()
    expect(store.status()).toMatchObject({ written: 80, dropped: 0 })
    await store.close()
    const database = new DatabaseSync(file)
    expect(database.prepare('SELECT DISTINCT requests FROM observation').all()).toEqual([{ requests: 2 }])
    database.close()
  })

  test('flush() ends where what had changed is forgotten meanwhile', async () => {
    let meanwhile = (): void => {}
    const store = openStore({ queue: 4, sink: async () => meanwhile() })
    const clients = Array.from({ length: 12 }, (_, i) => connection(i))
    for (const client of clients) {
      store.observe(request(client), { account: 'anna' })
      await store.flush()
    }
    for (const client of clients) store.observe(request(client))
    meanwhile = () => void store.forget({ account: 'anna' }).catch(() => {})
    await store.flush()
    expect(store.status()).toMatchObject({ queued: 0, written: 14, dropped: 0 })
    await store.close()
  })

  test('what close() cannot write is counted', async () => {
    let isAway = false
    const sink = async (): Promise<void> => {
      if (isAway) throw new Error('away')
    }
    const store = openStore({ queue: 4, sink, onError: () => {} })
    const clients = Array.from({ length: 12 }, (_, i) => connection(i))
    for (const client of clients) {
      store.observe(request(client))
      await store.flush()
    }
    for (const client of clients) store.observe(request(client))
    isAway = true
    await store.close()
    expect(store.status()).toMatchObject({ queued: 0, written: 12, dropped: 12 })
  })

  test('an application without fingerprint() is served all the same', async () => {
    await withStore(async (store) => {
      const app = new Hono().use(store.record()).get('/', (c) => c.text('hello'))
      expect(await (await app.request('/')).text()).toBe('hello')
    })
  })

  test('a sink gets the rows; questions reject', async () => {
    const cookies: string[] = []
    const store = openStore({ sink: ({ observations }) => void cookies.push(...observations.map((one) => one.cookie)) })
    store.observe(request(connection(5)))
    await store.close()
    expect(cookies).toEqual(['5'])
    await expect(openStore({ sink: () => {} }).labels()).rejects.toThrow('Cannot ask a sink')
  })

  test('an onError that throws is not the store’s mistake', async () => {
    const store = openStore({
      sink: () => Promise.reject(new Error('away')),
      onError: () => {
        throw new Error('mine')
      },
    })
    store.observe(request(connection(5)))
    await store.flush()
    expect(store.status()).toMatchObject({ queued: 1, failed: 1, lastError: 'away' })
    await store.close()
  })

  test.each([
    {},
    { url: 'sqlite:' },
    { url: 'mysql://x' },
    { url: 'sqlite:x', sink: () => {} },
    { url: 'sqlite:x', retention: { daily: 'soon' } },
    { url: 'sqlite:x', anonymize: true },
    { url: 'sqlite:x', queue: 0 },
    { client: {} },
  ])('refuses %j', (options) => {
    expect(() => openStore(options as never)).toThrow(TypeError)
  })

  test('says no password where a URL is wrong', () => {
    expect(() => openStore({ url: 'mysql://user:secret@host/' })).toThrow(/^(?!.*secret)/)
  })

  test('refuses an address that is none, and days that are none', async () => {
    await withStore(async (store) => {
      await expect(store.hosts('nowhere')).rejects.toThrow(TypeError)
      await expect(store.hosts('192.0.2.0/23')).rejects.toThrow(TypeError)
      await expect(store.labels({ days: 0 })).rejects.toThrow(RangeError)
    })
  })
})

describe('a SQLite file', () => {
  test('of an older version, with its rows, is brought up to date, by one of several processes', async () => {
    using directory = temporaryDirectory()
    const file = directory.file('seen.sqlite')
    const store = openStore({ url: `sqlite:${file}` })
    store.observe(request(connection(5)))
    await store.close()
    const newer = [...MIGRATIONS, 'ALTER TABLE observation ADD COLUMN more INTEGER']
    const opened = await Promise.all([openDatabase(file, newer), openDatabase(file, newer)])
    for (const one of opened) {
      expect(await one.all('SELECT cookie, more FROM observation')).toEqual([
        expect.objectContaining({ cookie: 5, more: null }),
      ])
      expect(await one.all('PRAGMA user_version')).toEqual([expect.objectContaining({ user_version: newer.length })])
      one.close()
    }
    await expect(openDatabase(file)).rejects.toThrow('this library knows')
  })

  test('that cannot be brought up to date says why, also where SQLite has rolled back itself', async () => {
    using directory = temporaryDirectory()
    const file = directory.file('seen.sqlite')
    await expect(openDatabase(file, ['ROLLBACK; SELECT * FROM nowhere'])).rejects.toThrow('nowhere')
  })

  test('of a newer version is refused, and requests go on', async () => {
    using directory = temporaryDirectory()
    const file = directory.file('seen.sqlite')
    const newer = new DatabaseSync(file)
    newer.exec('PRAGMA user_version = 999')
    newer.close()
    const store = openStore({ url: `sqlite:${file}` })
    await expect(store.ready()).rejects.toThrow('its tables have version 999')
    store.observe(request(connection(5)))
    await store.flush()
    expect(store.status()).toMatchObject({ queued: 1, written: 0 })
    expect(store.status().lastError).toContain('version 999')
    await store.close()
  })

  test('that is no database is refused', async () => {
    using directory = temporaryDirectory()
    const file = directory.file('seen.sqlite')
    writeFileSync(file, 'x'.repeat(5000))
    const store = openStore({ url: `sqlite:${file}` })
    await expect(store.ready()).rejects.toThrow('not a database')
    await store.close()
    expect(readFileSync(file, 'utf8')).toBe('x'.repeat(5000))
  })

  test.each(['removed', 'replaced'])('that is %s while it is open: rows go to the file that is there', async (what) => {
    using directory = temporaryDirectory()
    const file = directory.file('seen.sqlite')
    const connectionsIn = async (url: string): Promise<unknown> => {
      const other = openStore({ url })
      const labels = await other.labels()
      await other.close()
      return labels.map(({ connections }) => connections)
    }
    const store = openStore({ url: `sqlite:${file}` })
    for (let i = 0; i < 3; i++) store.observe(request(connection(i)))
    await store.flush()
    if (what === 'removed') for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true })
    else {
      renameSync(file, `${file}.old`)
      expect(await connectionsIn(`sqlite:${file}`)).toEqual([])
    }
    for (let i = 0; i < 5; i++) store.observe(request(connection(10 + i)))
    await store.flush()
    expect(store.status()).toMatchObject({ written: 8, failed: 0 })
    expect(await store.labels()).toMatchObject([{ connections: 5 }])
    await store.close()
    expect(await connectionsIn(`sqlite:${file}`)).toEqual([5])
  })

  test('numbers of accounts that another process has removed are not used again', async () => {
    using directory = temporaryDirectory()
    const url = `sqlite:${directory.file('seen.sqlite')}`
    const [one, other] = [openStore({ url }), openStore({ url })]
    one.observe(request(connection(1)), { account: 'anna' })
    await one.flush()
    await other.forget({ account: 'anna' })
    other.observe(request(connection(2, '198.51.100.1')), { account: 'bert' })
    await other.flush()
    one.observe(request(connection(3)), { account: 'anna' })
    await one.flush()
    expect(await one.hosts('192.0.2.10')).toMatchObject([{ accounts: ['anna'] }])
    expect(await one.stacks('bert')).toMatchObject([{ network: '198.51.100.0/24' }])
    await Promise.all([one.close(), other.close()])
  })
})
