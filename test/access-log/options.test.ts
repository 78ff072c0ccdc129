import { describe, expect, test } from 'bun:test'
import { accessLog } from '../../src/access-log/hono.ts'
import { createAccessLogger } from '../../src/access-log/plain.ts'

describe('accessLog refuses options', () => {
  const rows: readonly (readonly [unknown, RegExp])[] = [
    [{ formt: '%h' }, /"formt"/],
    [{ format: 'combind' }, /"format".*common, combined, vhost_combined, json/],
    [{ format: '%z' }, /unknown directive "%z" at position 0/],
    [{ format: 7 }, /"format"/],
    [{ write: 'file' }, /"write"/],
    [{ write: { path: 'x' } }, /"write/],
    [{ write: { file: '' } }, /"write/],
    [{ write: { file: 'x', reopen: 'HUP' } }, /"write/],
    [{ delay: -1 }, /"delay"/],
    [{ delay: '1' }, /"delay"/],
    [{ maxPending: 1 }, /"maxPending"/],
    [{ skip: true }, /"skip"/],
    [{ user: 'x' }, /"user"/],
    [{ serverPort: 70_000 }, /"serverPort"/],
    [{ onError: {} }, /"onError"/],
    [null, /options/],
  ]
  for (const [options, message] of rows) {
    test(JSON.stringify(options), () => {
      expect(() => accessLog(options as never)).toThrow(TypeError)
      expect(() => accessLog(options as never)).toThrow(message)
    })
  }
  test('but takes a bound that is none', () => {
    expect(() => createAccessLogger({ maxPending: Number.POSITIVE_INFINITY, write: () => {} })).not.toThrow()
  })
  test('of the plain logger', () => {
    expect(() => createAccessLogger({ env: 1 } as never)).toThrow(/"env"/)
  })
})
