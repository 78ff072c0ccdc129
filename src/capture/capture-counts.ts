/**
 * What is kept, and what it took to find it.
 * @module
 */

/** What the capture holds, for status. */
export interface CaptureCounts {
  /** Connections kept. */
  readonly connections: number
  /** Sockets with a peer that were met while looking for connections. */
  readonly sockets: number
  /** Those among them that have an inotify watch. */
  readonly watches: number
  /** `getpeername` calls made to find descriptors. */
  readonly probes: number
  /** Searches that had to look at every descriptor. */
  readonly fullScans: number
}
