/**
 * A counting semaphore with a bounded queue: how many scripts run at once, and how many requests wait.
 * @module
 */

/** Permits, given out in the order of asking. */
export class Semaphore {
  readonly #permits: number
  readonly #queueLimit: number
  #held = 0
  readonly #queue: Set<(acquired: boolean) => void> = new Set()

  /**
   * @param permits - how many may be held at once
   * @param queueLimit - how many requests may wait for one
   */
  constructor(permits: number, queueLimit: number) {
    this.#permits = permits
    this.#queueLimit = queueLimit
  }

  /** Permits in use. */
  get held(): number {
    return this.#held
  }
  /** Requests that wait. */
  get waiting(): number {
    return this.#queue.size
  }

  /**
   * True once a permit is held. False if the queue is full, the wait reaches `milliseconds`, or `signal` is aborted. Synchronous
   * if no wait is needed.
   */
  acquire(milliseconds: number, signal: AbortSignal): boolean | Promise<boolean> {
    if (signal.aborted) return false
    if (this.#held < this.#permits) {
      this.#held += 1
      return true
    }
    if (this.#queue.size >= this.#queueLimit) return false
    return new Promise((resolve) => {
      const settle = (acquired: boolean): void => {
        this.#queue.delete(settle)
        clearTimeout(timer)
        signal.removeEventListener('abort', refuse)
        resolve(acquired)
      }
      const refuse = (): void => settle(false)
      const timer = setTimeout(refuse, milliseconds)
      signal.addEventListener('abort', refuse)
      this.#queue.add(settle)
    })
  }

  /** Gives a permit back. The request that has waited longest gets it. */
  release(): void {
    const [next] = this.#queue
    if (next === undefined) this.#held -= 1
    else next(true)
  }
}
