/**
 * A connection of a runtime that names the socket of a request (Node).
 *
 * Cookie, TTL and what needs a second look at the clock are read when they are asked for, while the socket is open.
 * @module
 */
import { Connection } from '../connection/connection.ts'
import type { FirstTiming } from '../connection/handshake-timing.ts'
import type { AcceptedSocket } from '../runtime/node-request.ts'
import { descriptorOf, handleOf } from '../runtime/node-sockets.ts'
import { sourceAddress } from '../wire/sockaddr.ts'

/** Reads what a connection is asked for. */
export interface Completer {
  complete(connection: AcceptedConnection): void
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

/** A connection with the socket that it is. */
export class AcceptedConnection extends Connection {
  declare timing: Mutable<FirstTiming> | undefined
  readonly accepted: AcceptedSocket
  readonly #completer: Completer
  readonly #handle: object | undefined
  /** When the handshake completed, by `preciseNow`; `undefined` where that is not known. */
  readonly completedAt: number | undefined
  /** Milliseconds from then to the first request, as this thread saw it, while the kernel is still to be asked. */
  seenAfter: number | undefined = undefined
  /** True once the times of the first request were noted. */
  isNoted = false
  /** True once what is read on demand was read, or cannot be any more. */
  isWhole = false

  constructor(
    completer: Completer,
    accepted: AcceptedSocket,
    completedAt: number | undefined,
    facts: ConstructorParameters<typeof Connection>[0],
  ) {
    super(facts)
    this.#completer = completer
    this.accepted = accepted
    this.#handle = handleOf(accepted.socket)
    this.completedAt = completedAt
  }

  /**
   * True while the descriptor is this connection's: Node forgets the handle when it closes the descriptor, whose number may then be
   * another socket's, or that of the same socket object on a connection of its own making. The number is asked for only where TLS has the
   * handle: that accessor takes as long as a system call.
   */
  get isOpen(): boolean {
    const { socket, tls } = this.accepted
    try {
      if (socket.destroyed || handleOf(socket) !== this.#handle) return false
      return tls === undefined || descriptorOf(socket) === this.fd
    } catch {
      // An application has put something in the place of the handle.
      return false
    }
  }

  override get address(): string {
    return (this.addressText ??= sourceAddress(this.synBytes))
  }

  protected override get synHolder(): undefined {
    return undefined
  }

  /** See `Known`. */
  override complete(): void {
    this.#completer.complete(this)
  }

  setFirstDataDelay(milliseconds: number | undefined): void {
    this.timing!.firstDataDelayMilliseconds = milliseconds && Math.max(0, Math.round(milliseconds))
  }
}
