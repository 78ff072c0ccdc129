/**
 * The SYNs of this network namespace, from the moment at which the source is opened: one packet socket a thread, drained when a request
 * is looked up, and by a timer while there may be something.
 * @module
 */
import type { Libc } from '../../ffi/libc.ts'
import { PacketSocket, type PacketSocketOptions } from '../../ffi/packet.ts'
import type { SockDiag } from '../../ffi/sock-diag.ts'
import { unrefTimer } from '../runtime/timers.ts'
import type { ClientConnection } from './client-connection.ts'
import { Endings } from './endings.ts'
import { LIVE_STATES } from './evidence.ts'
import { SynReader } from './syn-ends.ts'
import { SynTable } from './syn-table.ts'

/** Between two drains without a request, milliseconds; after a drain that found much, the shorter one. */
const DRAIN_EVERY = 1000
const DRAIN_SOON = 20
/** The timer stops after so long without a SYN or a request, milliseconds: the kernel's buffer holds what comes then. */
const IDLE_AFTER = 10_000
/** Loss is remembered for so long before a SYN, milliseconds: the time from a SYN to the server's last octets of a handshake. */
const LOSS_BEFORE = 5000

/** Counters of a packet source, for metrics. */
export interface PacketCounts {
  /** SYNs received. */
  readonly seen: number
  /** SYNs kept now. */
  readonly kept: number
  /** SYNs put away to make room. */
  readonly evicted: number
  /** SYNs that the kernel dropped because the receive buffer was full. */
  readonly dropped: number
}

/** See the module's comment. */
export class PacketSource {
  readonly table: SynTable<ClientConnection>
  readonly #socket: PacketSocket
  readonly #diag: SockDiag
  readonly #reader = new SynReader()
  readonly #endings: Endings
  readonly #ports: ReadonlySet<number> | undefined
  /** Cookies of the connections that were there before: their SYNs were never seen. */
  readonly #earlier: ReadonlySet<number>
  readonly #clock: () => number
  #timer: ReturnType<typeof setTimeout> | undefined
  #lastDrain: number
  #lastSign: number
  /** Packets may have been lost from here to there. */
  #lossUntil = Number.NEGATIVE_INFINITY
  #seen = 0
  #dropped = 0

  /** @throws {SocketError} where the kernel or a sandbox refuses packet sockets: `EPERM` without CAP_NET_RAW */
  constructor(
    libc: Libc,
    diag: SockDiag,
    options: PacketSocketOptions,
    capacity: number,
    clock: () => number = () => performance.now(),
  ) {
    const earlier = new Set<number>()
    diag.dump({ states: LIVE_STATES }, capacity, ({ cookieLow, cookieHigh }) => {
      earlier.add(cookieNumber(cookieLow, cookieHigh))
      return true
    })
    this.#earlier = earlier
    this.#diag = diag
    this.#clock = clock
    this.#socket = new PacketSocket(libc, options, true)
    this.#ports = options.ports === undefined || options.ports.length === 0 ? undefined : new Set(options.ports)
    this.table = new SynTable(capacity)
    this.#endings = new Endings(this.table, diag)
    this.#lastDrain = this.#lastSign = clock()
    this.#schedule(DRAIN_EVERY)
  }

  /** True if a connection with this cookie was there before the source was opened. */
  isEarlier(cookieLow: number, cookieHigh: number): boolean {
    return this.#earlier.has(cookieNumber(cookieLow, cookieHigh))
  }

  /** Drains the socket for a request. SYNs that came since the last drain. */
  drain(): number {
    const now = this.#clock()
    this.#lastSign = now
    if (this.#timer === undefined) this.#schedule(DRAIN_EVERY)
    return this.#drain(now)
  }

  #drain(now: number): number {
    const socket = this.#socket
    const { least, most } = socket.room
    let came = 0
    for (; came < most + 64; came++) {
      const octets = socket.receive()
      if (octets < 0) break
      this.#take(octets, now)
    }
    // Else the queue was never full.
    if (came > 0 && came >= least) this.#countDrops(now)
    this.#lastDrain = now
    return came
  }

  #take(octets: number, now: number): void {
    const { packet } = this.#socket
    const reader = this.#reader
    const length = reader.read(packet, octets)
    // Packets with extension headers come whatever their port is.
    if (length === 0 || this.#ports?.has(reader.ends.serverPort) === false) return
    this.#seen++
    if (this.table.isFull) this.table.makeRoom(now, this.#markLive)
    this.table.add(reader.ends, reader.sequence, packet, length, this.#lastDrain, now)
  }

  readonly #markLive = (mark: Parameters<Parameters<SynTable<ClientConnection>['makeRoom']>[1]>[0]): boolean => {
    const end = this.#diag.dump({ states: LIVE_STATES }, 2 * this.table.capacity, ({ peer, peerPort }) => {
      mark(peer, peerPort)
      return true
    })
    return end === 'complete'
  }

  #countDrops(now: number): void {
    const drops = this.#socket.takeDrops()
    if (drops === 0) return
    this.#dropped += drops
    this.#lossUntil = now
  }

  /** True if the kernel may have dropped SYNs from a little before a SYN came until now. */
  lostSince(slot: number): boolean {
    return this.#lossUntil >= this.table.notBefore(slot) - LOSS_BEFORE
  }

  #schedule(delay: number): void {
    this.#timer = setTimeout(() => {
      const now = this.#clock()
      const came = this.#drain(now)
      if (came > 0) this.#lastSign = now
      this.#endings.look(now)
      this.#timer = undefined
      const isMuch = 8 * came > this.#socket.room.most
      if (now - this.#lastSign < IDLE_AFTER) this.#schedule(isMuch ? DRAIN_SOON : DRAIN_EVERY)
    }, delay)
    unrefTimer(this.#timer)
  }

  counts(): PacketCounts {
    return { seen: this.#seen, kept: this.table.size, evicted: this.table.evicted, dropped: this.#dropped }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#socket.close()
  }
}

/** A cookie as one number: the kernel counts them from 1, and 2^53 are not reached. */
function cookieNumber(low: number, high: number): number {
  return high * 0x1_0000_0000 + low
}
