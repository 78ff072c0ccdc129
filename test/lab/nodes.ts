/**
 * The releases of Node that servers are tried on, and a project for them: the package as it is bundled from this checkout, beside the
 * frameworks and koffi.
 *
 * @example
 * for (const node of NODES) needs(node).test(node.name, async () => { const server = await startNode(node, undefined, { FRAMEWORK: 'express' }) ... })
 * @module
 */
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { atEnd, temporaryDirectory } from '../support/temporary.ts'
import type { Netns } from './netns.ts'
import type { OwnNeed } from './privilege.ts'
import { ROOT, type ServerOptions, startServer, type TestServer } from './server.ts'

/** One release. */
export interface NodeRelease extends OwnNeed {
  readonly name: string
  /** The program. */
  readonly path: string
  /** How it gets to libc. */
  readonly libc: 'koffi' | 'node:ffi'
}

const ARCHITECTURE = process.arch

function release(major: string, libc: NodeRelease['libc']): NodeRelease {
  const path = join(ROOT, `.cache/node-${major}/node_modules/node-linux-${ARCHITECTURE}/bin/node`)
  const reason = existsSync(path) ? undefined : `no Node ${major}: run "sh .ci/nodes"`
  return { name: `Node ${major} with ${libc}`, path, libc, reason }
}

/** Oldest that is supported, a release without node:ffi, the newest with it. */
export const NODES: readonly NodeRelease[] = [release('20', 'koffi'), release('24', 'koffi'), release('26', 'node:ffi')]

let project: Promise<string> | undefined

/** A directory whose scripts find `tcpfingerprint` and the dependencies of this checkout; made once, gone with the tests. */
export function nodeProject(): Promise<string> {
  project ??= makeProject()
  return project
}

async function makeProject(): Promise<string> {
  const { path } = temporaryDirectory()
  atEnd(() => (project = undefined))
  const modules = join(path, 'node_modules')
  const own = join(modules, 'tcpfingerprint')
  mkdirSync(join(own, 'dist'), { recursive: true })
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.') && name !== 'bun' && name !== 'deno')
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  const { success, logs } = await Bun.build({
    entrypoints: ['bun', 'deno', 'node', 'cli', 'store/index'].map((name) => join(ROOT, `src/${name}.ts`)),
    external: ['hono', 'hono/*', 'koffi', '@hono/node-server'],
    target: 'node',
    outdir: join(own, 'dist'),
    // As `exports` of the manifest has them.
    root: join(ROOT, 'src'),
    splitting: true,
  })
  if (!success) throw new AggregateError(logs, 'Cannot bundle the package')
  writeFileSync(join(own, 'package.json'), JSON.stringify(manifest))
  writeFileSync(join(path, 'package.json'), '{"private":true,"type":"module"}')
  cpSync(join(ROOT, 'test/runtime/servers'), path, { recursive: true, filter: (from) => !/\.ts$/.test(from) })
  return path
}

/** Starts a script of `test/runtime/servers` on a release, `node-app.mjs` if no other. */
export async function startNode(
  node: NodeRelease,
  ns: Netns | undefined,
  variables: Readonly<Record<string, string>> = {},
  { script = 'node-app.mjs', ...options }: ServerOptions & { readonly script?: string } = {},
): Promise<TestServer> {
  const path = join(await nodeProject(), script)
  return startServer(ns, path, { NODE_NO_WARNINGS: '1', ...variables }, { program: node.path, ...options })
}
