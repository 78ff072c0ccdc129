import { expect } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { needs } from '../lab/privilege.ts'
import { OK, scriptDirectory } from './scripts.ts'

const DENO = join(import.meta.dir, '../../node_modules/.bin/deno')
const ASLEEP = 'echo $$ > "$0.pid"; exec sleep 300'
const SCRIPTS = {
  env: `${OK}; env | LC_ALL=C sort | grep -E '^(FINGERPRINT|GATEWAY|REMOTE_ADDR|HOME|SCRIPT_NAME)'; [ "$HTTP_HOST" = "127.0.0.1:$SERVER_PORT" ] && echo its port`,
  silent: ':',
  holder: `${OK}; echo done; sleep 300 & exit 0`,
  mute: 'sleep 300',
  odd: `${OK}; printf %s "$HTTP_X_ODD" | od -An -tx1 | tr -d ' \\n'`,
  cat: `${OK}; exec cat`,
  endless: `${OK}; exec yes`,
  // Work after the answer: a HEAD is answered with the header.
  worker: `${OK}; sleep 0.3; echo done > "$0.done"`,
}

needs({ reason: existsSync(DENO) ? undefined : `no ${DENO}: npm ci` }).test(
  'cgi and accessLog on Deno: scripts, limits, aborts and lines as on Bun',
  async () => {
    const { base, root, script, remove } = scriptDirectory()
    try {
      for (const [name, commands] of Object.entries(SCRIPTS)) script(name, commands)
      const file = join(base, 'access.log')
      const child = Bun.spawn([DENO, 'run', '-A', '--no-check', join(import.meta.dir, 'fixture-deno.ts'), root, file], {
        cwd: join(import.meta.dir, '../..'),
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const [out, problems] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
      if ((await child.exited) !== 0) throw new Error(problems)
      expect(JSON.parse(out)).toEqual({
        answers: {
          '/': [200, 'héllo'],
          '/cgi-bin/env': [
            200,
            'FINGERPRINT_IP_TTL=64\nGATEWAY_INTERFACE=CGI/1.1\nREMOTE_ADDR=127.0.0.1\nSCRIPT_NAME=/cgi-bin/env\nits port\n',
          ],
          '/cgi-bin/silent': [502, '502 Bad Gateway\n'],
          '/cgi-bin/holder': [200, 'done\n'],
          '/cgi-bin/mute': [504, '504 Gateway Timeout\n'],
          '/cgi-bin/none': [404, '404 Not Found\n'],
          // Not UTF-8 as a whole, so each octet is taken for Latin-1.
          '/cgi-bin/odd': [200, 'c383c2a920c3a922'],
          '/cgi-bin/cat': [200, '300000'],
          '/cgi-bin/worker': [200, ''],
        },
        running: 0,
      })
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
      expect(lines.slice(0, 3)).toEqual([
        '127.0.0.1 200 6 + "GET / HTTP/1.1" -',
        '127.0.0.1 200 104 + "GET /cgi-bin/env HTTP/1.1" -',
        '127.0.0.1 502 16 + "GET /cgi-bin/silent HTTP/1.1" -',
      ])
      expect(lines).toContain('127.0.0.1 200 16 + "GET /cgi-bin/odd HTTP/1.1" \\xc3\\xa9 \\xe9\\"')
      expect(lines.at(-1)).toMatch(/^127\.0\.0\.1 200 \d+ X "GET \/cgi-bin\/endless HTTP\/1\.1" -$/)
      expect(lines).toHaveLength(10)
      expect(existsSync(join(root, 'worker.done'))).toBe(true)
    } finally {
      remove()
    }
  },
  30_000,
)

needs({ reason: existsSync(DENO) ? undefined : `no ${DENO}: npm ci` }).test(
  'cgi on Deno that may run nothing but its scripts: they are stopped too',
  async () => {
    const { root, script, remove } = scriptDirectory()
    const asleep = join(root, 'asleep')
    try {
      script('asleep', ASLEEP)
      const permissions = ['--allow-net', '--allow-read', '--allow-env', `--allow-run=${asleep}`]
      const fixture = [join(import.meta.dir, 'fixture-deno-list.ts'), root]
      const child = Bun.spawn([DENO, 'run', '--no-prompt', ...permissions, '--no-check', ...fixture], {
        cwd: join(import.meta.dir, '../..'),
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const [out, problems] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
      if ((await child.exited) !== 0) throw new Error(problems)
      expect(JSON.parse(out)).toEqual({ status: 504, running: 0 })
      expect(end(`${asleep}.pid`)).toBe(false)
    } finally {
      end(`${asleep}.pid`)
      remove()
    }
  },
  30_000,
)

/** Ends the process whose number is in a file; whether it was still there. */
function end(file: string): boolean {
  try {
    return process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL')
  } catch {
    return false
  }
}
