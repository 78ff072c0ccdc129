import { afterAll, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { needs } from '../lab/privilege.ts'
import { startServer } from '../lab/server.ts'
import { residentMemory } from '../support/memory.ts'
import { OK, scriptDirectory } from './scripts.ts'

const MIB = 1024 * 1024
/** 1 GiB with TCPFINGERPRINT_FULL=1. */
const SIZE = (process.env.TCPFINGERPRINT_FULL === '1' ? 1024 : 256) * MIB
/** The client and the server are processes of their own: nothing else is in what is measured. */
const { base, root, script, remove } = scriptDirectory()
afterAll(remove)
/** What buffers and the compiled code take is there after one of these. */
const WARM = 16 * MIB
const bodyOf = (size: number): string => join(base, `body-${size}`)

async function curl(...words: string[]): Promise<string> {
  const child = Bun.spawn(['curl', '-sS', ...words], { stdout: 'pipe', stderr: 'inherit' })
  const text = await new Response(child.stdout).text()
  expect(await child.exited).toBe(0)
  return text
}

/** How much the server grows at most while `work` goes on with a large body, after the same with smaller ones. */
async function growth(work: (url: string, size: number) => Promise<void>): Promise<number> {
  const server = await startServer(undefined, 'test/cgi/servers/memory.ts', {}, { arguments: [root] })
  try {
    const url = `http://127.0.0.1:${server.port}/cgi-bin`
    for (let i = 0; i < 20; i++) await curl('-o', '/dev/null', '-d', 'x', `${url}/count`)
    await work(url, WARM)
    const start = residentMemory(server.pid)
    let most = start
    const watch = setInterval(() => {
      most = Math.max(most, residentMemory(server.pid))
    }, 5)
    await work(url, SIZE)
    clearInterval(watch)
    return most - start
  } finally {
    await server.stop()
  }
}

needs('linux', {
  reason: Bun.which('curl') === null ? '"curl" is not installed (Debian package curl)' : undefined,
}).describe('cgi keeps memory bounded', () => {
  script('large', `${OK}; exec head -c $QUERY_STRING /dev/zero`)
  script('count', `${OK}; wc -c`)
  script('noise', `${OK}; head -c $QUERY_STRING /dev/zero >&2; echo done`)
  script('length', `${OK}; echo $CONTENT_LENGTH; wc -c`)
  for (const size of [WARM, SIZE]) Bun.spawnSync(['truncate', '-s', `${size}`, bodyOf(size)])

  test('of a large body out', async () => {
    const mib = await growth(async (url, size) => {
      const told = await curl('-o', '/dev/null', '-w', '%{http_code} %{size_download}', `${url}/large?${size}`)
      expect(told).toBe(`200 ${size}`)
    })
    expect(mib).toBeLessThan(32)
  }, 120_000)

  test('of much that a script writes to standard error', async () => {
    const mib = await growth(async (url, size) => {
      expect(await curl(`${url}/noise?${size}`)).toBe('done\n')
    })
    // Pieces come faster than the collector takes them; kept, they would be 256.
    expect(mib).toBeLessThan(96)
  }, 120_000)

  test('of a large body in', async () => {
    const mib = await growth(async (url, size) => {
      expect((await curl('-X', 'POST', '-H', 'Expect:', '-T', bodyOf(size), `${url}/count`)).trim()).toBe(`${size}`)
    })
    expect(mib).toBeLessThan(32)
  }, 120_000)

  test('of a large body in chunks, whose length the script is told all the same', async () => {
    const spooled = (): string[] => readdirSync(tmpdir()).filter((name) => /^tcpfingerprint-[0-9a-f]{8}-/.test(name))
    const mib = await growth(async (url, size) => {
      const chunked = ['-H', 'Expect:', '-H', 'Transfer-Encoding: chunked']
      const text = await curl('-X', 'POST', ...chunked, '-T', bodyOf(size), `${url}/length`)
      expect(text.split(/\s+/).filter((word) => word !== '')).toEqual([`${size}`, `${size}`])
    })
    expect(mib).toBeLessThan(32)
    expect(spooled()).toEqual([])
  }, 120_000)
})
