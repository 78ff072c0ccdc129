import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { type Fingerprint, inspector } from '../../src/bun.ts'
import { CURVES, curvesBegin, curvesEnd, curvesStep, SAMPLES } from '../../src/inspector/timing-curves.ts'
import { TimingStreams } from '../../src/inspector/timing-streams.ts'
import type { TcpInfo } from '../../src/wire/tcp-info.ts'

const HTML = { accept: 'text/html' }
const HOLES = /undefined|NaN|Infinity|\[object|>null</

const info = (i: number): TcpInfo => ({
  rtt: 10_000 + 500 * i,
  rttvar: 5000 - 20 * i,
  snd_cwnd: 10 + i,
  total_retrans: 3 + (i > 30 ? 2 : 0),
})
const infos = (count: number): TcpInfo[] => Array.from({ length: count }, (_, i) => info(i))

describe('the curves', () => {
  test('a minute of samples is a piece a sample for each of them, inside the picture', () => {
    let picture = curvesBegin()
    for (let i = 1; i <= SAMPLES; i++) picture += curvesStep(infos(i))
    picture += curvesEnd(infos(SAMPLES))
    expect(picture.match(/class="curve /g)!.length).toBe(CURVES.length * SAMPLES)
    expect(picture).not.toMatch(HOLES)
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(picture)!
    for (const [, x, y] of picture.matchAll(/[ML]([\d.]+) ([\d.]+)/g)) {
      expect(Number(x)).toBeLessThanOrEqual(Number(width))
      expect(Number(y)).toBeLessThanOrEqual(Number(height))
    }
    // First, least, most, last.
    expect(picture).toContain('<td>10 ms</td><td>10 ms</td><td>40 ms</td><td>40 ms</td>')
    expect(picture).toContain('<td>0</td><td>0</td><td>2</td><td>2</td>')
  })

  test('values beyond the axes, and facts that an old kernel does not tell, leave no hole', () => {
    const odd: TcpInfo[] = [
      { rtt: 0, rttvar: 0, snd_cwnd: 0x7fff_ffff },
      { rtt: 4e9, rttvar: 4e9, total_retrans: 1e9 },
      {},
    ]
    const picture = curvesBegin() + odd.map((_, i) => curvesStep(odd.slice(0, i + 1))).join('') + curvesEnd(odd)
    expect(picture).not.toMatch(HOLES)
  })
})

describe('TimingStreams', () => {
  const form = { begin: () => 'b', step: (all: readonly TcpInfo[]) => String(all.length % 10), end: () => 'e' }

  test('samples for a minute, then ends', async () => {
    const stream = new TimingStreams(1).open('a', () => info(0), form)
    const text = await new Response(stream).text()
    expect(text).toMatch(/^b\d{61}e$/)
  })

  test('ends with the connection, with the server, and where the client does not read', async () => {
    let left = 3
    const streams = new TimingStreams(1)
    expect(await new Response(streams.open('a', () => (left-- > 0 ? info(0) : undefined), form)).text()).toBe('b123e')
    const open = new Response(streams.open('a', () => info(0), form)).text()
    streams.close()
    expect(await open).toBe('b1e')
    const unread = streams.open('a', () => info(0), form)!
    await Bun.sleep(100)
    expect((await new Response(unread).text()).length).toBeLessThan(12)
  })

  test('a client has four, all have thirty-two, and a stream that ends makes room', async () => {
    const streams = new TimingStreams(1000)
    const open = (client: string): ReadableStream | undefined => streams.open(client, () => info(0), form)
    const own = Array.from({ length: 4 }, () => open('a'))
    expect(own.every((one) => one !== undefined)).toBe(true)
    expect(open('a')).toBeUndefined()
    await own[0]!.cancel()
    expect(open('a')).toBeDefined()
    for (let i = 0; i < 28; i++) expect(open(`b${i % 7}`)).toBeDefined()
    expect(open('c')).toBeUndefined()
    streams.close()
    expect(open('c')).toBeDefined()
    streams.close()
  })
})

describe('?timing', () => {
  const appWith = (read: (() => TcpInfo | undefined) | undefined, reason?: string): Hono => {
    const page = inspector()
    const facts = { peer: { address: '192.0.2.10', port: 1 }, reason, timing: {}, ...(read && { readTcpInfo: read }) }
    return new Hono()
      .use((c, next) => {
        c.set('fingerprint' as never, facts as unknown as Fingerprint as never)
        c.set('fingerprintEnv' as never, {} as never)
        return next()
      })
      .all('/', page)
  }
  /** A connection that ends after so many samples; the first is asked for before the answer begins. */
  const ending = (samples: number): (() => TcpInfo | undefined) => {
    let left = samples + 1
    return () => (left-- > 0 ? info(0) : undefined)
  }

  test('is a page that needs no script, with a policy of its own', async () => {
    const answer = await appWith(ending(1)).request('/?timing', { headers: HTML })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const nonce = /style-src 'nonce-([^']+)'/.exec(answer.headers.get('content-security-policy')!)![1]!
    const text = await answer.text()
    expect(text).toMatch(/^<!doctype html><html/)
    expect(text).toMatch(/<svg class="curves"[\s\S]*<\/svg><table/)
    expect(text).toContain('How to read it')
    expect(text.endsWith('</html>')).toBe(true)
    expect([...text.matchAll(/<(?:style|script) nonce="([^"]+)"/g)].map(([, one]) => one)).toEqual([nonce, nonce])
    expect(text).not.toMatch(/ style="/)
    expect(text.replace(/<(script|style)\b[\s\S]*?<\/\1>/g, '')).not.toMatch(HOLES)
  })

  test('is a line a second for programs', async () => {
    const answer = await appWith(ending(2)).request('/?timing')
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
    const lines = (await answer.text()).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { second: 0, tcpInfo: info(0) },
      { second: 1, tcpInfo: info(0) },
    ])
  })

  test('says why there is nothing to show', async () => {
    for (const app of [appWith(() => undefined, 'not-found'), appWith(undefined, 'not-found')]) {
      const answer = await app.request('/?timing', { headers: HTML })
      expect(answer.status).toBe(404)
      expect(await answer.text()).toContain(
        '<h1>Nothing here</h1><p>The kernel does not tell TCP_INFO of this connection: not-found.</p>',
      )
      const line = await app.request('/?timing')
      expect([line.status, await line.text()]).toEqual([
        404,
        'The kernel does not tell TCP_INFO of this connection: not-found.\n',
      ])
    }
  })
})
