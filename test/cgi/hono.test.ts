import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type Context, Hono } from 'hono'
import { cgi } from '../../src/cgi/hono.ts'
import type { CgiOptions } from '../../src/cgi/options.ts'
import { createCgi } from '../../src/cgi/plain.ts'
import { ask } from '../apache/wire.ts'
import { until } from '../support/wait.ts'
import { OK, scriptDirectory } from './scripts.ts'

const MIB = 1024 * 1024
const { root, script, remove } = scriptDirectory()
afterAll(remove)
/** Marks the processes of this file, so that none left behind goes unseen. */
const MARK = `TCPFINGERPRINT_TEST_${process.pid}`

script('env', `${OK}; env | LC_ALL=C sort; echo "cwd=$PWD argc=$#"`)
script('cat', `${OK}; echo "$CONTENT_LENGTH|$CONTENT_TYPE|$HTTP_TRANSFER_ENCODING"; exec cat`)
script('hello', `${OK}; echo hello`)
script('raw', 'exec cat')

/** Processes with our mark in their environment. Zombies have none. */
function leftovers(): string[] {
  const found: string[] = []
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'latin1').includes(MARK))
        found.push(readFileSync(`/proc/${pid}/cmdline`, 'latin1'))
    } catch {
      // It has ended meanwhile.
    }
  }
  return found
}
const descriptors = (): number => readdirSync('/proc/self/fd').length

