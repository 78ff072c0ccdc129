import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openSqlite } from '../../src/store/sqlite.ts'
import { row, stackNumber } from '../store/rows.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { lines, records, tcpfingerprint } from './run.ts'

const DAY = 86_400_000_000

/** A file that is no database. */
const CLI = join(import.meta.dir, '../../src/cli.ts')

describe('history', () => {
  const directory = temporaryDirectory()
  const url = `sqlite:${directory.file('seen.sqlite')}`
  const history = (...args: string[]) => tcpfingerprint(['history', '--store', url, ...args])
  beforeAll(async () => {
    const engine = await openSqlite(directory.file('seen.sqlite'))
    const old = row(3, '192.0.2.1', { stack: stackNumber(9), seen: Date.now() * 1000 - 20 * DAY })
    const observations = [
      row(1, '192.0.2.1', { account: 'anna\x1b[31m' }),
      row(2, '192.0.2.2', { account: 'bert' }),
      old,
    ]
    await engine.write({ observations, updates: [] })
    await engine.close()
  })
  afterAll(directory.remove)

  test('--json prints a row a line, under the names of the store', () => {
    const { code, out, err } = history('--json', 'hosts', '192.0.2.2')
    expect([code, err]).toEqual([0, ''])
    expect(records(out)).toEqual([
      {
        stack: stackNumber(7).stack,
        label: 'System 7',
        family: 'linux',
        connections: 1,
        firstSeen: expect.stringMatching(/^\d{4}-.*Z$/),
        lastSeen: expect.stringMatching(/^\d{4}-.*Z$/),
        accounts: ['bert'],
      },
    ])
    expect(records(history('--json', 'stacks', 'bert').out)).toMatchObject([
      { network: '192.0.2.0/24', connections: 1 },
    ])
    expect(records(history('labels', '--json').out)).toEqual([
      { label: 'System 7', family: 'linux', networks: 1, connections: 2 },
    ])
    expect(records(history('--json', '--days', '30', 'hosts', '192.0.2.0/24').out)).toHaveLength(2)
  })

  test('text has a line a row, and no control character of an account', () => {
    const { out } = history('hosts', '::ffff:192.0.2.1')
    expect(lines(out)).toHaveLength(2)
    expect(out).toContain('System 7')
    expect(out).not.toContain('\x1b')
    expect(history('stacks', 'nobody').out).toBe('Nothing is kept of that in these days.\n')
  })

  test.each([
    [['hosts']],
    [['hosts', '192.0.2.1', 'more']],
    [['labels', 'more']],
    [['networks']],
    [['constructor', '192.0.2.1']],
    [[]],
    [['--days', '0', 'labels']],
  ])('%p is a mistake in the use', (args) => {
    expect(history(...args).code).toBe(2)
  })

  test('needs a store that is there', () => {
    expect(tcpfingerprint(['history', 'labels']).code).toBe(2)
    expect(tcpfingerprint(['history', '--store', 'mysql://x', 'labels'])).toMatchObject({ code: 2, out: '' })
    const missing = directory.file('missing.sqlite')
    expect(tcpfingerprint(['history', '--store', `sqlite:${missing}`, 'labels']).code).toBe(1)
    expect(existsSync(missing)).toBe(false)
  })

  test.each([
    [`sqlite:${CLI}`, `sqlite:${CLI}`],
    ['sqlite:/', 'sqlite:/'],
    ['clickhouse+http://user:secret@127.0.0.1:1/x?password=secret', 'clickhouse+http://127.0.0.1:1/x'],
    ['postgres://user:secret@127.0.0.1:1/x', 'postgres://127.0.0.1:1/x'],
  ])('what cannot be opened is named: %s', (store, name) => {
    const { code, out, err } = tcpfingerprint(['history', '--store', store, 'labels'])
    expect([code, out]).toEqual([1, ''])
    expect(err).toStartWith(`tcpfingerprint: Cannot open the store "${name}": `)
    expect(err).not.toContain('secret')
  })

  test('an address that is none is told', () => {
    const { code, err } = history('hosts', 'nowhere')
    expect(code).toBe(1)
    expect(err).toContain('"nowhere"')
  })
})
