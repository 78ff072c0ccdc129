/**
 * How long ago something was that the kernel dates by its jiffies: `last_data_sent`, `last_data_recv` of TCP_INFO.
 *
 * They are whole jiffies, so that alone they tell to two. A jiffy begins where CLOCK_MONOTONIC is a multiple of it
 * (`tick_setup_device` in kernel/time/tick-common.c, Linux 6.4 and the releases maintained since): the clock tells the rest.
 * @module
 */

/** Jiffies a second: Linux is built for one of these (kernel/Kconfig.hz). */
const RATES = [100, 250, 300, 1000] as const

/** Learns the machine's jiffy. */
export class Jiffies {
  readonly #now: () => number
  #rate = 0

  /** @param now - milliseconds of CLOCK_MONOTONIC */
  constructor(now: () => number) {
    this.#now = now
  }

  /** One jiffy, milliseconds: never longer than a machine's own once `learn` has seen some of its times. */
  get length(): number {
    return 1000 / RATES[this.#rate]!
  }

  /** Takes `tcpi_rto`, microseconds, which is whole jiffies whatever the connection. */
  learn(microseconds: number): void {
    while (this.#rate < RATES.length - 1) {
      const rate = RATES[this.#rate]!
      const rest = (microseconds * rate) % 1_000_000
      // The kernel rounds down.
      if (rest === 0 || rest > 1_000_000 - rate) return
      this.#rate++
    }
  }

  /**
   * Milliseconds that have passed, out of those that were counted until now. What may have been a moment ago is taken to have been:
   * 0 where no jiffy began since; else between the least time and half a jiffy more.
   */
  passed(counted: number): number {
    const { length } = this
    const begun = Math.round(counted / length)
    if (begun === 0) return 0
    const least = (begun - 1) * length + (this.#now() % length)
    return least + Math.min(least, length / 2)
  }
}
