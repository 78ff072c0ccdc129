/**
 * What must happen before the process ends, and on its signals, for Bun, Deno and Node alike.
 *
 * Nothing is installed until the first registration, and everything is removed with the last. A signal that only this library
 * listens to still does what it does by default, after the library's part.
 * @module
 */
import { type ProcessGlobal, processGlobal } from './globals.ts'

type Listener = (() => void) & { readonly [OURS]?: true }

/** Marks this library's listeners, so that copies of this module know each other's. */
const OURS: unique symbol = Symbol.for('tcpfingerprint.signal-listener') as never

/** Signals that end a process by default, of those that operators and terminals send. */
export const ENDING_SIGNALS: readonly string[] = ['SIGTERM', 'SIGINT', 'SIGHUP']

/** When {@link onProcessEnd} runs. */
export interface ProcessEndOptions {
  /** Signals that count as the end. Default {@link ENDING_SIGNALS}. */
  readonly signals?: readonly string[]
  /**
   * Where the application listens to the signal too: `'run'` runs and leaves what follows to the application; `'skip'` does
   * nothing, because the process goes on. Default `'run'`.
   */
  readonly ifOthersListen?: 'run' | 'skip'
}

/**
 * Calls `run` when the process ends: at `exit`, and at its ending signals, which then end the process as they would have where
 * no one else listens. A signal waits for a promise that `run` returns; a second one does not. Returns how to take it back.
 */
export function onProcessEnd(run: () => unknown, options: ProcessEndOptions = {}): () => void {
  const host = processGlobal()
  if (host === undefined) return () => {}
  const { signals = ENDING_SIGNALS, ifOthersListen = 'run' } = options
  const atExit = (): void => {
    void run()
  }
  host.on('exit', atExit)
  const installed: [string, Listener][] = []
  for (const signal of signals) {
    let isWaiting = false
    const listener: Listener = Object.assign(
      () => {
        const all = host.listeners(signal) as Listener[]
        const foreign = all.some((other) => other[OURS] !== true)
        const done = !foreign || ifOthersListen === 'run' ? run() : undefined
        if (foreign) return
        // The last of this library's listeners ends the process as the signal would have.
        const end = (): void => {
          if (!host.listeners(signal).includes(listener)) return
          host.off(signal, listener)
          if (host.listeners(signal).length === 0) host.kill(host.pid, signal)
        }
        if (!(done instanceof Promise) || isWaiting) return end()
        isWaiting = true
        void done.then(end, end)
      },
      { [OURS]: true as const },
    )
    installed.push([signal, listener])
    tryOn(host, signal, listener)
  }
  return () => {
    host.off('exit', atExit)
    for (const [signal, listener] of installed) host.off(signal, listener)
  }
}

/** Calls `run` when this thread of JavaScript ends by itself: in the main thread when the process does. */
export function onThreadEnd(run: () => void): void {
  processGlobal()?.on('exit', run)
}

/** Calls `run` at every `signal` from now on. Returns how to take it back. */
export function onSignal(signal: string, run: () => void): () => void {
  const host = processGlobal()
  if (host === undefined || !tryOn(host, signal, run)) return () => {}
  return () => {
    host.off(signal, run)
  }
}

/** False on a platform without the signal, and where the runtime does not permit to listen to it. */
function tryOn(host: ProcessGlobal, signal: string, run: () => void): boolean {
  try {
    host.on(signal, run)
    return true
  } catch {
    return false
  }
}

/** Ends the process now; what is registered for its end runs first. */
export function endProcess(code: number): void {
  processGlobal()?.exit(code)
}
