import { expect, test } from 'bun:test'
import type { Server } from 'node:http'
import { listenOnNode } from '../../src/runtime/node-listen.ts'

test('a connection that the kernel cannot accept ends no server', async () => {
  const running = await listenOnNode({ hostname: '127.0.0.1', port: 0 }, () => new Response('on'))
  try {
    const server = running.server as Server
    expect(() => server.emit('error', new Error('accept ENOMEM'))).not.toThrow()
    expect(await (await fetch(`http://127.0.0.1:${running.port}/`)).text()).toBe('on')
    await expect(
      listenOnNode({ hostname: '127.0.0.1', port: running.port }, () => new Response('on')),
    ).rejects.toThrow()
  } finally {
    await running.stop()
  }
})
