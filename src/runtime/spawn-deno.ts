/**
 * Programs on Deno. Needs `--allow-run`. With a list of programs in that flag, what a program starts is not stopped with it.
 * @module
 */
import { denoGlobal } from './globals.ts'
import { signalGroup } from './signal-group.ts'
import type { Child, SpawnOptions } from './types.ts'

/** `Deno.Command` with an environment of nothing but what is given, and a process group of its own. */
export function spawnDeno(options: SpawnOptions): Child {
  const Deno = denoGlobal()!
  const [program, ...args] = options.command
  const child = new Deno.Command(program, {
    args,
    cwd: options.cwd,
    env: { ...options.env },
    clearEnv: true,
    stdin: options.stdin === undefined ? 'null' : 'piped',
    stdout: 'piped',
    stderr: 'piped',
    detached: true,
  }).spawn()
  // A program that does not read its input is not at fault.
  options.stdin?.pipeTo(child.stdin).catch(() => {})
  let running = true
  const exited = child.status
    .catch(() => undefined)
    .then(() => {
      running = false
    })
  return {
    pid: child.pid,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    signal(name) {
      if (Deno.permissions.querySync({ name: 'run' }).state === 'granted') return signalGroup(child.pid, name)
      // Deno signals groups only with permission to run everything; its own child it signals always.
      try {
        if (name !== 0) child.kill(name)
        return running
      } catch {
        return false
      }
    },
  }
}
