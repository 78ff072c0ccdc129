/**
 * Probes descriptor numbers: asks the kernel for a number's peer (getpeername) and notes in the registry what is there. Search, census
 * and maintenance share one prober, so that what one of them meets on its way the others know.
 * @module
 */
import type { AddressWords } from '../../src/wire/sockaddr.ts'
import { ERRNO } from '../constants.ts'
import { grown } from '../grown.ts'
import type { Sockets } from '../socket.ts'
import type { Roster } from '../watch/roster.ts'
import type { Watcher } from '../watch/watcher.ts'
import { OpenNumbers } from './open-numbers.ts'
import { type Registry, STATUS } from './registry.ts'

/** What a probe answered other than an address family. */
export const PROBED = {
  /** No socket with an IPv4 or IPv6 peer. */
  NO_PEER: 0,
  /** The kernel or a sandbox refused the call: nothing is known, and asking on is of no use. */
  REFUSED: -1,
} as const

export class Prober {
  readonly sockets: Sockets
  readonly registry: Registry
  readonly watcher: Watcher
  readonly roster: Roster
  readonly openNumbers: OpenNumbers
  /** `getpeername` calls made so far. */
  probes = 0
  /** errno of the last probe that was refused, 0 where none was since `startSearch`. */
  refusal = 0
  /** The search that last probed the number. */
  #probedIn = new Uint32Array(256)
  #search = 0

  constructor(sockets: Sockets, registry: Registry, watcher: Watcher, roster: Roster) {
    this.sockets = sockets
    this.registry = registry
    this.watcher = watcher
    this.roster = roster
    this.openNumbers = new OpenNumbers(sockets.libc)
  }

  /** From now on every number may be probed again. */
  startSearch(): void {
    this.#search = (this.#search + 1) >>> 0
    this.refusal = 0
  }

  /** The number's socket is surely the one that is known: as good as a probe. */
  confirm(fd: number): void {
    this.#probedIn[fd] = this.#search
  }

  /** What is known of the number is of a socket that was there before: it may be probed again in this search. */
  doubt(fd: number): void {
    this.#probedIn[fd] = this.#search - 1
  }

  /** True if the number was probed or confirmed since `startSearch`. */
  wasProbed(fd: number): boolean {
    return this.#probedIn[fd] === this.#search
  }

  /** Makes room for a number. */
  reach(fd: number): void {
    if (fd < this.#probedIn.length) return
    this.#probedIn = grown(this.#probedIn, fd + 1)
    this.registry.grow(this.#probedIn.length)
  }

  /** Probes a number. The family of its socket's peer address, which is then in `sockets`, or one of `PROBED`. */
  probe(fd: number): number {
    this.#probedIn[fd] = this.#search
    this.probes++
    const { registry, sockets } = this
    const family = sockets.peerName(fd)
    if (family > 0) {
      const port = sockets.port()
      const status = registry.status(fd)
      const isKnown = status === STATUS.CONNECTED || status === STATUS.WATCHED
      if (!isKnown || registry.port(fd) !== port) registry.take(fd, port)
      if (this.roster.has(fd)) this.roster.setPeer(fd, sockets, family)
      return family
    }
    const errno = family < 0 ? sockets.errno() : ERRNO.ENOTSOCK
    switch (errno) {
      case ERRNO.EBADF:
        if (registry.status(fd) !== STATUS.UNKNOWN) registry.become(fd, STATUS.FREE)
        return PROBED.NO_PEER
      case ERRNO.ENOTCONN:
      case ERRNO.EINVAL:
        registry.become(fd, STATUS.NO_PEER)
        return PROBED.NO_PEER
      case ERRNO.ENOTSOCK:
      case ERRNO.EOPNOTSUPP:
        registry.become(fd, STATUS.FILE)
        return PROBED.NO_PEER
      default:
        this.refusal = errno
        return PROBED.REFUSED
    }
  }

  /** True if the number's socket has this peer now. Asks the kernel, unless this search has: then false. */
  hasPeer(fd: number, port: number, address: AddressWords): boolean {
    if (this.wasProbed(fd)) return false
    const family = this.probe(fd)
    return family > 0 && this.registry.port(fd) === port && this.sockets.hasAddress(family, address)
  }

  /**
   * Watches a connected socket. False where it got no watch: the kernel refuses, or the number is another socket's by now.
   */
  watch(fd: number): boolean {
    const { registry } = this
    const port = registry.port(fd)
    if (!this.watcher.watch(fd)) return false
    // Between the last probe and the watch another thread may have closed the number, and accepted another socket on it.
    this.probes++
    if (this.sockets.peerName(fd) <= 0 || this.sockets.port() !== port) {
      this.watcher.unwatch(fd)
      return false
    }
    registry.watch(fd)
    this.roster.remove(fd)
    return true
  }
}
