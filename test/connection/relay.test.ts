import { describe, expect, test } from 'bun:test'
import type { Timing } from '../../src/connection/fingerprint.ts'
import { type RelayFacts, signsOfRelay } from '../../src/connection/relay.ts'
import { parseSyn } from '../../src/wire/syn.ts'
import { SYN } from '../support/samples.ts'

const at = (rtt: number, more: Partial<Timing>): RelayFacts => ({
  timing: { handshakeRtt: { microseconds: rtt * 1000, provenance: 'handshake' }, ...more },
})
const names = (facts: RelayFacts, headers?: Record<string, string>): string[] =>
  signsOfRelay(facts, headers).map(({ name }) => name)

describe('signsOfRelay', () => {
  const times: readonly [string, number, number, boolean][] = [
    ['a direct client', 0.02, 4, false],
    ['a direct client on a busy machine', 0.02, 12, false],
    ['a relay that is 10 ms from its client', 0.02, 20, true],
    ['the same, a jiffy less', 0.02, 16, true],
    ['a direct client far away', 180, 200, false],
    ['a relay far away, its client as far again', 180, 360, true],
    ['a client that connected in advance', 0.02, 5000, false],
  ]
  test.each(times)('%s: handshake %p ms, wait %p ms: %p', (_name, rtt, wait, expected) => {
    expect(names(at(rtt, { tlsRoundTripMilliseconds: wait }))).toEqual(expected ? ['tls-round-trip'] : [])
    expect(names(at(rtt, { firstDataDelayMilliseconds: wait }))).toEqual(expected ? ['first-data-delay'] : [])
  })

  test('needs the handshake to compare with', () => {
    expect(names({ timing: { tlsRoundTripMilliseconds: 200, firstDataDelayMilliseconds: 200 } })).toEqual([])
  })

  test('TTLs that differ, with both', () => {
    const facts = { timing: { handshakeTimeToLive: 44 }, syn: parseSyn(SYN) }
    expect(signsOfRelay(facts)[0]).toMatchObject({
      name: 'time-to-live',
      figures: { synTimeToLive: 57, handshakeTimeToLive: 44 },
    })
    expect(names({ ...facts, timing: { handshakeTimeToLive: 57 } })).toEqual([])
  })

  test('label, link and User-Agent', () => {
    const label = { name: 'Load balancer', family: 'relay', link: 'generic tunnel or VPN', mtu: 1420 } as never
    expect(names({ timing: {}, label })).toEqual(['tunnel-link', 'relay-label'])
    const unmeasured = { link: 'VPN', mtu: undefined } as never
    expect(signsOfRelay({ timing: {}, label: unmeasured })[0]!.figures).toEqual({ link: 'VPN' })
    const linux = { name: 'Linux 4.20 or newer', kind: 'os', family: 'linux', link: 'DSL' } as never
    const windows = { 'user-agent': 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)' }
    expect(names({ timing: {}, label: linux }, windows)).toEqual(['user-agent'])
    expect(names({ timing: {}, label: linux }, { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)' })).toEqual([])
    expect(names({ timing: {}, label: linux })).toEqual([])
  })

  test('every sign has figures and what speaks against it', () => {
    const facts = { ...at(0.1, { tlsRoundTripMilliseconds: 90, firstDataDelayMilliseconds: 50 }) }
    for (const sign of signsOfRelay(facts)) {
      expect(Object.keys(sign.figures).length).toBeGreaterThan(0)
      expect(sign.against.length).toBeGreaterThan(20)
    }
  })
})
