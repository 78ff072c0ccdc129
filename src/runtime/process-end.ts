/**
 * What must happen before the process ends, and on its signals, for Bun, Deno and Node alike.
 *
 * Nothing is installed until somebody registers, and everything is removed with the last of them. A signal that only we listen
 * to still does what it does by default, after our part.
 * @module
 */

type Listener = (() => void) & { readonly [OURS]?: true }

/** Marks our listeners, so that copies of this module know each other's. */
const OURS: unique symbol = Symbol.for('tcpfingerprint.signal-listener') as never
const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
type EndingSignal = (typeof ENDING)[number]

/** The part of `process` that is used. */
interface ProcessEvents {
  readonly pid: number
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
  listeners(event: string): unknown[]
  kill(pid: number, signal: string): unknown
}

function processEvents(): ProcessEvents | undefined {
  return (globalThis as { process?: ProcessEvents }).process
}

/** Calls `run` when this thread of JavaScript ends by itself: in the main one when the process does. */
export function atExit(run: () => void): void {
  processEvents()?.on('exit', run)
}

/**
 * Calls `run` when the process ends: at `exit`, and at SIGTERM, SIGINT and SIGHUP, which then go on to whoever else listens,
 * or end the process as they would have. Returns how to take it back.
 *
 * @param spare - signals to leave alone
 */
export function beforeExit(run: () => void, spare: readonly string[] = []): () => void {
  return install(run, spare, false)
}

/** The same, but a signal that somebody else listens to is left to them: the process goes on. */
export function beforeEnd(run: () => void): () => void {
  return install(run, [], true)
}

function install(run: () => void, spare: readonly string[], onlyWhenEnding: boolean): () => void {
  const host = processEvents()
  if (host === undefined) return () => {}
  host.on('exit', run)
  const installed: [EndingSignal, Listener][] = []
  for (const signal of ENDING) {
    if (spare.includes(signal)) continue
    const listener: Listener = Object.assign(
      () => {
        const all = host.listeners(signal) as Listener[]
        const foreign = all.some((other) => other[OURS] !== true)
        if (!foreign || !onlyWhenEnding) run()
        if (foreign) return
        // Nobody decided to stay: the last of us ends the process as the signal would have.
        remove(signal, listener)
        if (all.length === 1) host.kill(host.pid, signal)
      },
      { [OURS]: true as const },
    )
    installed.push([signal, listener])
    tryOn(host, signal, listener)
  }
  function remove(signal: string, listener: Listener): void {
    host!.off(signal, listener)
  }
  return () => {
    host.off('exit', run)
    for (const [signal, listener] of installed) remove(signal, listener)
  }
}

/** Calls `run` at every `signal` from now on. Returns how to take it back. */
export function onSignal(signal: string, run: () => void): () => void {
  const host = processEvents()
  if (host === undefined || !tryOn(host, signal, run)) return () => {}
  return () => {
    host.off(signal, run)
  }
}

/** A platform without the signal, or without the permission, has no such listener. */
function tryOn(host: ProcessEvents, signal: string, run: () => void): boolean {
  try {
    host.on(signal, run)
    return true
  } catch {
    return false
  }
}