interface SetUp {
  readonly url: string
  readonly port: number
  readonly errors: string[]
  readonly stderr: string[]
  readonly status: () => { running: number; waiting: number }
}
const undo: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
  await until(`no process left (${leftovers()})`, () => leftovers().length === 0, 5_000)
})
function serve(options: Partial<CgiOptions<Context>> = {}, more: (app: Hono) => void = () => {}): SetUp {
  const errors: string[] = []
  const stderr: string[] = []
  const handler = cgi({
    ...(options.command === undefined ? { root } : {}),
    onError: (error) => void errors.push(error.message.replace(`CGI script ${root}/`, '')),
    onStderr: (line, note) => void stderr.push(`${note.script.slice(root.length + 1)}: ${line}`),
    ...options,
    env: { [MARK]: '1', ...options.env },
  })
  const app = new Hono()
  more(app)
  app.all('/cgi-bin/*', handler)
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch, maxRequestBodySize: 4 * 1024 * MIB })
  undo.push(async () => {
    await server.stop(true)
    await handler.close()
  })
  return { url: `http://127.0.0.1:${server.port}`, port: server.port!, errors, stderr, status: handler.status }
}
/** What `env` printed, our mark and the shell's own left out. */
function parseEnv(text: string): Record<string, string> {
  const env = Object.fromEntries(
    text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
  for (const name of ['', MARK, 'PWD', 'OLDPWD', 'SHLVL', '_', 'cwd']) delete env[name]
  return env
}

describe('cgi gives scripts their environment', () => {
  test('RFC 3875, HTTP_* and FINGERPRINT_*, and nothing else of this process', async () => {
    process.env.TCPFINGERPRINT_SECRET = 'x'
    const { url, port } = serve(
      { env: { OWN: '1' }, variables: () => ({ FINGERPRINT_IP_TTL: '64', FINGERPRINT_NONE: undefined }) },
      (app) =>
        app.use(async (c, next) => {
          ;(c.set as (name: string, value: unknown) => void)('fingerprintEnv', {
            FINGERPRINT_TCP_MSS: '1460',
            FINGERPRINT_LABEL: 'a\nB=c\0',
          })
          await next()
        }),
    )
    delete process.env.TCPFINGERPRINT_SECRET
    const response = await fetch(`${url}/cgi-bin/env/a%20b//c/?q=1&r`, {
      headers: { 'x-a': 'b', proxy: 'evil', fingerprint_ip_ttl: '1', authorization: 'Basic x' },
    })
    const text = await response.text()
    expect(text).toContain(`cwd=${root} argc=0\n`)
    const { HTTP_ACCEPT, HTTP_ACCEPT_ENCODING, HTTP_USER_AGENT, HTTP_CONNECTION, REMOTE_PORT, ...env } = parseEnv(text)
    expect(Number(REMOTE_PORT)).toBeGreaterThan(0)
    expect(env).toEqual({
      GATEWAY_INTERFACE: 'CGI/1.1',
      SERVER_SOFTWARE: 'tcpfingerprint',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_NAME: '127.0.0.1',
      SERVER_PORT: `${port}`,
      SERVER_ADDR: '127.0.0.1',
      REMOTE_ADDR: '127.0.0.1',
      REQUEST_METHOD: 'GET',
      REQUEST_SCHEME: 'http',
      REQUEST_URI: '/cgi-bin/env/a%20b//c/?q=1&r',
      QUERY_STRING: 'q=1&r',
      SCRIPT_NAME: '/cgi-bin/env',
      SCRIPT_FILENAME: join(root, 'env'),
      PATH_INFO: '/a b/c/',
      HTTP_HOST: `127.0.0.1:${port}`,
      HTTP_X_A: 'b',
      PATH: process.env.PATH!,
      OWN: '1',
      FINGERPRINT_IP_TTL: '64',
      FINGERPRINT_TCP_MSS: '1460',
      FINGERPRINT_LABEL: 'aB=c',
    })
  })
  test('passEnv, documentRoot, user and names of the options', async () => {
    const { url } = serve({
      passEnv: ['HOME', 'NOT_THERE'],
      documentRoot: '/srv/www',
      user: (c) => ({ name: c.req.query('user') ?? 'nobody', type: 'Basic' }),
      serverName: 'example.org',
      serverPort: 80,
      serverSoftware: 'test/1',
      cwd: '/',
    })
    const text = await (await fetch(`${url}/cgi-bin/env/x?user=jane`)).text()
    expect(text).toContain('cwd=/ argc=0')
    const env = parseEnv(text)
    expect(env.PATH ?? '').not.toBe(process.env.PATH!)
    expect(env).toMatchObject({
      DOCUMENT_ROOT: '/srv/www',
      PATH_TRANSLATED: '/srv/www/x',
      REMOTE_USER: 'jane',
      AUTH_TYPE: 'Basic',
      SERVER_NAME: 'example.org',
      SERVER_PORT: '80',
      SERVER_SOFTWARE: 'test/1',
      ...(process.env.HOME === undefined ? {} : { HOME: process.env.HOME }),
    })
    expect(env.NOT_THERE).toBeUndefined()
  })
  test('the client is whom a trusted header names, and the server what its proxy connected to', async () => {
    const facts = { peer: { address: '::ffff:192.0.2.7', port: 4711 }, local: { port: 443 } }
    const seen = async (fingerprint: object): Promise<Record<string, string>> => {
      const { url } = serve({}, (app) =>
        app.use(async (c, next) => {
          ;(c.set as (name: string, value: unknown) => void)('fingerprint', fingerprint)
          await next()
        }),
      )
      return parseEnv(await (await fetch(`${url}/cgi-bin/env`)).text())
    }
    const direct = await seen(facts)
    expect(direct.REMOTE_ADDR).toBe('127.0.0.1')
    const proxied = await seen({ ...facts, hop: { peer: { address: '127.0.0.1', port: 1 }, local: { port: 8080 } } })
    expect([proxied.REMOTE_ADDR, proxied.REMOTE_PORT]).toEqual(['192.0.2.7', '4711'])
    const withoutPort = await seen({ peer: { address: '2001:db8::7' }, hop: {} })
    expect([withoutPort.REMOTE_ADDR, withoutPort.REMOTE_PORT]).toEqual(['2001:db8::7', undefined])
    // A header that does not name the client leaves the peer.
    expect((await seen({ hop: {} })).REMOTE_ADDR).toBe('127.0.0.1')
  })
  test('SERVER_ADDR is where the SYN went, for a listener on all addresses', async () => {
    const handler = cgi({ root, env: { [MARK]: '1' } })
    undo.push(() => handler.close())
    // Bun gives the bare target for a Host field that is none.
    const app = new Hono<{ Variables: Record<string, unknown> }>({
      getPath: ({ url }) => url.replace(/^\w+:\/\/[^/]*/, ''),
    })
      .use(async (c, next) => {
        c.set('fingerprint', { syn: { ip: { destination: '127.0.0.2' } }, local: { port: 1 } })
        await next()
      })
      .all('/cgi-bin/*', handler)
    const server = Bun.serve({ port: 0, hostname: '0.0.0.0', fetch: app.fetch })
    undo.push(() => server.stop(true))
    const env = parseEnv(
      (await ask(server.port!, 'GET /cgi-bin/env HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n')).body,
    )
    expect([env.SERVER_ADDR, env.SERVER_NAME]).toEqual(['127.0.0.2', '127.0.0.2'])
  })
  test('the route says where the path begins, also below parameters and base paths', async () => {
    const handler = cgi({ root, env: { [MARK]: '1' } })
    undo.push(() => handler.close())
    const app = new Hono().basePath('/base').all('/u/:name/*', handler)
    const env = parseEnv(await (await app.request('/base/u/jane%20d/env/x')).text())
    expect(env).toMatchObject({ SCRIPT_NAME: '/base/u/jane d/env', PATH_INFO: '/x' })
    expect(env.REMOTE_ADDR).toBeUndefined()
  })
  test('search words are arguments, of scripts and of nothing else', async () => {
    writeFileSync(join(root, 'words.sh'), '')
    const { url } = serve({ interpreters: { '.sh': ['/bin/sh', '-c', `${OK}; echo "argc=$#"`, 'sh'] } })
    expect(await (await fetch(`${url}/cgi-bin/env?one+two`)).text()).toContain('argc=2\n')
    expect(await (await fetch(`${url}/cgi-bin/words.sh?one+two`)).text()).toBe('argc=0\n')
    const fixed = serve({ command: ['/bin/sh', '-c', `${OK}; echo "argc=$#"`, 'sh'] })
    expect(await (await fetch(`${fixed.url}/cgi-bin/x?one+two`)).text()).toBe('argc=0\n')
  })
  test('a fixed command takes the whole path, and its arguments', async () => {
    const { url } = serve({
      command: ['/bin/sh', '-c', `${OK}; env; echo "cwd=$PWD $1"`, 'sh', 'argument'],
      env: { SCRIPT_FILENAME: '/srv/page' },
    })
    const text = await (await fetch(`${url}/cgi-bin/a%20b/c/?x`)).text()
    expect(text).toContain('cwd=/ argument')
    expect(parseEnv(text)).toMatchObject({
      SCRIPT_NAME: '/cgi-bin',
      PATH_INFO: '/a b/c/',
      SCRIPT_FILENAME: '/srv/page',
      REDIRECT_STATUS: '200',
      QUERY_STRING: 'x',
    })
  })
  test('an interpreter reads a file that is not executable', async () => {
    writeFileSync(join(root, 'page.tcl'), 'text')
    const { url } = serve({
      interpreters: {
        '.tcl': ['/bin/sh', '-c', `${OK}; cat "$SCRIPT_FILENAME"; echo " $PWD $REDIRECT_STATUS $PATH_INFO"`],
      },
    })
    expect(await (await fetch(`${url}/cgi-bin/page.tcl/x`)).text()).toBe(`text ${root} 200 /x\n`)
  })
  test('an HTTP/1.0 request without Host', async () => {
    const run = createCgi({ root, prefix: '/cgi-bin', env: { [MARK]: '1' } })
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: (request, own) => run(request, own) })
    undo.push(async () => {
      await server.stop(true)
      await run.close()
    })
    const answer = await ask(server.port!, 'GET /cgi-bin/env/x?y HTTP/1.0\r\n\r\n')
    expect(parseEnv(answer.body)).toMatchObject({
      SERVER_PROTOCOL: 'HTTP/1.0',
      SERVER_NAME: '127.0.0.1',
      SCRIPT_NAME: '/cgi-bin/env',
      PATH_INFO: '/x',
      QUERY_STRING: 'y',
      REQUEST_URI: '/cgi-bin/env/x?y',
    })
  })
})

