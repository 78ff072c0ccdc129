import { expect } from 'bun:test'
import { NODES, startNode } from '../lab/nodes.ts'
import { needs } from '../lab/privilege.ts'
import { until } from '../support/wait.ts'

const PATHS = [
  'text',
  'bytes',
  'view',
  'blob',
  'form',
  'stream',
  'none',
  'html',
  'octets',
  'late',
  'no-content',
  'long',
  'slow',
  'missing',
]

for (const node of NODES) {
  needs('linux', node).test(
    `${node.name}: %{Content-Type}o and %{Content-Length}o are what the client receives`,
    async () => {
      await using server = await startNode(node, undefined, {}, { script: 'node-log.mjs' })
      const received: string[] = []
      for (const path of PATHS) {
        // A HEAD for a DataView is answered without the type that a GET has (@hono/node-server 2.0).
        for (const method of path === 'view' ? ['GET'] : ['GET', 'HEAD']) {
          const answer = await fetch(`http://127.0.0.1:${server.port}/${path}`, { method })
          const type = answer.headers.get('content-type')?.replace(/\s*;.*/, '') ?? '-'
          const length = answer.headers.get('content-length') ?? '-'
          received.push(`${method} /${path} ${type} ${length} ${(await answer.bytes()).length}`)
        }
      }
      const logged = (): string[] => server.stdout().split('\n').slice(1, -1)
      await until('the log', () => logged().length >= received.length)
      expect(logged()).toEqual(received)
    },
    30_000,
  )
}
