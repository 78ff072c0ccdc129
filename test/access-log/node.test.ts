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

  for (const SERVER of ['@hono/node-server', 'node-server-1'])
    needs('linux', node).test(
      `${node.name}: an answer leaves ${SERVER} as it would without a log`,
      async () => {
        await using server = await startNode(node, undefined, { SERVER }, { script: 'node-log.mjs' })
        const bare = Number(/bare (\d+)/.exec(server.stdout())![1])
        for (const path of [...PATHS, 'set/text', 'set/null', 'image']) {
          const [logged, plain] = await Promise.all(
            [server.port, bare].map(async (port) => {
              const answer = await fetch(`http://127.0.0.1:${port}/${path}`)
              // A counted stream that ends at once gets a length in place of chunks.
              const fields = [...answer.headers].filter(
                ([name]) => !['date', 'content-length', 'transfer-encoding'].includes(name),
              )
              return { path, status: answer.status, fields, text: await answer.text() }
            }),
          )
          expect(logged).toEqual(plain!)
        }
      },
      30_000,
    )
}
