import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { Hono } from 'hono'
import type { HonoCgi } from '../../src/cgi/hono.ts'
import { cgi } from '../../src/cgi/hono.ts'
import { requestTarget, targetPath } from '../../src/http/request-target.ts'
import { needs } from '../lab/privilege.ts'
import { type Apache, startApache } from './apache.ts'
import { ask, type RawAnswer } from './wire.ts'

const shell = (text: string): { text: string; mode: number } => ({ text: `#!/bin/sh\n${text}\n`, mode: 0o755 })
const output = (text: string): { text: string; mode: number } => shell(`cat <<'END'\n${text}\nEND`)

const SCRIPTS = {
  env: shell("cat >/dev/null; printf 'Content-Type: text/plain\\n\\n'; printf 'cwd=%s\\nargc=%s\\n' \"$PWD\" $#; env"),
  body: shell('printf "Content-Type: text/plain\\n\\n"; echo "$CONTENT_LENGTH $CONTENT_TYPE"; cat'),
  crlf: shell("printf 'Status: 404 Custom\\r\\nX-A: 1\\r\\nContent-type: text/plain\\r\\n\\r\\nbody'"),
  teapot: output('Status: 418\nContent-Type: text/plain\n\nshort'),
  cookies: output('Content-Type: text/plain\nSet-Cookie: a=1\nSet-Cookie: b=2\n\nx'),
  latin: shell("printf 'Content-Type: text/plain\\nX-L: \\351\\303\\251\\n\\n\\351\\303\\251'"),
  absolute: output('Location: http://example.org/a?b=c\n'),
  moved: output('Status: 301 Moved\nLocation: /x\nContent-Type: text/plain\n\nmoved'),
  local: output('Location: /cgi-bin/env/info?x=y\n'),
  'no-content': output('Status: 204\n\nbody'),
  'typed-no-content': output('Status: 204\nContent-Type: text/plain\nContent-Length: 4\n\nbody'),
  'typed-not-modified': output('Status: 304\nContent-Type: text/plain\nContent-Length: 4\n\nbody'),
  'empty-type': output('Content-Type: \n\nx'),
  'spaced-type': output('content-TYPE:\ttext/plain  \n\nx'),
  'blank-in-name': output('Content-Type : text/plain\n\nx'),
  'not-modified': output('Status: 304\nX-A: 1\n\n'),
  fails: shell("printf 'Content-Type: text/plain\\n\\nbody'; exit 3"),
  empty: shell("printf 'Content-Type: text/plain\\n\\n'"),
  octets: shell("printf 'Content-Type: application/octet-stream\\n\\n'; head -c 200000 /dev/zero | tr '\\0' '\\377'"),
  silent: shell(':'),
  bad: shell('echo hello'),
  loop: output('Location: /cgi-bin/loop\n'),
  '.dot': output('Content-Type: text/plain\n\nx'),
  plain: { text: 'x', mode: 0o644 },
  'two-types': output('Content-Type: a/b\nContent-Type: c/d\n\nx'),
  'no-field': output('X-A: 1\n\nx'),
  'empty-line': shell("printf '\\nhello'"),
  'empty-crlf': shell("printf '\\r\\nContent-Type: text/html\\n\\nhello'"),
  length: output('Content-Type: text/plain\nContent-Length: 5\n\n0123456789'),
  modified: output('Content-Type: text/plain\nLast-Modified: Tue, 20 Sep 2022 15:27:27 +0000\n\nx'),
  'modified-rfc850': output('Content-Type: text/plain\nLast-Modified: Tuesday, 20-Sep-22 15:27:27 GMT\n\nx'),
  'modified-asctime': output('Content-Type: text/plain\nLast-Modified: Tue Sep 20 15:27:27 2022\n\nx'),
  'modified-garbage': output('Content-Type: text/plain\nLast-Modified: garbage\n\nx'),
  'modified-iso': output('Content-Type: text/plain\nLast-Modified: 2022-09-20T15:27:27Z\n\nx'),
  'modified-twice': output(
    'Content-Type: text/plain\nLast-Modified: Mon, 20 Sep 2021 15:27:27 GMT\nLast-Modified: Tue, 20 Sep 2022 15:27:27 GMT\n\nx',
  ),
  'modified-zone': output('Content-Type: text/plain\nLast-Modified: Tue, 20 Sep 2022 15:27:27 +0200\n\nx'),
  expires: output('Content-Type: text/plain\nExpires: Tue, 20 Sep 2022 15:27:27 +0000\n\nx'),
  'expires-0': output('Content-Type: text/plain\nExpires: 0\n\nx'),
  etag: output('Content-Type: text/plain\nETag: "abc"\n\nx'),
  'status-etag': output('Status: 200 OK\nContent-Type: text/plain\nETag: "abc"\n\nx'),
  login: output('Set-Cookie: a=1\nX-A: 2\nContent-Type: c/d\nLocation: /cgi-bin/welcome\n'),
  welcome: output('Content-Type: text/plain\nSet-Cookie: b=1\nX-A: 3\n\nwelcome'),
  args: shell('printf "Content-Type: text/plain\\n\\n"; echo $#; for word; do printf "[%s]\\n" "$word"; done'),
  'nph-own': shell(
    "printf 'HTTP/1.1 299 Mine\\r\\nX-A: 1\\r\\nSet-Cookie: a=1\\r\\nContent-Type: text/plain\\r\\n\\r\\nbody'",
  ),
  'nph-none': output('Content-Type: text/plain\n\nx'),
} as const

