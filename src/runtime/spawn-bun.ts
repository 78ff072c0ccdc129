/**
 * Programs on Bun.
 * @module
 */
import { bunGlobal } from './globals.ts'
import { signalGroup } from './signal-group.ts'
import type { Child, SpawnOptions } from './types.ts'

/** `Bun.spawn` with output that is read on demand: its default reads everything into memory at once. */
export function spawnBun(options: SpawnOptions): Child {
  const child = bunGlobal()!.spawn({
    cmd: [...options.command],
    cwd: options.cwd,
    env: { ...options.env },
    stdin: options.stdin ?? 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    lazy: true,
    // A process group of its own, so that what the program starts can be stopped with it.
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
