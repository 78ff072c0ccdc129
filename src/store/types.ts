/**
 * What a store keeps and answers, and what an engine under it does.
 * @module
 */

/** One connection, as a store keeps it. Absent facts are `undefined`. */
export interface Observation {
  /** The kernel's boot id: with `host` and `cookie` it names the connection for all time, so that a retry is harmless. */
  readonly boot: string
  readonly host: string
  /** SO_COOKIE, decimal; a random identifier where there is no socket (the facts came through a proxy's header). */
  readonly cookie: string
  /** When the connection's first request was seen, microseconds since 1970. */
  readonly seen: number
  /** The client's /24 or /64. */
  readonly network: string
  /** The client's address; its network where `anonymize` is `'network'`. */
  readonly address: string
  /** Not kept where `anonymize` is `'network'`. */
  readonly port: number | undefined
  readonly serverPort: number | undefined
  /** What the SYN says; `undefined` where there is none. */
  readonly stack: Stack | undefined
  /** TTL or hop limit of the SYN as it arrived, and the hops it took. */
  readonly timeToLive: number | undefined
  readonly distance: number | undefined
  /** Handshake RTT, microseconds, and how it is known. */
  readonly rtt: number | undefined
  readonly rttProvenance: string | undefined
  /** Milliseconds. */
  readonly firstDataDelay: number | undefined
  /** Milliseconds. */
  readonly tlsRoundTrip: number | undefined
  /** Requests counted so far. */
  readonly requests: number
  /** The account, as the application says; `''` for none. */
  readonly account: string
  /** The SYN in hex, where `syn` asks for it. */
  readonly syn: string | undefined
}

/** A distinct SYN layout. */
export interface Stack {
  /** The p0f raw signature with the initial TTL in place of the observed one: what makes two connections the same stack. */
  readonly stack: string
  readonly muonfp: string
  readonly haproxy: string
  readonly mss: number | undefined
  readonly window: number
  readonly scale: number | undefined
  /** Option kinds in wire order joined by `,`. */
  readonly options: string
  readonly label: string | undefined
  readonly family: string | undefined
}

/** What changed on a connection that was kept before. */
export interface Update {
  /** The row as it was first written. */
  readonly first: Observation
  /** When its last request was seen, microseconds since 1970. */
  readonly lastSeen: number
  readonly requests: number
  /** The account named last; `''` where none was. */
  readonly account: string
}

/** What is written in one go. */
export interface Batch {
  readonly observations: readonly Observation[]
  readonly updates: readonly Update[]
}

/** One of the systems behind an address. */
export interface HostRow {
  readonly stack: string
  readonly label: string | undefined
  readonly family: string | undefined
  readonly connections: number
  /** ISO 8601, to a millisecond. */
  readonly firstSeen: string
  readonly lastSeen: string
  /** Accounts seen on its connections, sorted. */
  readonly accounts: readonly string[]
}

/** One of the stacks that an account came with. */
export interface StackRow {
  readonly network: string
  readonly stack: string
  readonly label: string | undefined
  readonly connections: number
  readonly firstSeen: string
  readonly lastSeen: string
}

/** How often a label was seen. `label` is `undefined` for SYNs that the database does not know. */
export interface LabelRow {
  readonly label: string | undefined
  readonly family: string | undefined
  /** Distinct networks. */
  readonly networks: number
  readonly connections: number
}

/** Labels by day. */
export interface LabelDayRow extends LabelRow {
  /** UTC, `2026-11-27`. */
  readonly day: string
}

/** One address (canonical, with the network it is in), or a whole network. */
export type Place =
  | { readonly kind: 'address'; readonly address: string; readonly network: string }
  | { readonly kind: 'network'; readonly network: string }

/** Whose observations are meant. */
export type Subject = Place | { readonly kind: 'account'; readonly account: string }

/**
 * A database under a store. Every promise rejects where the database says no or cannot be reached; `write` may then be called
 * again with the same rows, which must not count twice. `since` is a UTC day.
 */
export interface Engine {
  /** Rows that are worth one write, and milliseconds that fewer may wait. */
  readonly batch: { readonly rows: number; readonly milliseconds: number }
  write(batch: Batch): Promise<void>
  hosts(place: Place, since: string): Promise<HostRow[]>
  stacks(account: string, since: string): Promise<StackRow[]>
  labels(since: string): Promise<LabelRow[]>
  labelsByDay(since: string): Promise<LabelDayRow[]>
  /** Removes what is kept of an address, network or account. Gives the number of connections. */
  forget(subject: Subject): Promise<number>
  /**
   * Removes up to a slice of what is older than these UTC days. True if there may be more. Engines that partition by day drop
   * whole days.
   */
  expire(observationsBefore: string, dailyBefore: string): Promise<boolean>
  /** True if the engine refused the rows themselves: the same rows would fail again. */
  isRefusal?(error: unknown): boolean
  /** Writes at once, without a turn of the event loop, where the engine can: for the end of the process. */
  writeNow?(batch: Batch): void
  close(): Promise<void>
}
