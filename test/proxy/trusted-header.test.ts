import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { cgi, createCgi, createFingerprinter, fingerprint } from '../../src/bun.ts'
import { createFingerprinter as createForDeno } from '../../src/deno.ts'
import { AddressBlocks } from '../../src/proxy/address-blocks.ts'
import { hideHeaders } from '../../src/proxy/request-headers.ts'
import { TrustedHeaders } from '../../src/proxy/trusted-header.ts'
import { createAddressWords, parseAddress } from '../../src/wire/sockaddr.ts'
import { startServer } from '../lab/server.ts'
import { SYN } from '../support/samples.ts'
import { seeded } from '../support/seeded.ts'

const base64 = Buffer.from(SYN, 'hex').toString('base64')

/** True if the text is an address in one of the blocks. */
function has(blocks: AddressBlocks, text: string): boolean {
  const words = createAddressWords()
  return parseAddress(text, words) && blocks.has(words)
}

describe('AddressBlocks', () => {
  test('has what is in a block, IPv4-mapped addresses as IPv4', () => {
    const blocks = new AddressBlocks(['10.0.0.0/8', '192.0.2.7', '198.51.100.128/25', '2001:db8:0:2::/63', 'fe80::1'])
    for (const inside of [
      '10.0.0.0',
      '10.255.255.255',
      '::ffff:10.1.2.3',
      '192.0.2.7',
      '198.51.100.128',
      '198.51.100.255',
      'fe80::1%eth0',
    ])
      expect(has(blocks, inside), inside).toBe(true)
    for (const outside of [
      '11.0.0.0',
      '9.255.255.255',
      '192.0.2.8',
      '198.51.100.127',
      '2001:db8:0:4::1',
      'fe80::2',
      '::a00:1',
      '',
      'nonsense',
      '10.0.0',
      '10.0.0.1 ',
    ])
      expect(has(blocks, outside), outside).toBe(false)
    expect(blocks.unix).toBe(false)
  })

  test('has addresses of IPv6 blocks of any length', () => {
    const blocks = new AddressBlocks(['2001:db8:0:2::/63', 'unix'])
    expect(has(blocks, '2001:db8:0:2::1')).toBe(true)
    expect(has(blocks, '2001:db8:0:3:ffff::')).toBe(true)
    expect(has(blocks, '2001:db8:0:4::')).toBe(false)
    expect(blocks.unix).toBe(true)
  })

  test('0.0.0.0/0 is every IPv4 address and ::/0 every IPv6 one, neither the other', () => {
    const four = new AddressBlocks(['0.0.0.0/0'])
    const six = new AddressBlocks(['::/0'])
    expect([has(four, '203.0.113.9'), has(four, '::1'), has(six, '::1'), has(six, '203.0.113.9')]).toEqual([
      true,
      false,
      true,
      false,
    ])
  })

  test('every prefix length agrees with counting bits', () => {
    const random = seeded(4)
    for (let bits = 0; bits <= 32; bits++) {
      const base = bits === 0 ? 0 : ((Math.floor(random() * 2 ** 32) >>> (32 - bits)) << (32 - bits)) >>> 0
      const text = (word: number): string => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.')
      const blocks = new AddressBlocks([`${text(base)}/${bits}`])
      for (let i = 0; i < 40; i++) {
        const flip = Math.floor(random() * 32)
        const word = (base ^ (1 << flip)) >>> 0
        expect(has(blocks, text(word)), `${text(word)} in ${text(base)}/${bits}`).toBe(flip < 32 - bits)
      }
    }
  })

  test('a text that is no block is refused, with its reason', () => {
    for (const [text, why] of [
      ['10.0.0.1/8', 'has bits set beyond its prefix'],
      ['10.0.0.0/33', 'needs a prefix length from 0 to 32'],
      ['10.0.0.0/', 'needs a prefix length'],
      ['10.0.0.0/08', 'needs a prefix length'],
      ['::1/129', 'from 0 to 128'],
      ['::1/64', 'has bits set'],
      ['::ffff:10.0.0.0/8', 'is IPv4-mapped'],
      ['fe80::1%eth0', 'is no address block'],
      ['010.0.0.0/8', 'is no address block'],
      ['127.0.0.01', 'is no address block'],
      ['127.00.0.1', 'is no address block'],
      ['::ffff:010.0.0.1', 'is no address block'],
      ['*', 'is no address block'],
      ['', 'is no address block'],
      ['localhost', 'is no address block'],
    ] as const)
      expect(() => new AddressBlocks([text]), text).toThrow(why)
  })
})

