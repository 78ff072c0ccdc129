import { expect, test } from 'bun:test'
import { Hono } from 'hono'
import { accessLog } from '../../src/access-log/hono.ts'
import { needs } from '../lab/privilege.ts'
import { until } from '../support/wait.ts'
import { startApache } from './apache.ts'
import { exchange, parseAnswer } from './wire.ts'

/** Formats that both log; `long` has every directive whose value the two can share. */
const FORMATS = {
  common: '%h %l %u %t "%r" %>s %b',
  combined: '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"',
  vhost_combined: '%v:%p %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"',
  long:
    '%%|%a|%{c}a|%{c}h|%A|%b|%B|%{sid}C|%{THEME}C|%{FOO}e|%{foo}e|%{NONE}e|%h|%{X-Odd}i|%{x-odd}i|%{None}i|%l|%m|' +
    '%{none}n|%{Content-Type}o|%{X-Out}o|%{Set-Cookie}o|%{None}o|%p|%{canonical}p|%{local}p|%q|%r|%s|%<s|%>s|%u|%U|%v|%V|%X|' +
    '%{x}^ti|%{x}^to|%400,404{User-Agent}i|%!200,301{X-Odd}i|%!404s',
} as const

const HOST = 'Host: Foo.example\r\nConnection: close\r\n'
const get = (target: string, headers = ''): string => `GET ${target} HTTP/1.1\r\n${HOST}${headers}\r\n`
/** Every octet from `first` to `last`. */
const octets = (first: number, last: number): string =>
  String.fromCharCode(...Array.from({ length: last - first + 1 }, (_, i) => first + i))
const basic = (text: string): string => `Authorization: Basic ${btoa(text)}\r\n`

/** Requests that both servers must log alike. */
const REQUESTS: readonly string[] = [
  get('/app'),
  get('/app?a=b&c=%20d'),
  get('/app?'),
  get('/app??x?'),
  get('/app/a%20b'),
  get('/app/%22%5C%09%0A%c3%a9%FF'),
  get('/app/a/b//c/'),
  get('/app/+;,:@&=$!*()~-._'),
  get('/app?status=201'),
  get('/app?status=202&body='),
  get('/app?status=204'),
  get('/app?status=301'),
  get('/app?status=302&x=y'),
  get('/app?status=304'),
  get('/app?status=400'),
  get('/app?status=403'),
  get('/app?status=404'),
  get('/app?status=418'),
  get('/app?status=500'),
  get('/app?status=503'),
  get('/none'),
  get('/none/%3Cscript%3E?x=%3C'),
  `HEAD /app HTTP/1.1\r\n${HOST}\r\n`,
  `HEAD /none HTTP/1.1\r\n${HOST}\r\n`,
  `POST /app HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`,
  `POST /app HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  `PUT /app HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`,
  `DELETE /app HTTP/1.1\r\n${HOST}\r\n`,
  `PATCH /app?status=409 HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`,
  `OPTIONS /app HTTP/1.1\r\n${HOST}\r\n`,
  get('/app', 'Referer: http://a/"b\\c\r\nUser-Agent: "quoted" \\back\\ \ttab\r\n'),
  get('/app', 'User-Agent: caf\u00c3\u00a9 \u00e9\u00ff\u0080\r\nReferer: \u00a0\r\n'),
  get('/app', `X-Odd: ${octets(0x20, 0x7e)}\t${octets(0x80, 0xbf)}\r\nUser-Agent: ${octets(0xc0, 0xff)}\r\n`),
  get('/app', 'User-Agent:\r\nReferer:   \r\nX-Odd:\r\n'),
  get('/app', 'X-Odd: one\r\nX-Odd: two\r\nx-odd: "three"\r\n'),
  get('/app', `User-Agent: ${'x'.repeat(4000)}\r\n`),
  get('/app', 'X-Odd: %h %{x}i %% \\n \\" \\x41\r\n'),
  get('/app', 'Cookie: sid=1; theme=a"b; sid=2; empty=; x\r\n'),
  get('/app', 'Cookie: a; Sid = x y ;theme==z\r\n'),
  get('/app', basic('jane:secret')),
  get('/private/x', basic('jane:secret')),
  get('/private/x'),
  `GET /app?status=404 HTTP/1.1\r\nHost: FOO.example:1234\r\nConnection: close\r\nUser-Agent: u"\r\n\r\n`,
]

