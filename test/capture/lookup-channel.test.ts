import { expect, test } from 'bun:test'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Capture } from '../../src/capture/capture.ts'
import { LOOKUP_CHANNEL, type LookupMessage } from '../../src/capture/lookup-channel.ts'
import { createFakeLibc } from '../support/fake-libc.ts'

test('subscribers of tcpfingerprint:lookup get the rule that decided each look-up, its candidates and calls', () => {
  const libc = createFakeLibc()
  const capture = new Capture(libc)
  libc.open({ listening: true, localPort: 80 })
  capture.arm(undefined, () => {})
  const server = capture.server({ kind: 'tcp', port: 80, address: '127.0.0.1', tls: false })
  const fd = libc.open({ peer: 40_000, localPort: 80 })
  const seen: LookupMessage[] = []
  const hear = (message: unknown): number => seen.push(message as LookupMessage)
  const ask = (port: number): unknown => capture.connection(server, '127.0.0.1', port, undefined, false)
  const { getpeername } = libc
  try {
    ask(40_001)
    expect(seen).toEqual([])
    subscribe(LOOKUP_CHANNEL, hear)
    ask(40_000)
    ask(40_000)
    ask(40_001)
    // Of a watched socket nobody has to ask.
    libc.open({ peer: 40_002, localPort: 80 })
    libc.refuse.set('getpeername', 1)
    expect(() => ask(40_002)).toThrow('getpeername')
  } finally {
    unsubscribe(LOOKUP_CHANNEL, hear)
    capture.close()
  }
  expect(seen.map(({ outcome, rule, candidates, descriptor }) => [outcome, rule, candidates, descriptor])).toEqual([
    ['found', 'P4', 1, fd],
    ['known', 'P3', 1, fd],
    ['not-found', 'P1', 0, undefined],
    ['unsupported', 'P1', 0, undefined],
  ])
  for (const { microseconds, systemCalls } of seen) {
    expect(systemCalls).toBeGreaterThan(0)
    expect(microseconds).toBeGreaterThanOrEqual(0)
  }
  expect(seen[1]!.systemCalls).toBeLessThanOrEqual(2)
  expect(libc.getpeername).toBe(getpeername)
})
