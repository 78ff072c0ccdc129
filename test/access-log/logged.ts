/**
 * Apps that log, their servers and their lines, each undone after the test.
 * @module
 */

import { afterEach } from 'bun:test'
import { Hono } from 'hono'
import { accessLog } from '../../src/access-log/hono.ts'
import { type Runtime, startServer, type TestServer } from '../lab/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { until } from '../support/wait.ts'

/** What is to be undone after the test. To be called once in each file. */
export function undoAfterEach(): (() => void)[] {
  afterEach(() => {
    for (const step of undo.splice(0).reverse()) step()
  })
  return undo
}
const undo: (() => void)[] = []

export function directory(): string {
  const { path, remove } = temporaryDirectory()
  undo.push(remove)
  return path
}

export function serve(
  fetch: (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>,
): string {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch })
  undo.push(() => void server.stop(true))
  return `http://127.0.0.1:${server.port}`
}

/** The server of `servers/bodies.ts` on a runtime. */
export function startBodies(runtime: Runtime): Promise<TestServer> {
  const runtimeArguments = runtime === 'deno' ? ['run', '-A', '--no-lock', '--no-check'] : []
  const options = { runtime, ready: /listening (\d+)/, runtimeArguments }
  return startServer(undefined, 'test/access-log/servers/bodies.ts', {}, options)
}

/** An app that logs into an array. */
export function logged(options: Parameters<typeof accessLog>[0] = {}): { app: Hono; lines: string[] } {
  const lines: string[] = []
  const app = new Hono()
  app.use(accessLog({ write: (line) => void lines.push(line), ...options }))
  return { app, lines }
}

/** The lines that came since the last call; waits for one. */
export async function lineOf(lines: string[]): Promise<string> {
  await until('a line', () => lines.length > 0, 5_000)
  return lines.splice(0).join('\n')
}
