/**
 * Processes on Bun, for CGI.
 * @module
 */

import { signalGroup } from './process-group.ts'
import type { Child, SpawnOptions } from './processes.ts'

/** What is used of Bun. */
interface BunSpawn {
  spawn(options: {
    cmd: string[]
    cwd: string
    env: Record<string, string>
    stdin: ReadableStream<Uint8Array> | 'ignore'
    stdout: 'pipe'
    stderr: 'pipe'
    lazy: true
    detached: true
  }): {
    readonly pid: number
    readonly stdout: ReadableStream<Uint8Array>
    readonly stderr: ReadableStream<Uint8Array>
    readonly exited: Promise<number>
  }
}

/** `Bun.spawn` with output that is read only when somebody asks: its default reads everything into memory at once. */
export function spawnBun(options: SpawnOptions): Child {
  const { Bun } = globalThis as unknown as { Bun: BunSpawn }
  const child = Bun.spawn({
    cmd: [...options.command],
    cwd: options.cwd,
    env: { ...options.env },
    stdin: options.stdin ?? 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    lazy: true,
    // A process group of its own, so that what the script starts can be stopped with it.
    detached: true,
  })
  return {
    pid: child.pid,
    stdout: child.stdout,
    stderr: child.stderr,
    exited: child.exited,
    signal: (name) => signalGroup(child.pid, name),
  }
}
