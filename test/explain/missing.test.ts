import { expect, test } from 'bun:test'
import type { Fingerprint } from '../../src/bun.ts'
import { missingFacts } from '../../src/explain/missing.ts'
import { parseSyn } from '../../src/index.ts'
import { EXAMPLES } from '../../src/inspector/examples.ts'

const SYN = parseSyn(EXAMPLES[0]!.hex)
const CONNECTION = { cookie: '1', request: 1 }

/** Why the SYN and TCP_INFO are missing: whole sentences are too long a list. */
function why(facts: Partial<Fingerprint>): Record<string, string> {
  const fingerprint = { available: true, source: 'none', timing: {}, ...facts } as Fingerprint
  const rows = missingFacts(fingerprint, { tls: false })
  return Object.fromEntries(
    ['SYN', 'TCP_INFO'].flatMap((name) => {
      const row = rows.find(({ fact }) => fact.startsWith(name))
      return row === undefined ? [] : [[name, `${row.why} ${row.remedy}`]]
    }),
  )
}

const hop = {} as Fingerprint
const tcpInfo = {} as Fingerprint['tcpInfo']

test.each<[name: string, facts: Partial<Fingerprint>, syn: string, info: string]>([
  ['a header with the address alone', { reason: 'not-saved' }, 'The proxy did not tell', 'The proxy did not tell'],
  [
    'a header with an RTT',
    { source: 'header', reason: 'not-saved' },
    'The proxy did not tell',
    'The proxy did not tell',
  ],
  ['a header, no SYN wanted', {}, 'The proxy did not tell', 'The proxy did not tell'],
  ['no CAP_NET_RAW', { source: 'header', reason: 'denied', connection: CONNECTION, tcpInfo }, 'needs CAP_NET_RAW', ''],
  ['no CAP_NET_RAW, client gone', { reason: 'denied' }, 'needs CAP_NET_RAW', 'that the proxy names is open here'],
  ['not found', { reason: 'not-found' }, 'that the proxy names is open here', 'that the proxy names is open here'],
  ['ambiguous', { reason: 'ambiguous' }, 'Another connection could be meant', 'Another connection could be meant'],
  ['no SYN', { source: 'header', reason: 'not-saved', connection: CONNECTION, tcpInfo }, 'from the wire: it came', ''],
  ['a client that has gone', { source: 'packet', syn: SYN, connection: CONNECTION }, '', 'has ended, sock_diag'],
  ['no sock_diag', { source: 'packet', syn: SYN }, '', 'has ended, sock_diag'],
])('behind a proxy: %s', (_, facts, syn, info) => {
  const found = why({ hop, ...facts })
  expect(found).toEqual({
    ...(syn === '' ? {} : { SYN: expect.stringContaining(syn) }),
    ...(info === '' ? {} : { TCP_INFO: expect.stringContaining(info) }),
  })
})

test('a direct connection: the reason, or an option', () => {
  expect(why({ reason: 'denied' }).SYN).toContain('Node with --permission needs --allow-ffi, or --allow-addons')
  expect(why({ connection: CONNECTION, reason: 'not-saved' })).toEqual({
    SYN: expect.stringContaining('The kernel has kept no SYN'),
    TCP_INFO: expect.stringContaining('turned off'),
  })
})
