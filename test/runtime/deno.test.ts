import { afterAll, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createFingerprinter, fingerprint } from '../../src/deno.ts'
import { needs } from '../lab/privilege.ts'
import { connectKernel, runAttribution } from '../lab/raw-client.ts'
import { DENO_ARGUMENTS } from '../lab/runtimes.ts'
import { ROOT, type ServerOptions, startServer, type TestServer } from '../lab/server.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { until } from '../support/wait.ts'
import { contract } from './contract.ts'

contract('deno')

const GET = 'GET /json HTTP/1.1\r\nHost: x\r\n\r\n'
const JSON_SERVER = 'test/runtime/servers/deno-json.ts'
/** Where Debian and its kin have it. */
const LIBC = [`/lib/x86_64-linux-gnu/libc.so.6`, '/lib/aarch64-linux-gnu/libc.so.6'].find((path) => existsSync(path))

const started: TestServer[] = []
afterAll(() => Promise.all(started.map((server) => server.stop())))

async function start(script: string, options: ServerOptions & { permissions?: string[] } = {}): Promise<TestServer> {
  const { permissions = ['--allow-net', '--allow-ffi'], ...rest } = options
  const runtimeArguments = ['run', '--no-lock', '--no-prompt', ...permissions]
  const server = await startServer(undefined, script, {}, { runtime: 'deno', runtimeArguments, ...rest })
  started.push(server)
  return server
}

const get = async (server: { port: number }, path: string = '/json', init: object = {}): Promise<any> =>
  (await fetch(`http://127.0.0.1:${server.port}${path}`, init)).json()

const linux = needs('linux')

linux.describe('permissions of Deno', () => {
  for (const face of ['plain', 'hono']) {
    test(`without --allow-ffi requests are served, "denied", and onError hears of it once: ${face}`, async () => {
      const server = await start(JSON_SERVER, { permissions: ['--allow-net'], arguments: [`FACE=${face}`] })
      for (let i = 0; i < 5; i++) {
        const body = await get(server)
        expect(body).toMatchObject({ available: false, source: 'none', reason: 'denied', timing: {} })
        expect(body.peer.address).toBe('127.0.0.1')
        expect(body.env).toEqual({ FINGERPRINT_SOURCE: 'none', FINGERPRINT_REASON: 'denied' })
      }
      const status = await get(server, '/status')
      expect(status.requests.denied).toBe(5)
      expect(status.unavailable.reason).toBe('denied')
      const said = server.stderr().trim().split('\n')
      expect(said).toHaveLength(1)
      expect(said[0]).toStartWith('onError: Cannot capture connections: run Deno with --allow-ffi')
    })
  }

  test('without --allow-ffi and without onError it is said once on standard error', async () => {
    const server = await start(JSON_SERVER, { permissions: ['--allow-net'], arguments: ['QUIET=1'] })
    for (let i = 0; i < 3; i++) expect((await get(server)).reason).toBe('denied')
    expect(server.stderr().match(/--allow-ffi,/g)).toHaveLength(1)
  })

  needs({ reason: LIBC === undefined ? 'libc.so.6 is not where Debian has it' : undefined }).test(
    'the permission for one library is enough with the option libc, and not without',
    async () => {
      const permissions = ['--allow-net', `--allow-ffi=${LIBC}`]
      const server = await start(JSON_SERVER, { permissions, arguments: [`LIBC=${LIBC}`] })
      const body = await get(server)
      expect(body).toMatchObject({ available: true, source: 'kernel', syn: { tcp: { destinationPort: server.port } } })
      const without = await start(JSON_SERVER, { permissions })
      expect((await get(without)).reason).toBe('denied')
      expect(without.stderr()).toContain(`libc: '${LIBC}'`)
      const wrong = await start(JSON_SERVER, { arguments: ['LIBC=/nowhere/libc.so.6'] })
      expect((await get(wrong)).reason).toBe('unsupported')
    },
  )
})

