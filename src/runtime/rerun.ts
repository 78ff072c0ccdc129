/**
 * The same program again under Bun or Deno, where it was started under a Node that has no way to libc.
 *
 * The command's first line names Node, because npm, npx and bunx all follow it: `bunx tcpfingerprint doctor` runs under Node where
 * Node is installed.
 * @module
 */
import { isLibc } from '../../ffi/libc.ts'
import { currentRuntime } from './current.ts'
import type { FileSystem } from './files.ts'
import { processGlobal } from './globals.ts'

/** A runtime that was found. */
interface Found {
  readonly name: 'Bun' | 'Deno'
  readonly path: string
}

function inPath(program: string, { accessSync, constants, statSync }: FileSystem): string | undefined {
  for (const directory of (processGlobal()?.env.PATH ?? '').split(':').filter((one) => one.startsWith('/'))) {
    const path = `${directory}/${program}`
    try {
      accessSync(path, constants.X_OK)
      if (statSync(path).isFile()) return path
    } catch {
      // Not there, or not for this user.
    }
  }
  return undefined
}

function find(files: FileSystem): Found | undefined {
  const bun = inPath('bun', files)
  if (bun !== undefined) return { name: 'Bun', path: bun }
  const deno = inPath('deno', files)
  return deno === undefined ? undefined : { name: 'Deno', path: deno }
}

/**
 * Runs this program with its arguments under the first of Bun and Deno that PATH has, on this process's terminal, and passes signals
 * on. `announce` gets the runtime's name and path first. The exit code; `undefined` where PATH has neither, or Node may start no program.
 */
async function rerunElsewhere(announce: (name: string, path: string) => void): Promise<number | undefined> {
  const host = processGlobal()
  const files = await import('node:fs')
  const { spawn } = await import('node:child_process')
  const found = find(files)
  const script = host?.argv[1]
  if (host === undefined || found === undefined || script === undefined) return undefined
  if (host.permission?.has('child') === false) return undefined // Node's permission model
  announce(found.name, found.path)
  const before = found.name === 'Deno' ? ['run', '-A', '--no-lock'] : []
  const child = spawn(found.path, [...before, files.realpathSync(script), ...host.argv.slice(2)], { stdio: 'inherit' })
  const passed = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
  const listeners = passed.map((signal) => [signal, () => child.kill(signal)] as const)
  for (const [signal, pass] of listeners) host.on(signal, pass)
  return await new Promise<number | undefined>((resolve) => {
    child.on('error', () => resolve(undefined))
    child.on('exit', (code) => resolve(code ?? 1))
  }).finally(() => {
    for (const [signal, pass] of listeners) host.off(signal, pass)
  })
}

/** {@link rerunElsewhere} under a Node that cannot capture; `undefined` under one that can, and under Bun and Deno. */
export async function rerunWhereBlind(announce: (name: string, path: string) => void): Promise<number | undefined> {
  const { name, platform, openLibc } = currentRuntime()
  if (name !== 'node' || platform !== 'linux' || isLibc(openLibc())) return undefined
  return await rerunElsewhere(announce)
}
