/**
 * How a fingerprinter is doing, for metrics.
 * @module
 */
import type { CaptureCounts } from '../capture/capture-counts.ts'
import type { Reason } from '../connection/connection.ts'
import type { PacketCounts } from '../packets/packet-source.ts'

/** Requests by outcome: `ok`, or the reason of what was missing. Counts since the fingerprinter was made. */
export type Outcomes = Readonly<Record<'ok' | Reason, number>>

/** How a fingerprinter is doing, for the user's own metrics. Read it as often as you like: it makes no system call. */
export interface Status extends CaptureCounts {
  /** Requests looked at, by outcome. Those that `skip` left out are in none. */
  readonly requests: Outcomes
  /** TCP listeners of the process and what could be set on them. */
  readonly listeners: readonly {
    readonly port: number
    /** True if it keeps SYNs. */
    readonly saveSyn: boolean
    /** TCP_DEFER_ACCEPT in seconds; 0 is needed for the handshake's RTT. */
    readonly deferAccept: number
    readonly reason?: Reason
  }[]
  /** SYNs from the wire; `undefined` without the option `packets`. */
  readonly packets: PacketStatus | undefined
  /** Why nothing can be captured in this process, `undefined` where it can. */
  readonly unavailable: { readonly reason: Reason; readonly message: string } | undefined
}

/** How the reading of SYNs from the wire is doing. */
export interface PacketStatus extends PacketCounts {
  /** Requests behind a proxy by outcome of the search for the client's own connection. */
  readonly clients: Outcomes
  /** Why no SYNs are read, `undefined` where they are. */
  readonly unavailable: { readonly reason: Reason; readonly message: string } | undefined
}

/** Counters of requests, all zero. */
export function noOutcomes(): Record<'ok' | Reason, number> {
  return {
    ok: 0,
    'no-connection': 0,
    'unix-socket': 0,
    'not-tcp': 0,
    ambiguous: 0,
    'not-found': 0,
    'not-saved': 0,
    unsupported: 0,
    denied: 0,
  }
}