describe('cgi gives scripts their input', () => {
  test('with its length and type', async () => {
    const { url } = serve()
    const response = await fetch(`${url}/cgi-bin/cat`, {
      method: 'POST',
      body: 'hellö',
      headers: { 'content-type': 'a/b' },
    })
    expect(await response.text()).toBe('6|a/b|\nhellö')
  })
  test('with its length where it came in chunks, few or many', async () => {
    const { port } = serve()
    const head = 'POST /cgi-bin/cat HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
    const few = await ask(port, `${head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`)
    expect(few.body).toBe('5||\nabcde')
    const size = 700_000
    const many = await ask(
      port,
      `${head}${size.toString(16)}\r\n${'x'.repeat(size)}\r\n${size.toString(16)}\r\n${'y'.repeat(size)}\r\n0\r\n\r\n`,
    )
    expect(many.body).toBe(`1400000||\n${'x'.repeat(size)}${'y'.repeat(size)}`)
    const none = await ask(port, `${head}0\r\n\r\n`)
    expect(none.body).toBe('0||\n')
  })
  test('413 for more chunks than allowed', async () => {
    const { port } = serve({ limits: { chunkedSize: 4 } })
    const answer = await ask(
      port,
      'POST /cgi-bin/cat HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n',
    )
    expect(answer.status).toBe(413)
  })
  test('an end of file where there is none', async () => {
    const { url } = serve()
    expect(await (await fetch(`${url}/cgi-bin/cat`)).text()).toBe('||\n')
    expect(await (await fetch(`${url}/cgi-bin/cat`, { method: 'POST' })).text()).toBe('0||\n')
  })
  test('also after another handler has read it', async () => {
    const { url } = serve({}, (app) =>
      app.use(async (c, next) => {
        await c.req.text()
        await next()
      }),
    )
    expect(
      await (
        await fetch(`${url}/cgi-bin/cat`, { method: 'POST', body: 'abc', headers: { 'content-type': 'a/b' } })
      ).text(),
    ).toBe('3|a/b|\nabc')
  })
  test('a script that does not read it is not at fault', async () => {
    const { url, errors } = serve()
    const response = await fetch(`${url}/cgi-bin/hello`, { method: 'POST', body: new Uint8Array(8 * MIB) })
    expect([response.status, await response.text()]).toEqual([200, 'hello\n'])
    expect(errors).toEqual([])
  })
})

