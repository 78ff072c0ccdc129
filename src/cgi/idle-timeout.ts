/**
 * The idle timeout of a request's connection while a script is silent.
 *
 * Bun closes a connection on which nothing was sent for `idleTimeout` seconds, also while a handler is at work. Its only remedy is
 * `server.timeout(request, seconds)`, whose value stays on the connection until the next request. Bun does not tell the value
 * that the server was given. So it is extended only while a script is awaited, to a finite value, and set back when output comes.
 * @module
 */

/** Milliseconds of silence before the first extension: a script that is quicker leaves the server's own timeout untouched. */
const UNTOUCHED = 20
/** Seconds until Bun closes a connection whose extension was not renewed. */
const EXTENSION = 60
/** Milliseconds between renewals. */
const RENEWAL = 20_000
/** Milliseconds after which it is looked again whether the client has sent what it owes. */
const RECHECK = 1_000

/** Extends the idle timeout of one request's connection. */
export class IdleTimeout {
  readonly #set: (seconds: number) => void
  readonly #own: number
  readonly #clientAwaited: () => boolean
  #timer: ReturnType<typeof setTimeout> | undefined
  #extended = false

  /**
   * @param set - sets the timeout in seconds
   * @param own - seconds of the server's own timeout
   * @param clientAwaited - true while the client has to send before the script can go on: then its timeout is not extended
   */
  constructor(set: (seconds: number) => void, own: number, clientAwaited: () => boolean) {
    this.#set = set
    this.#own = own
    this.#clientAwaited = clientAwaited
  }

  /** A script, or a place to run one, is awaited from now on. */
  await(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#extend, UNTOUCHED)
  }

  /** Output has come, or none will. */
  over(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.#extended) return
    this.#extended = false
    this.#set(this.#own)
  }

  readonly #extend = (): void => {
    if (this.#clientAwaited()) {
      if (this.#extended) this.#set(this.#own)
      this.#extended = false
    } else {
      this.#set(EXTENSION)
      this.#extended = true
    }
    this.#timer = setTimeout(this.#extend, this.#extended ? RENEWAL : RECHECK)
  }
}