linux.describe('Deno.serve', () => {
  test('on a unix socket says so', async () => {
    const { path: directory, remove } = temporaryDirectory()
    try {
      const unix = join(directory, 'socket')
      const permissions = ['--allow-net', '--allow-ffi', '--allow-read', '--allow-write']
      const server = await start(JSON_SERVER, { permissions, arguments: [`UNIX=${unix}`] })
      const body = await (await fetch('http://localhost/json', { unix } as object)).json()
      expect(body).toMatchObject({ available: false, source: 'none', reason: 'unix-socket', timing: {} })
      await server.stop()
    } finally {
      remove()
    }
  })

  test('fromDeno with info alone, and twice for one request', async () => {
    const server = await start(JSON_SERVER, { arguments: ['FACE=plain'] })
    expect(await get(server, '/info')).toMatchObject({ available: true, syn: {}, connection: { request: 1 } })
  })

  test('a request of a client that has gone does not count for the connection that has its ports now', async () => {
    const server = await start(JSON_SERVER, { arguments: ['FACE=plain', 'DELAY=150', 'HOSTNAME_TO_BIND=127.0.0.1'] })
    const destination = { address: '127.0.0.1', port: server.port }
    for (let round = 0; round < 3; round++) {
      const gone = await connectKernel({ destination, source: { address: '127.0.0.1', port: 0 }, mss: 1001 })
      gone.send(GET)
      // Until Deno has read the request, whose look-up waits.
      await Bun.sleep(50)
      gone.reset()
      const client = await connectKernel({ destination, source: gone.local, mss: 1002 })
      for (const request of [1, 2, 3]) {
        expect((await client.request(GET)).json()).toMatchObject({
          connection: { request },
          syn: { tcp: { mss: 1002 } },
        })
      }
      client.reset()
    }
  })

  test('two servers of one process, reached from one client port: never mixed up', async () => {
    const server = await start('test/runtime/servers/deno-several.ts')
    const second = Number(/second (\d+)/.exec(server.stdout())![1])
    const source = { address: '127.0.0.1', port: 0 }
    const one = await connectKernel({ destination: { address: '127.0.0.1', port: server.port }, source, mss: 1001 })
    const two = await connectKernel({
      destination: { address: '127.0.0.1', port: second },
      source: one.local,
      mss: 1002,
    })
    for (const [client, port, mss] of [
      [two, second, 1002],
      [one, server.port, 1001],
      [two, second, 1002],
    ] as const) {
      const body = (await client.request(GET)).json()
      if (body.reason === 'ambiguous') expect(body.syn).toBeUndefined()
      else expect(body).toMatchObject({ local: { port }, syn: { tcp: { mss } } })
    }
    one.reset()
    two.reset()
    const alone = await connectKernel({ destination: { address: '127.0.0.1', port: second }, mss: 1003 })
    expect((await alone.request(GET)).json()).toMatchObject({ local: { port: second }, syn: { tcp: { mss: 1003 } } })
    alone.close()
  })

  test('a server that nobody announced is armed by its first request at the latest', async () => {
    const server = await start('test/runtime/servers/deno-several.ts')
    // After the looks that follow the start.
    await Bun.sleep(2300)
    const late = await get(server, '/late')
    await get(late, '/json', { headers: { connection: 'close' } })
    const body = await get(late, '/json', { headers: { connection: 'close' } })
    expect(body).toMatchObject({ available: true, local: { port: late.port }, syn: {} })
    const { listeners } = await get(server, '/status')
    expect(listeners.find((one: { port: number }) => one.port === late.port).saveSyn).toBe(true)
  })

  test('a server that nobody announced is armed within a second or so, also where nobody has asked anything', async () => {
    const server = await start('test/runtime/servers/deno-several.ts')
    await Bun.sleep(2300)
    const late = await get(server, '/late')
    await Bun.sleep(1500)
    expect(await get(late, '/json')).toMatchObject({ available: true, local: { port: late.port }, syn: {} })
  })

  for (const threads of [1, 3]) {
    test(`deno serve with ${threads} thread(s): the app is its default export, every connection known`, async () => {
      const port = freePort()
      const server = await startServer(
        undefined,
        'test/runtime/servers/deno-exported.ts',
        { DENO_JOBS: String(threads) },
        {
          runtime: 'deno',
          runtimeArguments: [
            'serve',
            ...(threads > 1 ? ['--parallel'] : []),
            ...DENO_ARGUMENTS,
            '--host=127.0.0.1',
            `--port=${port}`,
          ],
          arguments: [String(port)],
        },
      )
      started.push(server)
      expect(server.port).toBe(port)
      // Every thread says so, some 300 ms after its listener was made.
      for (let i = 0; i < 200 && server.stdout().split('listening on').length <= threads; i++) await Bun.sleep(20)
      const options = { host: '127.0.0.1', port, connections: 1500, concurrency: 150, seed: 5 }
      expect(await runAttribution({ ...options, reuseTuples: 0 })).toMatchObject({ wrong: 0, missing: 0, failed: 0 })
      // Deno also runs the handler of a request whose client has gone. Where its namesake is another thread's by then, the
      // SYN can be taken by the wrong thread: absent, and never a wrong one.
      const { wrong, failed, missing, aborted, reasons } = await runAttribution(options)
      expect({ wrong, failed }).toEqual({ wrong: 0, failed: 0 })
      expect(missing).toBeLessThanOrEqual(threads === 1 ? 0 : aborted)
      expect(Object.keys(reasons).filter((one) => one !== 'not-saved' && one !== 'ambiguous')).toEqual([])
    }, 60_000)
  }

  test('nothing is kept of connections that have ended', async () => {
    const server = await start(JSON_SERVER, { arguments: ['HOSTNAME_TO_BIND=127.0.0.1'] })
    for (let i = 0; i < 100; i++) await get(server, '/json', { headers: { connection: 'close' } })
    const idle = await Promise.all(
      Array.from({ length: 30 }, () => connectKernel({ destination: { address: '127.0.0.1', port: server.port } })),
    )
    for (const client of idle) await client.request(GET)
    const status = (): Promise<any> => get(server, '/status', { headers: { connection: 'close' } })
    await until('watches', async () => (await status()).watches >= 30)
    for (const client of idle) client.close()
    const isEmpty = ({ connections, watches }: any): boolean => connections === 0 && watches === 0
    await until('them to go', async () => isEmpty(await status()))
  }, 60_000)

  test('cgi() and accessLog()', async () => {
    const server = await start('test/runtime/servers/deno-cgi.ts', {
      permissions: [
        ...DENO_ARGUMENTS.filter((one) => one.startsWith('--allow')),
        '--allow-run',
        '--allow-env',
        '--allow-read',
        '--allow-write',
      ],
    })
    const client = await connectKernel({ destination: { address: '127.0.0.1', port: server.port }, mss: 1212 })
    const lines = [
      'GET /env/x?y=1 HTTP/1.1',
      'Host: x',
      'Proxy: evil',
      'X-TCP-SYN: made-up',
      'X_TCP_SYN: made-up',
      '',
      '',
    ]
    const env = (await client.request(lines.join('\r\n'))).text()
    client.close()
    expect(env).toMatch(/^FINGERPRINT_TCP_MSS=1212$/m)
    expect(env).toMatch(/^GATEWAY_INTERFACE=CGI\/1\.1$/m)
    expect(env).toMatch(/^REMOTE_ADDR=127\.0\.0\.1$/m)
    expect(env).toMatch(/^QUERY_STRING=y=1$/m)
    expect(env).not.toMatch(/^(HTTP_PROXY|HTTP_X_TCP_SYN|DENO_)/m)
    const body = 'x'.repeat(200_000)
    const echoed = await fetch(`http://127.0.0.1:${server.port}/echo`, { method: 'POST', body })
    expect(await echoed.text()).toBe(body)
    await server.stop()
    const logged = server.stdout().trim().split('\n').slice(1)
    expect(logged[0]).toBe(`127.0.0.1 200 ${env.length} "GET /env/x?y=1 HTTP/1.1" mss=1212`)
    expect(logged[1]).toStartWith('127.0.0.1 200 200000 "POST /echo HTTP/1.1" mss=')
  })
})