/** Scripts whose answers must be the same: path, method, further header lines, body. */
const SAME: readonly (readonly [path: string, method?: string, headers?: string, body?: string])[] = [
  ['/cgi-bin/crlf'],
  ['/cgi-bin/teapot'],
  ['/cgi-bin/cookies'],
  ['/cgi-bin/latin'],
  ['/cgi-bin/moved'],
  ['/cgi-bin/no-content'],
  ['/cgi-bin/typed-no-content'],
  ['/cgi-bin/typed-no-content', 'HEAD'],
  ['/cgi-bin/typed-not-modified'],
  ['/cgi-bin/empty-type'],
  ['/cgi-bin/spaced-type'],
  ['/cgi-bin/not-modified'],
  ['/cgi-bin/fails'],
  ['/cgi-bin/empty'],
  ['/cgi-bin/octets'],
  ['/cgi-bin/teapot', 'HEAD'],
  ['/cgi-bin/body', 'POST', 'Content-Length: 5\r\nContent-Type: a/b\r\n', 'hello'],
  ['/cgi-bin/body', 'PUT', 'Content-Length: 0\r\n'],
  ['/cgi-bin/body', 'DELETE'],
  ['/cgi-bin/empty-line'],
  ['/cgi-bin/empty-crlf'],
  ['/cgi-bin/length'],
  ['/cgi-bin/length', 'HEAD'],
  ['/cgi-bin/modified'],
  ['/cgi-bin/modified', 'HEAD'],
  ['/cgi-bin/modified', 'GET', 'If-Modified-Since: Tue, 20 Sep 2022 15:27:27 GMT\r\n'],
  ['/cgi-bin/modified', 'GET', 'If-Modified-Since: Tue, 20 Sep 2022 15:27:26 GMT\r\n'],
  ['/cgi-bin/modified', 'POST', 'Content-Length: 0\r\nIf-Modified-Since: Tue, 20 Sep 2022 15:27:27 GMT\r\n'],
  ['/cgi-bin/modified-rfc850'],
  ['/cgi-bin/modified-asctime'],
  ['/cgi-bin/modified-garbage'],
  ['/cgi-bin/modified-iso'],
  ['/cgi-bin/modified-twice'],
  ['/cgi-bin/expires-0'],
  ['/cgi-bin/etag', 'GET', 'If-None-Match: "abc"\r\n'],
  ['/cgi-bin/etag', 'GET', 'If-None-Match: "x", W/"abc"\r\n'],
  ['/cgi-bin/etag', 'GET', 'If-None-Match: "abcd"\r\n'],
  ['/cgi-bin/etag', 'HEAD', 'If-None-Match: *\r\n'],
  ['/cgi-bin/status-etag', 'GET', 'If-None-Match: "abc"\r\n'],
  ['/cgi-bin/login'],
  ['/cgi-bin/nph-own'],
  ['/cgi-bin/args'],
  ['/cgi-bin/args?'],
  ['/cgi-bin/args?one+two'],
  ['/cgi-bin/args?a%20b+%C3%A9'],
  ['/cgi-bin/args?a=b+c'],
  ['/cgi-bin/args?a%3Db'],
  ['/cgi-bin/args?a++b+'],
  ['/cgi-bin/args?-x+--help'],
  ["/cgi-bin/args?$(x)+a%3Bb+`c`+'%22+%26%7C%3E%0A"],
]

