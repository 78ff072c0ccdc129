import { afterAll, expect, test } from 'bun:test'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { POSTGRES, startPostgres } from '../engines/postgres.ts'
import { cutAtSignal, PID_NAMESPACE, startProcess } from '../lab/in-flight.ts'
import { needs, program } from '../lab/privilege.ts'
import { connectKernel } from '../lab/raw-client.ts'
import { RUNTIMES } from '../lab/runtimes.ts'
import { ROOT, runtimePath, startServer, type TestServer } from '../lab/server.ts'
import { startNginx } from '../proxy/proxies.ts'
import { SYN } from '../support/samples.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { until as wait } from '../support/wait.ts'

const { path: directory, remove } = temporaryDirectory()
afterAll(remove)

const linux = needs('linux')

/** The text of a stream so far. */
function collect(stream: ReadableStream<Uint8Array>): { readonly text: string } {
  const all = { text: '' }
  void (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) all.text += decoder.decode(chunk, { stream: true })
  })()
  return all
}

/** Runs an example as its reader would. */
async function start(name: string, env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startServer(undefined, `test/examples/${name}.ts`, { PORT: '0', ...env })
  // Examples that leave arming to fingerprint() announce themselves a moment before it has happened.
  await Bun.sleep(500)
  return server
}

const get = (server: TestServer, path: string, init?: RequestInit): Promise<Response> =>
  fetch(`http://127.0.0.1:${server.port}${path}`, init)

linux.test('hello tells the system, the distance and the round trip', async () => {
  await using server = await start('hello')
  const text = await (await get(server, '/', { headers: { connection: 'close' } })).text()
  expect(text).toMatch(/^.+, 0 hops away, \d+ microseconds\n\d+:[\d-]+:\d+:\d+\n$/)
})

linux.test('plain answers with everything', async () => {
  await using server = await start('plain')
  expect(await (await get(server, '/')).json()).toMatchObject({
    available: true,
    syn: { tcp: { destinationPort: server.port } },
  })
})

linux.test('inspector has its page where it is mounted', async () => {
  await using server = await start('inspector')
  const page = await (await get(server, '/connection', { headers: { accept: 'text/html' } })).text()
  expect(page).toContain('Your connection looks like')
  expect(page).toContain('href="?decode"')
  const decoded = await get(server, '/connection?decode', { method: 'POST', body: new URLSearchParams({ dump: SYN }) })
  expect(await decoded.json()).toMatchObject({ tcp: { mss: 1460 } })
})

