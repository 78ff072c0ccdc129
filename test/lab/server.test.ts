import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { withNetns } from './netns.ts'
import { needs } from './privilege.ts'
import { connectKernel } from './raw-client.ts'
import { startServer } from './server.ts'

const SCRIPT = 'test/lab/fixture-server.ts'

test('startServer outside of a namespace: environment, output, stop', async () => {
  const server = await startServer(undefined, SCRIPT, { GREETING: 'good day' })
  expect(await (await fetch(`http://127.0.0.1:${server.port}/`)).text()).toBe('good day')
  expect(server.stdout()).toContain(`listening on 127.0.0.1:${server.port}`)
  expect(server.running()).toBe(true)
  await server.stop()
  expect(server.running()).toBe(false)
  expect(existsSync(`/proc/${server.pid}`)).toBe(false)
})

test('startServer says why a server did not come up', async () => {
  await expect(startServer(undefined, SCRIPT, { HOW: 'end' })).rejects.toThrow(/exit code 7[\s\S]*cannot start today/)
  await expect(startServer(undefined, SCRIPT, { HOW: 'silent' }, { startMilliseconds: 300 })).rejects.toThrow(
    'silent for 300 ms',
  )
})

test('a server that ignores SIGTERM is killed', async () => {
  const server = await startServer(undefined, SCRIPT, { HOW: 'ignore-term' })
  await server.stop()
  expect(existsSync(`/proc/${server.pid}`)).toBe(false)
})

needs('netns').test('startServer in a namespace: the process id is the server itself', async () => {
  await withNetns(async (ns) => {
    await using server = await startServer(ns, SCRIPT, { GREETING: 'inside' })
    const client = await connectKernel({ netns: ns, destination: { address: '127.0.0.1', port: server.port } })
    expect((await client.request('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).text()).toBe('inside')
    client.close()
    expect(ns.exec(['ip', 'netns', 'pids', ns.name]).stdout).toContain(String(server.pid))
  })
})