/** Requests after which the environment must be the same. */
const ENVIRONMENTS: readonly (readonly [path: string, method?: string, headers?: string, body?: string])[] = [
  ['/cgi-bin/env'],
  ['/cgi-bin/env?'],
  ['/cgi-bin/env?a=b&c=%20%00&d+e'],
  ['/cgi-bin/env/'],
  ['/cgi-bin/env/a%20b/%22%5C/c'],
  ['/cgi-bin/env/a//b///'],
  ['//cgi-bin///env//x'],
  ['/cgi-bin/env/%C3%A9'],
  ['/cgi-bin/env', 'HEAD'],
  ['/cgi-bin/env', 'DELETE'],
  ['/cgi-bin/env', 'POST', 'Content-Length: 3\r\nContent-Type: text/x; y="z"\r\n', 'abc'],
  [
    '/cgi-bin/env',
    'GET',
    'X-A: 1\r\nX-A: 2\r\nx-lower: \u00c3\u00a9\r\nX_Under: 1\r\nX.Dot: 1\r\nProxy: http://evil/\r\nAuthorization: Basic x\r\nProxy-Authorization: x\r\n',
  ],
  [
    '/cgi-bin/env',
    'GET',
    'Cookie: a="b"; c\r\nUser-Agent: \r\nReferer: x\ty\r\nFingerprint-Ip-Ttl: 1\r\nFINGERPRINT_IP_TTL: 1\r\n',
  ],
  ['/cgi-bin/local'],
]

/** Variables of Apache that have no meaning here. */
const APACHE_ONLY = /^(?:REDIRECT_)?(?:CONTEXT_DOCUMENT_ROOT|CONTEXT_PREFIX|SERVER_ADMIN|SERVER_SIGNATURE)$/
/** Values that name the server, the connection or a variable of the shell's own. */
const VARYING = /^(?:REDIRECT_)?(?:REMOTE_PORT|SERVER_SOFTWARE|_|SHLVL|OLDPWD)$/
/** Headers that the servers add, and lengths and codings, which they choose. */
const SERVERS_OWN: ReadonlySet<string> = new Set([
  'date',
  'server',
  'connection',
  'transfer-encoding',
  'content-length',
  'keep-alive',
])

