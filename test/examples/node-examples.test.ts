import { expect, test } from 'bun:test'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NODES, nodeProject, startNode } from '../lab/nodes.ts'
import { needs } from '../lab/privilege.ts'
import { connectKernel } from '../lab/raw-client.ts'
import { ROOT } from '../lab/server.ts'

/** Other `.mjs` files are for Bun. */
const isForNode = (name: string): boolean =>
  name.endsWith('.mjs') && readFileSync(join(import.meta.dir, name), 'utf8').includes("'tcpfingerprint/node'")
const EXAMPLES = readdirSync(import.meta.dir).filter(isForNode)
const GUIDE = readFileSync(join(ROOT, 'src/GUIDE.md'), 'utf8')

for (const node of NODES)
  needs(node, 'linux').describe(node.name, () => {
    for (const script of EXAMPLES) {
      test(`${script} answers with the fingerprint of its connection`, async () => {
        cpSync(join(import.meta.dir, script), join(await nodeProject(), script))
        const server = await startNode(node, undefined, { PORT: '0' }, { script })
        try {
          const client = await connectKernel({ destination: { address: '127.0.0.1', port: server.port }, mss: 1400 })
          const answer = (await client.request('GET / HTTP/1.1\r\nHost: node\r\n\r\n')).json()
          client.close()
          expect(answer).toMatchObject({ available: true, connection: { request: 1 }, syn: { tcp: { mss: 1400 } } })
        } finally {
          await server.stop()
        }
      })
    }
  })

test('the guide shows the examples as they are, or names them', () => {
  for (const script of EXAMPLES) {
    const isNamed = GUIDE.includes(`\`test/examples/${script}\` of the repository`)
    if (!isNamed) expect(GUIDE).toContain(readFileSync(join(import.meta.dir, script), 'utf8').trim())
  }
})
