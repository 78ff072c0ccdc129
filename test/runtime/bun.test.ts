import { afterEach, describe, expect, test } from 'bun:test'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Context, Hono } from 'hono'
import { openLibc } from '../../ffi/libc.bun.ts'
import { isLibc } from '../../ffi/libc.ts'
import { Sockets } from '../../ffi/socket.ts'
import { type BunFingerprinter, createFingerprinter, type FingerprintVariables, fingerprint } from '../../src/bun.ts'
import type { Fingerprint } from '../../src/connection/fingerprint.ts'
import { needs } from '../lab/privilege.ts'
import { connectKernel, type KernelConnection } from '../lab/raw-client.ts'
import { TEST_CERTIFICATE } from '../lab/tls-peer.ts'
import { until } from '../support/wait.ts'
import { contract } from './contract.ts'

contract('bun')

const open: { stop(force?: boolean): unknown }[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.stop(true)
})

type Server = Bun.Server<undefined>

/** A server that answers every request with its fingerprint, armed before the first packet. */
function answering(options: Record<string, unknown> = {}, fp: BunFingerprinter = createFingerprinter()): Server {
  const server = Bun.serve({
    port: 0,
    ...options,
    fetch: (request: Request, server: Server) => Response.json(fp.fromBun(request, server)),
  } as never) as Server
  fp.arm(server)
  open.push(server)
  return server
}

const get = async (url: string, init: object = {}): Promise<any> => (await fetch(url, init)).json()

const linux = needs('linux')

