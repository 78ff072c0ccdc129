/**
 * The runtime of this process.
 * @module
 */
import { bun } from './bun.ts'
import { withoutSockets } from './common.ts'
import { deno } from './deno.ts'
import { bunGlobal, denoGlobal } from './globals.ts'
import { node } from './node.ts'
import type { Runtime, RuntimeName } from './types.ts'

/** Bun, Deno or Node. */
export function currentRuntime(): Runtime {
  if (bunGlobal() !== undefined) return bun
  return denoGlobal() !== undefined ? deno : node
}

/**
 * The runtime of this process, for the entry of `expected`. On another one, nothing is captured: requests have the reason
 * `unsupported`, and the message names the entry to import.
 */
export function runtimeFor(expected: RuntimeName): Runtime {
  const runtime = currentRuntime()
  if (runtime.name === expected) return runtime
  return withoutSockets(runtime, `this is ${titles[runtime.name]}: import "tcpfingerprint/${runtime.name}"`)
}

const titles: Readonly<Record<RuntimeName, string>> = { bun: 'Bun', deno: 'Deno', node: 'Node' }
