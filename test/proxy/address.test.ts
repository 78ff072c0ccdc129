import { afterAll, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { Hono } from 'hono'
import { accessLog, cgi, fingerprint } from '../../src/bun.ts'
import { toAttributes } from '../../src/index.ts'
import { startApache } from '../apache/apache.ts'
import { needs } from '../lab/privilege.ts'
import { DENO_ARGUMENTS } from '../lab/runtimes.ts'
import { startServer } from '../lab/server.ts'
import { startHaproxy, startNginx } from './proxies.ts'

/** The proxies are on 127.0.0.1; clients of the tests are not. */
const FROM = ['127.0.0.1'] as const
const running: { stop(): unknown }[] = []
afterAll(() => Promise.all(running.map((one) => one.stop())))

async function keep<Running extends { stop(): unknown }>(started: Running | Promise<Running>): Promise<Running> {
  const one = await started
  running.push(one)
  return one
}

/** One request from this address of loopback: the answer's JSON and the client's port. */
function ask(port: number, localAddress: string, lines: readonly string[] = []): Promise<any> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect({ host: '127.0.0.1', port, localAddress }, () => {
      const { localPort } = socket
      socket.on('close', () => {
        try {
          resolve({ ...JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)), clientPort: localPort })
        } catch {
          reject(new Error(`no JSON: ${text}`))
        }
      })
      socket.write(['GET /json HTTP/1.1', 'Host: x', 'Connection: close', ...lines, '', ''].join('\r\n'))
    })
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
    })
    socket.on('error', reject)
  })
}

/** An application whose every voice says who the client is. */
function voices(trustedHeader: object): { readonly port: number; stop(): unknown } {
  const logged: string[] = []
  const app = new Hono<any>()
  app.use(accessLog({ format: '%h %a %{c}a %{remote}p', write: (line) => void logged.push(line) }))
  app.use(fingerprint({ trustedHeader: trustedHeader as never }))
  app.get('/json', (c) =>
    c.json({
      peer: c.var.fingerprint.peer,
      hop: c.var.fingerprint.hop?.peer,
      attributes: toAttributes(c.var.fingerprint),
      headers: Object.fromEntries(c.req.raw.headers),
      line: logged.shift(),
    }),
  )
  const scripts = cgi({
    command: ['/bin/sh', '-c', 'printf "Content-Type: text/plain\\n\\n"; exec env'],
    prefix: '/cgi',
  })
  app.all('/cgi', scripts)
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: app.fetch })
  return { port: server.port!, stop: () => Promise.all([server.stop(true), scripts.close()]) }
}

const linux = needs('linux')

linux.describe("the client's address in a header", () => {
  test('logs, peer, attributes and scripts agree; the proxy is the hop', async () => {
    const inner = await keep(voices({ header: 'X-Real-IP', kind: 'address', portHeader: 'X-Real-Port', from: FROM }))
    const nginx = await keep(
      startNginx(inner.port, 'proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Real-Port $remote_port;'),
    )
    const first = await ask(nginx.port, '127.0.0.9', ['X-Real-IP: 203.0.113.9', 'X-Real-Port: 1'])
    const peer = { address: '127.0.0.9', port: first.clientPort }
    expect(first.peer).toEqual(peer)
    expect(first.hop.address).toBe('127.0.0.1')
    expect(first.attributes).toMatchObject({
      'client.address': peer.address,
      'client.port': peer.port,
      'network.peer.address': '127.0.0.1',
      'network.peer.port': first.hop.port,
    })
    expect(Object.keys(first.headers).filter((name) => name.startsWith('x-real'))).toEqual([])
    // The line of the request before.
    const { line } = await ask(nginx.port, '127.0.0.10')
    expect(line).toBe(`127.0.0.9 127.0.0.9 127.0.0.1 ${peer.port}`)
    const env = await (await fetch(`http://127.0.0.1:${nginx.port}/cgi`)).text()
    expect(env).toMatch(/^REMOTE_ADDR=127\.0\.0\.1$/m)
    const direct = await (
      await fetch(`http://127.0.0.1:${inner.port}/cgi`, { headers: { 'x-real-ip': '2001:db8::1', 'x-real-port': '7' } })
    ).text()
    expect(direct).toMatch(/^REMOTE_ADDR=2001:db8::1$/m)
    expect(direct).toMatch(/^REMOTE_PORT=7$/m)
  })

  test('who is not in the list names nobody but itself', async () => {
    const inner = await keep(voices({ header: 'X-Forwarded-For', kind: 'address', from: FROM }))
    const found = await ask(inner.port, '127.0.0.9', ['X-Forwarded-For: 203.0.113.9'])
    expect(found.peer).toEqual({ address: '127.0.0.9', port: found.clientPort })
    expect(found.hop).toBeUndefined()
    expect(found.headers['x-forwarded-for']).toBeUndefined()
  })
})