describe('cgi turns output into answers', () => {
  const post = async (url: string, body: string, init: RequestInit = {}) =>
    await fetch(`${url}/cgi-bin/raw`, { method: 'POST', body, redirect: 'manual', ...init })

  test('status, headers and body', async () => {
    const { url } = serve()
    const response = await post(
      url,
      'Status: 404 Not Here\r\nContent-Type: text/x\r\nX-A: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 99\r\nConnection: keep-alive\r\n\r\nbody',
    )
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('text/x')
    expect(response.headers.get('x-a')).toBe('1')
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(await response.text()).toBe('body')
  })
  test('statuses without a body have none', async () => {
    const { url } = serve()
    for (const status of [204, 205, 304]) {
      const response = await post(url, `Status: ${status}\n\nbody`)
      expect([response.status, await response.text()]).toEqual([status, ''])
    }
  })
  test('HEAD has no body, and the script knows', async () => {
    const { url } = serve()
    script('head', "printf 'Content-Type: text/plain\\nContent-Length: 5\\nX-Method: %s\\n\\nhello' $REQUEST_METHOD")
    const response = await fetch(`${url}/cgi-bin/head`, { method: 'HEAD' })
    expect(response.headers.get('x-method')).toBe('HEAD')
    expect(response.headers.get('content-length')).toBeNull()
    expect(await response.text()).toBe('')
  })
  test('every octet of the body and none more', async () => {
    const { url } = serve()
    script('octets', `${OK}; head -c 300000 /dev/zero | tr '\\0' '\\377'; printf '\\0\\r\\n'`)
    const body = new Uint8Array(await (await fetch(`${url}/cgi-bin/octets`)).arrayBuffer())
    expect(body.length).toBe(300_003)
    expect(body.subarray(0, 300_000).every((octet) => octet === 255)).toBe(true)
    expect([...body.subarray(300_000)]).toEqual([0, 13, 10])
  })
  test('as it comes', async () => {
    const { url } = serve()
    script('steps', `${OK}; echo one; read -r _; echo two`)
    let more: (value: string) => void = () => {}
    const input = new ReadableStream({
      async pull(controller) {
        controller.enqueue(
          new TextEncoder().encode(
            await new Promise<string>((resolve) => {
              more = resolve
            }),
          ),
        )
        controller.close()
      },
    })
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write('POST /cgi-bin/steps HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n')
    let seen = ''
    socket.on('data', (data) => {
      seen += data
    })
    await until('the first line', () => seen.includes('one'), 5_000)
    expect(seen).not.toContain('two')
    socket.write('go\n')
    await until('the second line', () => seen.includes('two'), 5_000)
    socket.destroy()
    more('')
    await input.cancel()
  })
  test('from its first line, where that is empty', async () => {
    const { url } = serve()
    const response = await post(url, '\nContent-Type: text/html\n\nbody')
    expect([response.status, response.headers.get('content-type')]).toEqual([200, null])
    expect(await response.text()).toBe('Content-Type: text/html\n\nbody')
  })
  test('as an nph- script wrote it, interim answers left out', async () => {
    script(
      'nph-steps',
      "printf 'HTTP/1.1 100 Continue\\r\\n\\r\\nHTTP/1.1 299 Mine\\r\\nX-A: 1\\r\\n\\r\\none'; sleep 0.1; echo two",
    )
    script('nph-mute', "printf 'HTTP/1.1 100 Continue\\r\\n\\r\\n'")
    script('nph-endless', "while :; do printf 'HTTP/1.1 100 Continue\\r\\n\\r\\n'; done")
    script('nph-coded', "printf 'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n'")
    const { url, errors } = serve()
    const response = await fetch(`${url}/cgi-bin/nph-steps`)
    expect([response.status, response.headers.get('x-a')]).toEqual([299, '1'])
    expect(await response.text()).toBe('onetwo\n')
    expect((await fetch(`${url}/cgi-bin/nph-mute`)).status).toBe(502)
    expect((await fetch(`${url}/cgi-bin/nph-endless`)).status).toBe(502)
    expect((await fetch(`${url}/cgi-bin/nph-coded`)).status).toBe(502)
    expect(errors).toEqual([
      'nph-mute ended before the end of its header',
      'nph-endless sent a header of more than 65536 octets',
      'nph-coded sent "Transfer-Encoding: chunked", which only the server may apply',
    ])
  })
  test('with the cookies of the script that redirected', async () => {
    const { url } = serve()
    const local = await post(url, 'Set-Cookie: a=1\nLocation: /cgi-bin/hello\n\n')
    expect([local.headers.getSetCookie(), await local.text()]).toEqual([['a=1'], 'hello\n'])
    const told = await post(url, 'Set-Cookie: a=1\nLocation: /elsewhere\n\n')
    expect([told.status, told.headers.getSetCookie()]).toEqual([302, ['a=1']])
  })
  test('a client redirect', async () => {
    const { url } = serve()
    const found = await post(url, 'Location: http://example.org/x\n\n')
    expect([found.status, found.headers.get('location')]).toEqual([302, 'http://example.org/x'])
    const moved = await post(url, 'Status: 301\nLocation: /x\nContent-Type: text/plain\n\nmoved')
    expect([moved.status, moved.headers.get('location'), await moved.text()]).toEqual([301, '/x', 'moved'])
  })
  test('a local redirect to another script, as a GET', async () => {
    const { url } = serve()
    const response = await post(url, 'Location: /cgi-bin/env/info?x=y\n\n')
    expect(response.status).toBe(200)
    const env = parseEnv(await response.text())
    expect(env).toMatchObject({
      REQUEST_METHOD: 'GET',
      SCRIPT_NAME: '/cgi-bin/env',
      PATH_INFO: '/info',
      QUERY_STRING: 'x=y',
      REQUEST_URI: '/cgi-bin/raw',
      REDIRECT_STATUS: '200',
      REDIRECT_URL: '/cgi-bin/raw',
      REDIRECT_REQUEST_METHOD: 'POST',
      REDIRECT_CONTENT_LENGTH: '33',
    })
    expect(env.CONTENT_LENGTH).toBeUndefined()
  })
  test('a local redirect elsewhere: told to the client, or dispatched', async () => {
    const { url } = serve()
    const told = await post(url, 'Location: /elsewhere?a\n\n')
    expect([told.status, told.headers.get('location')]).toEqual([302, '/elsewhere?a'])
    const guarded = await post(url, 'Location: //evil.example/x\n\n')
    expect([guarded.status, guarded.headers.get('location')]).toEqual([302, '/evil.example/x'])
    const dispatching = serve({
      dispatch: (request, c) =>
        new Response(`${request.method} ${request.url} ${c.req.path} ${request.headers.get('content-length')}`),
    })
    const answer = await post(dispatching.url, 'Location: /elsewhere?a\n\n')
    expect(await answer.text()).toBe(`GET ${dispatching.url}/elsewhere?a /cgi-bin/raw null`)
  })
  test('a local redirect to nothing is not found', async () => {
    const { url } = serve()
    expect((await post(url, 'Location: /cgi-bin/none\n\n')).status).toBe(404)
  })
  test('local redirects end', async () => {
    script('loop', "printf 'Location: /cgi-bin/loop\\n\\n'")
    const { url, errors } = serve()
    expect((await fetch(`${url}/cgi-bin/loop`, { redirect: 'manual' })).status).toBe(502)
    expect(errors).toEqual(['loop is the end of more than 10 local redirects'])
  })
  test('local redirects through the application end as well', async () => {
    script('to-b', "printf 'Location: /b/to-a\\n\\n'")
    script('to-a', "printf 'Location: /a/to-b\\n\\n'")
    const app = new Hono()
    const errors: string[] = []
    for (const [path, prefix] of [
      ['/a/*', '/a'],
      ['/b/*', '/b'],
    ] as const) {
      const handler = cgi({
        root,
        prefix,
        env: { [MARK]: '1' },
        onError: (error) => void errors.push(error.message),
        dispatch: (request) => app.fetch(request),
      })
      undo.push(() => handler.close())
      app.all(path, handler)
    }
    expect((await app.request('/a/to-b')).status).toBe(502)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(/the end of more than 10 local redirects/)
  })
  test('standard error goes to the hook, line by line', async () => {
    script('errors', `echo one >&2; printf 'two\\n\\nthree' >&2; ${OK}`)
    const { url, stderr } = serve()
    await (await fetch(`${url}/cgi-bin/errors`)).text()
    await until('the lines', () => stderr.length >= 3, 5_000)
    expect(stderr).toEqual(['errors: one', 'errors: two', 'errors: three'])
  })
  test('standard error is bounded', async () => {
    script('noise', `yes noise | head -c 3000000 >&2; ${OK}; echo done`)
    const { url, stderr } = serve({ limits: { errorSize: 20 } })
    expect(await (await fetch(`${url}/cgi-bin/noise`)).text()).toBe('done\n')
    await until('the lines', () => stderr.length >= 5, 5_000)
    expect(stderr).toEqual([
      'noise: noise',
      'noise: noise',
      'noise: noise',
      'noise: no',
      'noise: (more was written to standard error and dropped)',
    ])
  })
})

