import { afterAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { needs } from '../lab/privilege.ts'
import { connectKernel, runAttribution } from '../lab/raw-client.ts'
import { DENO_ARGUMENTS, RUNTIMES } from '../lab/runtimes.ts'
import { type Runtime, startServer, type TestServer } from '../lab/server.ts'
import { SYN as FORGED } from '../support/samples.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { type RunningProxy, startHaproxy, startNginx } from './proxies.ts'

const SYN = { header: 'X-TCP-SYN', kind: 'syn', encoding: 'hex', from: ['127.0.0.0/8'] } as const
const RTT = { header: 'X-TCP-RTT', kind: 'rtt', from: ['127.0.0.1'] } as const
/** Trusted, and not where the tests come from. */
const ELSEWHERE = { ...SYN, from: ['192.0.2.0/24', '2001:db8::/32'] } as const

const running: { stop(): Promise<unknown> }[] = []
afterAll(() => Promise.all(running.map((one) => one.stop())))

async function start(
  runtime: Runtime,
  variables: Record<string, string>,
  permissions: readonly string[] = [],
): Promise<TestServer> {
  const server = await startServer(
    undefined,
    'test/proxy/servers/app.ts',
    {},
    {
      runtime,
      runtimeArguments: runtime === 'deno' ? ['run', ...DENO_ARGUMENTS, ...permissions] : [],
      arguments: Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    },
  )
  running.push(server)
  return server
}

const inner = (runtime: Runtime, trusted: unknown = SYN, more: Record<string, string> = {}): Promise<TestServer> =>
  start(runtime, { TRUSTED: JSON.stringify(trusted), ...more })

async function proxy(started: Promise<RunningProxy>): Promise<RunningProxy> {
  const one = await started
  running.push(one)
  return one
}

/** One request on a connection with this MSS, whose headers are `lines`. */
async function ask(port: number, mss: number, lines: readonly string[] = []): Promise<any> {
  const client = await connectKernel({ destination: { address: '127.0.0.1', port }, mss })
  const head = ['GET /json HTTP/1.1', 'Host: x', 'Connection: close', ...lines, '', '']
  const response = await client.request(head.join('\r\n'))
  client.close()
  expect(response.status, response.text()).toBe(200)
  return { ...response.json(), client: client.local }
}

const linux = needs('linux')

for (const runtime of RUNTIMES) {
  const other = RUNTIMES.find((one) => one !== runtime)!
  linux.describe(`trustedHeader on ${runtime}`, () => {
    for (const face of ['hono', 'plain']) {
      for (const resolve of ['request', 'read']) {
        test(`from a trusted peer: the header's SYN, the hop beside it, nobody sees the header (${face}, ${resolve})`, async () => {
          const server = await inner(runtime, SYN, { FACE: face, RESOLVE: resolve })
          const body = await ask(server.port, 1301, [`x-tcp-syn: ${FORGED}`, 'x-other: stays'])
          expect(body).toMatchObject({
            available: true,
            source: 'header',
            peer: { address: '192.0.2.10', port: 43210 },
            local: { port: 443 },
            syn: { hex: FORGED, tcp: { mss: 1460 } },
            fingerprints: { muonfp: '64240:2-4-8-1-3:1460:7' },
            hop: {
              available: true,
              source: 'kernel',
              peer: body.client,
              local: { port: server.port },
              connection: { request: 1 },
              syn: { tcp: { mss: 1301 } },
              timing: { handshakeRtt: { provenance: 'handshake' } },
            },
            env: { FINGERPRINT_TCP_MSS: '1460', FINGERPRINT_SOURCE: 'header' },
          })
          expect(body.connection).toBeUndefined()
          expect(body.tcpInfo).toBeUndefined()
          expect(body.timing).toEqual({})
          for (const headers of [body.seen.headers, body.seen.cloned]) {
            expect(headers['x-other']).toBe('stays')
            expect(Object.keys(headers)).not.toContain('x-tcp-syn')
          }
        })
      }
    }

    test('from anybody else the header is ignored, and taken off all the same', async () => {
      const server = await inner(runtime, ELSEWHERE)
      const body = await ask(server.port, 1302, [`X-TCP-SYN: ${FORGED}`])
      expect(body).toMatchObject({ source: 'kernel', peer: body.client, syn: { tcp: { mss: 1302 } } })
      expect(body.hop).toBeUndefined()
      expect(body.seen.headers['x-tcp-syn']).toBeUndefined()
      expect(server.stderr()).not.toContain('onError')
    })

    test('bad, repeated, empty and oversized values are no fingerprint, and break nothing', async () => {
      const server = await inner(runtime)
      const bad: readonly (readonly string[])[] = [
        [],
        ['X-TCP-SYN: '],
        ['X-TCP-SYN: (null)'],
        ['X-TCP-SYN: -'],
        ['X-TCP-SYN: zz'],
        ['X-TCP-SYN: 4500'],
        [`X-TCP-SYN: ${FORGED}, ${FORGED}`],
        [`X-TCP-SYN: ${FORGED}`, `X-TCP-SYN: ${FORGED}`],
        [`X-TCP-SYN: ${FORGED}${'00'.repeat(400)}`],
        // An ACK without SYN.
        [`X-TCP-SYN: ${FORGED.replace('a002', 'a010')}`],
      ]
      for (const lines of bad) {
        const body = await ask(server.port, 1303, lines)
        expect(body).toMatchObject({ available: false, source: 'none', reason: 'not-saved', timing: {} })
        expect(body.syn).toBeUndefined()
        expect(body.hop).toMatchObject({ source: 'kernel', syn: { tcp: { mss: 1303 } } })
        expect(body.seen.headers['x-tcp-syn']).toBeUndefined()
      }
      expect(server.stderr()).toContain('header "x-tcp-syn" has more than one value')
      expect(server.stderr()).toContain('header "x-tcp-syn" is too long')
    })

    test('is read for every request and never kept with a pooled connection', async () => {
      const server = await inner(runtime)
      const client = await connectKernel({ destination: { address: '127.0.0.1', port: server.port }, mss: 1304 })
      const request = async (...lines: string[]): Promise<any> =>
        (await client.request(['GET /json HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n'))).json()
      const other = FORGED.replace('020405b4', '02040400')
      expect((await request(`X-TCP-SYN: ${FORGED}`)).syn.tcp.mss).toBe(1460)
      expect((await request(`X-TCP-SYN: ${other}`)).syn.tcp.mss).toBe(1024)
      expect((await request()).syn).toBeUndefined()
      const last = await request(`X-TCP-SYN: ${FORGED}`)
      expect(last.syn.tcp.mss).toBe(1460)
      expect(last.hop.connection.request).toBe(4)
      client.close()
    })

    test('IPv4-mapped peers of a listener on :: are the IPv4 ones', async () => {
      const listen = { LISTEN: JSON.stringify({ hostname: '::', port: 0 }) }
      const [believing, other] = await Promise.all([
        inner(runtime, SYN, listen),
        inner(runtime, { ...SYN, from: ['::/0'] }, listen),
      ])
      const lines = [`X-TCP-SYN: ${FORGED}`]
      expect(await ask(believing.port, 1307, lines)).toMatchObject({ source: 'header', syn: { hex: FORGED } })
      expect(await ask(other.port, 1308, lines)).toMatchObject({ source: 'kernel', syn: { tcp: { mss: 1308 } } })
    })

    for (const face of ['hono', 'plain']) {
      test(`a proxy on a unix socket is believed where the list says "unix": ${face}`, async () => {
        const { path: directory, remove } = temporaryDirectory()
        try {
          for (const [from, source] of [
            [['unix'], 'header'],
            [['0.0.0.0/0', '::/0'], 'none'],
          ] as const) {
            const path = join(directory, source)
            const variables = {
              TRUSTED: JSON.stringify({ ...SYN, from }),
              LISTEN: JSON.stringify(runtime === 'deno' ? { path } : { unix: path }),
              FACE: face,
            }
            const server = await start(runtime, variables, ['--allow-read', '--allow-write'])
            const init = { unix: path, headers: { 'X-TCP-SYN': FORGED } }
            const body = (await (await fetch('http://localhost/json', init)).json()) as any
            expect(body.source).toBe(source)
            expect((body.hop ?? body).reason).toBe('unix-socket')
            expect(body.seen.headers['x-tcp-syn']).toBeUndefined()
            await server.stop()
          }
        } finally {
          remove()
        }
      })
    }

    test('a body that was read before, or is being read, is no error', async () => {
      const server = await inner(runtime)
      for (const path of ['/read', '/reading']) {
        const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
          method: 'POST',
          body: 'body',
          headers: { 'X-TCP-SYN': FORGED },
        })
        expect(response.status).toBe(200)
        const body = (await response.json()) as any
        expect(body).toMatchObject({ source: 'header', syn: { hex: FORGED } })
        expect(body.seen.headers['x-tcp-syn']).toBeUndefined()
      }
    })

    test('a WebSocket whose handshake has the header opens', async () => {
      const server = await inner(runtime)
      const headers = { 'X-TCP-SYN': FORGED }
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}/socket`, { headers } as never)
      const said = await new Promise<string>((resolve, reject) => {
        socket.onmessage = ({ data }) => resolve(String(data))
        socket.onerror = () => reject(new Error(`no WebSocket: ${server.stderr()}`))
      })
      socket.close()
      const body = JSON.parse(said)
      expect(body).toMatchObject({ source: 'header', syn: { hex: FORGED } })
      expect(body.seen.headers['x-tcp-syn']).toBeUndefined()
    })

    test(`behind another of our servers, on ${other}: the SYN as the edge saw it, not what the client says`, async () => {
      const server = await inner(runtime, [SYN, RTT])
      const edge = await start(other, { UPSTREAM: `http://127.0.0.1:${server.port}` })
      const lines = [`X-TCP-SYN: ${FORGED}`, `x-tcp-syn: ${FORGED}`, 'X-TCP-RTT: 1']
      for (const mss of [1305, 1306]) {
        const body = await ask(edge.port, mss, lines)
        expect(body).toMatchObject({ source: 'header', peer: body.client, local: { port: edge.port } })
        expect(body.syn.tcp.mss).toBe(mss)
        expect(body.timing.rtt.microseconds).toBeGreaterThan(0)
        expect(body.env.FINGERPRINT_TCP_RTT).toBe(String(body.timing.rtt.microseconds))
        // Connections to two servers may come from one port.
        expect(body.hop.syn.tcp.destinationPort).toBe(server.port)
      }
    })
  })
}

