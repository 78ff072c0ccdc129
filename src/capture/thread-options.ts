/**
 * The options of all fingerprinters of a thread, joined: a SYN is read once and a listening socket has one setting, for all of them.
 * @module
 */

/** What a fingerprinter asks of the capture. */
export interface CaptureOptions {
  readonly syn: boolean
  readonly tcpInfo: 'request' | 'connection' | 'off'
  readonly deferAccept: 'clear' | 'keep'
  readonly maxConnections: number
}

/** What one fingerprinter asks for, no other takes back. */
export class ThreadOptions {
  /** SYNs are kept by listening sockets, and read. */
  syn = false
  /** TCP_INFO is read at the first request of a connection. */
  tcpInfo = false
  /** That TCP_INFO stays with the connection. */
  keepInfo = false
  /** TCP_DEFER_ACCEPT is cleared on listening sockets. */
  clearDeferAccept = false
  /** Connections are looked up before anything is read of them. */
  early = false
  maxConnections = 1

  join({ syn, tcpInfo, deferAccept, maxConnections }: CaptureOptions, isEarly: boolean): void {
    this.syn ||= syn
    this.tcpInfo ||= tcpInfo !== 'off'
    this.keepInfo ||= tcpInfo === 'connection'
    this.clearDeferAccept ||= deferAccept === 'clear'
    this.early ||= isEarly
    this.maxConnections = Math.max(this.maxConnections, maxConnections)
  }
}
