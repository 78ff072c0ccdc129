/**
 * Processes on Deno, for CGI. Needs `--allow-run`; with a list of programs in it, what a script starts is not stopped with it.
 * @module
 */

import { signalGroup } from './process-group.ts'
import type { Child, SpawnOptions } from './processes.ts'

/** What is used of Deno. */
interface DenoCommand {
  readonly Command: new (
    program: string,
    options: {
      args: string[]
      cwd: string
      env: Record<string, string>
      clearEnv: true
      stdin: 'piped' | 'null'
      stdout: 'piped'
      stderr: 'piped'
      detached: true
    },
  ) => {
    spawn(): {
      readonly pid: number
      readonly stdin: WritableStream<Uint8Array>
      readonly stdout: ReadableStream<Uint8Array>
      readonly stderr: ReadableStream<Uint8Array>
      readonly status: Promise<unknown>
      kill(signal: 'SIGTERM' | 'SIGKILL'): void
    }
  }
  readonly permissions: { querySync(one: { name: 'run' }): { readonly state: string } }
}

/** `Deno.Command` with an environment of nothing but what is given, and a process group of its own. */
export function spawnDeno(options: SpawnOptions): Child {
  const { Deno } = globalThis as unknown as { Deno: DenoCommand }
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
  // A script that does not read its input is not at fault.
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
      // Only who may run everything may signal groups; who has started a child may signal that.
      try {
        if (name !== 0) child.kill(name)
        return running
      } catch {
        return false
      }
    },
  }
}