describe('TrustedHeaders', () => {
  const headers = new TrustedHeaders([
    { header: 'X-Syn', kind: 'syn', from: ['10.0.0.0/8'] },
    { header: 'X-Info', kind: 'tcp-info', encoding: 'base64', from: ['10.0.0.1', 'unix'] },
    { header: 'X-Rtt', kind: 'rtt', from: ['10.0.0.0/8'] },
  ])
  const read = (record: Record<string, string>, address = '10.0.0.1') =>
    headers.read(headers.values(new Headers(record)), address)!

  test('reads each kind, each from its own peers', () => {
    const record = { 'x-syn': SYN.toUpperCase(), 'X-Info': Buffer.alloc(232, 7).toString('base64'), 'x-rtt': '1234' }
    const facts = read(record)
    expect(facts.syn?.hex).toBe(SYN)
    expect(facts.tcpInfoBytes).toHaveLength(232)
    expect(facts).toMatchObject({ rttMicroseconds: 1234, problems: [] })
    const other = read(record, '10.0.0.2')
    expect(Object.keys(other).sort()).toEqual(['problems', 'rttMicroseconds', 'syn'])
    expect(Object.keys(headers.read(headers.values(new Headers(record)), undefined)!)).toEqual([
      'problems',
      'tcpInfoBytes',
    ])
    for (const address of ['11.0.0.1', 'localhost', '']) expect(read(record, address)).toBeUndefined()
  })

  test('base64 with and without its padding', () => {
    const one = new TrustedHeaders([{ header: 'a', kind: 'syn', encoding: 'base64', from: ['::1'] }])
    const syn = (text: string): string | undefined => one.read(new Map([['a', text]]), '::1')!.syn?.hex
    expect(syn(base64)).toBe(SYN)
    expect(syn(base64.replace(/=+$/, ''))).toBe(SYN)
    for (const bad of [`${base64}=`, `*${base64}`, SYN.slice(0, 41), 'A', '====']) expect(syn(bad), bad).toBeUndefined()
  })

  test('no value is no problem, a bad one is, and neither is a fact', () => {
    for (const none of ['', ' ', '-', '(null)'])
      expect(read({ 'x-syn': none, 'x-rtt': none })).toEqual({ problems: [] })
    for (const rtt of ['-1', '1.5', '1e3', '0x10', '01', '4294967296', '99999999999', '1,2', '１']) {
      const facts = headers.read(new Map([['x-rtt', rtt]]), '10.0.0.1')!
      expect(facts.rttMicroseconds, rtt).toBeUndefined()
      expect(facts.problems, rtt).toHaveLength(1)
    }
    expect(read({ 'x-rtt': '4294967295' }).rttMicroseconds).toBe(4294967295)
    expect(read({ 'x-syn': '45'.repeat(257) }).problems[0]).toContain('is too long')
    expect(read({ 'x-syn': '45'.repeat(1_000_000) }).problems[0]).toContain('is too long')
    expect(read({ 'x-syn': `0x${SYN}` }).problems[0]).toContain('is no hex')
    expect(read({ 'x-syn': `${SYN}, ${SYN}` }).problems[0]).toContain('more than one value')
  })

  test('every truncation and random change of a value: no throw, and a SYN or nothing', () => {
    const random = seeded(9)
    for (let length = 0; length < SYN.length; length++) read({ 'x-syn': SYN.slice(0, length) })
    for (let i = 0; i < 3000; i++) {
      const at = Math.floor(random() * SYN.length)
      const facts = read({ 'x-syn': SYN.slice(0, at) + 'g0f,=Z '.charAt(random() * 7) + SYN.slice(at + 1) })
      if (facts.syn !== undefined) expect(facts.syn.tcp.flags.syn).toBe(true)
    }
  })

  test('two headers of one kind or name are refused', () => {
    const one = { header: 'x', kind: 'syn', from: ['::1'] } as const
    expect(() => new TrustedHeaders([one, { ...one, header: 'y' }])).toThrow('"y"')
    expect(() => new TrustedHeaders([one, { ...one, header: 'X', kind: 'rtt' }])).toThrow('"x"')
  })
})