/** What `option forwarded` of HAProxy 2.8 does, for older ones. */
const FORWARDED = 'http-request add-header Forwarded for=\\"%[src]:%[src_port]\\";proto=http'

/** What clients make up, up to 8 KiB of it. */
const FORGED = [
  [],
  ['X-Forwarded-For: 203.0.113.9', 'Forwarded: for=203.0.113.9'],
  ['X-Forwarded-For: 127.0.0.1', 'Forwarded: for=127.0.0.1'],
  [
    'X-Forwarded-For: 203.0.113.9',
    'X-Forwarded-For: 203.0.113.10',
    'Forwarded: for="[2001:db8::1]:80"',
    'Forwarded: for=203.0.113.9',
  ],
  ['X-Forwarded-For: unknown, ", 010.0.0.1', 'Forwarded: for="203.0.113.9'],
  ['X-Forwarded-For: [2001:db8::1]:80', 'Forwarded: for=_hidden;by="a, for=203.0.113.9'],
  [
    `X-Forwarded-For: ${'127.0.0.1, '.repeat(370)}203.0.113.9`,
    `Forwarded: ${'for=127.0.0.1,'.repeat(280)}for=203.0.113.9`,
  ],
]

for (const runtime of ['bun', 'deno'] as const) {
  linux.describe(`chains of proxies before ${runtime}`, () => {
    const inner = (trusted: object) =>
      keep(
        startServer(
          undefined,
          'test/proxy/servers/app.ts',
          {},
          {
            runtime,
            runtimeArguments: runtime === 'deno' ? ['run', ...DENO_ARGUMENTS] : [],
            arguments: [`TRUSTED=${JSON.stringify(trusted)}`],
          },
        ),
      )
    const list = { header: 'X-Forwarded-For', kind: 'address', from: FROM } as const

    test('nginx, HAProxy and Apache append to X-Forwarded-For: what the client made up changes nothing', async () => {
      const server = await inner(list)
      const proxies = [
        await keep(startNginx(server.port, 'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;')),
        await keep(startHaproxy(server.port, 'option forwardfor')),
        await keep(
          startApache({ modules: ['proxy', 'proxy_http'], extra: `ProxyPass "/" "http://127.0.0.1:${server.port}/"` }),
        ),
      ]
      // Three proxies, one behind the other.
      const middle = await keep(startHaproxy(proxies[0]!.port, 'option forwardfor'))
      const edge = await keep(
        startApache({ modules: ['proxy', 'proxy_http'], extra: `ProxyPass "/" "http://127.0.0.1:${middle.port}/"` }),
      )
      for (const proxy of [...proxies, edge]) {
        for (const lines of FORGED) {
          const found = await ask(proxy.port, '127.0.0.9', lines)
          expect(found.peer, JSON.stringify(lines)).toEqual({ address: '127.0.0.9' })
          expect(found.hop.peer.address).toBe('127.0.0.1')
          expect(found.seen.headers['x-forwarded-for']).toBeUndefined()
        }
      }
    }, 60_000)

    test('HAProxy appends to Forwarded (RFC 7239), with the port', async () => {
      const server = await inner({ ...list, header: 'Forwarded' })
      const proxy = await keep(startHaproxy(server.port, FORWARDED))
      for (const lines of FORGED) {
        const found = await ask(proxy.port, '127.0.0.9', lines)
        expect(found.peer, JSON.stringify(lines)).toEqual({ address: '127.0.0.9', port: found.clientPort })
      }
    }, 60_000)
  })
}