/** Answers that differ on purpose. */
const DIFFERENCES: readonly { path: string; apache: number; ours: number; why: string }[] = [
  {
    path: '/cgi-bin/silent',
    apache: 500,
    ours: 502,
    why: 'a script that breaks the protocol is a bad gateway, not an error of the server',
  },
  { path: '/cgi-bin/bad', apache: 500, ours: 502, why: 'the same' },
  { path: '/cgi-bin/blank-in-name', apache: 500, ours: 502, why: 'the same' },
  {
    path: '/cgi-bin/nph-none',
    apache: Number.NaN,
    ours: 502,
    why: 'Apache sends it as it is, although it is no HTTP answer',
  },
  { path: '/cgi-bin/loop', apache: 500, ours: 502, why: 'the same' },
  { path: '/cgi-bin/plain', apache: 500, ours: 403, why: 'Apache finds out by running it' },
  { path: '/cgi-bin/.dot', apache: 200, ours: 404, why: 'names that begin with a dot are not served' },
  {
    path: '/cgi-bin/two-types',
    apache: 200,
    ours: 502,
    why: 'RFC 3875 section 6.3: no CGI field twice; Apache takes the last',
  },
  { path: '/cgi-bin/no-field', apache: 200, ours: 502, why: 'RFC 3875 section 6.2: at least one CGI field' },
  {
    path: '/cgi-bin/env/a%0Ab',
    apache: 200,
    ours: 404,
    why: 'a line break in PATH_INFO could pass for another variable',
  },
  {
    path: '/cgi-bin/env/%FF',
    apache: 200,
    ours: 404,
    why: 'a path that is not UTF-8 cannot be put into an environment',
  },
]

const FINGERPRINT = { FINGERPRINT_TCP_OPTIONS: '2,4,8,1,3', FINGERPRINT_IP_TTL: '64' }
const PAGE = `<?php echo $_SERVER['FINGERPRINT_TCP_OPTIONS'], '|', $_SERVER['PATH_INFO'] ?? '', '|', $_GET['q'] ?? '', '|',
  $_POST['p'] ?? '', '|', $_SERVER['SCRIPT_NAME'], '|', $_SERVER['PHP_SELF'], '|', $_SERVER['REQUEST_URI'], '|', file_get_contents('php://input'); ?>`

