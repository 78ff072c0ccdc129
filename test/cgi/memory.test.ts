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
const body = join(base, 'body')

async function curl(...words: string[]): Promise<string> {
  const child = Bun.spawn(['curl', '-sS', ...words], { stdout: 'pipe', stderr: 'inherit' })
  const text = await new Response(child.stdout).text()
  expect(await child.exited).toBe(0)
  return text
}

/** How much the server grows at most while `work` goes on, after it has answered a few small requests. */
async function growth(work: (url: string) => Promise<void>): Promise<number> {
  const server = await startServer(undefined, 'test/cgi/servers/memory.ts', {}, { arguments: [root] })
  try {
    const url = `http://127.0.0.1:${server.port}/cgi-bin`
    for (let i = 0; i < 20; i++) await curl('-o', '/dev/null', '-d', 'x', `${url}/count`)
    const start = residentMemory(server.pid)
    let most = start
    const watch = setInterval(() => {
      most = Math.max(most, residentMemory(server.pid))
    }, 5)
    await work(url)
    clearInterval(watch)
    return most - start
  } finally {
    await server.stop()
  }
}

needs('linux', {
  reason: Bun.which('curl') === null ? '"curl" is not installed (Debian package curl)' : undefined,
}).describe('cgi keeps memory bounded', () => {
  script('large', `${OK}; exec head -c ${SIZE} /dev/zero`)
  script('count', `${OK}; wc -c`)
  script('length', `${OK}; echo $CONTENT_LENGTH; wc -c`)
  Bun.spawnSync(['truncate', '-s', `${SIZE}`, body])

  test('of a large body out', async () => {
    const mib = await growth(async (url) => {
      const told = await curl('-o', '/dev/null', '-w', '%{http_code} %{size_download}', `${url}/large`)
      expect(told).toBe(`200 ${SIZE}`)
    })
    expect(mib).toBeLessThan(32)
  }, 120_000)

  test('of a large body in', async () => {
    const mib = await growth(async (url) => {
      expect((await curl('-X', 'POST', '-H', 'Expect:', '-T', body, `${url}/count`)).trim()).toBe(`${SIZE}`)
    })
    expect(mib).toBeLessThan(32)
  }, 120_000)

  test('of a large body in chunks, whose length the script is told all the same', async () => {
    const spooled = (): string[] => readdirSync(tmpdir()).filter((name) => /^tcpfingerprint-[0-9a-f]{8}-/.test(name))
    const mib = await growth(async (url) => {
      const chunked = ['-H', 'Expect:', '-H', 'Transfer-Encoding: chunked']
      const text = await curl('-X', 'POST', ...chunked, '-T', body, `${url}/length`)
      expect(text.split(/\s+/).filter((word) => word !== '')).toEqual([`${SIZE}`, `${SIZE}`])
    })
    expect(mib).toBeLessThan(32)
    expect(spooled()).toEqual([])
  }, 120_000)
})
