/**
 * How many scripts run at once, and how many requests wait for their turn.
 * @module
 */

/** Places to run in, given out in the order of asking. */
export class Slots {
  readonly #running: number
  readonly #waiting: number
  #taken = 0
  readonly #queue: Set<(got: boolean) => void> = new Set()

  constructor(running: number, waiting: number) {
    this.#running = running
    this.#waiting = waiting
  }

  /** Places in use. */
  get taken(): number {
    return this.#taken
  }
  /** Requests that wait. */
  get waiting(): number {
    return this.#queue.size
  }

  /** A place at once or later; false where the queue is full, the wait too long, or `signal` says that nobody wants it. */
  take(milliseconds: number, signal: AbortSignal): boolean | Promise<boolean> {
    if (signal.aborted) return false
    if (this.#taken < this.#running) {
      this.#taken += 1
      return true
    }
    if (this.#queue.size >= this.#waiting) return false
    return new Promise((resolve) => {
      const settle = (got: boolean): void => {
        this.#queue.delete(settle)
        clearTimeout(timer)
        signal.removeEventListener('abort', refuse)
        resolve(got)
      }
      const refuse = (): void => settle(false)
      const timer = setTimeout(refuse, milliseconds)
      signal.addEventListener('abort', refuse)
      this.#queue.add(settle)
    })
  }

  /** Gives a place back: whoever has waited longest gets it. */
  release(): void {
    const [next] = this.#queue
    if (next === undefined) this.#taken -= 1
    else next(true)
  }
}