needs('apache2', 'php-cgi').describe('cgi beside Apache mod_cgid', () => {
  let apache: Apache
  let server: Bun.Server<undefined>
  let handlers: HonoCgi[] = []
  const pass = Object.entries(FINGERPRINT).map(([name, value]) => `SetEnv ${name} ${value}`)

  beforeAll(async () => {
    apache = await startApache({
      modules: ['actions'],
      files: {
        ...Object.fromEntries(Object.entries(SCRIPTS).map(([name, file]) => [`cgi-bin/${name}`, file])),
        'htdocs/page.php': { text: PAGE },
      },
      extra: `
        ${pass.join('\n')}
        UseCanonicalName Off
        ScriptAlias /cgi-bin/ @ROOT@/cgi-bin/
        ScriptAlias /php-program /usr/bin/php-cgi
        <Directory /usr/bin>
          Require all granted
        </Directory>
        Action php-page /php-program
        AddHandler php-page .php
      `,
    })
    const common = {
      env: { LC_ALL: 'C', ...FINGERPRINT },
      documentRoot: join(apache.root, 'htdocs'),
      onError() {},
      onStderr() {},
    }
    const scripts = cgi({ root: join(apache.root, 'cgi-bin'), ...common, env: FINGERPRINT, passEnv: ['PATH', 'TZ'] })
    const pages = cgi({
      root: join(apache.root, 'htdocs'),
      prefix: '',
      interpreters: { '.php': ['/usr/bin/php-cgi'] },
      ...common,
    })
    handlers = [scripts, pages]
    // Apache merges slashes before it looks for a location; so that routes see the same path, this does too.
    const app = new Hono({ getPath: ({ url }) => targetPath(requestTarget(url)).replace(/\/{2,}/g, '/') })
    app.all('/cgi-bin/*', scripts)
    app.all('/*', pages)
    server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })
  })
  afterAll(async () => {
    await server?.stop(true)
    for (const handler of handlers) await handler.close()
    await apache?.stop()
  })

  const both = async (
    [path, method = 'GET', headers = '', body = '']: (typeof SAME)[number],
    host = (port: number): string => `127.0.0.1:${port}`,
  ): Promise<[theirs: RawAnswer, ours: RawAnswer]> => {
    const text = (port: number): string =>
      `${method} ${path} HTTP/1.1\r\nHost: ${host(port)}\r\nConnection: close\r\n${headers}\r\n${body}`
    return [await ask(apache.port, text(apache.port)), await ask(server.port!, text(server.port!))]
  }
  const comparable = ({ status, headers, body }: RawAnswer): unknown => ({
    status,
    headers: headers.filter(([name]) => !SERVERS_OWN.has(name)).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
    body,
  })

  for (const row of SAME) {
    test(`the same answer to ${row[1] ?? 'GET'} ${row[0]}`, async () => {
      const [theirs, ours] = await both(row)
      expect(comparable(ours)).toEqual(comparable(theirs))
    })
  }
  test('the same redirect, but for the page that Apache adds', async () => {
    const [theirs, ours] = await both(['/cgi-bin/absolute'])
    const location = ({ status, headers }: RawAnswer): unknown => [
      status,
      headers.find(([name]) => name === 'location'),
    ]
    expect(location(ours)).toEqual(location(theirs))
  })

  const environment = (answer: RawAnswer, port: number): Record<string, string> => {
    const env: Record<string, string> = {}
    for (const line of answer.body.replaceAll(`${port}`, 'PORT').split('\n')) {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(line) ?? []
      if (name !== undefined && !VARYING.test(name)) env[name] = value!
    }
    return env
  }
  for (const row of ENVIRONMENTS) {
    test(`the same environment for ${row[1] ?? 'GET'} ${row[0]} ${row[2]?.slice(0, 20) ?? ''}`, async () => {
      const [theirs, ours] = await both(row)
      expect(ours.status).toBe(theirs.status)
      const expected = environment(theirs, apache.port)
      for (const name of Object.keys(expected)) {
        // Apache renames the variables of the application as well; ours stay what they are.
        if (APACHE_ONLY.test(name) || name.startsWith('REDIRECT_FINGERPRINT_')) delete expected[name]
      }
      for (const name of ['PATH', 'REDIRECT_PATH', 'TZ', 'REDIRECT_TZ']) {
        // What each server itself was started with.
        delete expected[name]
      }
      const found = environment(ours, server.port!)
      for (const name of ['PATH', 'REDIRECT_PATH', 'TZ', 'REDIRECT_TZ']) delete found[name]
      expect(found).toEqual(expected)
      if (row[1] !== 'HEAD') expect(found.FINGERPRINT_TCP_OPTIONS).toBe('2,4,8,1,3')
    })
  }

  for (const { path, apache: theirStatus, ours: ourStatus, why } of DIFFERENCES) {
    test(`${path} differs: ${why}`, async () => {
      const [theirs, ours] = await both([path])
      expect([theirs.status, ours.status]).toEqual([theirStatus, ourStatus])
    })
  }

  test('differences of the environment', async () => {
    // Octets that are not UTF-8 cannot be put into an environment by JavaScript runtimes: test/cgi/octets.test.ts.
    const [raw, recoded] = await both(['/cgi-bin/env', 'GET', 'X-L: \u00e9\r\n'])
    expect([raw, recoded].map((answer) => /HTTP_X_L=(.*)/.exec(answer.body)?.[1])).toEqual(['\u00e9', '\u00c3\u00a9'])
  })
  const arguments_: readonly (readonly [string, (typeof SAME)[number], string, string])[] = [
    [
      'RFC 3875 section 4.4: only GET and HEAD search',
      ['/cgi-bin/args?one', 'POST', 'Content-Length: 0\r\n'],
      '1\n[one]\n',
      '0\n',
    ],
    ['section 4.4: none where one cannot be decoded', ['/cgi-bin/args?a+%zz'], '2\n[a]\n[%zz]\n', '0\n'],
    ['section 4.4: none where one cannot be passed', ['/cgi-bin/args?a%00b'], '1\n[a]\n', '0\n'],
    ['a runtime passes only UTF-8', ['/cgi-bin/args?%FF'], '1\n[\u00ff]\n', '0\n'],
  ]
  for (const [why, row, apaches, ours_] of arguments_) {
    test(`arguments differ: ${why}`, async () => {
      const [theirs, ours] = await both(row)
      expect([theirs.body, ours.body]).toEqual([apaches, ours_])
    })
  }
  const fields: readonly (readonly [string, string, string, string, string])[] = [
    [
      'Apache leaves the zone out of account',
      '/cgi-bin/modified-zone',
      'last-modified',
      'Tue, 20 Sep 2022 15:27:27 GMT',
      'Tue, 20 Sep 2022 13:27:27 GMT',
    ],
    [
      'RFC 9110 section 5.6.7: a sender of dates writes IMF-fixdate',
      '/cgi-bin/expires',
      'expires',
      'Tue, 20 Sep 2022 15:27:27 +0000',
      'Tue, 20 Sep 2022 15:27:27 GMT',
    ],
  ]
  for (const [why, path, name, apaches, ours_] of fields) {
    test(`a date differs: ${why}`, async () => {
      const [theirs, ours] = await both([path])
      expect([theirs, ours].map(({ headers }) => headers.find(([other]) => other === name)?.[1])).toEqual([
        apaches,
        ours_,
      ])
    })
  }
  test('a HEAD has no Content-Length that a GET would contradict', async () => {
    for (const path of ['/cgi-bin/length', '/cgi-bin/teapot', '/cgi-bin/empty-line', '/cgi-bin/nph-own']) {
      const [, ours] = await both([path, 'HEAD'])
      expect([path, ours.headers.filter(([name]) => name === 'content-length'), ours.body]).toEqual([path, [], ''])
    }
    // Apache has none either, or where the whole output came at once that of a GET.
    const [theirs] = await both(['/cgi-bin/length', 'HEAD'])
    const [get] = await both(['/cgi-bin/length'])
    const length = ({ headers }: typeof get): string | undefined =>
      headers.find(([name]) => name === 'content-length')?.[1]
    expect([undefined, length(get)]).toContain(length(theirs))
  })
  test('a host that Apache refuses is not SERVER_NAME', async () => {
    const hosts = ['evil"><script>', 'a/b?c#d', 'a..b', '[::1', 'a:b', 'u@h', 'a:99999', '\u00e9', 'b\r\nHost: c']
    for (const host of hosts) {
      const [theirs, ours] = await both(['/cgi-bin/env'], () => host)
      expect([host, theirs.status]).toEqual([host, 400])
      // A runtime may refuse it too.
      if (ours.status !== 400) expect([host, environment(ours, server.port!).SERVER_NAME]).toEqual([host, '127.0.0.1'])
    }
    for (const host of ['A.b:81', '[::1]:8', 'a_b', 'a.', '192.0.2.1', '-a']) {
      const [theirs, ours] = await both(['/cgi-bin/env'], () => host)
      expect(environment(ours, server.port!).SERVER_NAME).toBe(environment(theirs, apache.port).SERVER_NAME!)
    }
  })

  test('php-cgi prints FINGERPRINT_TCP_OPTIONS, and what else a page asks for', async () => {
    const post = 'p=posted'
    const [theirs, ours] = await both([
      '/page.php/info?q=asked',
      'POST',
      `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${post.length}\r\n`,
      post,
    ])
    expect(ours.body).toBe(`2,4,8,1,3|/info|asked|posted|/page.php|/page.php/info|/page.php/info?q=asked|${post}`)
    expect(theirs.body).toBe(ours.body)
    expect(ours.headers.find(([name]) => name === 'content-type')?.[1]).toBe('text/html; charset=UTF-8')
  })
})
