/**
 * The idle timeout of requests' connections while scripts are silent.
 *
 * Bun closes a connection on which nothing was sent for `idleTimeout` seconds, also while a handler is at work. Its only remedy is
 * `server.timeout(request, seconds)`, whose value stays on the connection until the next request. Bun does not tell the value
 * that the server was given. So it is extended only while a script is awaited, to a finite value, and set back when output comes.
 * @module
 */

/** Milliseconds between checks of what is awaited. A script that is quicker leaves the server's own timeout untouched. */
const TICK = 20
/** Seconds until Bun closes a connection whose extension was not renewed. */
const EXTENSION = 60
/** Milliseconds between renewals. */
const RENEWAL = 20_000

/** The connections on which scripts are awaited. One timer for all, because a timer a request costs 3 % of a short script's run. */
export class IdleTimeouts {
  readonly #own: number
  readonly #awaited: Set<IdleTimeout> = new Set()
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param own - seconds of the server's own timeout */
  constructor(own: number) {
    this.#own = own
  }

  /**
   * The timeout of one request's connection.
   *
   * @param set - sets it, in seconds
   * @param clientAwaited - true while the client has to send before the script can go on: then its timeout is not extended
   */
  of(set: (seconds: number) => void, clientAwaited: () => boolean): IdleTimeout {
    return new IdleTimeout(this.#awaited, this.#arm, set, this.#own, clientAwaited)
  }

  readonly #arm = (): void => {
    this.#timer ??= setTimeout(this.#tick, TICK)
  }

  readonly #tick = (): void => {
    this.#timer = undefined
    if (this.#awaited.size === 0) return
    const now = performance.now()
    for (const timeout of this.#awaited) timeout.tick(now)
    this.#arm()
  }
}

/** Extends the idle timeout of one request's connection. */
export class IdleTimeout {
  readonly #awaited: Set<IdleTimeout>
  readonly #arm: () => void
  readonly #set: (seconds: number) => void
  readonly #own: number
  readonly #clientAwaited: () => boolean
  /** Ticks since the script is awaited. */
  #ticks = 0
  /** When it was last extended; 0 if the server's own value is in force. */
  #extendedAt = 0

  constructor(
    awaited: Set<IdleTimeout>,
    arm: () => void,
    set: (seconds: number) => void,
    own: number,
    clientAwaited: () => boolean,
  ) {
    this.#awaited = awaited
    this.#arm = arm
    this.#set = set
    this.#own = own
    this.#clientAwaited = clientAwaited
  }

  /** A script, or a permit to run one, is awaited from now on. */
  await(): void {
    this.#ticks = 0
    this.#awaited.add(this)
    this.#arm()
  }

  /** Output has come, or none will. */
  over(): void {
    this.#awaited.delete(this)
    this.#restore()
  }

  /** Called every {@link TICK} while the script is awaited. */
  tick(now: number): void {
    this.#ticks += 1
    // The first tick may come at once.
    if (this.#ticks < 2) return
    if (this.#clientAwaited()) this.#restore()
    else if (this.#extendedAt === 0 || now - this.#extendedAt >= RENEWAL) {
      this.#extendedAt = now
      this.#set(EXTENSION)
    }
  }

  #restore(): void {
    if (this.#extendedAt === 0) return
    this.#extendedAt = 0
    this.#set(this.#own)
  }
}
