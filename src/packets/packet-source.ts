/**
 * The SYNs of this network namespace, from the moment at which the source is opened: one packet socket a thread, drained when a request
 * is looked up, and by a timer.
 * @module
 */
import type { Libc } from '../../ffi/libc.ts'
import { PacketSocket, type PacketSocketOptions } from '../../ffi/packet.ts'
import type { SockDiag } from '../../ffi/sock-diag.ts'
import { unrefTimer } from '../runtime/timers.ts'
import type { AddressWords } from '../wire/sockaddr.ts'
import type { ClientConnection } from './client-connection.ts'
import { Endings } from './endings.ts'
import { LIVE_STATES } from './evidence.ts'
import { SynReader } from './syn-ends.ts'
import { SynTable } from './syn-table.ts'

/**
 * Between two drains by the timer, milliseconds: while SYNs or requests come; where that would let a quarter of the room be taken; where
 * neither came for a while. What is lost casts doubt on every connection of some seconds, for as long as it lasts.
 */
const DRAIN_EVERY = 100
const DRAIN_SOON = 20
const DRAIN_IDLE = 1000
const IDLE_AFTER = 10_000
/** Loss is remembered for so long before a SYN, milliseconds: the time from a SYN to the server's last octets of a handshake. */
const LOSS_BEFORE = 5000
/** What the clocks by which the kernel stamps and by which we measure may differ in, milliseconds; by more one of them was set. */
const CLOCKS_DIFFER = 2

/** A list of connections that goes on, because tens of thousands take tens of milliseconds: see `SockDiag.walk`. */
interface Listing {
  readonly step: (isGivenUp?: boolean) => unknown
  readonly found: { readonly peer: AddressWords; readonly port: number; readonly cookie: number }[]
}

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

