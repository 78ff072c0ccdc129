/**
 * Timers of the TUN peer: exact to fractions of a millisecond, in one heap.
 * @module
 */

/** One timer. */
export interface Timer {
  at: number
  /** An exact timer makes the loop sleep in `ppoll` until it; a lazy one may be some milliseconds late. */
  readonly exact: boolean
  run: (() => void) | undefined
}

/** Times in order; a cancelled timer stays until its time, without a function. */
export class Timers {
  readonly #heap: Timer[] = []
  exact = 0

  add(at: number, exact: boolean, run: () => void): Timer {
    const timer: Timer = { at, exact, run }
    const heap = this.#heap
    if (exact) this.exact += 1
    let i = heap.push(timer) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (heap[parent]!.at <= at) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = timer
    return timer
  }

  cancel(timer: Timer | undefined): void {
    if (timer?.run === undefined) return
    timer.run = undefined
    if (timer.exact) this.exact -= 1
  }

  /** The time of the first live timer, Infinity when there is none. */
  get next(): number {
    while (this.#heap[0] !== undefined && this.#heap[0].run === undefined) this.#pop()
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Runs what is due. */
  run(): void {
    while (this.next <= performance.now()) {
      const timer = this.#pop()
      const action = timer.run
      timer.run = undefined
      if (timer.exact) this.exact -= 1
      action?.()
    }
  }

  #pop(): Timer {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) {
      let i = 0
      for (;;) {
        let child = 2 * i + 1
        if (child >= heap.length) break
        if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child += 1
        if (heap[child]!.at >= last.at) break
        heap[i] = heap[child]!
        i = child
      }
      heap[i] = last
    }
    return first
  }
}
