/**
 * Timers that do not keep the process alive.
 * @module
 */
import { denoGlobal } from './globals.ts'

/** Lets the process end before this timer, which may be a number: Deno before 2.6 gives numbers, as browsers do. */
export function unrefTimer(timer: unknown): void {
  if (typeof timer === 'number') denoGlobal()?.unrefTimer?.(timer)
  else (timer as { unref?: () => void } | undefined)?.unref?.()
}