linux.describe('createFingerprinter on Bun.serve', () => {
  test('HTTP/3 requests never match a TCP socket, also one with the very same address and port', async () => {
    const quic = { tls: { rejectUnauthorized: false }, protocol: 'http3' }
    /** A server, and a TCP connection to it from the address and port of its QUIC client: that port may be somebody else's. */
    const setUp = async (): Promise<{ server: Server; namesake: KernelConnection }> => {
      for (let attempt = 0; ; attempt++) {
        const server = answering({ hostname: '127.0.0.1', tls: TEST_CERTIFICATE, http3: true })
        const first = await get(`https://127.0.0.1:${server.port}/`, quic)
        expect(first).toMatchObject({ available: false, source: 'none', reason: 'not-tcp' })
        try {
          const destination = { address: '127.0.0.1', port: server.port! }
          const source = { address: '127.0.0.1', port: first.peer.port }
          return { server, namesake: await connectKernel({ destination, source }) }
        } catch (error) {
          // All QUIC connections of this process come from one port, which may be in TIME-WAIT for TCP, for a minute.
          if (attempt === 70) throw error
          server.stop(true)
          await Bun.sleep(1000)
        }
      }
    }
    const { server, namesake } = await setUp()
    const url = `https://127.0.0.1:${server.port}/`
    try {
      for (let i = 0; i < 3; i++) {
        const body = await get(url, quic)
        expect(body.peer.port).toBe(namesake.local.port)
        expect(body).toMatchObject({ available: false, reason: 'ambiguous' })
      }
    } finally {
      namesake.reset()
    }
    const tcp = await get(url, { tls: { rejectUnauthorized: false }, protocol: 'http1.1' })
    expect(tcp).toMatchObject({ available: true, syn: { tcp: { destinationPort: server.port! } } })
  }, 120_000)

  test('unix sockets, calls without a server and cloned requests say why there is nothing', async () => {
    const fp = createFingerprinter()
    const unix = `${tmpdir()}/tcpfingerprint-${process.pid}.sock`
    const server = Bun.serve({ unix, fetch: (request, server) => Response.json(fp.fromBun(request, server as never)) })
    expect(fp.arm(server as never)).toBe(false)
    open.push(server)
    expect(await get('http://localhost/', { unix })).toMatchObject({
      available: false,
      source: 'none',
      reason: 'unix-socket',
      timing: {},
    })
    await server.stop(true)
    expect(fp.fromBun(new Request('http://localhost/'), undefined)).toMatchObject({
      available: false,
      reason: 'no-connection',
    })

    const cloning = Bun.serve({
      port: 0,
      fetch: (request, server) => Response.json(fp.fromBun(request.clone(), server)),
    })
    open.push(cloning)
    expect(await get(cloning.url.href)).toMatchObject({ available: false, reason: 'no-connection' })
    expect(await (await cloning.fetch('/')).json()).toMatchObject({ available: false, reason: 'no-connection' })
    expect(fp.status().requests).toMatchObject({ 'unix-socket': 1, 'no-connection': 3, ok: 0 })
  })

  test('a WebSocket upgrade keeps the fingerprint that was taken before', async () => {
    const fp = createFingerprinter()
    const server = Bun.serve<{ mss: number | undefined }>({
      port: 0,
      fetch(request, server) {
        const found = fp.fromBun(request, server as never)
        return server.upgrade(request, { data: { mss: found.syn?.tcp.mss } })
          ? undefined
          : new Response('no', { status: 400 })
      },
      websocket: { open: (socket) => void socket.send(String(socket.data.mss)), message() {} },
    })
    fp.arm(server as never)
    open.push(server)
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`)
    const message = await new Promise<string>((resolve) =>
      socket.addEventListener('message', (event) => resolve(String(event.data))),
    )
    expect(Number(message)).toBeGreaterThan(500)
    socket.close()
  })

  test('asking twice for one request gives the same object and counts once', async () => {
    const fp = createFingerprinter()
    let same = false
    const server = Bun.serve({
      port: 0,
      fetch(request, server) {
        const first = fp.fromBun(request, server as never)
        same = first === fp.fromBun(request, server as never)
        return Response.json(first)
      },
    })
    fp.arm(server as never)
    open.push(server)
    expect((await get(server.url.href)).connection.request).toBe(1)
    expect(same).toBe(true)
  })

  test('routes handlers are plain handlers', async () => {
    const fp = createFingerprinter()
    const server = Bun.serve({
      port: 0,
      routes: { '/x': (request, server) => Response.json(fp.fromBun(request, server as never)) },
    })
    fp.arm(server as never)
    open.push(server)
    expect(await get(`${server.url.href}x`)).toMatchObject({ available: true })
  })

  test('a server on the port of a stopped one is armed again, at the latest by its first request', async () => {
    const fp = createFingerprinter()
    const first = answering({ hostname: '127.0.0.1' }, fp)
    const { port } = first
    expect((await get(first.url.href)).syn).toBeDefined()
    await first.stop(true)
    const second = Bun.serve({
      hostname: '127.0.0.1',
      port: port!,
      fetch: (request, server) => Response.json(fp.fromBun(request, server as never)),
    })
    open.push(second)
    await get(second.url.href, { headers: { connection: 'close' } })
    const body = await get(second.url.href, { headers: { connection: 'close' } })
    expect(body.syn.tcp.destinationPort).toBe(port)
    expect(fp.status().listeners.find((one) => one.port === port)).toMatchObject({ saveSyn: true, deferAccept: 0 })
  })

  test("deferAccept 'keep' leaves the listener as it was, unless another fingerprinter of the process clears it", async () => {
    const script = `
      import { createFingerprinter } from ${JSON.stringify(join(import.meta.dir, '../../src/bun.ts'))}
      const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('') })
      const keeps = createFingerprinter({ deferAccept: 'keep' })
      const seen = () => keeps.status().listeners.find((one) => one.port === server.port)?.deferAccept
      keeps.arm(server)
      const before = seen()
      createFingerprinter().arm(server)
      console.log(before, seen())
      process.exit()`
    const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' })
    expect(await new Response(child.stdout).text()).toBe('1 0\n')
  })

  test('what is not to be collected is absent', async () => {
    const silent = answering({ hostname: '127.0.0.1' }, createFingerprinter({ syn: false, tcpInfo: 'off' }))
    expect(await get(silent.url.href)).toMatchObject({ available: false, source: 'none', timing: {} })
    const noSyn = await get(answering({ hostname: '127.0.0.1' }, createFingerprinter({ syn: false })).url.href)
    expect(noSyn).toMatchObject({ available: true, tcpInfo: { state: 1 } })
    expect(noSyn.syn).toBeUndefined()
    expect(noSyn.reason).toBeUndefined()
    const noInfo = await get(answering({ hostname: '127.0.0.1' }, createFingerprinter({ tcpInfo: 'off' })).url.href)
    expect(noInfo.syn).toBeDefined()
    expect(noInfo.tcpInfo).toBeUndefined()
    expect(noInfo.timing.rtt).toBeUndefined()
  })

  test("resolve 'read' looks when a fact is first read", async () => {
    const fp = createFingerprinter({ resolve: 'read' })
    const server = Bun.serve({
      port: 0,
      fetch(request, server) {
        const found = fp.fromBun(request, server as never)
        return request.url.endsWith('/read') ? Response.json(found) : new Response('unread')
      },
    })
    fp.arm(server as never)
    open.push(server)
    await fetch(server.url.href)
    expect(fp.status().requests.ok).toBe(0)
    expect((await get(`${server.url.href}read`)).syn).toBeDefined()
    expect(fp.status().requests.ok).toBe(1)
  })

  test('server.requestFD is used where the runtime has it, and believed only as far as it holds', async () => {
    const fp = createFingerprinter()
    const libc = openLibc()
    if (!isLibc(libc)) throw new Error(libc.message)
    const sockets = new Sockets(libc)
    const numberOf = (port: number): number => {
      for (let fd = 0; fd < 4096; fd++) if (sockets.peerName(fd) > 0 && sockets.port() === port) return fd
      return -1
    }
    let lie = false
    const server = Bun.serve({
      port: 0,
      fetch(request, server) {
        const peer = server.requestIP(request)!
        const named = {
          port: server.port,
          address: (server as unknown as { address: object }).address,
          requestIP: () => peer,
          requestFD: () => (lie ? 0 : numberOf(peer.port)),
        }
        return Response.json(fp.fromBun(request, named as never))
      },
    })
    open.push(server)
    fp.arm(server as never)
    const source = { address: '127.0.0.1', port: 0 }
    const one = await connectKernel({ destination: { address: '127.0.0.1', port: server.port! }, source, mss: 1001 })
    const clients = [one, await connectKernel({ destination: { address: '127.0.0.1', port: server.port! }, mss: 1002 })]
    for (const expected of [false, false, true, true]) {
      lie = expected
      for (const [index, client] of clients.entries()) {
        const body = (await client.request('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).json<any>()
        expect(body.syn?.tcp.mss).toBe(1001 + index)
      }
    }
    for (const client of clients) client.close()
  })

  test('an outgoing connection to the very address a client comes from is not taken for the client', async () => {
    const fp = createFingerprinter()
    const server = answering({ hostname: '127.0.0.1' }, fp)
    let accepted: { end(): void } | undefined
    const elsewhere = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        open: (socket) => void (accepted = socket),
        data() {},
      },
    })
    const { port } = elsewhere
    const outgoing = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })
    while (accepted === undefined) await Bun.sleep(1)
    elsewhere.stop(false)
    const client = await connectKernel({
      destination: { address: '127.0.0.1', port: server.port! },
      source: { address: '127.0.0.1', port },
      mss: 777,
    })
    const body = (await client.request('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).json<any>()
    expect(body).toMatchObject({ available: true, syn: { tcp: { mss: 777, destinationPort: server.port! } } })
    client.reset()
    outgoing.end()
    accepted.end()
  })

  for (const [where, addresses] of [
    ['on two ports', ['127.0.0.1', '127.0.0.1']],
    ['on one port of two addresses', ['127.0.0.1', '127.0.0.2']],
  ] as const) {
    test(`two servers of one process ${where}, reached from one client port, each know their own connection`, async () => {
      const fp = createFingerprinter()
      const first = answering({ hostname: addresses[0] }, fp)
      const second = answering(
        { hostname: addresses[1], ...(addresses[0] === addresses[1] ? {} : { port: first.port }) },
        fp,
      )
      const connect = (server: typeof first, address: string, port: number, mss: number): Promise<KernelConnection> =>
        connectKernel({
          destination: { address, port: server.port! },
          source: { address: '127.0.0.1', port },
          mss,
        })
      const one = await connect(first, addresses[0], 0, 1001)
      const two = await connect(second, addresses[1], one.local.port, 1002)
      for (const [client, mss] of [
        [two, 1002],
        [one, 1001],
        [two, 1002],
        [one, 1001],
      ] as const) {
        const body = (await client.request('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).json<any>()
        expect(body.syn?.tcp.mss).toBe(mss)
      }
      one.close()
      two.close()
    })
  }

  test('nothing is kept of connections that have ended', async () => {
    const fp = createFingerprinter()
    const server = answering({ hostname: '127.0.0.1' }, fp)
    for (let i = 0; i < 200; i++) {
      await get(server.url.href, { headers: { connection: 'close' } })
    }
    const idle = await Promise.all(
      Array.from({ length: 30 }, () => connectKernel({ destination: { address: '127.0.0.1', port: server.port! } })),
    )
    for (const client of idle) await client.request('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await until('watches', () => fp.status().watches >= 30, 20_000)
    expect(fp.status().watches).toBeGreaterThanOrEqual(30)
    expect(fp.status().connections).toBeGreaterThanOrEqual(30)
    for (const client of idle) client.close()
    await until('them to go', () => fp.status().connections === 0 && fp.status().watches === 0, 20_000)
    expect(fp.status()).toMatchObject({ connections: 0, watches: 0 })
  }, 60_000)
})

linux.describe('fingerprint() for Hono', () => {
  test('sets both variables, typed, and counts requests of a connection', async () => {
    const middleware = fingerprint()
    const app = new Hono().use(middleware).get('/', (c) => {
      const mss: number | undefined = c.var.fingerprint.syn?.tcp.mss
      return c.json({ mss, env: { ...c.var.fingerprintEnv }, names: Object.keys(c.var.fingerprintEnv).length })
    })
    const server = Bun.serve({ port: 0, fetch: app.fetch })
    open.push(server)
    middleware.fingerprinter.arm(server as never)
    const body = await get(server.url.href)
    expect(body.mss).toBeGreaterThan(500)
    expect(body.env.FINGERPRINT_TCP_MSS).toBe(String(body.mss))
    expect(body.env.FINGERPRINT_SOURCE).toBe('kernel')
    expect(body.names).toBe(Object.keys(body.env).length)
  })

  test('the environment map is there for Bun.spawn, and the raw dumps only where asked for', async () => {
    const app = new Hono().use(fingerprint({ env: { savedSyn: true, tcpInfo: true } })).get('/', async (c) => {
      const child = Bun.spawn(['env'], { env: c.var.fingerprintEnv, stdout: 'pipe' })
      return c.text(await new Response(child.stdout).text())
    })
    const server = Bun.serve({ port: 0, fetch: app.fetch })
    open.push(server)
    await fetch(server.url.href, { headers: { connection: 'close' } })
    const text = await (await fetch(server.url.href, { headers: { connection: 'close' } })).text()
    expect(text).toMatch(/^FINGERPRINT_SAVED_SYN=[46][0-9a-f]{79,}$/m)
    expect(text).toMatch(/^FINGERPRINT_TCP_INFO=[0-9a-f]{208,}$/m)
    expect(text).toMatch(/^FINGERPRINT_TCP_RTT=\d+$/m)
  })

  test('the fingerprint gives the same map as `env`', async () => {
    const { handler } = fingerprint({ env: { savedSyn: true } })
    const app = new Hono().get(
      '/',
      handler((c) => c.json([c.var.fingerprint.env, { ...c.var.fingerprintEnv }])),
    )
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })
    open.push(server)
    await Bun.sleep(20)
    const [one, other] = await get(server.url.href)
    expect(one.FINGERPRINT_SAVED_SYN).toMatch(/^45/)
    expect(one).toEqual(other)
    expect((await (await app.request('/')).json()) as never).toEqual([
      { FINGERPRINT_SOURCE: 'none', FINGERPRINT_REASON: 'no-connection' },
      { FINGERPRINT_SOURCE: 'none', FINGERPRINT_REASON: 'no-connection' },
    ] as never)
  })

  test('a server that nobody announced is armed within a second or so', async () => {
    // Its own process: here the fingerprinters of other tests look for servers too.
    const script = `
      import { createFingerprinter } from ${JSON.stringify(new URL('../../src/bun.ts', import.meta.url).pathname)}
      const fp = createFingerprinter()
      await Bun.sleep(2300)
      const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: (request, server) => Response.json(fp.fromBun(request, server)) })
      await Bun.sleep(1500)
      console.log((await (await fetch(server.url)).json()).syn !== undefined)
      process.exit()`
    const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' })
    expect(await new Response(child.stdout).text()).toBe('true\n')
  })

  test('arms the listener of an app that is served after the middleware was made', async () => {
    const app = new Hono<{ Variables: FingerprintVariables }>()
    app.use(fingerprint())
    app.get('/', (c) => c.json(c.var.fingerprint))
    const server = Bun.serve({ port: 0, fetch: app.fetch })
    open.push(server)
    await Bun.sleep(20)
    expect(await get(server.url.href)).toMatchObject({ available: true, syn: {} })
  })

  test('app.request() without a server, with a foreign env and with a clone leaves the handler running', async () => {
    const app = new Hono<{ Variables: FingerprintVariables }>()
    app.use(fingerprint())
    app.get('/', (c) => c.json(c.var.fingerprint))
    expect(await (await app.request('/')).json()).toEqual({
      available: false,
      source: 'none',
      reason: 'no-connection',
      timing: {},
    } as never)
    for (const env of [{}, { server: null }, { server: {} }, { DB: 'x' }]) {
      expect(await (await app.request('/', {}, env)).json()).toMatchObject({
        available: false,
        reason: 'no-connection',
      })
    }
  })

  test('a server that throws, gives nonsense or vanishes never breaks a request', async () => {
    const errors: Error[] = []
    const app = new Hono<{ Variables: FingerprintVariables }>()
    app.use(fingerprint({ onError: (error) => errors.push(error) }))
    app.get('/', (c) => c.json(c.var.fingerprint))
    const servers = [
      {
        requestIP: () => {
          throw new Error('gone')
        },
      },
      { requestIP: () => ({ address: 'nonsense', port: 1 }), port: 1, address: { address: 'x', port: 1 } },
      {
        requestIP: () => ({ address: '127.0.0.1', port: -1 }),
        get address() {
          throw new Error('no address')
        },
      },
      { requestIP: () => ({ address: '127.0.0.1', port: 9 }), port: 1, requestFD: () => 1_000_000 },
    ]
    for (const server of servers) {
      const response = await app.request('/', {}, { server })
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ available: false, source: 'none' })
    }
  })

  test('mounted twice, the inner one leaves what the outer one set', async () => {
    const inner = new Hono<{ Variables: FingerprintVariables }>()
      .use(fingerprint())
      .get('/', (c) => c.json(c.var.fingerprint))
    const app = new Hono().use(fingerprint()).route('/inner', inner)
    const server = Bun.serve({ port: 0, fetch: app.fetch })
    open.push(server)
    await Bun.sleep(10)
    expect((await get(`${server.url.href}inner`)).connection.request).toBe(1)
  })

  test('skip leaves requests alone, and one that throws skips nothing', async () => {
    const errors: string[] = []
    const options = {
      skip: (c: Context) => {
        if (c.req.path === '/throws') throw new Error('skip failed')
        return c.req.path === '/skipped'
      },
      onError: (error: Error) => void errors.push(error.message),
    }
    const middleware = fingerprint(options)
    const app = new Hono<{ Variables: FingerprintVariables }>()
      .use(middleware)
      .get('*', (c) => c.json(c.var.fingerprint))
    const server = Bun.serve({ port: 0, fetch: app.fetch })
    open.push(server)
    middleware.fingerprinter.arm(server as never)
    expect(await get(`${server.url.href}skipped`)).toEqual({ available: false, source: 'none', timing: {} })
    expect(await get(`${server.url.href}throws`)).toMatchObject({ available: true })
    expect(await get(`${server.url.href}throws`)).toMatchObject({ available: true })
    expect(errors).toEqual(['skip failed'])
    expect(middleware.fingerprinter.status().requests.ok).toBe(2)
  })

  test('whatever a skip throws skips nothing and breaks no request', async () => {
    for (const thrown of ['text', null, undefined, Symbol('x'), Object.create(null)]) {
      const errors: Error[] = []
      const options = {
        skip: (): boolean => {
          throw thrown
        },
        onError: (error: Error) => void errors.push(error),
      }
      const app = new Hono().use(fingerprint(options)).get('/', (c) => c.json(c.var.fingerprint))
      const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })
      open.push(server)
      expect(await get(server.url.href)).toMatchObject({ available: true })
      expect(createFingerprinter(options).fromBun(new Request('http://x'), undefined).reason).toBe('no-connection')
      expect(errors.map((error) => error instanceof Error)).toEqual([true, true])
    }
  })

  test('observe gets every request’s fingerprint before the handlers, and what it throws breaks none', async () => {
    const seen: (number | undefined)[] = []
    const errors: string[] = []
    const options = {
      observe: (one: Fingerprint) => {
        seen.push(one.connection?.request)
        if (seen.length === 2) throw new Error('observe failed')
      },
      skip: (c: Context) => c.req.path === '/skipped',
      onError: (error: Error) => void errors.push(error.message),
    }
    const app = new Hono().use(fingerprint(options)).get('*', (c) => c.json(c.var.fingerprint.connection ?? {}))
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })
    open.push(server)
    const client = { headers: { connection: 'close' } }
    for (const path of ['a', 'b', 'skipped', 'c'])
      expect((await fetch(`${server.url.href}${path}`, client)).status).toBe(200)
    expect(seen).toEqual([1, 1, 1])
    expect(errors).toEqual(['observe failed'])
  })

  test('onError hears of a kind of bad header once, whoever sends it', async () => {
    const errors: string[] = []
    const fp = createFingerprinter({
      trustedHeader: { header: 'x-syn', kind: 'syn', encoding: 'hex', from: ['127.0.0.0/8'] },
      onError: (error) => void errors.push(error.message),
    })
    const server = answering({ hostname: '127.0.0.1' }, fp)
    for (let i = 2; i < 12; i++) {
      const destination = { address: '127.0.0.1', port: server.port! }
      const client = await connectKernel({ destination, source: { address: `127.0.0.${i}`, port: 0 } })
      await client.request('GET / HTTP/1.1\r\nHost: x\r\nX-Syn: nonsense\r\n\r\n')
      client.close()
    }
    expect(errors).toEqual([expect.stringContaining('127.0.0.2')])
  })

  test('the server may be in the env beside other bindings', async () => {
    const app = new Hono<{ Variables: FingerprintVariables }>()
      .use(fingerprint())
      .get('/', (c) => c.json(c.var.fingerprint))
    const server = Bun.serve({ port: 0, fetch: (request, server) => app.fetch(request, { server, DB: 1 }) })
    open.push(server)
    await Bun.sleep(10)
    expect(await get(server.url.href)).toMatchObject({ available: true })
  })

  test('HTTP/1.0 without Host is captured', async () => {
    const app = new Hono<{ Variables: FingerprintVariables }>()
      .use('*', fingerprint())
      .all('*', (c) => c.json(c.var.fingerprint))
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })
    open.push(server)
    await Bun.sleep(10)
    const client = await connectKernel({ destination: { address: '127.0.0.1', port: server.port! }, mss: 999 })
    const response = await client.request('GET /x?y=1 HTTP/1.0\r\n\r\n')
    expect(response.json<any>().syn.tcp.mss).toBe(999)
  })
})

describe('options', () => {
  test('a wrong name or value is a TypeError that names it, when the middleware is built', () => {
    expect(() => fingerprint({ tcpinfo: 'off' } as never)).toThrow(TypeError)
    expect(() => fingerprint({ tcpinfo: 'off' } as never)).toThrow('"tcpinfo"')
    expect(() => fingerprint({ tcpInfo: 'always' } as never)).toThrow('"tcpInfo"')
    expect(() => createFingerprinter({ maxConnections: 0 })).toThrow('"maxConnections"')
    expect(() => createFingerprinter({ maxConnections: 1.5 })).toThrow('"maxConnections"')
    expect(() => createFingerprinter({ env: { savedSYN: true } } as never)).toThrow('"env.savedSYN"')
    expect(() => createFingerprinter({ skip: 'no' } as never)).toThrow('"skip"')
    expect(() => createFingerprinter({ database: {} } as never)).toThrow('"database"')
    expect(() => createFingerprinter('all' as never)).toThrow(TypeError)
  })
})
