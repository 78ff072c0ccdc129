import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { NODES } from '../lab/nodes.ts'
import { needs } from '../lab/privilege.ts'
import { connectKernel } from '../lab/raw-client.ts'
import { ROOT, startServer } from '../lab/server.ts'
import { type Packed, pack, run } from './packed.ts'

const MODULES = join(ROOT, 'node_modules')

/** Copies packages of the checkout, and what they depend on, into a project. */
function add(project: string, ...names: readonly string[]): void {
  const copied = new Set<string>()
  const copy = (name: string, from: string, to: string): void => {
    // A dependency lies beside the package that wants it, or below it.
    const nested = join(from, 'node_modules', name)
    const source = existsSync(nested) ? nested : join(MODULES, name)
    const target = existsSync(nested) ? join(to, 'node_modules', name) : join(project, 'node_modules', name)
    if (copied.has(target) || !existsSync(source)) return
    copied.add(target)
    if (!existsSync(target)) {
      mkdirSync(dirname(target), { recursive: true })
      cpSync(source, target, { recursive: true })
    }
    const { dependencies = {} } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>
    }
    for (const dependency of Object.keys(dependencies)) copy(dependency, source, target)
  }
  for (const name of names) copy(name, MODULES, project)
}

const example = (name: string): string => readFileSync(join(ROOT, 'test/examples', name), 'utf8')

interface Project {
  readonly script: string
  readonly packages: readonly string[]
  readonly types: string
  readonly lib?: readonly string[]
}

/** The guide's applications, and the packages that a user installs for each. */
const PROJECTS: Readonly<Record<string, Project>> = {
  express: {
    script: 'express.mjs',
    packages: ['express', '@types/express', '@types/node'],
    types: `
import express from 'express'
import { createFingerprinter, type Fingerprint, type NodeFingerprinter } from 'tcpfingerprint/node'

const fp: NodeFingerprinter = createFingerprinter({ skip: (request) => request.url === '/healthz' })
export const app = express().get('/', (req, res) => {
  const found: Fingerprint = fp.fromNode(req)
  res.json({ mss: found.syn?.tcp.mss, env: fp.env(found) })
})
// @ts-expect-error there is no such option
createFingerprinter({ tcpinfo: 'off' })
`,
  },
  fastify: {
    script: 'fastify.mjs',
    packages: ['fastify', '@types/node'],
    types: `
import fastify from 'fastify'
import { createFingerprinter, type Fingerprint } from 'tcpfingerprint/node'

const fp = createFingerprinter()
const app = fastify()
app.get('/', (request): Fingerprint => fp.fromNode(request.raw))
app.get('/whole', (request) => ({ mss: fp.fromNode(request).syn?.tcp.mss }))
`,
  },
  hono: {
    script: 'hono-node.mjs',
    packages: ['hono', '@hono/node-server', '@types/node'],
    // Hono's own declarations want those of a browser.
    lib: ['ES2023', 'DOM', 'DOM.Iterable'],
    types: `
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { accessLog, cgi, fingerprint, inspector, type Status } from 'tcpfingerprint/node'

const middleware = fingerprint({ tcpInfo: 'connection', trustedHeader: { kind: 'address', header: 'X-Real-IP', from: ['unix'] } })
const app = new Hono()
  .use(accessLog(), middleware)
  .get('/', (c) => c.json({ mss: c.var.fingerprint.syn?.tcp.mss, source: c.var.fingerprintEnv.FINGERPRINT_SOURCE }))
  .get('/page', inspector())
  .all('/cgi-bin/*', cgi({ root: '/usr/lib/cgi-bin', prefix: '/cgi-bin' }))
export const status: Status = middleware.fingerprinter.status()
serve({ fetch: app.fetch, port: 3000 })
`,
  },
}

const tsconfig = (lib: readonly string[]): string =>
  JSON.stringify({
    compilerOptions: {
      module: 'NodeNext',
      target: 'ES2023',
      lib,
      types: ['node'],
      strict: true,
      skipLibCheck: false,
      noEmit: true,
    },
    files: ['types.ts'],
  })

describe('npm pack in an empty project of Node', () => {
  let packed: Packed
  const projects = new Map<string, string>()
  beforeAll(async () => {
    packed = await pack()
    for (const [name, { script, packages, types, lib = ['ES2023'] }] of Object.entries(PROJECTS)) {
      const files = { [script]: example(script), 'types.ts': types, 'tsconfig.json': tsconfig(lib) }
      const project = await packed.project(name, files)
      if (!packages.includes('hono')) rmSync(join(project, 'node_modules/hono'), { recursive: true })
      add(project, ...packages)
      // Its builds for twenty platforms are not copied.
      symlinkSync(join(MODULES, 'koffi'), join(project, 'node_modules/koffi'))
      projects.set(name, project)
    }
  }, 120_000)
  afterAll(() => packed?.remove())

  for (const name of Object.keys(PROJECTS)) {
    test(`${name}: strict types pass, declarations included, without those of Bun`, async () => {
      const project = projects.get(name)!
      expect(existsSync(join(project, 'node_modules/@types/bun'))).toBe(false)
      expect(existsSync(join(project, 'node_modules/bun-types'))).toBe(false)
      const { code, stdout, stderr } = await run([join(MODULES, '.bin/tsc'), '-p', '.'], project)
      expect(code, stdout + stderr).toBe(0)
    }, 60_000)
  }

  for (const node of NODES) {
    needs(node, 'linux').describe(node.name, () => {
      /** What a script of a project answers a connection with this MSS. */
      async function mssSeen(project: string, script: string, argv: readonly string[], path: string): Promise<number> {
        const options = { program: node.path, arguments: argv }
        const server = await startServer(
          undefined,
          join(project, script),
          { PORT: '0', NODE_NO_WARNINGS: '1' },
          options,
        )
        try {
          const client = await connectKernel({ destination: { address: '127.0.0.1', port: server.port }, mss: 1423 })
          const answer = await client.request(`GET ${path} HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n`)
          client.close()
          expect(server.stderr()).toBe('')
          return answer.json<{ syn: { tcp: { mss: number } } }>().syn.tcp.mss
        } finally {
          await server.stop()
        }
      }

      for (const [name, { script }] of Object.entries(PROJECTS)) {
        test(`${name}: the guide's application answers with the SYN of its connection`, async () => {
          expect(await mssSeen(projects.get(name)!, script, [], '/')).toBe(1423)
        }, 30_000)
      }

      test('the command serves, and says what is missing', async () => {
        const serve = ['serve', '--host', '127.0.0.1', '--port', '0']
        const command = 'node_modules/.bin/tcpfingerprint'
        expect(await mssSeen(projects.get('hono')!, command, serve, '/json')).toBe(1423)
        const argv = [node.path, command, ...serve]
        const { code, stderr } = await run(argv, projects.get('express')!, { PATH: '/nowhere' })
        expect(stderr).toContain('npm install tcpfingerprint @hono/node-server koffi')
        expect(code).toBe(1)
      }, 30_000)
    })
  }
})
