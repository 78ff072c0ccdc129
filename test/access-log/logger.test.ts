import { expect, test } from 'bun:test'
import { LogEntry } from '../../src/access-log/entry.ts'
import { AccessLogger } from '../../src/access-log/logger.ts'
import type { AccessLogOptions } from '../../src/access-log/options.ts'
import { bun } from '../../src/runtime/bun.ts'
import type { Runtime } from '../../src/runtime/types.ts'

/** A runtime that tells nothing of bodies, as Node. */
const BLIND: Runtime = Object.assign(Object.create(bun) as Runtime, { bodyOf: () => 'stream', onGone: () => () => {} })

function logger(runtime: Runtime, options: AccessLogOptions<unknown>) {
  const lines: string[] = []
  const errors: Error[] = []
  const log = new AccessLogger(runtime, {
    write: (line) => void lines.push(line),
    onError: (error) => void errors.push(error),
    ...options,
  })
  return { log, lines, errors }
}

test('%X is X where the client had gone before the answer was there, though all of its body was read', async () => {
  for (const [hasGone, wanted] of [
    [true, '5 X'],
    [false, '5 +'],
  ] as const) {
    const { log, lines } = logger(BLIND, { format: '%B %X' })
    const client = new AbortController()
    const entry = new LogEntry(log, new Request('http://a/', { signal: client.signal }), undefined)
    if (hasGone) client.abort()
    expect(await log.answered(entry, new Response('hello'), undefined).text()).toBe('hello')
    expect(lines).toEqual([wanted])
  }
})

test('what a callback or the runtime throws reaches no answer, though it has no text', () => {
  const thrown = (): never => {
    throw Object.create(null)
  }
  const broken: Runtime = Object.assign(Object.create(bun) as Runtime, { bodyOf: thrown })
  for (const [runtime, options] of [
    [bun, { skip: thrown }],
    [bun, { user: thrown }],
    [bun, { facts: thrown }],
    [bun, { format: thrown }],
    [bun, { write: thrown }],
    [broken, { format: '%B' }],
  ] as const) {
    const { log, errors } = logger(runtime, options)
    const answer = new Response('hello')
    expect(log.answered(new LogEntry(log, new Request('http://a/'), undefined), answer, undefined)).toBe(answer)
    expect(errors).toHaveLength(1)
  }
})

test('an empty answer to a request whose connection is upgraded has the status that the client receives', () => {
  for (const [isUpgraded, wanted] of [
    [true, '101'],
    [false, '200'],
  ] as const) {
    const { log, lines } = logger(Object.assign(Object.create(BLIND) as Runtime, { isUpgraded: () => isUpgraded }), {
      format: '%>s',
    })
    const request = new Request('http://a/', { headers: { upgrade: 'websocket' } })
    log.answered(new LogEntry(log, request, undefined), new Response(null), undefined)
    expect(lines).toEqual([wanted])
  }
})
