/**
 * Why `HTTP_*` variables cannot have every octet that a header had: neither runtime passes octets that are not UTF-8 to a program,
 * in whatever form they are given. Once one of these rows fails, src/cgi/environment.ts can do better.
 * @module
 */
import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { needs } from '../lab/privilege.ts'

const DENO = join(import.meta.dir, '../../node_modules/.bin/deno')
const PRINT = 'printf %s "$X" | od -An -tx1 | tr -d " \\n"'
const PATH = '/usr/bin:/bin'

describe('the octet E9 in the environment of a program', () => {
  const rows: readonly (readonly [how: string, value: unknown, arrives: string])[] = [
    ['a code unit', '\u00e9', 'c3a9'],
    ['a lone surrogate, as Python writes it', '\udce9', 'efbfbd'],
    ['a Buffer', Buffer.of(0xe9), 'efbfbd'],
    ['a Uint8Array', Uint8Array.of(0xe9), '323333'],
  ]
  for (const [how, value, arrives] of rows) {
    test(`Bun.spawn makes ${arrives} of ${how}`, async () => {
      const env = { PATH, X: value as string }
      const child = Bun.spawn(['/bin/sh', '-c', PRINT], { env, stdin: 'ignore', stdout: 'pipe' })
      expect(await new Response(child.stdout).text()).toBe(arrives)
    })
  }
  test('Bun.$ and node:child_process are no better', async () => {
    expect(await Bun.$`sh -c ${PRINT}`.env({ PATH, X: '\u00e9' }).text()).toBe('c3a9')
    const { spawnSync } = await import('node:child_process')
    expect(spawnSync('/bin/sh', ['-c', PRINT], { env: { PATH, X: '\u00e9' } }).stdout.toString()).toBe('c3a9')
  })
  needs({ reason: existsSync(DENO) ? undefined : `no ${DENO}: npm ci` }).test('nor is Deno.Command', async () => {
    const code = `for (const X of ['\\u00e9', '\\udce9']) {
      const { stdout } = await new Deno.Command('/bin/sh', { args: ['-c', ${JSON.stringify(PRINT)}], env: { X } }).output()
      console.log(new TextDecoder().decode(stdout))
    }`
    const child = Bun.spawn([DENO, 'eval', code], { stdin: 'ignore', stdout: 'pipe' })
    expect(await new Response(child.stdout).text()).toBe('c3a9\nefbfbd\n')
  })
})
