import { expect, test } from 'bun:test'
import { Hono } from 'hono'
import { accessLog } from '../../src/access-log/hono.ts'
import { createAccessLogger } from '../../src/access-log/plain.ts'
import { type BunServer, createFingerprinter, fingerprint } from '../../src/bun.ts'
import { toAttributes } from '../../src/connection/facts.ts'
import type { Fingerprint } from '../../src/connection/fingerprint.ts'
import { needs } from '../lab/privilege.ts'
import { lineOf, serve, undoAfterEach } from './logged.ts'

undoAfterEach()

/** From 192.0.2.10:34567. */
const SYN =
  '4500003c1234400039064343c000020ac6336407870701bb1122334400000000a002faf000000000020405b40402080a00a1b2c30000000001030307'
const TRUSTED = { header: 'x-tcp-syn', kind: 'syn', from: ['127.0.0.1'] } as const

/** An app behind a proxy: what is logged of one request, and the attributes of its span. */
async function ask(headers: Record<string, string>, mountedFirst: 'log' | 'fingerprint') {
  const lines: string[] = []
  const write = (line: string): void => void lines.push(line)
  const log = accessLog({ format: '%h %a %{c}a %{c}h %{remote}p %>s', write })
  const json = accessLog({ format: 'json', write })
  const seen = fingerprint({ trustedHeader: TRUSTED })
  const app = new Hono()
  app.use(json)
  if (mountedFirst === 'log') app.use(log).use(seen)
  else app.use(seen).use(log)
  app.get('/', (c) => c.json(toAttributes(c.get('fingerprint' as never) as Fingerprint)))
  const url = serve(app.fetch)
  const attributes = (await (await fetch(url, { headers })).json()) as Record<string, unknown>
  const [text, object] = (await lineOf(lines)).split('\n')
  return { text: text!, object: JSON.parse(object!) as Record<string, unknown>, attributes }
}

const NAMES = ['client.address', 'client.port', 'network.peer.address', 'network.peer.port'] as const

for (const mountedFirst of ['log', 'fingerprint'] as const) {
  needs('linux').test(`a trusted header names the client, with ${mountedFirst} mounted first`, async () => {
    const { text, object, attributes } = await ask({ 'x-tcp-syn': SYN }, mountedFirst)
    expect(text).toBe('192.0.2.10 192.0.2.10 127.0.0.1 127.0.0.1 34567 200')
    expect(attributes).toMatchObject({ 'client.address': '192.0.2.10', 'network.peer.address': '127.0.0.1' })
    for (const name of NAMES) expect([name, object[name]]).toEqual([name, attributes[name]])
  })
  needs('linux').test(
    `a trusted proxy that names no client leaves it unknown, with ${mountedFirst} mounted first`,
    async () => {
      const { text, object, attributes } = await ask({}, mountedFirst)
      expect(text).toMatch(/^- - 127\.0\.0\.1 127\.0\.0\.1 - 200$/)
      for (const name of NAMES) expect([name, object[name]]).toEqual([name, attributes[name]])
    },
  )
}

test('a header that nobody trusts names nobody', async () => {
  const lines: string[] = []
  const app = new Hono()
    .use(accessLog({ format: '%h %{c}a', write: (line) => void lines.push(line) }))
    .use(fingerprint({ trustedHeader: { ...TRUSTED, from: ['192.0.2.1'] } }))
    .get('/', (c) => c.text(''))
  await fetch(serve(app.fetch), { headers: { 'x-tcp-syn': SYN, 'x-forwarded-for': '192.0.2.66' } })
  expect(await lineOf(lines)).toBe('127.0.0.1 127.0.0.1')
})

needs('linux').test('a plain handler that gives its fingerprint logs the same client and its variables', async () => {
  const lines: string[] = []
  const fp = createFingerprinter({ trustedHeader: TRUSTED })
  const log = createAccessLogger({
    format: '%h %{c}a %{remote}p %{FINGERPRINT_TCP_MSS}g',
    write: (line) => void lines.push(line),
    fingerprint: (request, server) => fp.fromBun(request, server as BunServer),
  })
  const url = serve(
    log.wrap((request, server) => Response.json(fp.fromBun(request, server as BunServer).peer ?? null)) as never,
  )
  expect(await (await fetch(url, { headers: { 'x-tcp-syn': SYN } })).json()).toEqual({
    address: '192.0.2.10',
    port: 34567,
  })
  expect(await lineOf(lines)).toBe('192.0.2.10 127.0.0.1 34567 1460')
  await fetch(url)
  expect(await lineOf(lines)).toBe('- 127.0.0.1 - -')
})
