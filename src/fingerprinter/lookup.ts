/**
 * How a fingerprinter gets from a request to its connection: by the peer that the runtime reports (`peer-lookup.ts`), or by the
 * socket that it names (`socket-lookup.ts`).
 * @module
 */
import type { Report } from '../base/report-once.ts'
import type { CaptureCounts } from '../capture/capture-counts.ts'
import type { ListeningSocket } from '../capture/listening-sockets.ts'
import type { Connection, Reason } from '../connection/connection.ts'
import type { Endpoint, Peer, Runtime } from '../runtime/types.ts'
import type { ResolvedOptions } from './options.ts'

/** What a lookup is made for. */
export interface LookupContext {
  readonly runtime: Runtime
  readonly options: Pick<ResolvedOptions, 'syn' | 'tcpInfo' | 'deferAccept' | 'maxConnections' | 'libc'>
  /** True if connections are looked up before a fact is read. */
  readonly isEarly: boolean
  /** True if every request that comes to the fingerprinter is looked up at once, so that the first one is known to be that. */
  readonly seesAll: boolean
  readonly report: Report
  /** True if the application hears of errors itself. */
  readonly isHeard: boolean
}

/** Why a request's connection is not known, with the server's port where that is known. */
export interface NotFound {
  readonly reason: Reason
  readonly port: number | undefined
}

export interface ConnectionLookup {
  /**
   * The request's connection, its request counted. Tell the two by `cookieLow`, not by class: the capture may be another copy's of
   * this library, or that of the modules before a hot reload. To be called in the turn in which the runtime gave the peer.
   *
   * @throws {SocketError} where the kernel or a sandbox refuses calls without which no connection can be told
   */
  connectionOf(request: Request | undefined, server: unknown, peer: Peer): Connection | NotFound
  /** TCP_INFO that the last `connectionOf` read, a copy; `undefined` where it read none. */
  readonly lastInfo: Uint8Array | undefined
  /** TCP_INFO of a connection now, a copy; `undefined` where it has ended. */
  readInfo(connection: Connection): Uint8Array | undefined
  /**
   * TCP_INFO of a request whose descriptor cannot be found or read, from the kernel's table: a copy; `undefined` unless exactly one
   * connection has its peer and its server. To be called in the turn in which the runtime gave the peer.
   */
  infoWithout(server: unknown, peer: Endpoint): Uint8Array | undefined
  /** See `FingerprinterApi.arm`. */
  arm(server: object | undefined): boolean
  readonly listeners: readonly ListeningSocket[]
  counts(): CaptureCounts
  /** Why nothing can be captured in this process; `undefined` where it can, or where that was not tried yet. */
  readonly unavailable: { readonly reason: 'unsupported' | 'denied'; readonly message: string } | undefined
}

/**
 * Says why nothing can be captured: to `onError`, which hears of each kind once, else on standard error where an operator can mend
 * it and `warns` is true.
 */
export function reportUnavailable(
  context: LookupContext,
  { reason, message }: { readonly reason: 'unsupported' | 'denied'; readonly message: string },
  warns = true,
): void {
  const { misplaced, name } = context.runtime
  const isMendable = reason === 'denied' || misplaced === true || name === 'node'
  reportProblem(context, `Cannot capture connections: ${message}`, warns && isMendable)
}

/** Reports a problem to `onError`; without one on standard error, where `warns` is true. */
export function reportProblem(
  { runtime, report, isHeard }: Pick<LookupContext, 'runtime' | 'report' | 'isHeard'>,
  message: string,
  warns = true,
): void {
  if (warns && !isHeard) runtime.warn(message)
  report(new Error(message))
}
