/**
 * The runtime of this process.
 * @module
 */
import { bun } from './bun.ts'
import { deno } from './deno.ts'
import { bunGlobal, denoGlobal } from './globals.ts'
import { node } from './node.ts'
import type { Runtime, RuntimeName } from './types.ts'

/** Bun, Deno or Node. */
export function currentRuntime(): Runtime {
  if (bunGlobal() !== undefined) return bun
  return denoGlobal() !== undefined ? deno : node
}

/** Each for its own entry. */
const servers: Readonly<Record<RuntimeName, Runtime>> = { bun, deno, node }
const titles: Readonly<Record<RuntimeName, string>> = { bun: 'Bun', deno: 'Deno', node: 'Node' }

/**
 * The runtime that an entry is for. On another one nothing is captured: requests have the reason `unsupported`, and the message
 * names the entry to import.
 */
export function runtimeFor(entry: RuntimeName): Runtime {
  const { name } = currentRuntime()
  if (name === entry) return servers[entry]
  const message = `this is ${titles[name]}: import "tcpfingerprint/${name}"`
  const answers: Partial<Runtime> = {
    misplaced: true,
    openLibc: () => ({ reason: 'unsupported', message }),
    // Node gives neither a server nor an info with a request, and its entry finds no request of Node's elsewhere: these would look like
    // requests without a connection.
    ...(name === 'node' || entry === 'node' ? { peerOf: () => 'unsupported' as const } : undefined),
  }
  return Object.assign(Object.create(servers[entry]) as Runtime, answers)
}
