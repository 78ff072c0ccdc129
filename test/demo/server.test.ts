import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { needs } from '../lab/privilege.ts'
import { startServer, type TestServer } from '../lab/server.ts'
import { TEST_CERTIFICATE } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const { path: directory, remove } = temporaryDirectory()
afterAll(remove)

const serve = (runtime: 'bun' | 'deno', ...args: string[]): Promise<TestServer> =>
  startServer(
    undefined,
    'src/cli.ts',
    {},
    { runtime, arguments: ['serve', '--port', '0', ...args], ready: /curl \S*.*:(\d+)\/\n/ },
  )

/** Waits for lines that come a moment after the answer. */
async function linesOf(read: () => string, count: number): Promise<string[]> {
  for (let i = 0; i < 100; i++) {
    const lines = read().split('\n').slice(0, -1)
    if (lines.length >= count) return lines
    await Bun.sleep(50)
  }
  return read().split('\n').slice(0, -1)
}

/** Sends octets as they are and gives everything that comes back. */
function raw(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
    socket.setTimeout(10_000, () => socket.destroy(new Error('no end of the answer')))
  })
}

needs('linux').describe('the demonstration server', () => {
  describe.each(['bun', 'deno'] as const)('on %s', (runtime) => {
    let server: TestServer
    let url: string
    beforeAll(async () => {
      server = await serve(runtime)
      url = `http://127.0.0.1:${server.port}`
    })
    afterAll(async () => {
      await server?.stop()
    })

    test('says where it is', () => {
      const [first, browser, terminal] = server.stdout().split('\n')
      expect(first).toBe(`tcpfingerprint listens on ${url}/`)
      expect(browser).toContain(`${url}/`)
      expect(terminal).toEndWith(`curl ${url}/`)
    })
    test('answers / with a page or with JSON', async () => {
      const page = await fetch(url, { headers: { accept: 'text/html' } })
      expect(page.headers.get('content-type')).toStartWith('text/html')
      expect(await page.text()).toContain('Your connection looks like')
      for (const accept of ['*/*', 'application/json']) {
        expect(await (await fetch(url, { headers: { accept } })).json()).toMatchObject({
          available: true,
          source: 'kernel',
        })
      }
    })
    test('says at an unknown path where the pages are', async () => {
      const answer = await fetch(`${url}/none`)
      expect([answer.status, await answer.text()]).toEqual([
        404,
        'Nothing here: / is the page of your connection, /json the same as JSON\n',
      ])
    })
    test('answers /json, /env and /healthz', async () => {
      const json: any = await (await fetch(`${url}/json`)).json()
      expect(json).toMatchObject({
        available: true,
        local: { port: server.port },
        syn: { ip: { version: 4 }, tcp: { destinationPort: server.port, sourcePort: json.peer.port } },
        env: { FINGERPRINT_SOURCE: 'kernel', FINGERPRINT_IP_TTL: '64' },
      })
      const env = await (await fetch(`${url}/env`)).text()
      expect(env).toMatch(/^FINGERPRINT_TCP_MSS=\d+$/m)
      const health = await fetch(`${url}/healthz`)
      expect([health.status, await health.text()]).toEqual([200, 'ok'])
    })
    test('runs its bundled script with the facts of the connection', async () => {
      const response = await fetch(`${url}/cgi-bin/env/a/b?q=1`)
      expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
      const text = await response.text()
      for (const line of ['SCRIPT_NAME=/cgi-bin/env', 'PATH_INFO=/a/b', 'QUERY_STRING=q=1', 'FINGERPRINT_IP_TTL=64']) {
        expect(text).toContain(`${line}\n`)
      }
      expect((await fetch(`${url}/cgi-bin/other`)).status).toBe(404)
    })
    test('writes one combined line for each request', async () => {
      await (await fetch(`${url}/healthz?mark=1`)).text()
      await (await fetch(`${url}/nothing`)).text()
      for (let i = 0; i < 100 && !server.stdout().includes('/nothing'); i++) await Bun.sleep(50)
      const lines = server
        .stdout()
        .split('\n')
        .filter((line) => /mark=1|nothing/.test(line))
      expect(lines).toHaveLength(2)
      expect(lines[0]).toMatch(/^127\.0\.0\.1 - - \[.+\] "GET \/healthz\?mark=1 HTTP\/1\.1" 200 2 "-" ".+"$/)
      expect(lines[1]).toContain('" 404 ')
    })
    test('answers HTTP/1.0 without Host', async () => {
      expect(await raw(server.port, 'GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.\d 200 [\s\S]*ok$/)
      const json = await raw(server.port, 'GET /json?x=1 HTTP/1.0\r\n\r\n')
      expect(json).toContain('"available":true')
    })
    test('decodes a dump in a link', async () => {
      const hex = '450000281234400040067c57c000020ac6336407a8ca01bb11223344000000005002040000000000'
      const accept = 'text/html'
      const record = await (await fetch(`${url}/json?decode=${hex}`, { headers: { accept } })).json()
      expect(record).toMatchObject({ hex, tcp: { window: 1024 }, fingerprints: { muonfp: '1024:::' } })
      expect((await fetch(`${url}/json?decode=zz`)).status).toBe(400)
      const page = await fetch(`${url}/?decode=${hex}`, { headers: { accept } })
      expect(await page.text()).toContain('class="diagram"')
    })
    test('keeps its live page shut', async () => {
      expect((await fetch(`${url}/?live`)).status).toBe(404)
    })
  })

  test('logs in the format and to the file it is given', async () => {
    const file = join(directory, 'access.log')
    await using server = await serve('bun', '--log-format', '%h %>s %{FINGERPRINT_MUONFP}g', '--log-file', file)
    await (await fetch(`http://127.0.0.1:${server.port}/healthz`)).text()
    await (await fetch(`http://127.0.0.1:${server.port}/json`)).text()
    const lines = await linesOf(() => readFileSync(file, 'utf8'), 2)
    expect(lines[0]).toBe('127.0.0.1 200 -')
    expect(lines[1]).toMatch(/^127\.0\.0\.1 200 \d+:[\d-]+:\d+:\d+$/)
    expect(server.stdout().split('\n')).toHaveLength(4)
  })

  test('runs the scripts of a directory', async () => {
    const script = join(directory, 'hello')
    writeFileSync(script, '#!/bin/sh\nprintf "Status: 201\\nContent-Type: text/plain\\n\\nttl $FINGERPRINT_IP_TTL"\n')
    chmodSync(script, 0o755)
    await using server = await serve('bun', '--cgi-bin', directory, '--log-format', 'common')
    const response = await fetch(`http://127.0.0.1:${server.port}/cgi-bin/hello`)
    expect([response.status, await response.text()]).toEqual([201, 'ttl 64'])
    expect((await fetch(`http://127.0.0.1:${server.port}/cgi-bin/env`)).status).toBe(404)
  })

  test('answers itself where a script leads to another path, and logs that once', async () => {
    const script = join(directory, 'away')
    writeFileSync(script, '#!/bin/sh\nprintf "Location: /healthz\n\n"\n')
    chmodSync(script, 0o755)
    await using server = await serve('bun', '--cgi-bin', directory, '--log-format', '%U %>s')
    const response = await fetch(`http://127.0.0.1:${server.port}/cgi-bin/away`, { redirect: 'manual' })
    expect([response.status, await response.text()]).toEqual([200, 'ok'])
    const lines = await linesOf(() => server.stdout(), 4)
    expect(lines.slice(3)).toEqual(['/cgi-bin/away 200'])
  })

  test.each(['bun', 'deno'] as const)('vhost_combined has the port on %s', async (runtime) => {
    await using server = await serve(runtime, '--log-format', 'vhost_combined')
    await (await fetch(`http://127.0.0.1:${server.port}/json`)).text()
    const lines = await linesOf(() => server.stdout(), 4)
    expect(lines[3]).toStartWith(`127.0.0.1:${server.port} 127.0.0.1 - - [`)
  })

  test.each(['bun', 'deno'] as const)('speaks TLS on %s', async (runtime) => {
    const { cert, key } = TEST_CERTIFICATE
    writeFileSync(join(directory, 'cert.pem'), cert)
    writeFileSync(join(directory, 'key.pem'), key, { mode: 0o600 })
    const files = ['--tls-cert', join(directory, 'cert.pem'), '--tls-key', join(directory, 'key.pem')]
    await using server = await serve(runtime, ...files, ...(runtime === 'bun' ? ['--http2'] : []))
    const response = await fetch(`https://127.0.0.1:${server.port}/json`, { tls: { ca: cert } } as RequestInit)
    expect(await response.json()).toMatchObject({ available: true, syn: { tcp: { destinationPort: server.port } } })
    expect(server.stdout()).toContain('curl --insecure https://')
  })

  test.each(['bun', 'deno'] as const)('names the certificate that cannot be used on %s', async (runtime) => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    writeFileSync(join(directory, 'cert.pem'), TEST_CERTIFICATE.cert)
    writeFileSync(join(directory, 'other.pem'), other.export({ type: 'pkcs8', format: 'pem' }))
    for (const [cert, key] of [
      ['/bin/sh', '/bin/sh'],
      [join(directory, 'cert.pem'), '/bin/sh'],
      [join(directory, 'cert.pem'), join(directory, 'other.pem')],
    ] as const) {
      const refusal = serve(runtime, '--tls-cert', cert, '--tls-key', key)
      await expect(refusal).rejects.toThrow(`tcpfingerprint: Cannot use certificate "${cert}" with key "${key}": `)
    }
  })

  test.each([
    ['::', '[::]'],
    ['0.0.0.0', '0.0.0.0'],
  ])('prints an address that a browser reaches for %s', async (host, shown) => {
    await using server = await serve('bun', '--host', host, '--live')
    const url = `http://localhost:${server.port}/`
    const lines = server.stdout().split('\n')
    expect(lines[0]).toBe(`tcpfingerprint listens on http://${shown}:${server.port}/`)
    for (const [i, start] of ['  a browser:  ', '  live:       ', '  a terminal: curl '].entries())
      expect(lines[i + 1]).toStartWith(`${start}${url}`)
    expect(await (await fetch(`${url}healthz`)).text()).toBe('ok')
  })

  test('does not start on an address that is not its own', async () => {
    const refusal = await serve('bun', '--host', '192.0.2.1').then(
      async (server) => {
        await server.stop()
        return 'it started'
      },
      (error: Error) => error.message,
    )
    expect(refusal).toContain('exit code 1')
    expect(refusal).toContain('Cannot listen on "192.0.2.1", port')
  })
})