async function storeAnswers(url: string): Promise<void> {
  await using server = await start('store', { STORE: url })
  for (let i = 0; i < 2; i++) {
    await (await get(server, '/', { headers: { connection: 'close', 'X-User': 'anna' } })).text()
  }
  const ask = async (path: string): Promise<{ connections: number; accounts: string[] }[]> =>
    (await get(server, path, { headers: { 'X-User': 'bert' } })).json() as never
  const [host] = await wait('two rows', async () => {
    const rows = await ask('/hosts/127.0.0.1')
    return rows[0]?.accounts.includes('anna') && rows[0].connections >= 2 && rows
  })
  expect(host).toMatchObject({ family: 'linux' })
  expect((await ask('/stacks/anna'))[0]).toMatchObject({ network: '127.0.0.0/24', connections: 2 })
  expect((await ask('/labels')).length).toBe(1)
  expect(await (await get(server, '/accounts/anna', { method: 'DELETE' })).json()).toBe(2 as never)
  expect(await ask('/stacks/anna')).toEqual([])
  // The members that the recipe names.
  const recipes = readFileSync(join(import.meta.dir, 'README.md'), 'utf8')
  const named = /hosts\/127\.0\.0\.1` answers with each (.*)\.$/m.exec(recipes)![1]!.matchAll(/`(\w+)`/g)
  expect(Array.from(named, ([, name]) => name!).sort()).toEqual(Object.keys(host!).sort())
}

linux.test('store answers who was there, and forgets', async () => {
  using files = temporaryDirectory()
  await storeAnswers(`sqlite:${files.file('seen.sqlite')}`)
})

needs('linux', POSTGRES).test(
  'store does so in Postgres',
  async () => {
    const cluster = await startPostgres()
    try {
      await storeAnswers(cluster.url)
    } finally {
      await cluster.stop()
    }
  },
  60_000,
)

needs('linux', 'kcat').test('kafka gets a message for each connection', async () => {
  // The consumer's own mock cluster, which prints what it was sent.
  const consumer = Bun.spawn(
    [program('kcat'), '-b', 'mock', '-X', 'test.mock.num.brokers=1', '-X', 'debug=mock'].concat([
      '-X',
      'allow.auto.create.topics=true',
      '-C',
      '-u',
      '-t',
      'connections',
      '-o',
      'beginning',
      '-f',
      '%k\t%s\n',
    ]),
    { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  )
  try {
    const [log, messages] = [collect(consumer.stderr), collect(consumer.stdout)]
    const [, broker] = (await wait('a broker', () => /bootstrap\.servers=([\d.:]+)/.exec(log.text) ?? undefined))!
    const options = { PORT: '0', KAFKA: broker!, KAFKAJS_NO_PARTITIONER_WARNING: '1' }
    await using server = await startServer(undefined, 'test/examples/kafka.mjs', options)
    await Bun.sleep(500)
    for (let i = 0; i < 3; i++)
      await (await get(server, '/', { headers: { connection: 'close', 'X-User': `user-${i}` } })).text()
    const lines = await wait('three messages', () => {
      const all = messages.text.split('\n').slice(0, -1)
      return all.length >= 3 && all
    })
    const rows = lines.map((line) => line.split('\t') as [string, string])
    expect(new Set(rows.map(([key]) => key)).size).toBe(3)
    const read = rows.map(([, value]) => JSON.parse(value) as { account: string; address: string; stack: object })
    expect(read.map((one) => one.account).sort()).toEqual(['user-0', 'user-1', 'user-2'])
    for (const one of read) expect(one).toMatchObject({ address: '127.0.0.1', stack: { family: 'linux' } })
  } finally {
    consumer.kill()
    await consumer.exited
  }
})

linux.test('rate-limit tells two hosts behind one address apart', async () => {
  await using server = await start('rate-limit')
  const ask = async (mss: number): Promise<number> => {
    const client = await connectKernel({ destination: { address: '127.0.0.1', port: server.port }, mss })
    const { status } = await client.request('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    client.close()
    return status
  }
  const greedy: number[] = []
  for (let i = 0; i < 7; i++) greedy.push(await ask(1300))
  expect(greedy).toEqual([200, 200, 200, 200, 200, 429, 429])
  // Same address, another stack.
  expect(await ask(1400)).toBe(200)
})

needs('linux', 'nginx').test('rate-limit behind nginx counts for the client that the proxy names', async () => {
  await using server = await start('rate-limit', { PROXY: '127.0.0.1' })
  const nginx = await startNginx(server.port, 'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;')
  try {
    const ask = async (forged: string, port = nginx.port, address = '127.0.0.2'): Promise<number> => {
      const client = await connectKernel({ destination: { address: '127.0.0.1', port }, source: { address, port: 0 } })
      const { status } = await client.request(`GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${forged}\r\n\r\n`)
      client.close()
      return status
    }
    const greedy: number[] = []
    // Another name in each request of one client: the proxy's is the last.
    for (let i = 0; i < 7; i++) greedy.push(await ask(`192.0.2.${i}`))
    expect(greedy).toEqual([200, 200, 200, 200, 200, 429, 429])
    expect(await ask('127.0.0.2', nginx.port, '127.0.0.3')).toBe(200)
    // Nobody but the proxy is believed.
    expect(await ask('192.0.2.9', server.port, '127.0.0.4')).toBe(200)
  } finally {
    await nginx.stop()
  }
})

linux.test('contradiction asks those for more whose User-Agent is not their stack', async () => {
  await using server = await start('contradiction')
  const login = async (userAgent: string): Promise<unknown> =>
    (await get(server, '/login', { method: 'POST', headers: { 'user-agent': userAgent } })).json()
  expect(await login('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36')).toEqual({
    next: 'second-factor',
    stack: 'linux',
    userAgent: 'windows',
  })
  expect(await login('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36')).toEqual({ next: 'welcome' })
  expect(await login('curl/8.0')).toEqual({ next: 'welcome' })
})

linux.test('relay names a client that is late, and not one that asks at once', async () => {
  await using server = await start('relay')
  const signs = async (wait: number): Promise<string[]> => {
    const client = await connectKernel({ destination: { address: '127.0.0.1', port: server.port } })
    if (wait > 0) await Bun.sleep(wait)
    const response = await client.request('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    client.close()
    return response.json().signs.map((one: { words: string }) => one.words)
  }
  expect(await signs(150)).toEqual([expect.stringMatching(/^first data (1[3-9]\d|[2-9]\d\d) ms after/)])
  // On a busy machine this test may be late itself.
  let direct = await signs(0)
  for (let i = 0; i < 20 && direct.length > 0; i++) direct = await signs(0)
  expect(direct).toEqual([])
})

linux.test('behind-haproxy takes the client from the header of the proxy', async () => {
  await using server = await start('behind-haproxy')
  const told: any = await (await get(server, '/', { headers: { 'x-tcp-syn': SYN.toUpperCase() } })).json()
  expect(told).toMatchObject({ source: 'header', client: '192.0.2.10', proxy: '127.0.0.1' })
  expect(told.label).toContain('Linux')
  expect(await (await get(server, '/')).json()).toMatchObject({ source: 'none' })
})

linux.test('cgi gives scripts the facts', async () => {
  const script = join(directory, 'ttl')
  writeFileSync(script, '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n%s" "$FINGERPRINT_IP_TTL"\n')
  chmodSync(script, 0o755)
  await using server = await start('cgi', { CGI_BIN: directory })
  expect(await (await get(server, '/cgi-bin/ttl')).text()).toBe('64')
})

linux.test('subprocess gives its child the facts', async () => {
  await using server = await start('subprocess')
  expect(await (await get(server, '/')).text()).toBe('TTL 64\n')
})

linux.test('websocket keeps the fingerprint of the upgrade', async () => {
  await using server = await start('websocket')
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`)
  const message = await new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(data)
    socket.onerror = () => reject(new Error('the WebSocket failed'))
  })
  socket.close()
  expect(message).toMatch(/^\d+:[\d-]+:\d+:\d+$/)
})

