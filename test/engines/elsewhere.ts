/**
 * An engine in a process of another runtime: calls and answers go as lines of JSON through its pipes.
 * @module
 */
import { join } from 'node:path'
import type { Engine } from '../../src/store/types.ts'
import { NODES, type NodeRelease } from '../lab/nodes.ts'
import { ROOT, runtimePath } from '../lab/server.ts'

/** A Node that runs TypeScript and has `node:sqlite` without a flag. */
export const NODE_WITH_SQLITE: NodeRelease = NODES.find(({ name }) => name.startsWith('Node 24'))!

/** What starts a script on a runtime. */
export function runtimeArguments(runtime: 'deno' | 'node'): string[] {
  return runtime === 'node'
    ? [NODE_WITH_SQLITE.path, '--no-warnings']
    : [runtimePath('deno'), 'run', '-A', '--no-lock', '--quiet']
}

/** SQLite on another runtime. */
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
