import { expect } from 'bun:test'
import { join } from 'node:path'
import { needs } from '../lab/privilege.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const NODE = Bun.which('node')
const ROOT = join(import.meta.dir, '../..')
const { path: directory, remove } = temporaryDirectory()

/** What a script prints on Node, bundled as the package is. */
async function onNode(script: string): Promise<unknown> {
  const entry = join(directory, 'script.ts')
  await Bun.write(entry, script.replaceAll('ROOT', ROOT))
  const { outputs } = await Bun.build({ entrypoints: [entry], target: 'node', outdir: directory, naming: '[name].mjs' })
  const child = Bun.spawnSync([NODE!, outputs[0]!.path])
  remove()
  expect(child.stderr.toString()).toBe('')
  return JSON.parse(child.stdout.toString())
}

needs({ reason: NODE === null ? 'no node' : undefined }).test(
  'on Node the entries for Bun and Deno serve requests, say "unsupported" and name the entry to import',
  async () => {
    const found = await onNode(`
      import { Hono } from 'ROOT/node_modules/hono/dist/index.js'
      import * as bun from 'ROOT/src/bun.ts'
      import * as deno from 'ROOT/src/deno.ts'
      const told = []
      const answers = []
      for (const { fingerprint, createFingerprinter } of [bun, deno]) {
        const app = new Hono().use(fingerprint({ onError: ({ message }) => told.push(message) }))
        app.get('/', (c) => c.json({ ...c.var.fingerprint.toJSON(), env: c.var.fingerprintEnv }))
        for (const env of [undefined, {}, { incoming: {}, outgoing: {} }]) answers.push(await (await app.request('/', {}, env)).json())
        createFingerprinter({ onError() {} }).arm()
      }
      const scripts = bun.createCgi({ command: ['/bin/sh', '-c', 'printf "Content-Type: text/plain\\\\n\\\\n"; cat'] })
      const body = await (await scripts(new Request('http://x/', { method: 'POST', body: 'from node' }))).text()
      await scripts.close()
      console.log(JSON.stringify({ told, answers, body }))
    `)
    const message = 'Cannot capture connections: this is Node: import "tcpfingerprint/node"'
    const missing = {
      available: false,
      source: 'none',
      reason: 'unsupported',
      timing: {},
      env: { FINGERPRINT_SOURCE: 'none', FINGERPRINT_REASON: 'unsupported' },
    }
    expect(found).toEqual({ told: [message, message], answers: Array(6).fill(missing), body: 'from node' })
  },
  30_000,
)
