import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { needs } from '../lab/privilege.ts'
import { connectKernel, runAttribution } from '../lab/raw-client.ts'
import { startServer } from '../lab/server.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const linux = needs('linux')
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

linux.describe('servers in processes of their own', () => {
  test('three threads on one port each know their own connections', async () => {
    const server = await startServer(undefined, 'test/runtime/servers/workers.ts', {})
    try {
      const result = await runAttribution({
        host: '127.0.0.1',
        port: server.port,
        path: '/',
        connections: 1500,
        concurrency: 150,
        seed: 3,
      })
      expect(result).toMatchObject({ wrong: 0, missing: 0, failed: 0, miscounted: 0 })
    } finally {
      await server.stop()
    }
  }, 60_000)

  test('deferAccept "keep": the wait of the client is in the RTT, which says so, and a silent one has none', async () => {
    const server = await startServer(undefined, 'test/lab/json-server.ts', { DEFER_ACCEPT: 'keep' })
    try {
      const destination = { address: '127.0.0.1', port: server.port }
      // Longer than the kernel defers, which is a second.
      for (const [wait, least] of [
        [50, 50_000],
        [1400, 0],
      ] as const) {
        const client = await connectKernel({ destination })
        await Bun.sleep(wait)
        const { timing } = (await client.request(GET)).json<{
          timing: {
            handshakeRtt: { provenance: string; microseconds: number }
            firstDataDelayMilliseconds?: number
          }
        }>()
        expect(timing.handshakeRtt.provenance).toBe('deferred')
        expect(timing.handshakeRtt.microseconds).toBeGreaterThan(least)
        expect(timing.firstDataDelayMilliseconds).toBeUndefined()
        client.close()
      }
    } finally {
      await server.stop()
    }
  }, 60_000)

  test('a Worker that ends leaves nothing open', async () => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, 'servers/ending-workers.ts')], { stdout: 'pipe' })
    expect(await new Response(child.stdout).text()).toBe('3 watches, 0 inotify, 0 rings\n')
    expect(await child.exited).toBe(0)
  }, 60_000)

  test('export default: the first connection after start already has its SYN', async () => {
    const port = freePort()
    const server = await startServer(
      undefined,
      'test/runtime/servers/exported.ts',
      { PORT: String(port), HOST: '127.0.0.1' },
      { ready: /listening on (\d+)/ },
    )
    try {
      const client = await connectKernel({ destination: { address: '127.0.0.1', port }, mss: 1111 })
      expect((await client.request(GET)).json<{ syn: { tcp: { mss: number } } }>().syn.tcp.mss).toBe(1111)
      client.close()
    } finally {
      await server.stop()
    }
  }, 60_000)

  test('bun --hot: what is known of open connections outlives the modules', async () => {
    const { path: directory, remove } = temporaryDirectory()
    const file = join(directory, 'generation.txt')
    const module = join(directory, 'module.ts')
    writeFileSync(file, 'one')
    writeFileSync(module, 'export const x = 1')
    const port = freePort()
    const server = await startServer(
      undefined,
      'test/runtime/servers/hot.ts',
      { PORT: String(port), HOT_FILE: file, HOT_MODULE: module },
      { runtimeArguments: ['--hot'], ready: /listening on (\d+)/ },
    )
    try {
      const client = await connectKernel({ destination: { address: '127.0.0.1', port }, mss: 1222 })
      type Answer = { generation: string; syn?: { tcp: { mss: number } }; connection: { request: number } }
      const before = (await client.request(GET)).json<Answer>()
      expect(before).toMatchObject({ generation: 'one', syn: { tcp: { mss: 1222 } }, connection: { request: 1 } })
      writeFileSync(file, 'two')
      writeFileSync(module, 'export const x = 2')
      while (!server.stdout().includes('generation two')) await Bun.sleep(20)
      const after = (await client.request(GET)).json<Answer>()
      expect(after).toMatchObject({ generation: 'two', syn: { tcp: { mss: 1222 } }, connection: { request: 2 } })
      client.close()
      const another = await connectKernel({ destination: { address: '127.0.0.1', port }, mss: 1333 })
      expect((await another.request(GET)).json<Answer>().syn?.tcp.mss).toBe(1333)
      another.close()
    } finally {
      await server.stop()
      remove()
    }
  }, 60_000)
})
