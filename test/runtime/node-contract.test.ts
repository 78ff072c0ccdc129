import { describe, expect, test } from 'bun:test'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { createNetns } from '../lab/netns.ts'
import { NODES, type NodeRelease, nodeProject, startNode } from '../lab/nodes.ts'
import { needs } from '../lab/privilege.ts'
import { connectKernel, runAttribution } from '../lab/raw-client.ts'
import type { TestServer } from '../lab/server.ts'
import { TEST_CERTIFICATE } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { until } from '../support/wait.ts'

interface Answer {
  readonly available: boolean
  readonly source: string
  readonly reason?: string
  readonly peer?: { readonly address: string; readonly port: number }
  readonly connection?: { readonly cookie: string; readonly request: number }
  readonly syn?: { readonly tcp: { readonly mss: number; readonly sourcePort: number } }
  readonly timing: {
    readonly handshakeRtt?: { readonly provenance: string }
    readonly firstDataDelayMilliseconds?: number
    readonly acceptTime?: string
  }
  readonly env: Readonly<Record<string, string>>
  readonly told: readonly string[]
  readonly status: {
    readonly connections: number
    readonly listeners: readonly { readonly port: number; readonly saveSyn: boolean }[]
    readonly unavailable?: { readonly reason: string; readonly message: string }
  }
}

const REQUEST = 'GET /json HTTP/1.1\r\nHost: node\r\n\r\n'
const CERTIFICATE = { CERT: TEST_CERTIFICATE.cert, KEY: TEST_CERTIFICATE.key }
const PLAIN = ['http', 'express', 'express-4', 'fastify', 'hono', 'hono-1']

