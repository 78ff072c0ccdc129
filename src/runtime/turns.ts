/**
 * Turns of the event loop.
 * @module
 */
import { setImmediate } from 'node:timers'
import { bunGlobal, denoGlobal } from './globals.ts'

const timer = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

/**
 * Resolves when the runtime has written what a stream gave it: in a later turn. `@hono/node-server` waits for a timer first, because the
 * piece may have been the last; timers of one length end in their order, so that of two in a row the second is later than its own.
 */
export async function afterWriting(): Promise<void> {
  if (bunGlobal() === undefined && denoGlobal() === undefined) {
    await timer()
    await timer()
  } else await new Promise((resolve) => setImmediate(resolve))
}