needs('linux', 'nginx').describe('behind nginx', () => {
  test('nginx passes the header: believed; replaces it: its own; strips it: nothing known', async () => {
    const server = await inner('bun')
    const passing = await proxy(startNginx(server.port, ''))
    const replacing = await proxy(
      startNginx(server.port, `proxy_set_header X-TCP-SYN "${FORGED.replace('020405b4', '02040777')}";`),
    )
    const stripping = await proxy(startNginx(server.port, 'proxy_set_header X-TCP-SYN "";'))
    const lines = [`X-TCP-SYN: ${FORGED}`]
    expect((await ask(passing.port, 1310, lines)).syn.tcp.mss).toBe(1460)
    expect((await ask(replacing.port, 1310, lines)).syn.tcp.mss).toBe(0x777)
    for (const body of [await ask(stripping.port, 1310, lines), await ask(passing.port, 1310)]) {
      expect(body).toMatchObject({ available: false, source: 'none', reason: 'not-saved', hop: { source: 'kernel' } })
      expect(body.syn).toBeUndefined()
    }
  })

  test('$tcpinfo_rtt is the RTT of the client, whatever the client sends', async () => {
    const server = await inner('bun', RTT)
    const nginx = await proxy(startNginx(server.port, 'proxy_set_header X-TCP-RTT $tcpinfo_rtt;'))
    const body = await ask(nginx.port, 1311, ['X-TCP-RTT: 4000000000'])
    expect(body).toMatchObject({ available: true, source: 'header', reason: 'not-saved' })
    expect(body.timing.rtt.microseconds).toBeGreaterThan(0)
    expect(body.timing.rtt.microseconds).toBeLessThan(1_000_000)
    expect(body.env).toEqual({
      FINGERPRINT_TCP_RTT: String(body.timing.rtt.microseconds),
      FINGERPRINT_SOURCE: 'header',
      FINGERPRINT_REASON: 'not-saved',
    })
  })

  for (const runtime of RUNTIMES) {
    test(`10,000 requests over pooled connections from clients with different SYNs: 0 mixed up, on ${runtime}`, async () => {
      const server = await inner(runtime)
      const nginx = await proxy(startNginx(server.port, ''))
      const edge = await start('bun', { UPSTREAM: `http://127.0.0.1:${nginx.port}` })
      const result = await runAttribution({
        host: '127.0.0.1',
        port: edge.port,
        connections: 12_000,
        concurrency: 64,
        // Bun closes a connection on which a request comes before the last one was answered: no pipelining.
        keepAliveRequests: 1,
        seed: 21,
      })
      expect(result).toMatchObject({ wrong: 0, missing: 0, ambiguous: 0, failed: 0 })
      expect(result.responses).toBeGreaterThanOrEqual(10_000)
    }, 180_000)
  }
})