test('the option trustedHeader is checked when the fingerprinter is made', () => {
  const good = { header: 'X-TCP-SYN', kind: 'syn', encoding: 'hex', from: ['10.0.0.0/8'] }
  for (const [change, why] of [
    [{ header: 'X TCP' }, '"trustedHeader'],
    [{ header: '' }, '"trustedHeader'],
    [{ kind: 'rtt-us' }, '"trustedHeader'],
    [{ kind: 'rtt' }, '"trustedHeader'],
    [{ encoding: 'base32' }, '"trustedHeader'],
    [{ from: [] }, '"trustedHeader'],
    [{ from: undefined }, '"trustedHeader'],
    [{ from: '10.0.0.0/8' }, '"trustedHeader'],
    [{ from: ['10.0.0.1/8'] }, '"10.0.0.1/8" has bits set beyond its prefix'],
    [{ trust: true }, '"trustedHeader'],
  ] as const) {
    const make = () => createFingerprinter({ trustedHeader: { ...good, ...change } } as never)
    expect(make, JSON.stringify(change)).toThrow(TypeError)
    expect(make, JSON.stringify(change)).toThrow(why)
  }
  expect(() => createFingerprinter({ trustedHeader: [] })).toThrow('"trustedHeader')
  createFingerprinter({ trustedHeader: good as never })
  createFingerprinter({ trustedHeader: [good, { header: 'x-rtt', kind: 'rtt', from: ['unix'] }] as never })
})

test.each([false, true])(
  'hideHeaders changes what handlers see, and keeps the body; headers are fixed: %p',
  async (isFixed) => {
    const request = new Request('http://x/', { method: 'POST', body: 'body', headers: { a: '1', b: '2' } })
    const refuse = (): never => {
      throw new TypeError('Headers are immutable.')
    }
    if (isFixed) Object.defineProperty(request.headers, 'delete', { value: refuse })
    hideHeaders(request, ['a'])
    expect([request.headers.get('a'), request.headers.get('b')]).toEqual([null, '2'])
    const clone = request.clone()
    expect([clone.headers.get('a'), clone.headers.get('b'), await clone.text()]).toEqual([null, '2', 'body'])
    expect(await request.text()).toBe('body')
  },
)

test.each(['plain', 'read', 'made', 'cloned', 'twice', 'hono'])(
  'a request that a %s handler sends on carries no trusted header, on Deno either',
  async (handler) => {
    const environment = { HANDLER: handler }
    await using server = await startServer(undefined, 'test/proxy/servers/deno-sends-on.ts', environment, {
      runtime: 'deno',
    })
    const headers = { 'X-Syn': SYN, 'X-Rtt': '1', 'X-Other': '1' }
    const url = `http://127.0.0.1:${server.port}/`
    expect(await (await fetch(url, { headers })).text()).toBe('x-other | x-other | x-other | x-other ')
    const late = await (await fetch(new URL('/late', url), { headers })).text()
    expect(late).toBe('x-other')
    const posted = await fetch(url, { method: 'POST', body: 'body', headers })
    expect(await posted.text()).toBe('x-other | x-other | x-other | x-other body')
    const socket = new WebSocket(url.replace('http', 'ws'), { headers } as never)
    const { reason } = await new Promise<CloseEvent>((resolve) => socket.addEventListener('close', resolve))
    expect(reason).toBe('x-other')
  },
)