/** Where the two differ, on purpose: what Apache logs, what we log, and why. Only `format` is compared. */
const DIFFERENCES: readonly { request: string; format: string; apache: string; ours: string; why: string }[] = [
  {
    request: get('/app/a"b?q="'),
    format: '%r',
    apache: 'GET /app/a\\"b?q=\\" HTTP/1.1',
    ours: 'GET /app/a%22b?q=%22 HTTP/1.1',
    why: 'runtimes hand the URL over in its normal form (WHATWG URL), not as it was sent',
  },
  {
    request: get('/app/x/../y/./z'),
    format: '%r',
    apache: 'GET /app/x/../y/./z HTTP/1.1',
    ours: 'GET /app/y/z HTTP/1.1',
    why: 'dot segments are resolved before any handler runs',
  },
  {
    request: get('/app/back\\slash'),
    format: '%U',
    apache: '/app/back\\\\slash',
    ours: '/app/back/slash',
    why: 'a backslash is a slash in a WHATWG URL',
  },
  {
    request: `GET /app HTTP/1.0\r\n${HOST}\r\n`,
    format: '%H|%r',
    apache: 'HTTP/1.0|GET /app HTTP/1.0',
    ours: 'HTTP/1.1|GET /app HTTP/1.1',
    why: 'no runtime tells the version; only a request without Host gives HTTP/1.0 away',
  },
  {
    request: get('/private/x', basic('jane:wrong')),
    format: '%u %>s',
    apache: 'jane 401',
    ours: '- 401',
    why: 'an Authorization header that nobody has verified is nobody',
  },
  {
    request: get('/app'),
    format: '%k|%R|%f',
    apache: '0|cgi-script|@ROOT@/cgi-bin/app',
    ours: '-|-|-',
    why: 'Apache knows of its keep-alive count, handlers and files; here fingerprint() and `facts` tell, where they do',
  },
  {
    request: get('/app'),
    format: '%I|%O|%S',
    apache: '@N@|@N@|@N@',
    ours: '-|-|-',
    why: 'octets of header and coding are not told by any runtime',
  },
]

/** The same little application for both: status and body as the query asks. */
const SCRIPT = `#!/bin/sh
status=200 body=body
cat >/dev/null
for pair in $(printf %s "$QUERY_STRING" | tr '&' ' '); do
  case $pair in status=*) status=\${pair#status=};; body=*) body=\${pair#body=};; esac
done
printf 'Status: %s x\\nContent-Type: text/plain; charset=utf-8\\nX-Out: a"b\\351\\nSet-Cookie: a=1\\nSet-Cookie: b=2\\n\\n%s' "$status" "$body"
`
function addApplication(app: Hono): void {
  app.use('/private/*', async (c, next) => {
    if (c.req.header('authorization') !== `Basic ${btoa('jane:secret')}`) {
      return c.body('no', 401, { 'content-type': 'text/html' })
    }
    ;(c.set as (name: string, value: string) => void)('user', 'jane')
    return await next()
  })
  const answer = (c: Parameters<Parameters<Hono['notFound']>[0]>[0]): Response => {
    const status = Number(c.req.query('status') ?? 200)
    const headers = new Headers({ 'x-out': 'a"b\u00e9' })
    headers.append('set-cookie', 'a=1')
    headers.append('set-cookie', 'b=2')
    const bodiless = status === 204 || status === 304
    if (!bodiless) headers.set('content-type', 'text/plain; charset=utf-8')
    return new Response(bodiless ? null : (c.req.query('body') ?? 'body'), { status, headers })
  }
  app.all('/app', answer)
  app.all('/app/*', answer)
  app.all('/private/*', answer)
  app.notFound((c) => c.body('nope', 404, { 'content-type': 'text/html' }))
}

