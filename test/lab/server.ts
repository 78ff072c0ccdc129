/**
 * Starts a server script in a process of its own, in a namespace or outside, and ends it without a trace.
 *
 * @example
 * const server = await startServer(ns, 'src/cli.ts', {}, { arguments: ['serve', '--host', '::', '--port', '8080'] })
 * try { ... server.port ... } finally { await server.stop() }
 * @module
 */
import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { atEnd } from '../support/temporary.ts'
import { endOf } from '../support/wait.ts'
import type { Netns, NetnsProcess } from './netns.ts'

/** The checkout: relative script paths start here, and the server's working directory is this. */
export const ROOT: string = resolve(import.meta.dir, '../..')

/** The pinned runtimes; `bun` is the one that runs the tests. */
export type Runtime = 'bun' | 'deno'

/** Path of a runtime's own binary, so that a process id is the server's and not a launcher's. */
export function runtimePath(runtime: Runtime): string {
  return runtime === 'bun' ? process.execPath : realpathSync(resolve(ROOT, 'node_modules/.bin/deno'))
}

/** The checkout's command on a runtime: what stands before its own arguments. */
export function commandOf(runtime: Runtime): readonly string[] {
  return [runtimePath(runtime), ...(runtime === 'deno' ? ['run', '-A', '--no-lock'] : []), 'src/cli.ts']
}

/** How to start and recognise a server. */
export interface ServerOptions {
  readonly runtime?: Runtime
  /** In place of a runtime: path of the program that runs the script. */
  readonly program?: string
  /** Before the script, e.g. `['run', '--allow-net', '--allow-ffi']` for Deno. Default: none for Bun, `['run', '-A']` for Deno. */
  readonly runtimeArguments?: readonly string[]
  /** After the script. */
  readonly arguments?: readonly string[]
  /**
   * Found in the output when the server is up; its first matched group is the port.
   * Default: `listening ... PORT` at the end of a line, or the first URL with a port.
   */
  readonly ready?: RegExp
  /** How long to wait for that. Default 20,000. */
  readonly startMilliseconds?: number
}

/** A running server. */
export interface TestServer {
  readonly pid: number
  readonly port: number
  /** The last 1 MiB of the output so far. */
  stdout(): string
  stderr(): string
  /** True while it runs. */
  running(): boolean
  /** Sends the signal (default SIGTERM; SIGKILL follows after 3 s), waits, and gives the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number>
  [Symbol.asyncDispose](): Promise<void>
}

const READY = /listening\b[^\n]*?(\d+)[^\d\n]*\n|https?:\/\/[^\s/]*?:(\d+)/i
const KEEP = 1 << 20

const started = new Set<NetnsProcess>()
let watching = false
function killStarted(): void {
  for (const child of started) child.kill('SIGKILL')
}
function watchExit(): void {
  atEnd(killStarted)
  if (watching) return
  watching = true
  process.on('exit', killStarted)
}

async function collect(stream: ReadableStream<Uint8Array>, onText: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) onText(decoder.decode(chunk, { stream: true }))
}

/**
 * Starts `script` with the given environment added to ours and waits until it says that it listens.
 *
 * `netns` `undefined` starts it outside of any namespace.
 * @throws {Error} with the output so far, when it ends or stays silent instead; nothing is left running then
 */
export async function startServer(
  netns: Netns | undefined,
  script: string,
  env: Readonly<Record<string, string>> = {},
  options: ServerOptions = {},
): Promise<TestServer> {
  const { runtime = 'bun', ready = READY, startMilliseconds = 20_000 } = options
  const before = options.runtimeArguments ?? (runtime === 'deno' ? ['run', '-A'] : [])
  const argv = [options.program ?? runtimePath(runtime), ...before, resolve(ROOT, script), ...(options.arguments ?? [])]
  let child: NetnsProcess
  if (netns !== undefined) child = netns.spawn(argv, env, ROOT)
  else {
    watchExit()
    child = Bun.spawn(argv, {
      env: { ...process.env, ...env },
      cwd: ROOT,
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    started.add(child)
  }
  let stdout = ''
  let stderr = ''
  let port: number | undefined
  const up = Promise.withResolvers<void>()
  const outputs = Promise.all([
    collect(child.stdout, (text) => {
      stdout = (stdout + text).slice(-KEEP)
      if (port !== undefined) return
      const found = ready.exec(stdout)
      if (found === null) return
      port = Number(found[1] ?? found[2])
      up.resolve()
    }),
    collect(child.stderr, (text) => {
      stderr = (stderr + text).slice(-KEEP)
    }),
  ]).catch(() => {})
  child.exited.then((code) => {
    started.delete(child)
    up.reject(new Error(`it ended with exit code ${code}`))
  })
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number> => {
    const code = await endOf(child, signal)
    // A grandchild that holds the pipes must not hold the test.
    await Promise.race([outputs, Bun.sleep(500)])
    return code
  }
  const limit = setTimeout(() => up.reject(new Error(`it was silent for ${startMilliseconds} ms`)), startMilliseconds)
  try {
    await up.promise
  } catch (error) {
    await stop('SIGKILL')
    throw new Error(`Cannot start "${script}": ${(error as Error).message}\n${stdout}${stderr}`)
  } finally {
    clearTimeout(limit)
  }
  return {
    pid: child.pid,
    port: port ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    running: () => child.exitCode === null && child.signalCode === null,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
    },
  }
}
