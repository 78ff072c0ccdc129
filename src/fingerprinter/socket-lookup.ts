/**
 * Lookup by the socket that the runtime names: on Node there is nothing to search.
 * @module
 */

import { isLibc } from '../../ffi/libc.ts'
import type { AcceptedCapture } from '../capture/accepted.ts'
import type { AcceptedConnection } from '../capture/accepted-connection.ts'
import type { CaptureCounts } from '../capture/capture-counts.ts'
import { KernelInfo } from '../capture/kernel-info.ts'
import type { ListeningSocket } from '../capture/listening-sockets.ts'
import type { Connection, Reason } from '../connection/connection.ts'
import { type AcceptedSocket, socketOf } from '../runtime/node-request.ts'
import { acceptedSocketOf } from '../runtime/node-sockets.ts'
import type { Endpoint } from '../runtime/types.ts'
import { type ConnectionLookup, type LookupContext, type NotFound, reportProblem, reportUnavailable } from './lookup.ts'

/** The lookup of a fingerprinter over a thread's accepted sockets. */
export function createSocketLookup(capture: AcceptedCapture): (context: LookupContext) => ConnectionLookup {
  return (context) => new SocketLookup(capture, context)
}

class SocketLookup implements ConnectionLookup {
  readonly #capture: AcceptedCapture
  readonly #context: LookupContext
  readonly #seesAll: boolean
  #isOpen = false
  #kernelInfo: KernelInfo | undefined
  #isProblemReported = false

  constructor(capture: AcceptedCapture, context: LookupContext) {
    this.#capture = capture
    this.#context = context
    this.#seesAll = context.seesAll
    capture.use()
    capture.options.join(context.options, context.isEarly)
    // Not at once: libc is opened by the first listener, or here where that was refused.
    queueMicrotask(() => this.#open())
  }

  /** Opens libc where no listener has; says once why that cannot be. */
  #open(): boolean {
    if (this.#isOpen) return true
    const { unavailable } = this.#capture
    if (unavailable !== undefined) {
      reportUnavailable(this.#context, unavailable, !this.#capture.isReported)
      this.#capture.isReported = true
      return false
    }
    this.#isOpen = true
    this.#capture.arm(this.#context.report)
    return true
  }

  connectionOf(_request: Request | undefined, server: unknown, peer: Endpoint): Connection | NotFound {
    // By its members, because the capture may be another copy's of this library. What is rare is elsewhere: V8 inlines the rest.
    const { accepted, synReason } = peer as Partial<AcceptedConnection>
    return this.#isOpen && accepted !== undefined && synReason === undefined
      ? this.#capture.count(peer as AcceptedConnection, server, this.#seesAll)
      : this.#find(server, accepted)
  }

  #find(server: unknown, known: AcceptedSocket | undefined): Connection | NotFound {
    const capture = this.#capture
    if (!this.#open()) return this.#missing(capture.unavailable!.reason, server)
    const accepted = known ?? acceptedSocketOf(socketOf(server))
    if (accepted === undefined) return this.#missing('not-found', server)
    const found = capture.connectionOf(accepted, server, this.#seesAll)
    if (!this.#isProblemReported && capture.problem !== undefined) {
      this.#isProblemReported = true
      reportProblem(this.#context, capture.problem)
    }
    return typeof found === 'string' ? this.#missing(found, server) : found
  }

  #missing(reason: Reason, server: unknown): NotFound {
    return { reason, port: this.#context.runtime.localOf(server).port }
  }

  get lastInfo(): Uint8Array | undefined {
    return this.#capture.lastInfo
  }

  readInfo(connection: Connection): Uint8Array | undefined {
    return this.#capture.readInfo(connection)
  }

  infoWithout(server: unknown, peer: Endpoint): Uint8Array | undefined {
    const { runtime, options } = this.#context
    const { address, port } = runtime.localOf(server)
    const libc = runtime.openLibc(options.libc)
    if (!isLibc(libc) || port === undefined) return undefined
    this.#kernelInfo ??= new KernelInfo(libc)
    return this.#kernelInfo.find(peer, port, address)
  }

  arm(): boolean {
    return this.#open() && this.#capture.armed.some((one) => one.saveSyn)
  }

  get listeners(): readonly ListeningSocket[] {
    return this.#capture.armed
  }

  counts(): CaptureCounts {
    return this.#capture.counts()
  }

  get unavailable(): ConnectionLookup['unavailable'] {
    return this.#capture.unavailable
  }
}
