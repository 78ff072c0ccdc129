/**
 * Waiting for something that another process or the kernel does.
 * @module
 */

/** What most waits are for has come after these rounds without a pause, or these of a millisecond. */
const BUSY_ROUNDS = 20
const SHORT_ROUNDS = 200

/**
 * Asks until the answer is neither `undefined` nor `false`, and gives it.
 *
 * @throws {Error} with `what` after `milliseconds` (default 10,000)
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  milliseconds: number = 10_000,
): Promise<Exclude<T, false | undefined>> {
  const end = performance.now() + milliseconds
  for (let round = 0; ; round += 1) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer as Exclude<T, false | undefined>
    if (performance.now() > end) throw new Error(`Waited ${milliseconds} ms in vain for ${what}`)
    if (round < BUSY_ROUNDS) await new Promise((resolve) => setImmediate(resolve))
    else await Bun.sleep(round < SHORT_ROUNDS ? 1 : 10)
  }
}

/** What is used of a process. */
interface Child {
  readonly exited: Promise<number>
  kill(signal: NodeJS.Signals): void
}

/** Ends a process by a signal, and by SIGKILL where it is still there after `milliseconds`. Its exit code. */
export async function endOf(
  child: Child,
  signal: NodeJS.Signals = 'SIGTERM',
  milliseconds: number = 3000,
): Promise<number> {
  child.kill(signal)
  const force = setTimeout(() => child.kill('SIGKILL'), milliseconds)
  try {
    return await child.exited
  } finally {
    clearTimeout(force)
  }
}
