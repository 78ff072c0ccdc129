/**
 * Programs that tests start, and end by their own process id.
 * @module
 */
import { endOf } from '../support/wait.ts'

/** A running program. */
export interface Program {
  readonly pid: number
  readonly port: number
  /** SIGTERM, then SIGKILL after five seconds. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/**
 * Starts a program and waits until it prints what `ready` finds; the first group is its port.
 *
 * @throws {Error} with its output, where it ends or says nothing for 30 s
 */
export async function startProgram(argv: readonly string[], ready: RegExp, cwd: string = '/'): Promise<Program> {
  const child = Bun.spawn([...argv], { cwd, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  let output = ''
  const up = Promise.withResolvers<number>()
  const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) {
      output = (output + decoder.decode(chunk, { stream: true })).slice(-65_536)
      const found = ready.exec(output)
      if (found !== null) up.resolve(Number(found[1] ?? 0))
    }
  }
  void Promise.all([read(child.stdout), read(child.stderr)]).catch(() => {})
  void child.exited.then((code) => up.reject(new Error(`it ended with exit code ${code}`)))
  const limit = setTimeout(() => up.reject(new Error('it was silent for 30 s')), 30_000)
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    await endOf(child, signal, 5000)
  }
  try {
    return { pid: child.pid, port: await up.promise, stop }
  } catch (error) {
    await stop('SIGKILL')
    throw new Error(`Cannot start "${argv.join(' ')}": ${(error as Error).message}\n${output}`)
  } finally {
    clearTimeout(limit)
  }
}
