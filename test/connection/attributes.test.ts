import { expect, test } from 'bun:test'
import type { Fingerprint } from '../../src/connection/fingerprint.ts'
import { defaultDatabase, fingerprints, match, parseSyn, toAttributes } from '../../src/index.ts'
import { SYN } from '../support/samples.ts'

const syn = parseSyn(SYN)
const full = {
  available: true,
  source: 'kernel',
  reason: undefined,
  peer: { address: '192.0.2.10', port: 43210 },
  local: { port: 443 },
  connection: { cookie: '7', request: 3 },
  syn,
  fingerprints: fingerprints(syn),
  label: match(defaultDatabase(), syn),
  tcpInfo: { rttvar: 250, total_retrans: 2 },
  timing: {
    rtt: { microseconds: 1500 },
    handshakeRtt: { microseconds: 57, provenance: 'handshake' },
    firstDataDelayMilliseconds: 12,
  },
} as unknown as Fingerprint

test('toAttributes has the names of OpenTelemetry, seconds, and no absent fact', () => {
  const attributes = toAttributes(full)
  expect(attributes).toMatchObject({
    'client.address': '192.0.2.10',
    'client.port': 43210,
    'network.peer.address': '192.0.2.10',
    'network.peer.port': 43210,
    'network.local.port': 443,
    'network.transport': 'tcp',
    'network.type': 'ipv4',
    'tcp.fingerprint.source': 'kernel',
    'tcp.fingerprint.muonfp': '64240:2-4-8-1-3:1460:7',
    'tcp.fingerprint.label': full.label!.name!,
    'tcp.syn.ttl': 57,
    'tcp.syn.options': '2,4,8,1,3',
    'tcp.syn.mss': 1460,
    'tcp.rtt': 0.0015,
    'tcp.rtt_variation': 0.00025,
    'tcp.handshake_rtt': 0.000057,
    'tcp.handshake_rtt.provenance': 'handshake',
    'tcp.first_data_delay': 0.012,
    'tcp.retransmits': 2,
    'tcp.connection.request': 3,
  })
  expect(Object.keys(attributes)).not.toContain('tcp.fingerprint.reason')
  for (const [name, value] of Object.entries(attributes)) {
    expect(name).toMatch(/^[a-z]+(\.[a-z0-9_]+)+$/)
    expect(['string', 'number', 'boolean']).toContain(typeof value)
  }
})

test('toAttributes without addresses has none', () => {
  const names = Object.keys(toAttributes(full, { addresses: false }))
  expect(names.filter((name) => /address|client|peer/.test(name))).toEqual([])
  expect(names).toContain('tcp.syn.mss')
})

test('toAttributes behind a proxy tells the client from the peer of the socket', () => {
  const behind = (hop: object) => toAttributes({ ...full, source: 'header', hop } as unknown as Fingerprint)
  const peer = { address: '2001:db8::1', port: 5000 }
  expect(behind({ available: true, peer, local: { port: 3000 } })).toMatchObject({
    'client.address': '192.0.2.10',
    'network.peer.address': '2001:db8::1',
    'network.peer.port': 5000,
    'network.local.port': 3000,
    'network.transport': 'tcp',
    'network.type': 'ipv6',
  })
  const local = behind({ available: false, reason: 'unix-socket' })
  expect(local).toMatchObject({ 'client.address': '192.0.2.10', 'network.transport': 'unix' })
  for (const name of ['network.type', 'network.peer.address', 'network.local.port'])
    expect(local).not.toHaveProperty(name)
})

test('toAttributes of a miss says what is still known', () => {
  const miss = (reason: string, more: object = {}): Fingerprint =>
    ({ available: false, source: 'none', reason, timing: {}, ...more }) as unknown as Fingerprint
  expect(toAttributes(miss('unix-socket'))).toEqual({
    'network.transport': 'unix',
    'tcp.fingerprint.source': 'none',
    'tcp.fingerprint.reason': 'unix-socket',
  })
  expect(toAttributes(miss('not-tcp', { peer: { address: '::1', port: 9 } }))).toMatchObject({
    'network.transport': 'quic',
    'network.type': 'ipv6',
  })
  expect(toAttributes(miss('not-tcp'))).not.toHaveProperty('network.transport')
})
