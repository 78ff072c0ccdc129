/**
 * The fingerprint of a request, as handlers see it. `view.ts` makes it.
 * @module
 */
import type { Fingerprints } from '../fingerprint/strings.ts'
import type { Label } from '../label/match.ts'
import type { Syn } from '../wire/syn.ts'
import type { TcpInfo } from '../wire/tcp-info.ts'
import type { Reason } from './connection.ts'
import type { Delivery } from './delivery.ts'
import type { Timing } from './request-timing.ts'

/**
 * Where the facts come from: the kernel's saved SYN and TCP_INFO, a SYN read from the wire, a trusted header alone, or nowhere.
 */
export type Source = 'kernel' | 'packet' | 'header' | 'none'

export type { Timing } from './request-timing.ts'

/** What is known of the connection a request came over. Absent facts are `undefined`. */
export interface Fingerprint {
  /** True if anything of the connection was captured: its SYN, its TCP_INFO or both. */
  readonly available: boolean
  readonly source: Source
  /** Why something is missing; `undefined` where nothing is. */
  readonly reason: Reason | undefined
  /** The client as the socket sees it, or as the SYN of a trusted header has it; IPv4-mapped addresses written as IPv4. */
  readonly peer: { readonly address: string; readonly port?: number | undefined } | undefined
  readonly local: { readonly port: number } | undefined
  /** `cookie`: SO_COOKIE, decimal, never another connection's until the next boot. `request`: counts from 1. */
  readonly connection: { readonly cookie: string; readonly request: number } | undefined
  readonly syn: Syn | undefined
  /** The default fingerprint strings of the SYN. */
  readonly fingerprints: Fingerprints | undefined
  /** What the signature database says of the SYN. */
  readonly label: Label | undefined
  /** TCP_INFO read for this request, under the kernel's names without `tcpi_`. */
  readonly tcpInfo: TcpInfo | undefined
  /** The same TCP_INFO as the kernel gave it. */
  readonly tcpInfoBytes: Uint8Array | undefined
  readonly timing: Timing
  /**
   * What TCP did since the connection's request before. The counts are kept from the first request on that is asked for them.
   * `undefined` at that one, with `tcpInfo` other than `'request'`, and before Linux 4.19.
   */
  readonly delivery?: Delivery | undefined
  /** The `FINGERPRINT_*` variables, with the raw dumps that the options ask for: a new record each time. */
  readonly env: Record<string, string>
  /**
   * Where a trusted header speaks for the client: the kernel's own view of the connection from the proxy. `undefined` otherwise,
   * and nothing of it is mixed into the rest.
   */
  readonly hop?: Fingerprint | undefined
  /** TCP_INFO now, read anew: for answers that take long, and WebSockets. `undefined` where the connection is not known or has ended. */
  readTcpInfo?(): TcpInfo | undefined
  /** The object that the demonstration server answers at `/json`, without `env`: absent facts are absent keys. */
  toJSON(): object
}
