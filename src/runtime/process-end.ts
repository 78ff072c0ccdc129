/**
 * What must happen before the process ends, and on its signals, for Bun, Deno and Node alike.
 *
 * Nothing is installed until the first registration, and everything is removed with the last: one listener for `exit` and for each
 * signal, however many register, because runtimes warn of a leak from the eleventh on. A signal that only this library listens to
 * still does what it does by default, after the library's part.
 * @module
 */
import { type ProcessGlobal, processGlobal } from './globals.ts'

type Listener = (() => void) & { readonly [OURS]?: boolean }

/** Marks listeners that may end the process, so that copies of this module know each other's. */
const OURS: unique symbol = Symbol.for('tcpfingerprint.signal-listener') as never

/** What runs at one event of the process, in the order of registration, behind one listener. */
class Fan {
  readonly #event: string
  readonly #isOurs: boolean
  readonly members = new Set<() => void>()
  #listener: Listener | undefined

  constructor(event: string, isOurs: boolean) {
    this.#event = event
    this.#isOurs = isOurs
  }

  /**
   * Adds what is not yet a member, but not on a platform without the signal, nor where the runtime does not permit to listen to it.
   * Returns how to take it back.
   */
  add(host: ProcessGlobal, member: () => void): () => void {
    const undo = (): void => this.remove(host, member)
    // A new listener, so that it comes after those that the application has by now: what they write is then there.
    const listener: Listener = Object.assign(() => runAll([...this.members]), { [OURS]: this.#isOurs })
    try {
      host.on(this.#event, listener)
    } catch {
      return undo
    }
    // The former one goes afterwards: without any, a signal would end the process.
    if (this.#listener !== undefined) host.off(this.#event, this.#listener)
    this.#listener = listener
    this.members.add(member)
    return undo
  }

  remove(host: ProcessGlobal, member: () => void): void {
    this.members.delete(member)
    if (this.members.size > 0 || this.#listener === undefined) return
    host.off(this.#event, this.#listener)
    this.#listener = undefined
  }
}

/** Runs each, and throws the first error afterwards. */
function runAll(all: readonly (() => void)[]): void {
  let failed: { readonly error: unknown } | undefined
  for (const run of all) {
    try {
      run()
    } catch (error) {
      failed ??= { error }
    }
  }
  if (failed !== undefined) throw failed.error
}

const fans = new Map<string, Fan>()

/** Of a signal there are two: what may end the process, and what is only told. */
function fanOf(event: string, isOurs: boolean): Fan {
  const key = `${event} ${isOurs}`
  const fan = fans.get(key) ?? new Fan(event, isOurs)
  fans.set(key, fan)
  return fan
}

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
  const undo = [fanOf('exit', false).add(host, atExit)]
  for (const signal of signals) {
    const fan = fanOf(signal, true)
    let isWaiting = false
    const member = (): void => {
      const foreign = (host.listeners(signal) as Listener[]).some((other) => other[OURS] !== true)
      const done = !foreign || ifOthersListen === 'run' ? run() : undefined
      if (foreign) return
      // The last of this library's listeners ends the process as the signal would have.
      const end = (): void => {
        if (!fan.members.has(member)) return
        fan.remove(host, member)
        if (host.listeners(signal).length === 0) host.kill(host.pid, signal)
      }
      if (!(done instanceof Promise) || isWaiting) return end()
      isWaiting = true
      void done.then(end, end)
    }
    undo.push(fan.add(host, member))
  }
  return () => {
    for (const one of undo) one()
  }
}

/** Calls `run` when this thread of JavaScript ends by itself: in the main thread when the process does. */
export function onThreadEnd(run: () => void): void {
  onEvent('exit', run)
}

/** Calls `run` at every `signal` from now on. Returns how to take it back. */
export function onSignal(signal: string, run: () => void): () => void {
  return onEvent(signal, run)
}

function onEvent(event: string, run: () => void): () => void {
  const host = processGlobal()
  return host === undefined ? () => {} : fanOf(event, false).add(host, () => run())
}

/** Ends the process now; what is registered for its end runs first. */
export function endProcess(code: number): void {
  processGlobal()?.exit(code)
}