const CONFIGURATION = `
SetEnv FOO "b\\"ar"
ScriptAlias /app @ROOT@/cgi-bin/app
ScriptAlias /private @ROOT@/cgi-bin/app
ErrorDocument 404 "nope"
ErrorDocument 401 "no"
<Location /private>
  AuthType Basic
  AuthName x
  AuthUserFile @ROOT@/passwords
  Require valid-user
</Location>
`
const MODULES = ['auth_basic', 'authn_core', 'authn_file', 'authz_user', 'setenvif', 'logio'].filter(
  (name) => name !== 'logio',
)
const FILES = {
  'cgi-bin/app': { text: SCRIPT, mode: 0o755 },
  // htpasswd's {SHA} form of "secret"
  passwords: { text: 'jane:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n' },
}

/** Times and ports are what may differ. */
function normal(line: string, port: number): string {
  return line.replace(/\[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]/g, '[TIME]').replaceAll(`${port}`, 'PORT')
}

needs('apache2').describe('access logs beside Apache', () => {
  test('the same requests leave the same lines', async () => {
    const quoted = (format: string): string => `"${format.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
    const apache = await startApache({
      modules: MODULES,
      files: FILES,
      extra:
        CONFIGURATION +
        Object.entries(FORMATS)
          .map(([name, format]) => `CustomLog logs/${name}.log ${quoted(format)}`)
          .join('\n'),
    })
    const app = new Hono()
    const ours: Record<string, string[]> = {}
    for (const [name, format] of Object.entries(FORMATS)) {
      const lines: string[] = []
      ours[name] = lines
      app.use(
        accessLog({
          format: name === 'long' ? format : name,
          serverName: 'example.org',
          user: (c) => c.get('user') as string | undefined,
          // Apache's SetEnv comes after authorization.
          facts: (c) => (c.res.status === 401 ? {} : { env: { FOO: 'b"ar' } }),
          write: (line) => void lines.push(line),
        }),
      )
    }
    addApplication(app)
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })
    try {
      for (const request of REQUESTS) {
        const theirs = parseAnswer(await exchange(apache.port, request))
        const own = parseAnswer(await exchange(server.port!, request))
        expect([request, own.status, own.body]).toEqual([request, theirs.status, theirs.body])
      }
      for (const name of Object.keys(FORMATS)) {
        await until(`${name}.log of Apache`, () => apache.log(`${name}.log`).length >= REQUESTS.length, 5_000)
        const theirs = apache.log(`${name}.log`).map((line) => normal(line, apache.port))
        expect(ours[name]!.map((line) => normal(line, server.port!))).toEqual(theirs)
      }
      expect(REQUESTS.length).toBeGreaterThanOrEqual(40)
    } finally {
      await server.stop(true)
      await apache.stop()
    }
  }, 60_000)

  test('the differences are those of the table', async () => {
    const apache = await startApache({
      modules: MODULES,
      files: FILES,
      extra:
        CONFIGURATION +
        DIFFERENCES.map(({ format }, index) => `CustomLog logs/${index}.log "${index} ${format}"`).join('\n'),
    })
    const app = new Hono()
    const ours: string[][] = DIFFERENCES.map(() => [])
    for (const [index, { format }] of DIFFERENCES.entries()) {
      app.use(
        accessLog({
          format,
          user: (c) => c.get('user') as string | undefined,
          write: (line) => void ours[index]!.push(line),
        }),
      )
    }
    addApplication(app)
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })
    try {
      for (const [index, row] of DIFFERENCES.entries()) {
        await exchange(apache.port, row.request)
        await exchange(server.port!, row.request)
        await until(`line ${index} of Apache`, () => apache.log(`${index}.log`).length > index, 5_000)
        const theirs = apache.log(`${index}.log`)[index]!.slice(`${index} `.length)
        const pattern = row.apache
          .replaceAll('@ROOT@', apache.root)
          .replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
          .replaceAll('@N@', '\\d+')

        expect(theirs).toMatch(new RegExp(`^${pattern}$`))
        expect([row.format, ours[index]![index]!]).toEqual([row.format, row.ours])
      }
    } finally {
      await server.stop(true)
      await apache.stop()
    }
  }, 60_000)
})
