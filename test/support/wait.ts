/**
 * Waiting for something that another process or the kernel does.
 * @module
 */

/**
 * Asks until the answer is neither `undefined`, `null` nor `false`, and gives it.
 *
 * @throws {Error} with `what` after `milliseconds` (default 10,000)
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  milliseconds: number = 10_000,
): Promise<NonNullable<Exclude<T, false>>> {
  const end = performance.now() + milliseconds
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== null && answer !== false) return answer as NonNullable<Exclude<T, false>>
    if (performance.now() > end) throw new Error(`Waited ${milliseconds} ms in vain for ${what}`)
    await Bun.sleep(10)
  }
}
