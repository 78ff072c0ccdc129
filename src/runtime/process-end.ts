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
  readonly #members = new Set<() => void>()
  #listener: Listener | undefined

  constructor(event: string, isOurs = false) {
    this.#event = event
    this.#isOurs = isOurs
  }

  /** False on a platform without the signal, and where the runtime does not permit to listen to it. `member` is not yet one. */
  add(host: ProcessGlobal, member: () => void): boolean {
    // A new listener, so that it comes after those that the application has by now: what they write is then there.
    const listener: Listener = Object.assign(() => runAll([...this.#members]), { [OURS]: this.#isOurs })
    try {
      host.on(this.#event, listener)
    } catch {
      return false
    }
    // The former one goes afterwards: without any, a signal would end the process.
    if (this.#listener !== undefined) host.off(this.#event, this.#listener)
    this.#listener = listener
    this.#members.add(member)
    return true
  }

  has(member: () => void): boolean {
    return this.#members.has(member)
  }

  remove(host: ProcessGlobal, member: () => void): void {
    this.#members.delete(member)
    if (this.#members.size > 0 || this.#listener === undefined) return
    host.off(this.#event, this.#listener)
    this.#listener = undefined
  }
}

/** Runs each, and throws the first error afterwards. */
function runAll(all: readonly (() => void)[]): void {
  const errors: unknown[] = []
  for (const run of all) {
    try {
      run()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}

const exits: Fan = new Fan('exit')
/** By signal: what may end the process, and what is only told. */
const endings = new Map<string, Fan>()
const told = new Map<string, Fan>()

function fanOf(fans: Map<string, Fan>, signal: string): Fan {
  const fan = fans.get(signal) ?? new Fan(signal, fans === endings)
  fans.set(signal, fan)
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
  exits.add(host, atExit)
  const undo = [() => exits.remove(host, atExit)]
  for (const signal of signals) {
    const fan = fanOf(endings, signal)
    let isWaiting = false
    const member = (): void => {
      const foreign = (host.listeners(signal) as Listener[]).some((other) => other[OURS] !== true)
      const done = !foreign || ifOthersListen === 'run' ? run() : undefined
      if (foreign) return
      // The last of this library's listeners ends the process as the signal would have.
      const end = (): void => {
        if (!fan.has(member)) return
        fan.remove(host, member)
        if (host.listeners(signal).length === 0) host.kill(host.pid, signal)
      }
      if (!(done instanceof Promise) || isWaiting) return end()
      isWaiting = true
      void done.then(end, end)
    }
    fan.add(host, member)
    undo.push(() => fan.remove(host, member))
  }
  return () => {
    for (const one of undo) one()
  }
}

/** Calls `run` when this thread of JavaScript ends by itself: in the main thread when the process does. */
export function onThreadEnd(run: () => void): void {
  const host = processGlobal()
  if (host !== undefined) exits.add(host, run)
}

/** Calls `run` at every `signal` from now on. Returns how to take it back. */
export function onSignal(signal: string, run: () => void): () => void {
  const host = processGlobal()
  const fan = fanOf(told, signal)
  const member = (): void => run()
  if (host === undefined || !fan.add(host, member)) return () => {}
  return () => fan.remove(host, member)
}

/** Ends the process now; what is registered for its end runs first. */
export function endProcess(code: number): void {
  processGlobal()?.exit(code)
}