describe('cgi answers clearly when', () => {
  const statuses: readonly (readonly [string, string, number, RegExp | undefined])[] = [
    ['there is no output', ':', 502, /ended without any output/],
    ['there is no header end', "printf 'Content-Type: text/plain\\n'", 502, /ended before the end of its header/],
    ['there is no header', 'echo hello; echo', 502, /malformed header line "hello"/],
    ['a CR is smuggled in', "printf 'Content-Type: a/b\\nX-A: 1\\rSet-Cookie: x\\n\\n'", 502, /malformed header line/],
    ['a NUL is', "printf 'Content-Type: a/b\\nX-A: 1\\0\\n\\n'", 502, /malformed header line/],
    ['none of the CGI fields is there', "printf 'X-A: 1\\n\\nbody'", 502, /neither Content-Type/],
    ['a field comes twice', "printf 'Content-Type: a/b\\nContent-Type: c/d\\n\\nx'", 502, /two Content-Type/],
    ['the status is none', "printf 'Status: 99\\n\\n'", 502, /the status "99"/],
    ['the header never ends', 'yes "X-A: 1"', 502, /header of more than/],
    ['a header line never ends', 'yes | tr -d "\\n"', 502, /header of more than/],
    ['the script dies by a signal', 'kill -SEGV $$', 502, /ended without any output/],
    ['the script says nothing in time', 'sleep 300', 504, /sent no header within 300 ms/],
    ['the script ignores SIGTERM', "trap '' TERM; while :; do sleep 1; done", 504, /sent no header within 300 ms/],
  ]
  for (const [name, body, status, message] of statuses) {
    test(name, async () => {
      script('bad', body)
      const { url, errors } = serve({ limits: { headerTime: 300, graceTime: 100 } })
      const response = await fetch(`${url}/cgi-bin/bad`)
      expect(response.status).toBe(status)
      expect(await response.text()).toMatch(/^\d{3} [A-Z][A-Za-z ]+\n$/)
      expect(errors).toHaveLength(1)
      expect(errors[0]).toMatch(message!)
    })
  }
  test('the interpreter is missing, the format is unknown, or it is no script', async () => {
    writeFileSync(join(root, 'noshell'), '#!/nowhere/sh\n')
    chmodSync(join(root, 'noshell'), 0o755)
    writeFileSync(join(root, 'garbage'), '\u0001\u0002\u0003')
    chmodSync(join(root, 'garbage'), 0o755)
    writeFileSync(join(root, 'data'), 'x')
    const { url, errors } = serve()
    expect((await fetch(`${url}/cgi-bin/noshell`)).status).toBeGreaterThanOrEqual(404)
    expect((await fetch(`${url}/cgi-bin/garbage`)).status).toBeGreaterThanOrEqual(500)
    expect(errors).toHaveLength(2)
    expect((await fetch(`${url}/cgi-bin/data`)).status).toBe(403)
    expect((await fetch(`${url}/cgi-bin/`)).status).toBe(403)
    expect((await fetch(`${url}/cgi-bin/none`)).status).toBe(404)
    expect((await fetch(`${url}/cgi-bin/..%2f..%2fetc/passwd`)).status).toBe(404)
  })
  test('output is endless: cut off, and not taken for whole', async () => {
    script('endless', `${OK}; exec yes`)
    const { url, errors } = serve({ limits: { outputSize: 1_000_000 } })
    const response = await fetch(`${url}/cgi-bin/endless`)
    expect(response.status).toBe(200)
    expect(response.text()).rejects.toThrow()
    await until('the message', () => errors.length > 0, 5_000)
    expect(errors).toEqual(['endless sent more than 1000000 octets'])
  })
  test('output takes too long', async () => {
    script('trickle', `${OK}; while :; do echo x; sleep 0.05; done`)
    const { url, errors } = serve({ limits: { totalTime: 300, graceTime: 100 } })
    const response = await fetch(`${url}/cgi-bin/trickle`)
    expect(response.text()).rejects.toThrow()
    await until('the message', () => errors.length > 0, 5_000)
    expect(errors).toEqual(['trickle did not end within 300 ms'])
  })
  test('a grandchild holds the output after the script has ended', async () => {
    script('holder', `${OK}; echo done; sleep 300 & exit 0`)
    script('silent-holder', 'sleep 300 & exit 0')
    const { url, status } = serve({ limits: { drainTime: 200 } })
    expect(await (await fetch(`${url}/cgi-bin/holder`)).text()).toBe('done\n')
    expect((await fetch(`${url}/cgi-bin/silent-holder`)).status).toBe(502)
    await until('the end of the scripts', () => status().running === 0, 5_000)
    // Killed processes are there for a moment.
    await until('the end of what it started', () => leftovers().length === 0, 5_000)
  })
  test('a grandchild that lets go may live on', async () => {
    script('daemon', `${OK}; echo done; sleep 0.3 >/dev/null 2>&1 </dev/null & exit 0`)
    const { url, status } = serve()
    expect(await (await fetch(`${url}/cgi-bin/daemon`)).text()).toBe('done\n')
    await until('the end of the script', () => status().running === 0, 5_000)
    expect(leftovers()).toHaveLength(1)
  })
  test('the script closes its output and goes on: it is stopped in the end', async () => {
    script('closer', `${OK}; echo done; exec >&- 2>&-; sleep 300`)
    const { url, status } = serve({ limits: { totalTime: 300, graceTime: 100 } })
    expect(await (await fetch(`${url}/cgi-bin/closer`)).text()).toBe('done\n')
    await until('the end of the script', () => status().running === 0, 5_000)
  })
  test('the script is deleted while it runs', async () => {
    script('deleted', `${OK}; echo one; read -r _; echo two`)
    const { port } = serve()
    const socket = connect(port, '127.0.0.1')
    let seen = ''
    socket.on('data', (data) => {
      seen += data
    })
    socket.write('POST /cgi-bin/deleted HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n')
    await until('the first line', () => seen.includes('one'), 5_000)
    rmSync(join(root, 'deleted'))
    socket.write('go\n')
    await until('the second line and the end', () => seen.includes('two') && seen.includes('\r\n0\r\n'), 5_000)
    socket.destroy()
    expect((await ask(port, 'GET /cgi-bin/deleted HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).status).toBe(404)
  })
})

describe('cgi stops scripts whose client has gone', () => {
  async function open(port: number, path: string, last: string): Promise<Socket> {
    const socket = connect(port, '127.0.0.1')
    let seen = ''
    socket.on('data', (data) => {
      seen += data
    })
    socket.on('error', () => {})
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    await until(`"${last}" of ${path}`, () => seen.includes(last), 5_000)
    return socket
  }
  test('before the header', async () => {
    script('mute', 'sleep 300')
    const { port, status, errors } = serve()
    const socket = await open(port, '/cgi-bin/mute', '')
    await until('the script', () => status().running === 1, 5_000)
    socket.destroy()
    await until('the end of the script', () => status().running === 0, 5_000)
    expect(errors).toEqual([])
  })
  test('mid-stream, with what the script has started', async () => {
    script('tree', `${OK}; (sleep 300 | sleep 300) & while :; do echo x; sleep 0.02; done`)
    const { port, status } = serve()
    const socket = await open(port, '/cgi-bin/tree', 'x')
    // The shell writes before its children have become what they run.
    await until('what the script has started', () => leftovers().length >= 3, 5_000)
    socket.destroy()
    await until('the end of the script', () => status().running === 0, 5_000)
    // Killed processes are there for a moment.
    await until('the end of what it started', () => leftovers().length === 0, 5_000)
  })
  test('while it does not read', async () => {
    script('flood', `${OK}; exec yes`)
    const { port, status } = serve()
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.pause()
    socket.write('GET /cgi-bin/flood HTTP/1.1\r\nHost: a\r\n\r\n')
    await until('the script', () => status().running === 1, 5_000)
    await Bun.sleep(100)
    socket.destroy()
    await until('the end of the script', () => status().running === 0, 5_000)
  })
  test('while it waits for a place', async () => {
    script('mute', 'sleep 300')
    const { port, status } = serve({ limits: { running: 1 } })
    const first = await open(port, '/cgi-bin/mute', '')
    await until('the script', () => status().running === 1, 5_000)
    const second = await open(port, '/cgi-bin/hello', '')
    await until('the queue', () => status().waiting === 1, 5_000)
    second.destroy()
    await until('the empty queue', () => status().waiting === 0, 5_000)
    first.destroy()
  })
  test('and when the server stops', async () => {
    script('mute', 'sleep 300')
    const handler = cgi({ root, env: { [MARK]: '1' }, onError() {} })
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: new Hono().all('/cgi-bin/*', handler).fetch })
    const answer = fetch(`${server.url}cgi-bin/mute`).catch(() => undefined)
    await until('the script', () => handler.status().running === 1, 5_000)
    await handler.close()
    // Killed processes are there for a moment.
    await until('the end of what it started', () => leftovers().length === 0, 5_000)
    expect(handler.status().running).toBe(0)
    expect((await fetch(`${server.url}cgi-bin/hello`)).status).toBe(503)
    await answer
    await server.stop(true)
  })
  for (const how of [
    "process.kill(process.pid, 'SIGTERM')",
    'process.exit(0)',
    "setTimeout(() => { throw new Error('planned') }, 0)",
  ]) {
    test(`and when the process ends by ${how}`, async () => {
      script('mute', "trap '' TERM; sleep 300 & wait; wait")
      const path = join(import.meta.dir, `.cgi-${crypto.randomUUID()}.ts`)
      writeFileSync(
        path,
        `
        import { createCgi } from ${JSON.stringify(join(import.meta.dir, '../../src/cgi/plain.ts'))}
        const run = createCgi({ root: ${JSON.stringify(root)}, env: { ${MARK}: '1' } })
        void run(new Request('http://a/mute'))
        setTimeout(() => { ${how} }, 200)
        setInterval(() => {}, 1000)
      `,
      )
      undo.push(() => rmSync(path, { force: true }))
      const child = Bun.spawn([process.execPath, path], { env: { PATH: process.env.PATH! }, stderr: 'ignore' })
      await until('the script', () => leftovers().length > 0, 5_000)
      await child.exited
      await until('the end of the script', () => leftovers().length === 0, 5_000)
    })
  }
})

describe('cgi bounds how much runs at once', () => {
  test('200 requests in parallel, all answered, never more than allowed at once', async () => {
    script('busy', `${OK}; sleep 0.02; echo done`)
    const before = descriptors()
    const { url, status } = serve({ limits: { running: 16 } })
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, status().running)
    }, 1)
    const answers = await Promise.all(
      Array.from({ length: 200 }, async () => await (await fetch(`${url}/cgi-bin/busy`)).text()),
    )
    clearInterval(watch)
    expect(answers).toEqual(Array.from({ length: 200 }, () => 'done\n'))
    expect(most).toBeLessThanOrEqual(16)
    for (const step of undo.splice(0).reverse()) await step()
    await until(`descriptors to close (${descriptors()} of ${before})`, () => descriptors() <= before + 4, 5_000)
  })
  test('503 when the queue is full, or the wait too long', async () => {
    script('hold', `${OK}; sleep 0.5; echo done`)
    const { url, errors } = serve({ limits: { running: 1, waiting: 1, waitTime: 100 } })
    const first = fetch(`${url}/cgi-bin/hold`)
    await Bun.sleep(50)
    const [second, third] = await Promise.all([fetch(`${url}/cgi-bin/hold`), fetch(`${url}/cgi-bin/hold`)])
    expect([second.status, third.status]).toEqual([503, 503])
    expect(second.headers.get('retry-after')).toBe('1')
    expect((await first).status).toBe(200)
    expect(errors).toEqual(['hold found no place to run in', 'hold found no place to run in'])
  })
})

