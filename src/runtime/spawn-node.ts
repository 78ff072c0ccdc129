/**
 * Programs on Node, through `node:child_process`.
 * @module
 */
import { processGlobal } from './globals.ts'
import { signalGroup } from './signal-group.ts'
import type { Child, SpawnOptions } from './types.ts'

/** `node:child_process` with an environment of nothing but what is given, and a process group of its own. */
export function spawnNode(options: SpawnOptions): Child {
  const host = processGlobal()!
  const { spawn } = host.getBuiltinModule!('node:child_process') as typeof import('node:child_process')
  const { Readable, Writable } = host.getBuiltinModule!('node:stream') as typeof import('node:stream')
  const fs = host.getBuiltinModule!('node:fs') as typeof import('node:fs')
  const [program, ...args] = options.command
  // Node reports a program that cannot be started later, as an event; the caller wants it now, with its code.
  if (program.includes('/')) fs.accessSync(program, fs.constants.X_OK)
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const exited = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })
  if (child.stdin !== null) {
    // A program that does not read its input is not at fault.
    options.stdin?.pipeTo(Writable.toWeb(child.stdin) as WritableStream<Uint8Array>).catch(() => {})
  }
  const { pid } = child
  if (pid === undefined) throw Object.assign(new Error(`Cannot start "${program}"`), { code: 'EAGAIN' })
  return {
    pid,
    stdout: Readable.toWeb(child.stdout!) as unknown as ReadableStream<Uint8Array>,
    stderr: Readable.toWeb(child.stderr!) as unknown as ReadableStream<Uint8Array>,
    exited,
    signal: (name) => signalGroup(pid, name),
  }
}
