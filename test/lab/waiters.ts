/**
 * Waits of a connection of the TUN peer, each with its limit.
 * @module
 */
import type { Timers } from './timers.ts'

/** Why a wait ended without what it waited for. */
export class PeerError extends Error {
  override readonly name = 'PeerError'
  readonly reason: 'reset' | 'timeout' | 'closed'
  constructor(reason: 'reset' | 'timeout' | 'closed', message: string) {
    super(message)
    this.reason = reason
  }
}

interface Waiter {
  check(): void
  fail(error: PeerError): void
}

/** The waits of one connection. */
export class Waiters {
  readonly #of: string
  readonly #timers: Timers
  readonly #waiting: (change: 1 | -1) => void
  readonly #all = new Set<Waiter>()

  /** `of` names the connection in messages; `waiting` is told of each wait that begins and ends. */
  constructor(of: string, timers: Timers, waiting: (change: 1 | -1) => void) {
    this.#of = of
    this.#timers = timers
    this.#waiting = waiting
  }

  /** Waits until `look` gives a value. @throws {PeerError} after `timeoutMs`, or when the connection ends */
  wait<T>(what: string, timeoutMs: number, look: () => T | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const done = (): void => {
        this.#all.delete(waiter)
        this.#timers.cancel(limit)
        this.#waiting(-1)
      }
      const waiter: Waiter = {
        check: () => {
          const found = look()
          if (found === undefined) return
          done()
          resolve(found)
        },
        fail: (error) => {
          done()
          reject(error)
        },
      }
      const limit = this.#timers.add(performance.now() + timeoutMs, false, () => {
        waiter.fail(new PeerError('timeout', `${this.#of}: ${what} did not come within ${timeoutMs} ms`))
      })
      this.#all.add(waiter)
      this.#waiting(1)
    })
  }

  /** Looks again. */
  wake(): void {
    for (const waiter of this.#all) waiter.check()
  }

  /** Ends every wait. */
  fail(error: PeerError): void {
    for (const waiter of this.#all) waiter.fail(error)
  }
}
