/**
 * The servers of benchmarks that measure any runtime: `RUNTIME` is `bun`, the default, or `node-20`, `node-24`, `node-26`; where the
 * benchmark says so, `deno`.
 * @module
 */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { Netns } from '../lab/netns.ts'
import { NODES, type NodeRelease, nodeProject, startNode } from '../lab/nodes.ts'
import { DENO_ARGUMENTS } from '../lab/runtimes.ts'
import { type ServerOptions, startServer, type TestServer } from '../lab/server.ts'

/** The releases of Node that `RUNTIME` names: one, or all with `node`. None where it names another runtime. */
export function chosenNodes(runtime: string = process.env.RUNTIME ?? 'bun'): readonly NodeRelease[] {
  if (!runtime.startsWith('node')) return []
  const found = NODES.filter(({ name }) => runtime === 'node' || name.startsWith(runtime.replace('node-', 'Node ')))
  if (found.length === 0) throw new Error(`There is no ${runtime}: RUNTIME is bun, node, node-20, node-24 or node-26`)
  return found
}

/** The runtime that is measured, for reports. */
export function runtimeName(): string {
  return chosenNodes()[0]?.name ?? (process.env.RUNTIME === 'deno' ? 'Deno' : 'Bun')
}

/** Starts a script of this directory on a release. */
export function startOnNode(node: NodeRelease, script: string, ...argv: string[]): Promise<TestServer> {
  return startOnNodeIn(undefined, node, script, argv)
}

async function startOnNodeIn(
  ns: Netns | undefined,
  node: NodeRelease,
  script: string,
  argv: readonly string[],
): Promise<TestServer> {
  cpSync(join(import.meta.dir, script), join(await nodeProject(), script))
  return startNode(node, ns, {}, { script, runtimeArguments: ['--expose-gc'], arguments: argv })
}

/** Starts `NAME.ts` on Bun, or its twin `node-NAME.mjs` on the release of Node that `RUNTIME` names. */
export function startMeasured(name: string, ...argv: string[]): Promise<TestServer> {
  return startMeasuredIn(undefined, name, ...argv)
}

/** The same in a network namespace; Deno runs `NAME.ts`. */
export function startMeasuredIn(ns: Netns | undefined, name: string, ...argv: string[]): Promise<TestServer> {
  const [node] = chosenNodes()
  if (node !== undefined) return startOnNodeIn(ns, node, `node-${name}.mjs`, argv)
  return startServer(ns, join('test/bench', `${name}.ts`), {}, { ...onBunOrDeno(), arguments: argv })
}

/** How a server is started on the runtime that `RUNTIME` names, where that is not Node. */
function onBunOrDeno(): Pick<ServerOptions, 'runtime' | 'runtimeArguments'> {
  return process.env.RUNTIME === 'deno' ? { runtime: 'deno', runtimeArguments: ['run', ...DENO_ARGUMENTS] } : {}
}

/** An application that answers with the fingerprints of clients behind a proxy of this namespace, through the option `packets`. */
export function startBehindProxy(ns: Netns): Promise<TestServer> {
  const trustedHeader = { header: 'X-Real-IP', portHeader: 'X-Real-Port', kind: 'address', from: ['127.0.0.1'] }
  const [node] = chosenNodes()
  if (node !== undefined)
    return startNode(node, ns, { OPTIONS: JSON.stringify({ packets: true, trustedHeader }), HOST: '127.0.0.1' })
  const argv = ['PACKETS=true', `TRUSTED=${JSON.stringify(trustedHeader)}`]
  return startServer(ns, 'test/proxy/servers/app.ts', {}, { ...onBunOrDeno(), arguments: argv })
}