describe('cgi refuses options', () => {
  const rows: readonly (readonly [unknown, RegExp])[] = [
    [{}, /either "root" or "command"/],
    [{ root: '/', command: ['/bin/true'] }, /either "root" or "command"/],
    [{ rot: '/' }, /"rot"/],
    [{ root: '' }, /"root"/],
    [{ root: 'a\0b' }, /"root": Expected no NUL/],
    [{ command: [] }, /"command"/],
    [{ command: '/bin/true' }, /"command"/],
    [{ root: '/', prefix: 'cgi-bin' }, /"prefix": Expected a path like/],
    [{ root: '/', prefix: '/cgi-bin/' }, /"prefix"/],
    [{ root: '/', interpreters: { php: ['/usr/bin/php-cgi'] } }, /interpreters.*Expected an extension like/],
    [{ root: '/', passEnv: ['A=B'] }, /"passEnv.0": Expected the name of a variable/],
    [{ root: '/', env: { 'A=B': '1' } }, /Expected the name of a variable/],
    [{ root: '/', env: { A: 1 } }, /"env.A"/],
    [{ root: '/', limits: { runing: 1 } }, /"limits.runing"/],
    [{ root: '/', limits: { running: 0 } }, /"limits.running"/],
    [{ root: '/', limits: { totalTime: 1.5 } }, /"limits.totalTime"/],
    [{ root: '/', limits: { bodyTime: 0 } }, /"limits.bodyTime"/],
    [{ root: '/', idleTimeout: 256 }, /"idleTimeout"/],
    [{ root: '/', onStderr: 1 }, /"onStderr"/],
    [undefined, /options/],
  ]
  for (const [options, message] of rows) {
    test(JSON.stringify(options) ?? 'nothing', () => {
      expect(() => cgi(options as never)).toThrow(TypeError)
      expect(() => cgi(options as never)).toThrow(message)
    })
  }
})

