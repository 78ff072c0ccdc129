/**
 * The same test server on either runtime, so that one test says what both must do.
 *
 * @example
 * for (const runtime of RUNTIMES) {
 *   describe(`on ${runtime}`, () => { const server = await startJsonServer(runtime, ns, { TLS: '1' }) ... })
 * }
 * @module
 */
import type { Netns } from './netns.ts'
import { type Runtime, startServer, type TestServer } from './server.ts'

/** Every runtime that serves. */
export const RUNTIMES: readonly Runtime[] = ['bun', 'deno']

/** Deno with the permissions that the README asks for, and nothing written beside the checkout. */
export const DENO_ARGUMENTS: readonly string[] = ['--no-lock', '--no-prompt', '--allow-net', '--allow-ffi']

/** Starts `json-server.ts` or its twin for Deno with the variables that they read. */
export function startJsonServer(
  runtime: Runtime,
  ns: Netns | undefined,
  variables: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  if (runtime === 'bun') return startServer(ns, 'test/lab/json-server.ts', variables)
  return startServer(
    ns,
    'test/runtime/servers/deno-json.ts',
    {},
    {
      runtime,
      runtimeArguments: ['run', ...DENO_ARGUMENTS],
      // As arguments: reading the environment would need another permission.
      arguments: Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    },
  )
}
