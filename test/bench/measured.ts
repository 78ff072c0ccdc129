/**
 * The servers of benchmarks that measure any runtime: `RUNTIME` is `bun`, the default, or `node-20`, `node-24`, `node-26`.
 * @module
 */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { NODES, type NodeRelease, nodeProject, startNode } from '../lab/nodes.ts'
import { startServer, type TestServer } from '../lab/server.ts'

/** The releases of Node that `RUNTIME` names: one, or all with `node`. None where it names another runtime. */
export function chosenNodes(runtime: string = process.env.RUNTIME ?? 'bun'): readonly NodeRelease[] {
  if (!runtime.startsWith('node')) return []
  const found = NODES.filter(({ name }) => runtime === 'node' || name.startsWith(runtime.replace('node-', 'Node ')))
  if (found.length === 0) throw new Error(`There is no ${runtime}: RUNTIME is bun, node, node-20, node-24 or node-26`)
  return found
}

/** The runtime that is measured, for reports. */
export function runtimeName(): string {
  return chosenNodes()[0]?.name ?? 'Bun'
}

/** Starts a script of this directory on a release. */
export async function startOnNode(node: NodeRelease, script: string, ...argv: string[]): Promise<TestServer> {
  cpSync(join(import.meta.dir, script), join(await nodeProject(), script))
  return startNode(node, undefined, {}, { script, runtimeArguments: ['--expose-gc'], arguments: argv })
}

/** Starts `NAME.ts` on Bun, or its twin `node-NAME.mjs` on the release of Node that `RUNTIME` names. */
export function startMeasured(name: string, ...argv: string[]): Promise<TestServer> {
  const [node] = chosenNodes()
  if (node !== undefined) return startOnNode(node, `node-${name}.mjs`, ...argv)
  return startServer(undefined, join('test/bench', `${name}.ts`), {}, { arguments: argv })
}
