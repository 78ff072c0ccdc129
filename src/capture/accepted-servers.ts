/**
 * The servers of a thread on a runtime that names the socket of a request (Node): their listeners are armed, and their connections
 * counted.
 * @module
 */
import type { Server, Socket } from 'node:net'
import type { Sockets } from '../../ffi/socket.ts'
import { descriptorOf, openConnections, serverOf, statedServerOf } from '../runtime/node-sockets.ts'
import { identifyListener, type ListeningSocket, setListener } from './listening-sockets.ts'
import type { ThreadOptions } from './thread-options.ts'

/** Where connections are accepted. */
export interface Place {
  readonly owner: object
  readonly port: number
  /** `undefined` in the workers of a cluster, and where the server listened unseen. */
  listener: ListeningSocket | undefined
  /** True once the kernel's address of a connection was Node's. */
  isVerified: boolean
}

/** What a worker of a cluster says, once. */
const UNARMED_PRIMARY =
  'Cannot read SYNs in this worker: the primary of the cluster, which listens, must import "tcpfingerprint/node" as well'

export class AcceptedServers {
  readonly #owner: object
  readonly #options: ThreadOptions
  readonly #open: () => Sockets | undefined
  /** Of servers that listen. */
  readonly #places = new Map<Server, Place>()
  /** Of servers that are only given connections: they never close, so that nothing may hold them. */
  readonly #fed = new WeakMap<Server, Place>()
  /** Connections that were looked at one by one: of servers that tell how many they have, and of the others. */
  readonly #ofCountingServers = { now: 0 }
  readonly #ofOthers = { now: 0 }
  /** What an operator can mend, for the application's `onError`. */
  problem: string | undefined

  /** @param open gives the system calls, `undefined` where there are none */
  constructor(owner: object, options: ThreadOptions, open: () => Sockets | undefined) {
    this.#owner = owner
    this.#options = options
    this.#open = open
  }

  /** Arms a server's listener, where it is one of TCP. */
  meet(fd: number, server: Server): void {
    const sockets = this.#open()
    const listener = sockets && identifyListener(sockets, fd)
    if (listener === undefined) return
    const isVerified = this.#places.get(server)?.isVerified === true
    this.#keep(server, { owner: this.#owner, port: listener.port, listener, isVerified })
    this.#arm(sockets!, listener)
  }

  #keep(server: Server, place: Place): void {
    if (!server.listening) {
      this.#fed.set(server, place)
      return
    }
    if (!this.#places.has(server)) server.once('close', () => this.#places.delete(server))
    this.#places.set(server, place)
  }

  /** The server of a socket, which need not be examined once it is known to listen. */
  serverOf(socket: Socket): Server | undefined {
    const stated = statedServerOf(socket) as Server
    return this.#places.has(stated) ? stated : serverOf(socket)
  }

  /** Where a socket was accepted. */
  placeOf(socket: Socket, server: Server | undefined = serverOf(socket)): Place {
    let place = server && (this.#places.get(server) ?? this.#fed.get(server))
    if (place === undefined) {
      place = { owner: this.#owner, port: socket.localPort ?? 0, listener: undefined, isVerified: false }
      if (server !== undefined) this.#keep(server, place)
    }
    return place
  }

  /**
   * The server of a socket without a SYN. Where it is not known it listened before this module was loaded, in a way that Node
   * does not show (`unref`): it is armed for the connections to come. Or it is the primary's, of a cluster. `fd` is the socket's.
   */
  meetServerOf(server: Server | undefined, fd: number): void {
    if (server === undefined || this.#places.get(server)?.listener !== undefined) return
    const listener = descriptorOf(server)
    if (listener >= 0) this.meet(listener, server)
    else if (server.listening && this.#open()?.isFromUnarmed(fd) === true) this.problem = UNARMED_PRIMARY
  }

  /** The listeners and what could be set on them. */
  get armed(): readonly ListeningSocket[] {
    return [...this.#places.values()].flatMap(({ listener }) => listener ?? [])
  }

  /** Makes the listeners keep SYNs (also before any fingerprinter wants them), and clears TCP_DEFER_ACCEPT where that is wanted. */
  arm(sockets: Sockets, onError: (error: Error) => void): void {
    for (const [server, place] of this.#places) {
      const { listener } = place
      if (listener === undefined) continue
      if (sockets.hasCookie(listener.fd, listener.cookieLow, listener.cookieHigh)) {
        this.#arm(sockets, listener, onError)
        continue
      }
      // A cluster's primary lends the listener and closes it without a word.
      place.listener = undefined
      if (!server.listening) this.#places.delete(server)
    }
  }

  #arm(sockets: Sockets, listener: ListeningSocket, onError: (error: Error) => void = () => {}): void {
    const { clearDeferAccept } = this.#options
    setListener(sockets, listener, { saveSyn: true, clearDeferAccept }, onError)
  }

  /** True if a listener has TCP_DEFER_ACCEPT. */
  get mayDefer(): boolean {
    for (const { listener } of this.#places.values()) if ((listener?.deferAccept ?? 0) !== 0) return true
    return false
  }

  /** Counts a connection that is kept. Servers that listen count theirs: a listener for the end of each costs as much as a system call. */
  count(socket: Socket, server: Server | undefined = serverOf(socket)): void {
    const isCounting = server?.listening === true && openConnections(server) !== undefined
    if (isCounting && this.#options.early) return
    const kept = isCounting ? this.#ofCountingServers : this.#ofOthers
    kept.now++
    socket.on('close', () => {
      kept.now--
    })
  }

  /** Connections that are kept: all of a server where each is looked at when it comes. */
  get connections(): number {
    if (!this.#options.early) return this.#ofOthers.now + this.#ofCountingServers.now
    let count = this.#ofOthers.now
    for (const server of this.#places.keys()) count += openConnections(server) ?? 0
    return count
  }
}
