/**
 * An engine in a process of another runtime: calls and answers go as lines of JSON through its pipes.
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '../../src/store/types.ts'
import type { OwnNeed } from '../lab/privilege.ts'
import { ROOT, runtimePath } from '../lab/server.ts'

/** A Node that runs TypeScript and has `node:sqlite`: that of PATH where it is new enough, else the one of `.ci/run`. */
function nodePath(): string | undefined {
  const installed = join(ROOT, '.cache/node24/node_modules/node/bin/node')
  for (const path of [Bun.which('node'), installed]) {
    if (path === null || !existsSync(path)) continue
    const version = /^v(\d+)/.exec(Bun.spawnSync([path, '--version']).stdout.toString())?.[1]
    if (Number(version) >= 24) return path
  }
  return undefined
}

const node = nodePath()

/** Node 24 or newer. */
export const NODE_WITH_SQLITE: OwnNeed = {
  reason:
    node === undefined
      ? 'no Node 24 or newer in PATH or .cache/node24: npm install --prefix .cache/node24 node@24'
      : undefined,
}

/** What starts a script on a runtime. */
export function runtimeArguments(runtime: 'deno' | 'node'): string[] {
  return runtime === 'node' ? [node!, '--no-warnings'] : [runtimePath('deno'), 'run', '-A', '--no-lock', '--quiet']
}

/** SQLite in memory on another runtime. */
export async function openElsewhere(runtime: 'deno' | 'node'): Promise<Engine> {
  const child = Bun.spawn([...runtimeArguments(runtime), join(import.meta.dir, 'engine-process.ts')], {
    cwd: ROOT,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const waiting: PromiseWithResolvers<unknown>[] = []
  void (async () => {
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        const { value, error } = JSON.parse(line) as { value?: unknown; error?: string }
        const call = waiting.shift()!
        if (error === undefined) call.resolve(value)
        else call.reject(new Error(error))
      }
    }
    for (const call of waiting) call.reject(new Error('The process of the engine has ended'))
  })()
  const call = (method: string, ...values: unknown[]): Promise<never> => {
    const answer = Promise.withResolvers<unknown>()
    waiting.push(answer)
    child.stdin.write(`${JSON.stringify({ method, values })}\n`)
    child.stdin.flush()
    return answer.promise as Promise<never>
  }
  return {
    batch: { rows: 200, milliseconds: 1000 },
    write: (batch) => call('write', batch),
    hosts: (place, since) => call('hosts', place, since),
    stacks: (account, since) => call('stacks', account, since),
    labels: (since) => call('labels', since),
    labelsByDay: (since) => call('labelsByDay', since),
    forget: (subject) => call('forget', subject),
    expire: (observations, daily) => call('expire', observations, daily),
    close: async () => {
      await call('close')
      await child.stdin.end()
      await child.exited
    },
  }
}