needs('linux', 'haproxy').describe('behind HAProxy', () => {
  test('HAProxy passes the header: believed; replaces it: its own; strips it: nothing known', async () => {
    const server = await inner('bun')
    const passing = await proxy(startHaproxy(server.port, ''))
    const replacing = await proxy(
      startHaproxy(server.port, `http-request set-header X-TCP-SYN ${FORGED.replace('020405b4', '02040777')}`),
    )
    const stripping = await proxy(startHaproxy(server.port, 'http-request del-header X-TCP-SYN'))
    const lines = [`X-TCP-SYN: ${FORGED}`]
    expect((await ask(passing.port, 1320, lines)).syn.tcp.mss).toBe(1460)
    expect((await ask(replacing.port, 1320, lines)).syn.tcp.mss).toBe(0x777)
    expect(await ask(stripping.port, 1320, lines)).toMatchObject({ available: false, source: 'none' })
  })

  test('a second header added in front of the client’s is refused', async () => {
    const server = await inner('bun')
    const adding = await proxy(startHaproxy(server.port, `http-request add-header X-TCP-SYN ${FORGED}`))
    expect((await ask(adding.port, 1321)).syn.tcp.mss).toBe(1460)
    expect(await ask(adding.port, 1321, [`X-TCP-SYN: ${FORGED}`])).toMatchObject({ available: false, source: 'none' })
  })

  test('fc_rtt is the RTT of the client', async () => {
    const server = await inner('bun', RTT)
    const haproxy = await proxy(startHaproxy(server.port, 'http-request set-header X-TCP-RTT %[fc_rtt(us)]'))
    const { timing } = await ask(haproxy.port, 1322, ['X-TCP-RTT: 4000000000'])
    expect(timing.rtt.microseconds).toBeLessThan(1_000_000)
  })

  test('requests of many clients over pooled connections: 0 mixed up', async () => {
    const server = await inner('bun')
    const haproxy = await proxy(startHaproxy(server.port, ''))
    const edge = await start('bun', { UPSTREAM: `http://127.0.0.1:${haproxy.port}` })
    const result = await runAttribution({
      host: '127.0.0.1',
      port: edge.port,
      connections: 2000,
      concurrency: 64,
      keepAliveRequests: 1,
      seed: 22,
    })
    expect(result).toMatchObject({ wrong: 0, missing: 0, ambiguous: 0, failed: 0 })
  }, 60_000)
})
