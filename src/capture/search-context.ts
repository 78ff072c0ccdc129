/**
 * What is known of the request in hand while its connection is looked for: one object a thread, filled anew for each request, so that
 * a request allocates nothing and the functions that take it stay monomorphic.
 * @module
 */
import type { Sockets } from '../../ffi/socket.ts'
import { type AddressWords, createAddressWords } from '../wire/sockaddr.ts'
import { bytesReceived } from './octets-read.ts'
import type { Server } from './server.ts'

/** The line of the proof in `identity.ts` that decided a request: the last that held, or the first that did not. */
export type Rule = 'P1' | 'P2' | 'P3' | 'P4'

/** How P4 is decided. */
export type Uniqueness =
  /** By the address: peers of this server cannot coincide, or the runtime named the descriptor. */
  | 'address'
  /** The table lists every connected socket of the process. */
  | 'census'
  /** The kernel was asked for a connection from this peer to each local address. */
  | 'lookup'
  /** Not at all: the kernel refuses, or it would take too long. */
  | 'undecided'

/** The fields are set where their comments say, and read from there on until the next request. */
export class SearchContext {
  // Set when the request comes.
  server!: Server
  /** The peer as the runtime reports it. */
  address = ''
  port = 0
  /** The descriptor, where the runtime names it. */
  named: number | undefined
  /** True if the request surely did not come over QUIC. */
  overTcp = false
  /** True if the request was counted before: another fingerprinter has looked at it. */
  isCounted = false

  // Set when its connection is searched.
  readonly peer: AddressWords = createAddressWords()
  uniqueness: Uniqueness = 'undecided'
  /** The number that was probably its connection's when a census was taken, -1 for none: it had this peer. */
  guessed = -1
  /** True if what had come to it when its TCP_INFO was taken was read by the time of the census. */
  isAllRead = false
  /** Local addresses at which the kernel is to be asked for a duplicate peer. */
  localAddresses: readonly AddressWords[] = []

  /** Local end of the socket that was last found to be the server's. */
  readonly local: AddressWords = createAddressWords()
  localPort = 0

  // Set when a new connection is kept.
  /** `tcpi_bytes_received` of the TCP_INFO just read; `undefined` where none was. */
  received: number | undefined
  /** TCP_INFO just read, a copy where one is wanted. */
  info: Uint8Array | undefined
  /** The descriptor whose TCP_INFO was read, -1 for none. */
  infoOf = -1
  /** True if TCP_INFO is copied: for the timing of a new connection, and for the request. */
  keepsInfo = false

  // For diagnostics.
  rule: Rule = 'P1'
  /** Live sockets that could have been the request's. */
  candidates = 0

  /** A request has come. */
  start(
    server: Server,
    address: string,
    port: number,
    named: number | undefined,
    overTcp: boolean,
    isCounted: boolean,
  ): void {
    this.server = server
    this.address = address
    this.port = port
    this.named = named
    this.overTcp = overTcp
    this.isCounted = isCounted
    this.forgetInfo()
    this.rule = 'P1'
    this.candidates = 0
  }

  /** Reads a socket's TCP_INFO. */
  takeInfo(sockets: Sockets, fd: number): void {
    const octets = sockets.tcpInfo(fd)
    this.infoOf = fd
    this.info = this.keepsInfo && octets > 0 ? sockets.copy(octets) : undefined
    this.received = bytesReceived(sockets.view, octets)
  }

  /** TCP_INFO was another socket's. */
  forgetInfo(): void {
    this.info = undefined
    this.infoOf = -1
    this.received = undefined
    this.isAllRead = false
  }
}
