import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { needs } from '../lab/privilege.ts'
import { scriptDirectory } from './scripts.ts'
import { programs } from './servers/programs.ts'

const DENO = join(import.meta.dir, '../../node_modules/.bin/deno')
const MIB = 1024 * 1024
const { base, remove } = scriptDirectory()

const PERL = `#!/usr/bin/perl
use strict; use warnings; use CGI;
my $q = CGI->new;
if ($q->path_info eq '/moved') { print $q->redirect(-uri => '/elsewhere', -cookie => $q->cookie('a', 'b')); exit }
print $q->header(-type => 'text/plain', -charset => 'utf-8', -status => '202 Taken', -expires => 'now',
  -cookie => [$q->cookie('a', 'b'), $q->cookie('c', 'd')]);
print join('|', $q->request_method, $q->script_name, $q->path_info, $q->url(-path_info => 1), $q->remote_addr, $q->server_name,
  join(',', $q->multi_param('keywords')), join(',', $q->multi_param('p')), $q->cookie('seen') // '');
if (my $file = $q->upload('file')) { binmode $file; local $/; my $octets = <$file>; print '|', length $octets, '|', "$file" }
`
const NPH = `#!/usr/bin/perl
use CGI qw(-nph);
my $q = CGI->new;
print $q->header(-type => 'text/plain', -status => '203 Mine', -X_A => '1'), 'unparsed';
`
const PHP = `<?php
header('X-A: 1'); header('Last-Modified: ' . gmdate('r', 1663687647)); setcookie('a', 'b'); http_response_code(203);
if (isset($_FILES['file'])) { echo $_FILES['file']['size'], '|', $_FILES['file']['name'], '|'; }
echo implode(' ', $argv ?? []), '|', $_GET['q'] ?? '', '|', $_POST['p'] ?? '', '|', $_SERVER['PATH_INFO'] ?? '', '|', $_SERVER['SERVER_NAME'];
`