for (const runtime of RUNTIMES) {
  for (const isFirst of [false, true]) {
    const as = isFirst ? ' as process 1' : ''
    needs('linux', ...(isFirst ? [PID_NAMESPACE] : [])).test(
      `shutdown on ${runtime}${as} cuts none of 1,000 requests in flight`,
      async () => {
        // In the checkout, where Deno finds what the library imports, and the library itself by its path.
        using inside = temporaryDirectory(join(ROOT, 'test/.readme-'))
        const deno = inside.file('shutdown.deno.ts')
        const code = readFileSync(join(import.meta.dir, 'shutdown.deno.ts'), 'utf8')
        writeFileSync(deno, code.replace('tcpfingerprint/deno', join(ROOT, 'src/deno.ts')))
        const argv =
          runtime === 'bun'
            ? [runtimePath(runtime), join(import.meta.dir, 'shutdown.ts')]
            : [runtimePath(runtime), 'run', '-A', '--no-lock', deno]
        const options = { isFirst, ready: /istening on http:\/\/[^\s:]+:(\d+)/, env: { PORT: '0' } }
        await using server = await startProcess(argv, options)
        const ask = { connections: 1000, known: '/', path: '/report', body: 'a=1234567' }
        expect(await cutAtSignal(server, 'SIGTERM', ask)).toBe(0)
        expect(await server.exited).toBe(0)
        const lines = (): number => server.output().split('"POST /report HTTP/1.1" 200 ').length - 1
        await wait('the log', () => lines() === ask.connections, 2000)
      },
      60_000,
    )
  }
}

test('no example is without a test', () => {
  const files = readdirSync(import.meta.dir).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  const tests = ['examples.test.ts', 'fail2ban.test.ts', '../connection/observability.test.ts'].map((one) =>
    join(import.meta.dir, one),
  )
  const source = tests.map((path) => readFileSync(path, 'utf8')).join('\n')
  expect(files.length).toBeGreaterThan(10)
  for (const file of files) {
    const name = file.replace('.ts', '')
    expect(source.includes(`start('${name}'`) || source.includes(`${file}'`), file).toBe(true)
  }
})