test('under another runtime the entry for Deno says why there is nothing, and throws for wrong options', () => {
  const fp = createFingerprinter()
  const info = { remoteAddr: { transport: 'tcp', hostname: '127.0.0.1', port: 1 } }
  const request = new Request('http://localhost/')
  // A capture that another entry opened in this process is shared.
  expect(['unsupported', 'not-found']).toContain(fp.fromDeno(request, info).reason!)
  expect(fp.fromDeno(request, info)).toBe(fp.fromDeno(info))
  expect(fp.fromDeno(request, undefined).reason).toBe('no-connection')
  const closed = {
    get remoteAddr(): never {
      throw new Error('Request closed')
    },
  }
  expect(fp.fromDeno(request, closed).reason).toBe('no-connection')
  expect(fp.fromDeno({ remoteAddr: { transport: 'unix' } }).reason).toBe('unix-socket')
  expect(fp.fromDeno({ remoteAddr: { transport: 'vsock', cid: 3, port: 1 } } as never).reason).toBe('not-tcp')
  expect(fp.arm({ addr: { transport: 'unix' } })).toBe(false)
  expect(() => fingerprint({ tcpinfo: 'off' } as never)).toThrow('"tcpinfo"')
  expect(() => createFingerprinter({ libc: '' })).toThrow('"libc"')
  expect(existsSync(join(ROOT, 'deno.lock'))).toBe(false)
})