/** Runs git as a user without any settings of this machine. */
async function git(directory: string, ...args: string[]): Promise<string> {
  const child = Bun.spawn(['/usr/bin/git', '-c', 'http.postBuffer=65536', ...args], {
    cwd: directory,
    env: {
      PATH: '/usr/bin:/bin',
      HOME: base,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      ...Object.fromEntries(
        ['AUTHOR', 'COMMITTER'].flatMap((who) => [
          [`GIT_${who}_NAME`, 'Jane'],
          [`GIT_${who}_EMAIL`, 'jane@example.org'],
        ]),
      ),
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, problems] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  if ((await child.exited) !== 0) throw new Error(`git ${args.join(' ')}: ${problems}`)
  return out
}

/** A server of the programs. */
interface Server {
  readonly url: string
  stop(): Promise<void>
}
async function onBun(): Promise<Server> {
  const { app, handlers } = programs(base)
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })
  return {
    url: `http://127.0.0.1:${server.port}`,
    async stop() {
      await server.stop(true)
      for (const handler of handlers) await handler.close()
    },
  }
}
async function onDeno(): Promise<Server> {
  const child = Bun.spawn([DENO, 'run', '-A', '--no-check', join(import.meta.dir, 'servers/programs.ts'), base], {
    cwd: join(import.meta.dir, '../..'),
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const reader = child.stdout.getReader()
  const { value } = await reader.read()
  return {
    url: `http://127.0.0.1:${Number(new TextDecoder().decode(value))}`,
    async stop() {
      await child.stdin.end()
      await child.exited
    },
  }
}

beforeAll(() => {
  for (const name of ['repositories', 'php', 'perl']) mkdirSync(join(base, name))
  for (const [name, text] of Object.entries({ 'perl/form': PERL, 'perl/nph-form': NPH, 'php/page.php': PHP })) {
    writeFileSync(join(base, name), text)
    chmodSync(join(base, name), 0o755)
  }
})
afterAll(remove)

const noPerl = existsSync('/usr/share/perl5/CGI.pm') ? undefined : 'no CGI.pm (Debian package libcgi-pm-perl)'
const noDeno = existsSync(DENO) ? undefined : `no ${DENO}: npm ci`
for (const [runtime, start, reason] of [
  ['Bun', onBun, noPerl],
  ['Deno', onDeno, noPerl ?? noDeno],
] as const) {
  needs('git', 'php-cgi', { reason }).describe(`CGI programs on ${runtime}`, () => {
    let server: Server
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server?.stop())

    test('git clone and push over git-http-backend', async () => {
      const name = `${runtime}.git`
      await git(join(base, 'repositories'), 'init', '--bare', '--quiet', '--initial-branch=main', name)
      await git(base, 'clone', '--quiet', `${server.url}/git/${name}`, `${runtime}-first`)
      const first = join(base, `${runtime}-first`)
      await git(first, 'checkout', '--quiet', '-B', 'main')
      // Random octets do not shrink: more than http.postBuffer, so that git sends them in chunks.
      const octets = Buffer.concat(Array.from({ length: 48 }, () => crypto.getRandomValues(new Uint8Array(65_536))))
      writeFileSync(join(first, 'data'), octets)
      await git(first, 'add', '.')
      await git(first, 'commit', '--quiet', '-m', 'first')
      await git(first, 'push', '--quiet', 'origin', 'main')
      await git(base, 'clone', '--quiet', `${server.url}/git/${name}`, `${runtime}-second`)
      expect(readFileSync(join(base, `${runtime}-second`, 'data')).equals(octets)).toBe(true)
      await git(first, 'commit', '--quiet', '--allow-empty', '-m', 'second')
      await git(first, 'push', '--quiet', 'origin', 'main')
      await git(join(base, `${runtime}-second`), 'pull', '--quiet')
      expect(await git(join(base, `${runtime}-second`), 'log', '--format=%s')).toBe('second\nfirst\n')
    })

    test('CGI.pm: parameters, cookies, dates and redirects', async () => {
      const response = await fetch(`${server.url}/perl/form/info?p=1;p=2`, { headers: { cookie: 'seen=yes' } })
      expect([response.status, response.headers.get('content-type')]).toEqual([202, 'text/plain; charset=utf-8'])
      expect(response.headers.getSetCookie()).toEqual(['a=b; path=/', 'c=d; path=/'])
      expect(response.headers.get('expires')).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/)
      expect(await response.text()).toBe(
        `GET|/perl/form|/info|${server.url}/perl/form/info|127.0.0.1|127.0.0.1||1,2|yes`,
      )
      const moved = await fetch(`${server.url}/perl/form/moved`, { redirect: 'manual' })
      expect([moved.status, moved.headers.get('location'), moved.headers.getSetCookie()]).toEqual([
        302,
        '/elsewhere',
        ['a=b; path=/'],
      ])
    })
    test('CGI.pm: search words, forms and files', async () => {
      const text = async (path: string, init: RequestInit = {}): Promise<string[]> =>
        (await (await fetch(`${server.url}${path}`, init)).text()).split('|')
      expect((await text('/perl/form?one+two'))[6]).toBe('one,two')
      expect((await text('/perl/form', { method: 'POST', body: new URLSearchParams('p=a&p=b') }))[7]).toBe('a,b')
      const form = new FormData()
      form.set('p', 'with')
      form.set('file', new File([new Uint8Array(MIB)], 'name.bin'))
      const posted = await text('/perl/form', { method: 'POST', body: form })
      expect([posted[7], ...posted.slice(9)]).toEqual(['with', `${MIB}`, 'name.bin'])
    })
    test('CGI.pm: an nph- script', async () => {
      const response = await fetch(`${server.url}/perl/nph-form`)
      expect([response.status, response.headers.get('x-a'), await response.text()]).toEqual([203, '1', 'unparsed'])
    })

    test('php-cgi: status, fields, forms and files', async () => {
      const response = await fetch(`${server.url}/php/page.php/info?q=asked`, {
        method: 'POST',
        body: new URLSearchParams({ p: 'posted' }),
      })
      expect([response.status, response.headers.get('x-a'), response.headers.getSetCookie()]).toEqual([
        203,
        '1',
        ['a=b'],
      ])
      expect(response.headers.get('last-modified')).toBe('Tue, 20 Sep 2022 15:27:27 GMT')
      expect(await response.text()).toBe('|asked|posted|/info|127.0.0.1')
      const form = new FormData()
      form.set('file', new File([new Uint8Array(MIB)], 'name.bin'))
      const uploaded = await fetch(`${server.url}/php/page.php`, { method: 'POST', body: form })
      expect(await uploaded.text()).toBe(`${MIB}|name.bin|||||127.0.0.1`)
    })
    test('php-cgi: a query never becomes an option (CVE-2012-1823)', async () => {
      for (const query of ['-s', '-dallow_url_include%3D1+-s', '%ADs']) {
        const body = await (await fetch(`${server.url}/php/page.php?${query}`)).text()
        expect(body).toEndWith('|127.0.0.1')
        expect(body).not.toContain('php')
      }
    })
  })
}
