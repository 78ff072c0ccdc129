import { describe, expect, test } from 'bun:test'
import { createFingerprinter } from '../../src/deno.ts'
import type { FingerprintOptions } from '../../src/fingerprinter/options.ts'
import { loadP0f } from '../../src/label/database-parser.ts'
import type { Labeller } from '../../src/label/labeller.ts'
import { SYN } from '../support/samples.ts'

const info = { remoteAddr: { transport: 'tcp', hostname: '127.0.0.1', port: 9 } }

/** The fingerprint of a request whose SYN comes in a trusted header. */
function find(labeller: Labeller, more: FingerprintOptions = {}) {
  const trustedHeader = { header: 'x-syn', kind: 'syn', from: ['127.0.0.1'] } as const
  const fp = createFingerprinter({ trustedHeader, labeller, ...more })
  return fp.fromDeno(new Request('http://x/', { headers: { 'x-syn': SYN, 'user-agent': 'probe/1' } }), info)
}

describe('labeller', () => {
  test("names what sent the SYN; distance, link and MTU are the database's", () => {
    const found = find(() => ({ name: 'Our probe', family: 'tool', kind: 'os' }))
    expect(JSON.parse(JSON.stringify(found.label))).toEqual({
      name: 'Our probe',
      kind: 'os',
      match: 'rule',
      generic: false,
      family: 'tool',
      distance: 7,
      link: 'Ethernet, Wi-Fi or mobile',
      mtu: 1500,
    })
    expect(found.label?.evidence).toBeUndefined()
    expect(found.env).toMatchObject({ FINGERPRINT_LABEL: 'Our probe', FINGERPRINT_DISTANCE: '7' })
  })

  test("is asked once, when the label is first read, with strings, the database's label and the User-Agent", () => {
    const asked: unknown[] = []
    const found = find((syn, facts) => {
      asked.push([syn.tcp.mss, facts.fingerprints.muonfp, facts.label?.match, facts.userAgent])
      syn.tcp.mss satisfies number | undefined
      ;(syn.tcp as { mss: number }).mss = 7
      return { name: 'x' }
    })
    expect(found.syn?.tcp.mss).toBe(1460)
    expect(asked).toEqual([])
    expect([found.label?.name, found.label?.kind, found.label?.name]).toEqual(['x', 'os', 'x'])
    expect(asked).toEqual([[1460, '64240:2-4-8-1-3:1460:7', 'exact', 'probe/1']])
    expect(found.syn?.tcp.mss).toBe(1460)
  })

  test('that says nothing leaves it to the database, or to nothing without one', () => {
    expect(find(() => undefined).label).toMatchObject({ match: 'exact', kind: 'os' })
    expect(find(() => undefined, { database: false }).label).toBeUndefined()
    expect(find(() => ({ name: 'x' }), { database: false }).label).toMatchObject({ name: 'x', distance: 7, mtu: 1500 })
    expect(find(() => ({ name: 'x' }), { database: loadP0f('') }).label).toMatchObject({ name: 'x', match: 'rule' })
  })

  test('that throws or answers nonsense is one onError, and the database speaks', () => {
    for (const labeller of [
      () => {
        throw 'no error'
      },
      () => ({ name: 7 }),
      () => ({ name: '' }),
      () => ({ name: 'x', family: {} }),
      () => ({ name: 'x', kind: 'tool' }),
      () => 'text',
      () => 7,
      () => Object.defineProperty({}, 'name', { get: () => JSON.parse('{') }),
      () => new Proxy({}, { get: () => 0, has: () => true }),
      async () => ({ name: 'x' }),
      () => Promise.reject(new Error('rejected')),
    ] as never as Labeller[]) {
      const told: string[] = []
      const found = find(labeller, { onError: ({ message }) => told.push(message) })
      expect(found.label?.match).toBe('exact')
      expect(found.label?.match).toBe('exact')
      expect(told.filter((message) => !message.startsWith('Cannot capture'))).toHaveLength(1)
    }
  })

  test('whose promise is rejected ends no process', async () => {
    const rejections: unknown[] = []
    const note = (reason: unknown): void => void rejections.push(reason)
    process.on('unhandledRejection', note)
    try {
      const found = find((() => Promise.reject(new Error('rejected'))) as never)
      expect(found.label?.match).toBe('exact')
      await new Promise((resolve) => setTimeout(resolve, 20))
    } finally {
      process.off('unhandledRejection', note)
    }
    expect(rejections).toEqual([])
  })

  test("'s name and family go into variables without control characters, and no longer than 256 characters", () => {
    const found = find(() => ({ name: `a\nb\0${'x'.repeat(1_000_000)}`, family: 'c\r\nd' }))
    expect(found.env.FINGERPRINT_LABEL).toBe(`a\\x0ab\\x00${'x'.repeat(252)}`)
    expect(found.label?.family).toBe('c\\x0d\\x0ad')
  })

  test('that takes its time delays the request that reads the label, once', () => {
    let asked = 0
    const found = find(() => {
      asked += 1
      const until = performance.now() + 30
      while (performance.now() < until);
      return { name: 'slow' }
    })
    expect([found.label?.name, found.label?.name, found.env.FINGERPRINT_LABEL, asked]).toEqual([
      'slow',
      'slow',
      'slow',
      1,
    ])
  })

  test('must be a function', () => {
    expect(() => createFingerprinter({ labeller: {} as never })).toThrow('"labeller": Expected a function')
  })
})