export class PacketSource {
  readonly table: SynTable<ClientConnection>
  readonly #socket: PacketSocket
  readonly #diag: SockDiag
  readonly #reader = new SynReader()
  readonly #endings: Endings
  readonly #ports: ReadonlySet<number> | undefined
  /** Cookies and clients' ends of connections whose SYNs were never seen: those that were there before, and those of times of loss. */
  #unseen: ReadonlySet<number | string> = new Set()
  readonly #clock: () => number
  #timer: ReturnType<typeof setTimeout> | undefined
  #lastDrain: number
  #lastSign: number
  /** Packets may have been lost until then. When their connections are there, they are listed. */
  #lossUntil = Number.NEGATIVE_INFINITY
  #listAt = Number.POSITIVE_INFINITY
  #listing: Listing | undefined
  /** What the wall clock was ahead of ours at the last drain. */
  #ahead = Number.NaN
  #taken = 0
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
    this.#diag = diag
    this.#clock = clock
    this.table = new SynTable(capacity)
    this.#socket = new PacketSocket(libc, options, true)
    this.#ports = options.ports === undefined || options.ports.length === 0 ? undefined : new Set(options.ports)
    this.#endings = new Endings(this.table, diag)
    const now = clock()
    this.#lastDrain = this.#lastSign = now
    const listing = this.#list()
    while (listing.step() === undefined);
    this.#keepUnseen(listing, now)
    this.#schedule(DRAIN_EVERY)
  }

  /** Begins to list the connections that are alive and have no SYN here: one that comes later with their ends was forged. */
  #list(): Listing {
    this.#listAt = Number.POSITIVE_INFINITY
    const found: Listing['found'] = []
    const step = this.#diag.walk({ states: LIVE_STATES }, 2 * this.table.capacity, (socket) => {
      const { peer, peerPort, cookieLow, cookieHigh } = socket
      if (this.table.of(peer, peerPort).length === 0 || this.isUnseen(cookieLow, cookieHigh))
        found.push({ peer: { ...peer }, port: peerPort, cookie: cookieNumber(cookieLow, cookieHigh) })
      return true
    })
    return { step, found }
  }

  /** Goes on with the list by one of the kernel's answers, some hundred connections. SYNs that came. */
  #listOn(now: number): number {
    this.#listing ??= this.#list()
    return this.#listing.step() === undefined ? 0 : this.#keepUnseen(this.#listing, now)
  }

  #keepUnseen({ found }: Listing, now: number): number {
    this.#listing = undefined
    // Of those that were established meanwhile the SYNs are here.
    const came = this.#takeAll(now, Number.NaN)
    const unseen = new Set<number | string>()
    for (const { peer, port, cookie } of found) {
      if (this.table.of(peer, port).length === 0 || this.#unseen.has(cookie)) unseen.add(cookie).add(keyOf(peer, port))
    }
    this.#unseen = unseen
    return came
  }

  /** True if the SYN of the connection with this cookie was never seen: it was there before the source, or was among those lost. */
  isUnseen(cookieLow: number, cookieHigh: number): boolean {
    return this.#unseen.has(cookieNumber(cookieLow, cookieHigh))
  }

  /** True if such a connection had this client's end. */
  isUnseenEnd(client: AddressWords, port: number): boolean {
    return this.#unseen.has(keyOf(client, port))
  }

  /** Drains the socket for a request. SYNs that came since the last drain. */
  drain(): number {
    const now = this.#clock()
    this.#lastSign = now
    return this.#drain(now)
  }

  #drain(now: number): number {
    const { least } = this.#socket.room
    const ahead = Date.now() - now
    const isSteady = Math.abs(ahead - this.#ahead) < CLOCKS_DIFFER
    this.#ahead = ahead
    const isListing = now >= this.#listAt || this.#listing !== undefined
    // SYNs that come before connections are listed may be later than the loss, and count as of its time.
    if (isListing) this.#lossUntil = Math.max(this.#lossUntil, this.#lastDrain - LOSS_BEFORE)
    let came = this.#takeAll(now, isSteady && !isListing ? ahead : Number.NaN)
    if (isListing) came += this.#listOn(now)
    // Else the queue was never full.
    if (came > 0 && came >= least) this.#countDrops(now)
    this.#lastDrain = now
    return came
  }

  /** Takes what waits. `ahead` is what the wall clock, by which the kernel stamps, is ahead of ours; not a number where it was set. */
  #takeAll(now: number, ahead: number): number {
    const socket = this.#socket
    const most = socket.room.most + 64
    let came = 0
    for (; came < most; came++) {
      const octets = socket.receive()
      if (octets < 0) break
      this.#take(octets, now, socket.stamp - ahead)
    }
    this.#taken += came
    return came
  }

  /** Takes a packet that came `at` this time, between the last drain and `now` where that is not a number. */
  #take(octets: number, now: number, at: number): void {
    const { packet } = this.#socket
    const reader = this.#reader
    const length = reader.read(packet, octets)
    // Packets with extension headers come whatever their port is.
    if (length === 0 || this.#ports?.has(reader.ends.serverPort) === false) return
    this.#seen++
    if (this.table.isFull && !this.table.makeRoom(now, this.#markLive)) this.#noteLoss(now)
    const last = this.#lastDrain
    const since = at - CLOCKS_DIFFER > last ? Math.min(at - CLOCKS_DIFFER, now) : last
    const until = at + CLOCKS_DIFFER < now ? Math.max(at + CLOCKS_DIFFER, last) : now
    this.table.add(reader.ends, reader.sequence, packet, length, since, until)
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
    this.#noteLoss(now)
  }

  #noteLoss(now: number): void {
    this.#lossUntil = now
    this.#listAt = now + LOSS_BEFORE
  }

  /** True if SYNs may have been lost from a little before a SYN came until now. */
  lostSince(slot: number): boolean {
    return this.#lossUntil >= this.table.notBefore(slot) - LOSS_BEFORE
  }

  #schedule(delay: number): void {
    const before = this.#taken
    this.#timer = setTimeout(() => {
      const now = this.#clock()
      this.#drain(now)
      this.#endings.look(now)
      const came = this.#taken - before
      if (came > 0) this.#lastSign = now
      const isMuch = (came / delay) * DRAIN_EVERY > this.#socket.room.most / 4 || this.#listing !== undefined
      this.#schedule(isMuch ? DRAIN_SOON : now - this.#lastSign < IDLE_AFTER ? DRAIN_EVERY : DRAIN_IDLE)
    }, delay)
    unrefTimer(this.#timer)
  }

  counts(): PacketCounts {
    return { seen: this.#seen, kept: this.table.size, evicted: this.table.evicted, dropped: this.#dropped }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#listing?.step(true)
    this.#socket.close()
  }
}

/** A cookie as one number: the kernel counts them from 1, and 2^53 are not reached. */
function cookieNumber(low: number, high: number): number {
  return high * 0x1_0000_0000 + low
}

/** A client's end as a key. */
export function keyOf({ w0, w1, w2, w3 }: AddressWords, port: number): string {
  return `${w0}.${w1}.${w2}.${w3}.${port}`
}