describe('createCgi', () => {
  test('runs scripts for plain handlers', async () => {
    const run = createCgi({
      root,
      prefix: '/cgi-bin',
      env: { [MARK]: '1' },
      variables: ({ request, server }) => ({ FINGERPRINT_REASON: `${request.method} ${typeof server}` }),
    })
    undo.push(() => run.close())
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: (request, own) => run(request, own) })
    undo.push(() => server.stop(true))
    const env = parseEnv(await (await fetch(`${server.url}cgi-bin/env/x`)).text())
    expect(env).toMatchObject({
      SCRIPT_NAME: '/cgi-bin/env',
      PATH_INFO: '/x',
      REMOTE_ADDR: '127.0.0.1',
      FINGERPRINT_REASON: 'GET object',
    })
    expect((await fetch(`${server.url}other/env`)).status).toBe(404)
    expect((await fetch(`${server.url}cgi-binary/env`)).status).toBe(404)
  })
  test('callbacks that throw give a 500, and listeners that throw change nothing', async () => {
    const thrower = (): never => {
      throw new Error('planned')
    }
    const errors: string[] = []
    const first = createCgi({ root, variables: thrower, onError: (error) => void errors.push(error.message) })
    const second = createCgi({ root, onError: thrower, onStderr: thrower })
    undo.push(
      () => first.close(),
      () => second.close(),
    )
    expect((await first(new Request('http://a/hello'))).status).toBe(500)
    expect(errors).toEqual(['CGI script /hello was not run: planned'])
    script('loud', `echo x >&2; ${OK}; echo ok`)
    expect(await (await second(new Request('http://a/loud'))).text()).toBe('ok\n')
    script('bad', ':')
    expect((await second(new Request('http://a/bad'))).status).toBe(502)
  })
})
