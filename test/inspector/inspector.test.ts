import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { type Fingerprint, type InspectorOptions, inspector } from '../../src/bun.ts'
import { defaultDatabase, fingerprints, match, parseSyn, parseTcpInfo } from '../../src/index.ts'
import { tcpdump } from '../support/dumps.ts'
import { SYN } from '../support/samples.ts'
import infos from '../vectors/tcp-info.json' with { type: 'json' }

const INFO = (infos as unknown as { hex: string }[])[0]!.hex
const HTML = { accept: 'text/html,*/*;q=0.8' }

/** A fingerprint with everything in it, changed as the test wants. */
function fake(changes: Partial<Fingerprint> = {}): Fingerprint {
  const syn = parseSyn(SYN)
  const facts = {
    available: true,
    source: 'kernel' as const,
    reason: undefined,
    peer: { address: '192.0.2.10', port: 43210 },
    local: { port: 443 },
    connection: { cookie: '4188', request: 3 },
    syn,
    fingerprints: fingerprints(syn),
    label: match(defaultDatabase(), syn),
    tcpInfo: parseTcpInfo(INFO),
    tcpInfoBytes: undefined,
    timing: {
      handshakeRtt: { microseconds: 23_456, provenance: 'handshake' as const },
      rtt: { microseconds: 24_000 },
      firstDataDelayMilliseconds: 4,
      acceptTime: '2026-11-22T12:00:00.000Z',
      handshakeTimeToLive: 57,
    },
    env: {},
    hop: undefined,
    ...changes,
  }
  return { ...facts, toJSON: () => facts }
}

/** An app with the page at `/`, in which every request has this fingerprint. */
function appWith(
  fingerprint: Fingerprint = fake(),
  options?: InspectorOptions,
): { app: Hono; page: ReturnType<typeof inspector> } {
  const page = inspector(options)
  const app = new Hono()
  app.use((c, next) => {
    c.set('fingerprint' as never, fingerprint as never)
    c.set('fingerprintEnv' as never, { FINGERPRINT_IP_TTL: '57' } as never)
    return next()
  })
  app.use(page.watch)
  app.all('/', page)
  return { app, page }
}

const post = (body: string, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
})