test('a trusted peer whose request is not shown is nobody: the proxy is never taken for the client', () => {
  const trustedHeader = { header: 'X-TCP-SYN', kind: 'syn', from: ['127.0.0.1', 'unix'] } as const
  const fp = createForDeno({ trustedHeader })
  for (const remoteAddr of [{ transport: 'tcp', hostname: '::ffff:127.0.0.1', port: 9 }, { transport: 'unix' }]) {
    const found = fp.fromDeno({ remoteAddr })
    expect(found).toMatchObject({ available: false, source: 'none', reason: 'not-saved' })
    expect(found.hop?.available).toBe(false)
    const request = new Request('http://x/', { headers: { 'x-tcp-syn': SYN } })
    expect(fp.fromDeno(request, { remoteAddr })).toMatchObject({ source: 'header', syn: { hex: SYN } })
    expect(request.headers.get('x-tcp-syn')).toBeNull()
  }
  const other = fp.fromDeno({ remoteAddr: { transport: 'tcp', hostname: '127.0.0.2', port: 9 } })
  expect(other.hop).toBeUndefined()
})

test('an RTT of 0 is no sample, and nothing is known then', () => {
  const fp = createForDeno({ trustedHeader: { header: 'x-rtt', kind: 'rtt', from: ['127.0.0.1'] } })
  const find = (rtt: string) =>
    fp.fromDeno(new Request('http://x/', { headers: { 'x-rtt': rtt } }), {
      remoteAddr: { transport: 'tcp', hostname: '127.0.0.1', port: 9 },
    })
  expect(find('0')).toMatchObject({ available: false, source: 'none', timing: {} })
  expect(find('7')).toMatchObject({ available: true, source: 'header', timing: { rtt: { microseconds: 7 } } })
})

test('a second fingerprinter of the same request has the value that the first one took off, for peers that it trusts', () => {
  const remoteAddr = { transport: 'tcp', hostname: '127.0.0.1', port: 9 }
  const trusting = (header: string, kind: 'syn' | 'rtt', from: string) =>
    createForDeno({ trustedHeader: { header, kind, from: [from] } })
  const request = new Request('http://x/', { headers: { 'x-tcp-syn': SYN, 'x-rtt': '7' } })
  const find = (fp: ReturnType<typeof trusting>) => fp.fromDeno(request, { remoteAddr })
  expect(find(trusting('X-TCP-SYN', 'syn', '127.0.0.1')).syn?.hex).toBe(SYN)
  expect(find(trusting('x-tcp-syn', 'syn', '127.0.0.1')).syn?.hex).toBe(SYN)
  expect(find(trusting('x-rtt', 'rtt', '127.0.0.1')).timing.rtt?.microseconds).toBe(7)
  expect(find(trusting('x-tcp-syn', 'syn', '127.0.0.1')).syn?.hex).toBe(SYN)
  expect(find(trusting('x-tcp-syn', 'syn', '192.0.2.1'))).toMatchObject({ available: false })
  expect([...request.headers.keys()]).toEqual([])
})

test('scripts do not see the header, from whomever it comes', async () => {
  const trustedHeader = { header: 'X-TCP-SYN', kind: 'syn', from: ['192.0.2.1'] } as const
  const fp = createFingerprinter({ trustedHeader })
  const command = ['/bin/sh', '-c', "printf 'Content-Type: text/plain\\n\\n'; env"] as const
  const scripts = createCgi({
    command,
    variables: ({ request, server }) => fp.env(fp.fromBun(request, server as never)),
  })
  const app = new Hono().use(fingerprint({ trustedHeader })).all('*', cgi({ command }))
  for (const handler of [scripts, app.fetch]) {
    using server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: handler as never })
    const response = await fetch(server.url, { headers: { 'X-TCP-SYN': SYN, X_TCP_SYN: SYN, 'X-Other': 'stays' } })
    const env = await response.text()
    expect(env).toMatch(/^HTTP_X_OTHER=stays$/m)
    expect(env).toMatch(/^FINGERPRINT_SOURCE=kernel$/m)
    expect(env).not.toContain('HTTP_X_TCP_SYN')
  }
})
