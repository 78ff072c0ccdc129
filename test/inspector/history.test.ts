import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { type Fingerprint, inspector } from '../../src/bun.ts'
import { daysAsked, type HistoryHost, type HistoryStore, readHistory, spanOf } from '../../src/inspector/history.ts'

const NOW = Date.parse('2026-11-27T12:00:00Z')
const host = (stack: string, firstSeen: string, lastSeen: string): HistoryHost => ({
  stack,
  label: 'Linux <b>',
  connections: 2,
  firstSeen,
  lastSeen,
})

class FakeStore implements HistoryStore {
  readonly asked: string[] = []
  async hosts(address: string, { days }: { readonly days: number }): Promise<HistoryHost[]> {
    this.asked.push(`${address} ${days}`)
    return [host('4:64:0:1460:mss*44,7', '2026-11-26T00:00:00.000Z', '2026-11-27T06:00:00.000Z')]
  }
  async labelsByDay(): Promise<{ day: string; label: undefined; connections: number; networks: number }[]> {
    return [{ day: '2026-11-27', label: undefined, connections: 3, networks: 1 }]
  }
}

describe('readHistory', () => {
  test('asks for the address and its network', async () => {
    const store = new FakeStore()
    const history = await readHistory(store, '192.0.2.7', 3, NOW)
    expect(history.days).toEqual(['2026-11-25', '2026-11-26', '2026-11-27'])
    expect(history).toMatchObject({ address: '192.0.2.7', network: '192.0.2.0/24' })
    await readHistory(store, '2001:db8::7', 3, NOW)
    await readHistory(store, undefined, 3, NOW)
    expect(store.asked).toEqual(['192.0.2.7 3', '192.0.2.0/24 3', '2001:db8::7 3', '2001:db8::7/64 3'])
  })

  test('a bar is where its stack was seen, cut to the days that are shown', () => {
    const days = ['2026-11-26', '2026-11-27']
    expect(spanOf(host('', '2026-11-26T12:00:00.000Z', '2026-11-27T00:00:00.000Z'), days)).toEqual([0.25, 0.5])
    expect(spanOf(host('', '2026-01-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'), days)).toEqual([0, 1])
  })

  test.each([
    [undefined, 14],
    ['30', 30],
    ['0', 14],
    ['91', 14],
    ['1.5', 14],
    ['x', 14],
  ])('days=%p asks for %p', (text, days) => {
    expect(daysAsked(text)).toBe(days)
  })
})

describe('inspector, history', () => {
  const HTML = { accept: 'text/html' }
  const fingerprint = {
    peer: { address: '192.0.2.7', port: 9 },
    timing: {},
    toJSON: () => ({}),
  } as unknown as Fingerprint
  const appWith = (store: HistoryStore | undefined, live?: { token: string }): Hono => {
    const page = inspector({ live, history: store && { store, token: 'secret' } })
    return new Hono()
      .use((c, next) => {
        c.set('fingerprint' as never, fingerprint as never)
        c.set('fingerprintEnv' as never, {} as never)
        return next()
      })
      .all('/', page)
  }

  test('is off by default, and open only to clients with its token', async () => {
    expect((await appWith(undefined).request('/?history&token=secret')).status).toBe(404)
    const app = appWith(new FakeStore())
    for (const query of ['?history', '?history&token=', '?history&token=wrong']) {
      expect((await app.request(`/${query}`)).status).toBe(403)
    }
    const first = await app.request('/?history&token=secret', { headers: HTML })
    expect(first.status).toBe(200)
    const [cookie] = first.headers.get('set-cookie')!.split(';')
    const again = await app.request('/?history', { headers: { ...HTML, cookie: cookie! } })
    expect(again.status).toBe(200)
    const menu = await (await app.request('/?decode', { headers: { ...HTML, cookie: cookie! } })).text()
    expect(menu).toContain('href="?history"')
    expect(menu).not.toContain('href="?live"')
    expect(await (await app.request('/?decode', { headers: HTML })).text()).not.toContain('href="?history"')
  })

  test('shows bars for the address and the network, labels per day, and escapes what comes from a database', async () => {
    const answer = await appWith(new FakeStore()).request('/?history&token=secret', { headers: HTML })
    const text = await answer.text()
    expect(text.match(/<ul class="days"/g)).toHaveLength(2)
    expect(text.match(/<rect class="bar"/g)).toHaveLength(2)
    expect(text).toContain('192.0.2.0/24')
    expect(text).toContain('Linux &lt;b&gt;, 2 connections')
    expect(text).toContain('not in the database')
    expect(text).not.toContain('<b>,')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('answers JSON where no page is asked for', async () => {
    const answer = await appWith(new FakeStore()).request('/?history&days=2&token=secret')
    expect(await answer.json()).toMatchObject({
      address: '192.0.2.7',
      ofAddress: [{ connections: 2 }],
      network: '192.0.2.0/24',
    })
  })

  test('says so where the store cannot answer', async () => {
    const store = new FakeStore()
    store.labelsByDay = () => Promise.reject(new Error('away'))
    const answer = await appWith(store).request('/?history&token=secret', { headers: HTML })
    expect(answer.status).toBe(503)
    expect(await answer.text()).toContain('The store cannot answer now')
  })

  test.each([true, {}, { token: 'x' }, { token: '', store: new FakeStore() }, { token: 'x', store: {} }])(
    'refuses history: %p',
    (history) => {
      expect(() => inspector({ history: history as never })).toThrow(TypeError)
    },
  )
})