describe('inspector', () => {
  test('answers browsers with a page and everything else with JSON', async () => {
    const { app } = appWith()
    const page = await app.request('/', { headers: HTML })
    expect(page.headers.get('content-type')).toBe('text/html; charset=UTF-8')
    expect(page.headers.get('vary')).toBe('Accept, User-Agent, Accept-Encoding')
    const text = await page.text()
    expect(text).toStartWith('<!doctype html><html lang="en">')
    expect(text).toContain('<title>Your connection \u00b7 tcpfingerprint</title>')
    expect(text).toContain('Linux')
    const json = await app.request('/', { headers: { accept: '*/*' } })
    expect(await json.json()).toMatchObject({ available: true, syn: { hex: SYN }, env: { FINGERPRINT_IP_TTL: '57' } })
    expect(json.headers.get('cache-control')).toBe('no-store')
  })
  test('names its style and script by a nonce that is new each time, and allows nothing else', async () => {
    const { app } = appWith()
    const nonces = new Set<string>()
    for (let i = 0; i < 3; i++) {
      const answer = await app.request('/', { headers: HTML })
      const policy = answer.headers.get('content-security-policy')!
      const nonce = /script-src 'nonce-([A-Za-z0-9+/]{24})'/.exec(policy)![1]!
      nonces.add(nonce)
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain(`style-src 'nonce-${nonce}'`)
      expect(policy).not.toContain('unsafe')
      const text = await answer.text()
      expect(text).toContain(`<style nonce="${nonce}">`)
      expect(text).toContain(`<script nonce="${nonce}">`)
      expect(text).not.toMatch(/ style="| on[a-z]+="|(?:src|href)="https?:/)
    }
    expect(nonces.size).toBe(3)
  })
  test('answers curl with text, and everybody in the format that the query names', async () => {
    const { app } = appWith()
    const get = async (path: string, headers: Record<string, string> = {}): Promise<string> =>
      await (await app.request(path, { headers })).text()
    const text = await get('/', { accept: '*/*', 'user-agent': 'curl/8.5.0' })
    expect(text).toStartWith('Your connection from 192.0.2.10:43210: Linux')
    for (const part of ['7 routers away', 'Maximum segment size', 'struct tcp_info', 'Handshake RTT: 23.5 ms']) {
      expect(text).toContain(part)
    }
    expect(await get('/', { accept: 'text/plain' })).toStartWith('Your connection')
    expect(await get('/?text', HTML)).toStartWith('Your connection')
    expect(JSON.parse(await get('/?json', HTML))).toMatchObject({ available: true })
    expect(await get('/?pretty', HTML)).toStartWith('{\n  "available": true,')
    expect(await get('/', { accept: 'application/json', 'user-agent': 'curl/8.5.0' })).toStartWith('{"available":true')
    expect(await get(`/?decode=${SYN}&text`)).toContain('Maximum segment size')
    expect(await get('/?decode=zz&text')).toContain('bad-hex')
    const evil = { ...match(defaultDatabase(), parseSyn(SYN)), name: 'Evil\x1b[2J' } as never
    const hostile = await appWith(fake({ label: evil })).app.request('/?text')
    expect((await hostile.text()).replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  })
  test('packs a page for clients that take gzip', async () => {
    const { app } = appWith()
    const encodings = ['gzip, deflate, br', 'gzip;q=0.5', 'gzip;q=0', 'br', '']
    const answers = await Promise.all(
      encodings.map((encoding) => app.request('/', { headers: { ...HTML, 'accept-encoding': encoding } })),
    )
    expect(answers.map(({ headers }) => headers.get('content-encoding'))).toEqual(['gzip', 'gzip', null, null, null])
    const packed = await answers[0]!.bytes()
    expect(packed.length).toBeLessThan(20_000)
    expect(new TextDecoder().decode(Bun.gunzipSync(packed))).toContain('class="diagram"')
  })
  test('says what is missing and why', async () => {
    const nothing = fake({
      available: false,
      source: 'none',
      reason: 'not-saved',
      syn: undefined,
      fingerprints: undefined,
      label: undefined,
      timing: {},
    })
    const text = await (await appWith(nothing).app.request('/', { headers: HTML })).text()
    expect(text).toContain('SYN cookie')
    expect(text).toContain('tcp_syncookies')
    expect(text).toContain('a connection without a SYN')
    expect(text).not.toContain('class="diagram"')
  })
  test('shows a page where nothing at all is known', async () => {
    const nothing = fake({
      available: false,
      source: 'none',
      reason: 'no-connection',
      peer: undefined,
      local: undefined,
      connection: undefined,
      syn: undefined,
      fingerprints: undefined,
      label: undefined,
      tcpInfo: undefined,
      timing: {},
    })
    const answer = await appWith(nothing).app.request('/', { headers: HTML })
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('Mount fingerprint() first')
  })
  test('tells what a proxy says from what the kernel has seen', async () => {
    const hop = fake({ peer: { address: '127.0.0.1', port: 1234 } })
    const told = fake({ source: 'header', connection: undefined, tcpInfo: undefined, timing: {}, hop })
    const text = await (await appWith(told).app.request('/', { headers: HTML })).text()
    expect(text).toContain('as a proxy tells it')
    expect(text).toContain('The proxy\u2019s own connection')
    expect(text).toContain('127.0.0.1:1234')
    expect(text).toContain('The proxy did not tell')
  })
  test('shows hostile headers as text', async () => {
    const hostile = `</code><script>alert(1)</script><img src=x onerror=alert(2)>"'&`
    const answer = await appWith().app.request('/', { headers: { ...HTML, 'user-agent': hostile } })
    const text = await answer.text()
    expect(text).not.toContain('<script>')
    expect(text).not.toContain('<img')
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&lt;img')
  })
  test('shows control and bidirectional characters of databases, headers and variables as escapes', async () => {
    const label = { ...match(defaultDatabase(), parseSyn(SYN)), name: 'Evil\x00\x1b[2J\u202e\x9b' } as never
    const { app } = appWith(fake({ label }), { live: { token: 't' } })
    const headers = { ...HTML, 'user-agent': 'Agent \x9b\x7f' }
    for (const path of ['/', '/?live&token=t']) {
      const text = await (await app.request(path, { headers })).text()
      expect(text).toContain('Evil\\x00\\x1b[2J\\u202e\\x9b')
      expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u)
    }
  })
  test('takes HEAD for GET and refuses other methods', async () => {
    const { app } = appWith()
    expect((await app.request('/', { method: 'HEAD', headers: HTML })).status).toBe(200)
    for (const [method, path, allow] of [
      ['POST', '/', 'GET, HEAD'],
      ['DELETE', '/?decode', 'GET, HEAD, POST'],
    ] as const) {
      const answer = await app.request(path, { method })
      expect(answer.status).toBe(405)
      expect(answer.headers.get('allow')).toBe(allow)
    }
  })
  test('refuses wrong options when it is built', () => {
    for (const live of ['loopback', 'anyone', true, {}, { token: '' }, { token: 5 }, { token: 'x', once: true }]) {
      expect(() => inspector({ live: live as never })).toThrow(TypeError)
    }
    expect(() => inspector({ lvie: false } as never)).toThrow(TypeError)
    expect(() => inspector({ database: 'p0f.fp' as never })).toThrow('"database"')
  })
})

describe('inspector, pasted dumps', () => {
  const { app } = appWith()
  test('explains a SYN', async () => {
    const answer = await app.request('/?decode', post(`dump=${SYN}&kind=auto`, HTML))
    expect(answer.status).toBe(200)
    const text = await answer.text()
    expect(text).toContain('class="diagram"')
    expect(text).toContain('4:57+7:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0')
  })
  test('explains the first of several packets, and says so', async () => {
    const body = new URLSearchParams({ dump: tcpdump(SYN) + tcpdump(SYN, true) }).toString()
    const text = await (await app.request('/?decode', post(body, HTML))).text()
    expect(text).toContain('class="diagram"')
    expect(text).toContain('The first of 2 dumps')
  })
  test('explains tcp_info', async () => {
    const text = await (await app.request('/?decode', post(`dump=${INFO}&kind=tcp-info`, HTML))).text()
    expect(text).toContain('>tcpInfo.snd_cwnd</button>')
    expect(text).not.toContain('class="diagram"')
  })
  test('answers programs with JSON', async () => {
    expect(await (await app.request('/?decode', post(`dump=${SYN}`))).json()).toMatchObject({
      hex: SYN,
      tcp: { mss: 1460 },
      fingerprints: { muonfp: '64240:2-4-8-1-3:1460:7' },
      label: { kind: 'os', distance: 7 },
    })
    const plain = await app.request('/?decode', post(INFO, { 'content-type': 'text/plain' }))
    expect(await plain.json()).toMatchObject({ kind: 'tcp-info', tcpInfo: { state: 1 } })
    const bad = await app.request('/?decode', post('dump=zz'))
    expect(bad.status).toBe(400)
    expect(await bad.json()).toEqual({ error: { reason: 'bad-hex', offset: 0 } })
  })
  test('explains a dump in a link, to browsers and programs', async () => {
    const answer = await app.request(`/?decode=${SYN}`, { headers: HTML })
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('class="diagram"')
    expect((await app.request(`/?decode=${SYN}`, { method: 'HEAD', headers: HTML })).status).toBe(200)
    expect(await (await app.request(`/?decode=${SYN}`)).json()).toMatchObject({ hex: SYN, tcp: { mss: 1460 } })
    const info = await app.request(`/?decode=${INFO}&kind=tcp-info`)
    expect(await info.json()).toMatchObject({ kind: 'tcp-info', tcpInfo: { state: 1 } })
    const wrong = await app.request('/?decode=%3Cscript%3E', { headers: HTML })
    expect(wrong.status).toBe(400)
    expect(await wrong.text()).not.toContain('<script>')
    expect((await app.request(`/?decode=${'4'.repeat(70_000)}`)).status).toBe(413)
    // Without a value it is the form.
    expect(await (await app.request('/?decode', { headers: HTML })).text()).toContain('<textarea')
  })
  test('says why a dump cannot be decoded and shows it as text', async () => {
    const body = new URLSearchParams({ dump: '</textarea><script>alert(1)</script>' }).toString()
    const answer = await app.request('/?decode', post(body, HTML))
    expect(answer.status).toBe(400)
    const text = await answer.text()
    expect(text).toContain('role="alert"')
    expect(text).toContain('&lt;/textarea&gt;&lt;script&gt;')
    expect(text).not.toContain('<script>')
  })
  test('reads no more than it takes', async () => {
    for (const body of [`dump=${'4'.repeat(70_000)}`, `dump=${'4'.repeat(300_000)}`]) {
      const answer = await app.request('/?decode', post(body, HTML))
      expect(answer.status).toBe(413)
      expect((await answer.text()).length).toBeLessThan(60_000)
    }
    let pulled = 0
    const endless = new ReadableStream({
      pull: (controller) => {
        pulled += 1
        controller.enqueue(new Uint8Array(10_000).fill(52))
      },
    })
    const request = new Request('http://x/?decode', {
      method: 'POST',
      body: endless,
      headers: { 'content-type': 'text/plain' },
      duplex: 'half',
    } as never)
    expect((await app.request(request)).status).toBe(413)
    expect(pulled).toBeLessThan(100)
  })
  test('shows a SYN of the largest size, in part', async () => {
    const large = SYN + '00'.repeat(30_000)
    const answer = await app.request('/?decode', post(`dump=${large}`, HTML))
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('30000 more octets')
  })
})

describe('inspector, live', () => {
  const token = 'correct horse; battery=staple'
  const link = `/?live&token=${encodeURIComponent(token)}`
  const local = { host: '127.0.0.1:3000', ...HTML }
  const near = (): Fingerprint => fake({ peer: { address: '127.0.0.1', port: 43210 } })
  test('is off unless it is turned on', async () => {
    const { app } = appWith(near())
    expect((await app.request('/?live', { headers: local })).status).toBe(404)
    expect((await (await app.request('/', { headers: local })).text()).includes('href="?live"')).toBe(false)
  })
  test('opens with the token, and from then on with the cookie that the answer sets', async () => {
    const { app } = appWith(fake(), { live: { token } })
    const first = await app.request(link, { headers: HTML })
    expect(first.status).toBe(200)
    const field = first.headers.get('set-cookie')!
    expect(field).toMatch(/^tcpfingerprint-live-[0-9a-f]{8}=[0-9a-f]{64}; HttpOnly; SameSite=Strict$/)
    const cookie = `theme=dark; ${field.split(';')[0]}; z=1`
    for (const accept of ['text/html', 'text/event-stream']) {
      const again = await app.request('/?live', { headers: { accept, cookie } })
      expect(again.status).toBe(200)
      expect(again.headers.get('set-cookie')).toBeNull()
      await again.body?.cancel()
    }
    const menu = async (headers: Record<string, string>) =>
      (await (await app.request('/', { headers: { ...HTML, ...headers } })).text()).includes('href="?live"')
    expect([await menu({ cookie }), await menu({})]).toEqual([true, false])
    const secure = await app.request(`https://example.com${link}`, { headers: HTML })
    expect(secure.headers.get('set-cookie')).toEndWith('; SameSite=Strict; Secure')
  })
  test.each([
    ['this machine, under a name of this machine', near(), local],
    ['this machine, over IPv6', fake({ peer: { address: '::1', port: 5 } }), { ...HTML, host: '[::1]:3000' }],
    ['a peer elsewhere', fake(), local],
    ['an unknown peer', fake({ peer: undefined }), local],
    ['a proxy', fake({ hop: near() }), { ...local, 'x-forwarded-for': '127.0.0.1' }],
    ['a cookie of another token', near(), { ...local, cookie: `tcpfingerprint-live-00000000=${'0'.repeat(64)}` }],
    ['a cookie of another value', near(), { ...local, cookie: 'OWN=0000; OWN=; OWN' }],
    ['the token in place of the cookie', near(), { ...local, cookie: `OWN=${token}` }],
  ])('is closed to %s without the token', async (_, fingerprint, headers) => {
    const { app } = appWith(fingerprint, { live: { token } })
    const own = (await app.request(link)).headers.get('set-cookie')!.split('=')[0]!
    const sent: Record<string, string> = { ...headers }
    if (sent.cookie !== undefined) sent.cookie = sent.cookie.replaceAll('OWN', own)
    const wrong = ['', '&token', '&token=', '&token=wrong', `&token=${encodeURIComponent(token)}x`, `&Token=${token}`]
    for (const query of wrong) {
      for (const accept of ['text/html', 'text/event-stream']) {
        const answer = await app.request(`/?live${query}`, { headers: { ...sent, accept } })
        expect(answer.status, query).toBe(403)
        expect(answer.headers.get('set-cookie')).toBeNull()
      }
    }
  })
  test('opens once with a token that is renewed, then with the cookie alone, which does not follow from it', async () => {
    const tokens = ['second', 'third']
    const live = { token: 'first', renew: () => tokens.shift()! }
    const { app } = appWith(fake(), { live })
    const open = async (query: string, cookie = ''): Promise<{ status: number; cookie: string | undefined }> => {
      const { status, headers, body } = await app.request(`/?live${query}`, { headers: { ...HTML, cookie } })
      await body?.cancel()
      return { status, cookie: headers.get('set-cookie')?.split(';')[0] }
    }
    expect((await open('&token=second')).status).toBe(403)
    const first = await open('&token=first')
    expect(first.status).toBe(200)
    expect(await open('&token=first')).toEqual({ status: 403, cookie: undefined })
    // A page that is loaded again brings the cookie, beside a token that has held.
    expect(await open('&token=first', first.cookie)).toEqual({ status: 200, cookie: undefined })
    expect(await open('', first.cookie)).toEqual({ status: 200, cookie: undefined })
    // A menu with the link, and nothing else, is shown for a token that does not name the page: it holds on.
    await app.request('/?token=second', { headers: HTML })
    expect((await open('&token=second')).status).toBe(200)
    expect((await open('&token=second')).status).toBe(403)
    const { app: other } = appWith(fake(), { live: { token: 'first', renew: () => 'x' } })
    const own = (await other.request('/?live&token=first')).headers.get('set-cookie')!
    expect(own.split('=')[0]).toBe(first.cookie!.split('=')[0]!)
    expect(own.split(';')[0]).not.toBe(first.cookie!)
    expect(() => inspector({ live: { token: 'a', renew: 'b' } as never })).toThrow('renew')
  })
  test('never opens again with a token that could not be renewed, nor with none', async () => {
    const fails: readonly (() => unknown)[] = [() => '', () => undefined, () => Promise.resolve('x')]
    const throws = (): never => {
      throw new Error('no more')
    }
    for (const renew of [...fails, throws]) {
      const { app } = appWith(fake(), { live: { token: 'first', renew: renew as () => string } })
      app.onError((_, c) => c.text('', 500))
      expect((await app.request('/?live&token=first', { headers: HTML })).status).toBe(500)
      for (const token of ['first', '', 'undefined', 'x']) {
        expect((await app.request(`/?live&token=${token}`, { headers: HTML })).status).toBe(403)
      }
    }
  })
  test('lists connections, each once', async () => {
    const { app } = appWith(near(), { live: { token } })
    await app.request('/', { headers: local })
    const answer = await app.request(link, { headers: local })
    expect(answer.status).toBe(200)
    const text = await answer.text()
    expect(text.match(/127\.0\.0\.1:43210/g)).toHaveLength(1)
    expect(text).toContain('href="?live=4188"')
    const own = await (await app.request(`/?live=4188&token=${encodeURIComponent(token)}`, { headers: local })).text()
    expect(own).toContain('This connection looks like')
    expect(own).toContain('64240:2-4-8-1-3:1460:7')
    expect((await app.request(`/?live=9&token=${encodeURIComponent(token)}`, { headers: local })).status).toBe(404)
    expect((await app.request('/?live=4188', { headers: local })).status).toBe(403)
  })
  test('tells news as server-sent events, from where the listener was', async () => {
    const { app, page } = appWith(near(), { live: { token } })
    const events = { host: 'localhost', accept: 'text/event-stream' }
    await app.request('/', { headers: local })
    const answer = await app.request(link, { headers: events })
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    const reader = answer.body!.getReader()
    const decoder = new TextDecoder()
    let text = ''
    const until = async (wanted: string): Promise<void> => {
      while (!text.includes(wanted)) text += decoder.decode((await reader.read()).value)
    }
    await until('data:')
    expect(text).toMatch(
      /^retry: 2000\nid: 1\ndata: \{"requests":2,"unlisted":0,"entries":\[\{"id":1,"key":"4188","cells":\[/,
    )
    await app.request('/', { headers: local })
    await until('id: 3\n')
    const again = await app.request(link, { headers: { ...events, 'last-event-id': '3' } })
    const first = await again.body!.getReader().read()
    expect(decoder.decode(first.value)).toEndWith('"entries":[]}\n\n')
    // HEAD takes no listener's place: more of them than there is room for.
    for (let i = 0; i < 40; i++) {
      const head = await app.request(link, { method: 'HEAD', headers: events })
      expect(head.headers.get('content-type')).toBe('text/event-stream')
    }
    page.close()
    while (!(await reader.read()).done);
  })
})
