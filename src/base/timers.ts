/**
 * Timers that do not keep the process alive.
 * @module
 */

/** Lets the process end before this timer, which may be a number: Deno before 2.6 gives numbers, as browsers do. */
export function letGo(timer: unknown): void {
  if (typeof timer === 'number') {
    const { Deno } = globalThis as { Deno?: { unrefTimer?: (id: number) => void } }
    Deno?.unrefTimer?.(timer)
  } else {
    ;(timer as { unref?: () => void }).unref?.()
  }
}
