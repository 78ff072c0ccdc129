import { describe, expect, test } from 'bun:test'
import type { Fingerprint } from '../../src/bun.ts'
import { matchOf, shortLabel } from '../../src/explain/label.ts'
import { explainTcpInfo, groupTcpInfo, humanValue } from '../../src/explain/tcp-info.ts'
import { pathValues, USAGE } from '../../src/explain/usage.ts'
import { synVerdicts, verdicts } from '../../src/explain/verdicts.ts'
import { explainWay } from '../../src/explain/way.ts'
import { defaultDatabase, match, parseSyn, parseTcpInfo } from '../../src/index.ts'
import { EXAMPLES } from '../../src/inspector/examples.ts'
import infos from '../vectors/tcp-info.json' with { type: 'json' }

const INFO = parseTcpInfo((infos as unknown as { hex: string }[])[0]!.hex)
const example = (name: string) => {
  const syn = parseSyn(EXAMPLES.find((one) => one.name === name)!.hex)
  return { syn, label: match(defaultDatabase(), syn) }
}
const texts = (name: string): string[] => {
  const { syn, label } = example(name)
  return synVerdicts(syn, label).map(({ text }) => text)
}

describe('synVerdicts', () => {
  test.each([
    ['Linux today', ['Linux, exact match', 'Same network']],
    ['zmap', ['zmap: a tool, no browser', 'Same network']],
    ['nmap', ['nmap: a tool, no browser']],
    ['Behind a VPN', ['Linux, exact match', 'Through a tunnel: WireGuard or similar tunnel']],
    ['A relay', ['2 routers away', 'MSS lowered on the way']],
  ])('%s', (name, expected) => {
    const found = texts(name)
    for (const text of expected) expect(found).toContain(text)
  })
  test('says so where no signature fits', () => {
    const syn = parseSyn(
      '450000301234400040060000c000020ac6336407a8ca01bb11223344000000007002faf0000000001b08000000000000',
    )
    const [first] = synVerdicts(syn, match(defaultDatabase(), syn))
    expect(first).toMatchObject({ topic: 'label', tone: 'warn', text: 'Unknown system' })
  })
})

describe('verdicts', () => {
  const { syn, label } = example('Linux today')
  const facts = {
    available: true,
    reason: undefined,
    peer: { address: '192.0.2.10', port: 1 },
    connection: { cookie: '1', request: 1 },
    syn,
    label,
    tcpInfo: INFO,
    hop: undefined,
    timing: {
      handshakeRtt: { microseconds: 24_000, provenance: 'handshake' },
      firstDataDelayMilliseconds: 1,
      acceptTime: '2026-11-22T12:00:00.000Z',
      handshakeTimeToLive: 64,
    },
  } as unknown as Fingerprint
  const on = (changes: object, userAgent = ''): string[] =>
    verdicts({ ...facts, ...changes } as Fingerprint, { headers: { 'user-agent': userAgent }, tls: false }).map(
      ({ text }) => text,
    )
  test('of a connection about which everything is known', () => {
    expect(on({}, 'Mozilla/5.0 (X11; Linux x86_64)')).toEqual([
      'Linux, exact match',
      'Same network',
      'User-Agent agrees',
      '24 ms round trip',
    ])
  })
  test('of a header that contradicts, another way back, and an RTT that is the client\u2019s own wait', () => {
    const timing = {
      ...facts.timing,
      handshakeRtt: { microseconds: 9, provenance: 'deferred' },
      handshakeTimeToLive: 50,
    }
    const found = on({ timing }, 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)')
    expect(found).toContain('User-Agent says Windows')
    expect(found).toContain('Two ways')
    expect(found).toContain('At most 9 \u00b5s round trip')
  })
  test('of a client that speaks later than its handshake explains', () => {
    const timing = { ...facts.timing, firstDataDelayMilliseconds: 90 }
    expect(on({ timing })).toContain('Waited before it spoke')
    const overTls = { ...facts.timing, tlsRoundTripMilliseconds: 90 }
    // Browsers that connect in advance wait, too: another sign has to agree.
    expect(on({ timing: overTls })).toContain('Waited before it spoke')
    expect(on({ timing: { ...overTls, handshakeTimeToLive: 50 } })).toContain('Perhaps relayed')
  })
  test('of one without a SYN', () => {
    expect(on({ syn: undefined, label: undefined, reason: 'not-saved' })).toContain('No SYN was kept')
  })
})

test('explainWay names the TTLs, the link and the routers in order', () => {
  const { syn, label } = example('A relay')
  const way = explainWay(syn, label, 60)
  expect(way.stops.map(({ kind }) => kind)).toEqual(['client', 'tunnel', 'change', 'routers', 'server'])
  expect(way).toMatchObject({ sentTimeToLive: 64, timeToLive: 62, lastTimeToLive: 60, routers: 2, mtu: 1400 })
  expect(way.stops.at(-1)!.fact).toBe('TTL 62 in the SYN, 60 in the last segment of the handshake')
})

test('shortLabel and matchOf part a label', () => {
  const { label } = example('Linux today')
  expect(`${shortLabel(label).system} ${shortLabel(label).detail}`).toBe(label.name!)
  expect([shortLabel(label).system, matchOf(label)]).toEqual(['Linux', 'exact match'])
})

describe('TCP_INFO', () => {
  test('groups hold every field once', () => {
    const grouped = groupTcpInfo(INFO).flatMap(({ fields }) => fields.map(({ name }) => name))
    expect(grouped.toSorted()).toEqual(
      explainTcpInfo(INFO)
        .map(({ name }) => name)
        .toSorted(),
    )
  })
  test.each([
    ['rtt', 1234, '1.23 ms'],
    ['rtt', 57, '57 \u00b5s'],
    ['last_data_recv', 4, '4 ms'],
    ['bytes_received', 14_600, '14.6 kB'],
    ['bytes_received', 999, '999 B'],
    ['pacing_rate', 125_000, '1 Mbit/s'],
    ['snd_cwnd', 10, '10 segments'],
    ['snd_cwnd', 1, '1 segment'],
    ['rcv_wscale', 7, '7'],
  ] as const)('%s %d is %s', (name, raw, words) => {
    expect(humanValue({ name, raw, value: String(raw) })).toBe(words)
  })
})

test('pathValues gives every value with the path that leads to it', () => {
  const { syn } = example('Linux today')
  const object = { syn, tcpInfo: { rtt: 5 }, nothing: undefined }
  const values = new Map(pathValues(object, ['tcpInfo']).map(({ path, value }) => [path, value]))
  expect(values.get('syn.tcp.mss')).toBe('1460')
  expect(values.get('syn.tcp.optionKinds')).toBe('2, 4, 8, 1, 3')
  expect([...values.keys()].some((path) => path.startsWith('tcpInfo') || path === 'nothing')).toBe(false)
  for (const [path, value] of values) {
    const found = path.split('.').reduce((inner: never, name) => inner[name], object as never)
    expect(Array.isArray(found) ? (found as string[]).join(', ') : String(found), path).toBe(value)
  }
})

test('the apps are five lines', () => {
  for (const { code } of Object.values(USAGE)) expect(code.split('\n')).toHaveLength(5)
})