/** Runs `body` with a server of its own, which is gone afterwards. */
async function served(
  node: NodeRelease,
  variables: Record<string, string>,
  body: (server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await startNode(node, undefined, variables)
  try {
    await body(server)
  } finally {
    await server.stop()
  }
}

/** Requests over one connection of curl; each with curl's own port. */
async function curl(...argv: string[]): Promise<{ answer: Answer; port: number; version: string }[]> {
  const write = ['--write-out', '\\n%{local_port} %{http_version}\\n']
  const child = Bun.spawn(['curl', '--silent', '--show-error', '--insecure', '--max-time', '10', ...write, ...argv], {
    stderr: 'inherit',
  })
  const lines = (await new Response(child.stdout).text()).trim().split('\n')
  return lines.flatMap((line, i) => {
    if (i % 2 === 1) return []
    const [port, version] = lines[i + 1]!.split(' ')
    return [{ answer: JSON.parse(line) as Answer, port: Number(port), version: version! }]
  })
}

/** What a fresh connection with an MSS of its own is told, request by request. */
async function ask(port: number, requests = 1, address = '127.0.0.1'): Promise<{ answers: Answer[]; mss: number }> {
  const mss = 600 + Math.floor(Math.random() * 20_000)
  const connection = await connectKernel({ destination: { address, port }, mss })
  const answers: Answer[] = []
  for (let i = 0; i < requests; i++) answers.push((await connection.request(REQUEST)).json<Answer>())
  connection.close()
  return { answers, mss }
}

for (const node of NODES)
  needs(node, 'linux').describe(node.name, () => {
    for (const FRAMEWORK of PLAIN) {
      test(`${FRAMEWORK}: each connection its own SYN; keep-alive and pipelining; a fresh one after all`, () =>
        served(node, { FRAMEWORK }, async ({ port, stderr }) => {
          const result = await runAttribution({ host: '127.0.0.1', port, connections: 150, concurrency: 30, seed: 1 })
          const { wrong, missing, ambiguous, miscounted, failed, examples } = result
          expect({ wrong, missing, ambiguous, miscounted, failed, examples }).toEqual({
            wrong: 0,
            missing: 0,
            ambiguous: 0,
            miscounted: 0,
            failed: 0,
            examples: [],
          })
          const { answers, mss } = await ask(port, 3)
          expect(answers.map(({ syn }) => syn?.tcp.mss)).toEqual([mss, mss, mss])
          expect(answers.map(({ connection }) => connection?.request)).toEqual([1, 2, 3])
          const [first] = answers
          expect(first).toMatchObject({ available: true, source: 'kernel', peer: { address: '127.0.0.1' }, told: [] })
          expect(first!.timing.handshakeRtt?.provenance).toBe('handshake')
          expect(first!.timing.firstDataDelayMilliseconds).toBeNumber()
          expect(first!.status.listeners).toEqual([{ port, saveSyn: true, deferAccept: 0 }] as never)
          expect(stderr()).toBe('')
        }))
    }

    for (const [FRAMEWORK, HTTP2] of [
      ['http', '0'],
      ['http2', '1'],
      ['fastify', '0'],
      ['fastify', '1'],
      ['hono', '0'],
      ['hono', '1'],
    ] as const) {
      for (const TLS of ['1.2', '1.3']) {
        test(`${FRAMEWORK} over TLS ${TLS}${HTTP2 === '1' ? ' and HTTP/2' : ''}: the SYN and the handshake of the socket below`, () =>
          served(node, { FRAMEWORK, TLS, HTTP2, ...CERTIFICATE }, async ({ port }) => {
            const url = `https://127.0.0.1:${port}/json`
            for (const version of HTTP2 === '1' && FRAMEWORK !== 'fastify'
              ? ['2', '1.1']
              : [HTTP2 === '1' ? '2' : '1.1']) {
              const found = await curl(`--http${version}`, url, url)
              expect(found.map((one) => one.version)).toEqual([version, version])
              for (const [i, { answer, port: own }] of found.entries()) {
                expect(answer.syn?.tcp.sourcePort).toBe(own)
                expect(answer.peer).toEqual({ address: '127.0.0.1', port: own })
                expect(answer.connection?.request).toBe(i + 1)
                expect(answer.timing.handshakeRtt?.provenance).toBe('handshake')
                expect(answer.timing.firstDataDelayMilliseconds).toBeNumber()
                expect(answer.timing.acceptTime).toBeString()
              }
            }
          }))
      }
    }

    test('h2c with prior knowledge: streams of a session are requests of its connection', () =>
      served(node, { FRAMEWORK: 'h2c' }, async ({ port }) => {
        const session = connectHttp2(`http://127.0.0.1:${port}`)
        const get = (): Promise<Answer> =>
          new Promise((resolve, reject) => {
            let text = ''
            const stream = session.request({ ':path': '/json' }).setEncoding('utf8').on('error', reject)
            stream.on('data', (part) => (text += part)).on('end', () => resolve(JSON.parse(text) as Answer))
            stream.end()
          })
        const answers = await Promise.all([get(), get(), get()])
        expect(answers.map(({ connection }) => connection?.request).sort()).toEqual([1, 2, 3])
        for (const { syn } of answers) expect(syn?.tcp.sourcePort).toBe(session.socket.localPort!)
        await new Promise<void>((resolve) => session.close(resolve))
      }))

    for (const [HOST, addresses] of [
      ['0.0.0.0', ['127.0.0.1', '127.0.0.9']],
      ['::', ['127.0.0.1', '::1']],
    ] as const) {
      test(`a listener on ${HOST}`, () =>
        served(node, { HOST }, async ({ port }) => {
          for (const address of addresses) {
            const { answers, mss } = await ask(port, 2, address)
            for (const { syn, peer } of answers) {
              expect(syn?.tcp.mss).toBe(mss)
              expect(peer?.address).toBe(address === '::1' ? '::1' : '127.0.0.1')
            }
          }
        }))
    }

    test('an upgrade, a fact read after the client has gone, a unix socket', async () => {
      await served(node, { OPTIONS: '{"resolve":"request"}' }, async ({ port }) => {
        const connection = await connectKernel({ destination: { address: '127.0.0.1', port }, mss: 1234 })
        connection.send('GET / HTTP/1.1\r\nHost: node\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
        const octets: Uint8Array[] = []
        for (let part = await connection.read(); part !== null; part = await connection.read()) octets.push(part)
        const text = Buffer.concat(octets).toString()
        expect(text).toStartWith('HTTP/1.1 101')
        expect((JSON.parse(text.slice(text.indexOf('{'))) as Answer).syn?.tcp.mss).toBe(1234)
        connection.close()
        const gone = await connectKernel({ destination: { address: '127.0.0.1', port }, mss: 1235 })
        gone.send(REQUEST.replace('/json', '/late'))
        gone.close()
        await until('the end of all connections', async () => (await ask(port)).answers[0]!.status.connections === 1)
      })
      using directory = temporaryDirectory()
      const SOCKET = directory.file('socket')
      await served(node, { SOCKET }, async () => {
        const { answer } = (await curl('--unix-socket', SOCKET, 'http://localhost/json'))[0]!
        expect(answer).toMatchObject({ available: false, source: 'none', reason: 'unix-socket', told: [] })
        expect(answer.status.listeners).toEqual([])
      })
    })

    test('resolve "read" and tcpInfo "off" and "connection": the SYN is still there when a request asks', async () => {
      for (const options of [{ resolve: 'read' }, { tcpInfo: 'connection' }, { tcpInfo: 'off' }, { syn: false }]) {
        await served(node, { OPTIONS: JSON.stringify(options) }, async ({ port }) => {
          const { answers, mss } = await ask(port, 2)
          expect(answers.map(({ syn }) => syn?.tcp.mss)).toEqual('syn' in options ? [undefined, undefined] : [mss, mss])
          expect(answers.map(({ connection }) => connection?.request)).toEqual([1, 2])
          expect(answers[0]!.reason).toBeUndefined()
          expect(answers[0]!.timing.handshakeRtt?.provenance).toBe(options.tcpInfo === 'off' ? undefined : 'handshake')
        })
      }
    })

    test('a server that listened before the import, also one without a reference, and a connection that is older', async () => {
      for (const UNREF of ['0', '1']) {
        await served(node, { LATE: '1', UNREF }, async ({ port }) => {
          await until('the listener', async () => (await ask(port)).answers[0]?.syn !== undefined)
          const { answers, mss } = await ask(port)
          expect(answers[0]!.syn?.tcp.mss).toBe(mss)
        })
      }
    })

    test('a server closed and a new one on its port; a server in a worker thread', async () => {
      for (const variables of [{ AGAIN: '1' }, { THREAD: '1' }]) {
        await served(node, { ...variables } as Record<string, string>, async ({ port }) => {
          const { answers, mss } = await ask(port, 2)
          for (const { syn, status } of answers) {
            expect(syn?.tcp.mss).toBe(mss)
            expect(status.listeners).toEqual([{ port, saveSyn: true, deferAccept: 0 }] as never)
          }
        })
      }
    })

    test('a cluster: workers read what the primary armed, and say so where it did not', async () => {
      // Workers that accept for themselves arm the listener that they share.
      for (const variables of [{}, { NODE_CLUSTER_SCHED_POLICY: 'none', PRIMARY: 'alone' }])
        await served(node, { WORKERS: '2', ...variables } as Record<string, string>, async ({ port }) => {
          const result = await runAttribution({ host: '127.0.0.1', port, connections: 100, concurrency: 20, seed: 3 })
          expect(result).toMatchObject({ wrong: 0, missing: 0, failed: 0, miscounted: 0 })
        })
      await served(node, { WORKERS: '2', PRIMARY: 'alone' }, async ({ port }) => {
        const [answer] = (await ask(port)).answers
        expect(answer).toMatchObject({ available: true, reason: 'not-saved' })
        expect(answer!.told.length).toBe(1)
        expect(answer!.told[0]).toContain(
          'the primary of the cluster, which listens, must import "tcpfingerprint/node"',
        )
        expect(answer!.timing.handshakeRtt?.provenance).toBe('handshake')
      })
    })

    needs('netns').test(
      'a cluster where the kernel answers with SYN cookies: no word of the primary, which is armed',
      async () => {
        await using ns = createNetns({ sysctl: { 'net.ipv4.tcp_syncookies': 2 } })
        const server = await startNode(node, ns, { WORKERS: '2' })
        try {
          const connection = await connectKernel({
            netns: ns,
            destination: { address: '127.0.0.1', port: server.port },
          })
          const answer = (await connection.request(REQUEST)).json<Answer>()
          connection.close()
          expect(answer).toMatchObject({ available: true, reason: 'not-saved', told: [] })
        } finally {
          await server.stop()
        }
      },
    )

    test('half a request, garbage and resets leave a server that answers', () =>
      served(node, {}, async ({ port }) => {
        for (const text of ['', 'GET / HT', '\0\0\0', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx']) {
          await new Promise<void>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => {
              socket.write(text, () => socket.resetAndDestroy())
            })
            socket.on('error', () => {})
            socket.on('close', () => resolve())
          })
        }
        await until('the end of all connections', async () => (await ask(port)).answers[0]!.status.connections === 1)
      }))
  })

describe('the project that Node runs', () => {
  test('is made once', async () => expect(await nodeProject()).toBe(await nodeProject()))
})
