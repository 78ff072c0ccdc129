/**
 * The SYNs that came last, by the client's address and port: octets and numbers in typed arrays, because a flood must cost neither
 * memory beyond a bound nor the collector's time.
 *
 * A repeated SYN (RFC 9293 section 3.8.1) has the sequence number of the first, which is the one that TCP_SAVED_SYN would give: it
 * is kept. SYNs with other sequence numbers are kept beside it, the first eight of one client's end. When the table is full, SYNs that
 * belong to no connection that is alive go first, the oldest of them.
 * @module
 */
import { type AddressWords, sameAddress } from '../wire/sockaddr.ts'
import { Crowds } from './crowds.ts'

/** Octets of a SYN in the common store; IPv6 extension headers make longer ones. */
const SLOT_OCTETS = 128
/** Longer SYNs kept at most. */
const LONG_AT_MOST = 1024
/** SYNs of one client's address and port at most. */
export const SYNS_PER_CLIENT = 8
/** Slots that the table begins with. */
const FIRST_SLOTS = 1024
/** A handshake can take this long, milliseconds: five repetitions of the SYN-ACK (net.ipv4.tcp_synack_retries), 1 + 2 + ... + 32 s. */
export const LONGEST_HANDSHAKE = 64_000

/** Where a SYN came from and went to. */
export interface SynEnds {
  readonly client: AddressWords
  clientPort: number
  readonly server: AddressWords
  serverPort: number
}

/** The SYNs of clients. `Claim` is what is known of the connection that a SYN opened. */
export class SynTable<Claim extends object> {
  readonly capacity: number
  #slots = 0
  #octets: Uint8Array = new Uint8Array()
  #lengths: Uint16Array = new Uint16Array()
  /** Client, server, ports in one word, sequence number: ten words a slot. */
  #words: Uint32Array = new Uint32Array()
  /** The SYN came not before, and not after, and its connection had ended by then; milliseconds of a steady clock. */
  #times: Float64Array = new Float64Array()
  /** Running numbers in the order in which SYNs came. */
  #order: Float64Array = new Float64Array()
  #heads: Int32Array = new Int32Array()
  #next: Int32Array = new Int32Array()
  #claims: (Claim | undefined)[] = []
  readonly #long = new Map<number, Uint8Array>()
  readonly #free: number[] = []
  #unused = 0
  #came = 0
  #size = 0
  #marked: Uint8Array = new Uint8Array()
  /** Against clients that choose their addresses for one chain. */
  readonly #seed: number
  /** SYNs put away to make room. */
  evicted = 0
  readonly #crowds = new Crowds(LONGEST_HANDSHAKE)

  /** @param capacity SYNs at most */
  constructor(capacity: number, seed: number = Math.floor(Math.random() * 2 ** 32)) {
    this.capacity = Math.max(16, capacity)
    this.#seed = seed | 0
    this.#grow(FIRST_SLOTS)
  }

  /** SYNs in it. */
  get size(): number {
    return this.#size
  }

  /** True if there is no room for another SYN. */
  get isFull(): boolean {
    return this.#free.length === 0 && this.#unused === this.#slots
  }

  /**
   * Adds a SYN that came after `since` and not later than `now`. False where it is there already, or has no room. `isFull` must be
   * false.
   */
  add(ends: SynEnds, sequence: number, packet: Uint8Array, length: number, since: number, now: number): boolean {
    const chain = this.#chain(ends.client, ends.clientPort)
    let count = 0
    let oldest = -1
    for (let slot = this.#heads[chain]!; slot >= 0; slot = this.#next[slot]!) {
      if (!this.#isOf(slot, ends.client, ends.clientPort)) continue
      if (this.sequenceOf(slot) === sequence && this.#isTo(slot, ends.server, ends.serverPort)) return false
      count++
      if (this.#claims[slot] === undefined && (oldest < 0 || this.#order[slot]! < this.#order[oldest]!)) oldest = slot
    }
    if (count >= SYNS_PER_CLIENT) {
      this.#noteCrowd(ends, since, now)
      // Who forges SYNs of a connection knows it from its first one.
      if (oldest < 0 || now - this.notAfter(oldest) < LONGEST_HANDSHAKE) return false
      this.release(oldest)
      this.evicted++
    }
    if (length > SLOT_OCTETS && this.#long.size >= LONG_AT_MOST) {
      this.#noteCrowd(ends, since, now)
      return false
    }
    const slot = this.#free.pop() ?? this.#unused++
    if (length > SLOT_OCTETS) this.#long.set(slot, packet.slice(0, length))
    else copy(packet, length, this.#octets, slot * SLOT_OCTETS)
    this.#lengths[slot] = length
    const at = slot * WORDS
    const words = this.#words
    words[at] = ends.client.w0
    words[at + 1] = ends.client.w1
    words[at + 2] = ends.client.w2
    words[at + 3] = ends.client.w3
    words[at + 4] = ends.server.w0
    words[at + 5] = ends.server.w1
    words[at + 6] = ends.server.w2
    words[at + 7] = ends.server.w3
    words[at + 8] = (ends.clientPort << 16) | ends.serverPort
    words[at + 9] = sequence
    this.#times[TIMES * slot] = since
    this.#times[TIMES * slot + 1] = now
    this.#times[TIMES * slot + 2] = Number.POSITIVE_INFINITY
    this.#order[slot] = this.#came++
    this.#marked[slot] = 0
    this.#next[slot] = this.#heads[chain]!
    this.#heads[chain] = slot
    this.#claims[slot] = undefined
    this.#size++
    return true
  }

  /** Slots of the SYNs of one client's end, in no order. */
  of(client: AddressWords, port: number): number[] {
    const found: number[] = []
    const chain = this.#chain(client, port)
    for (let slot = this.#heads[chain]!; slot >= 0; slot = this.#next[slot]!) {
      if (this.#isOf(slot, client, port)) found.push(slot)
    }
    return found
  }

  /** A copy of a SYN's octets. */
  octetsOf(slot: number): Uint8Array {
    const at = slot * SLOT_OCTETS
    return this.#long.get(slot)?.slice() ?? this.#octets.slice(at, at + this.#lengths[slot]!)
  }

  sequenceOf(slot: number): number {
    return this.#words[slot * WORDS + 9]!
  }

  serverPortOf(slot: number): number {
    return this.#words[slot * WORDS + 8]! & 0xffff
  }

  /** Copies the address from which a SYN came. */
  clientOf(slot: number, address: AddressWords): void {
    this.#copyAddress(slot * WORDS, address)
  }

  /** Copies the address to which a SYN went. */
  serverOf(slot: number, address: AddressWords): void {
    this.#copyAddress(slot * WORDS + 4, address)
  }

  #copyAddress(at: number, address: AddressWords): void {
    address.w0 = this.#words[at]!
    address.w1 = this.#words[at + 1]!
    address.w2 = this.#words[at + 2]!
    address.w3 = this.#words[at + 3]!
  }

  /** True if two SYNs went to the same address and port. */
  goTogether(a: number, b: number): boolean {
    for (let word = 4; word < 9; word++) {
      if (this.#words[a * WORDS + word] !== this.#words[b * WORDS + word]) return false
    }
    return true
  }

  /** True if the first of two SYNs came first. */
  cameBefore(a: number, b: number): boolean {
    return this.#order[a]! < this.#order[b]!
  }

  /** The SYN came after this time. */
  notBefore(slot: number): number {
    return this.#times[TIMES * slot]!
  }

  /** The SYN came not later than this time. */
  notAfter(slot: number): number {
    return this.#times[TIMES * slot + 1]!
  }

  /** When its connection was first found to have ended; infinity where it was not. */
  endedAt(slot: number): number {
    return this.#times[TIMES * slot + 2]!
  }

  /** Notes whether its connection was found alive. */
  note(slot: number, isAlive: boolean, now: number): void {
    const at = TIMES * slot + 2
    this.#times[at] = isAlive ? Number.POSITIVE_INFINITY : Math.min(this.#times[at]!, now)
  }

  claimOf(slot: number): Claim | undefined {
    return this.#claims[slot]
  }

  claim(slot: number, claim: Claim): void {
    this.#claims[slot] = claim
    this.#times[TIMES * slot + 2] = Number.POSITIVE_INFINITY
  }

  /** One past the last slot that was ever used: a bound for loops over them. */
  get span(): number {
    return this.#unused
  }

  /**
   * True if SYNs of this client, or seldom of another, were put away in the last 64 seconds because there were too many, the first of them
   * before `by`.
   */
  wasCrowded(client: AddressWords, port: number, now: number, by: number = now): boolean {
    return this.#crowds.has(this.#hash(client, port), now, by)
  }

  #noteCrowd({ client, clientPort }: SynEnds, since: number, now: number): void {
    this.#crowds.note(this.#hash(client, clientPort), since, now)
  }

  /** Takes a SYN out. */
  release(slot: number): void {
    const chain = this.#chainOfSlot(slot)
    let before = -1
    for (let one = this.#heads[chain]!; one !== slot; one = this.#next[one]!) before = one
    if (before < 0) this.#heads[chain] = this.#next[slot]!
    else this.#next[before] = this.#next[slot]!
    this.#claims[slot] = undefined
    this.#long.delete(slot)
    this.#order[slot] = -1
    this.#free.push(slot)
    this.#size--
  }

  /**
   * Makes room. `markLive` calls `mark` with every connection that is alive, and says whether these were all; they stay. Of
   * the others the older half goes, which have had the time for a handshake. The table grows before that, where its SYNs are young.
   * False where others had to go: the connections of some will be there without a SYN.
   */
  makeRoom(now: number, markLive: (mark: (client: AddressWords, port: number) => void) => boolean): boolean {
    const limit = this.#came - this.#slots / 2
    if (this.#slots < this.capacity && !this.#halfIsOld(limit, now)) {
      this.#grow()
      return true
    }
    this.#marked.fill(0)
    const isComplete = markLive((client, port) => {
      const chain = this.#chain(client, port)
      for (let slot = this.#heads[chain]!; slot >= 0; slot = this.#next[slot]!) {
        if (this.#isOf(slot, client, port)) this.#marked[slot] = 1
      }
    })
    const least = this.#slots >> 3
    let left = this.#evict((slot) => {
      const isLive = this.#marked[slot] === 1 || (!isComplete && this.#claims[slot] !== undefined)
      return !isLive && this.#order[slot]! < limit
    })
    if (left < least && this.#slots < this.capacity) {
      this.#grow()
      return isComplete
    }
    if (left >= least) return isComplete
    left += this.#evict((slot) => this.#marked[slot] === 0 && this.#claims[slot] === undefined)
    // All of them are alive: the oldest connections go.
    const oldest = this.#came - this.#slots
    if (left < least) this.#evict((slot) => this.#order[slot]! < oldest + this.#slots / 4)
    if (this.isFull) this.#evict((slot) => slot < least)
    return false
  }

  #halfIsOld(limit: number, now: number): boolean {
    let old = 0
    for (let slot = 0; slot < this.#unused; slot++) {
      if (
        this.#order[slot]! >= 0 &&
        this.#order[slot]! < limit &&
        now - this.#times[TIMES * slot + 1]! > LONGEST_HANDSHAKE
      )
        old++
    }
    return old > this.#slots / 4
  }

  #evict(goes: (slot: number) => boolean): number {
    let count = 0
    for (let slot = 0; slot < this.#unused; slot++) {
      if (this.#order[slot]! < 0 || !goes(slot)) continue
      this.release(slot)
      count++
    }
    this.evicted += count
    return count
  }

  #grow(wanted: number = this.#slots * 2): void {
    const slots = Math.min(this.capacity, wanted)
    const grown = <Kind extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(
      from: Kind,
      numbers = 1,
    ): Kind => {
      const made = new (from.constructor as new (length: number) => Kind)(slots * numbers)
      made.set(from as never)
      return made
    }
    this.#octets = grown(this.#octets, SLOT_OCTETS)
    this.#lengths = grown(this.#lengths)
    this.#words = grown(this.#words, WORDS)
    this.#times = grown(this.#times, TIMES)
    this.#order = grown(this.#order)
    this.#marked = new Uint8Array(slots)
    this.#next = new Int32Array(slots)
    this.#heads = new Int32Array(2 ** Math.ceil(Math.log2(slots))).fill(-1)
    this.#slots = slots
    for (let slot = 0; slot < this.#unused; slot++) {
      if (this.#order[slot]! < 0) continue
      const chain = this.#chainOfSlot(slot)
      this.#next[slot] = this.#heads[chain]!
      this.#heads[chain] = slot
    }
  }

  #isOf(slot: number, client: AddressWords, port: number): boolean {
    const words = this.#words
    const at = slot * WORDS
    return (
      words[at + 3] === client.w3 &&
      words[at + 8]! >>> 16 === port &&
      words[at + 2] === client.w2 &&
      words[at + 1] === client.w1 &&
      words[at] === client.w0
    )
  }

  readonly #client: AddressWords = { w0: 0, w1: 0, w2: 0, w3: 0 }
  readonly #server: AddressWords = { w0: 0, w1: 0, w2: 0, w3: 0 }

  #isTo(slot: number, server: AddressWords, port: number): boolean {
    if (this.serverPortOf(slot) !== port) return false
    this.serverOf(slot, this.#server)
    return sameAddress(this.#server, server)
  }

  #chain(client: AddressWords, port: number): number {
    return this.#hash(client, port) & (this.#heads.length - 1)
  }

  #chainOfSlot(slot: number): number {
    this.clientOf(slot, this.#client)
    return this.#chain(this.#client, this.#words[slot * WORDS + 8]! >>> 16)
  }

  #hash({ w0, w1, w2, w3 }: AddressWords, port: number): number {
    let hash = this.#seed ^ port
    hash = Math.imul(hash ^ w3, 0x9e37_79b1)
    hash = Math.imul(hash ^ (hash >>> 15) ^ w2, 0x9e37_79b1)
    hash = Math.imul(hash ^ (hash >>> 15) ^ w1, 0x9e37_79b1)
    hash = Math.imul(hash ^ (hash >>> 15) ^ w0, 0x85eb_ca77)
    return hash ^ (hash >>> 13)
  }
}

const WORDS = 10
const TIMES = 3

function copy(from: Uint8Array, length: number, to: Uint8Array, at: number): void {
  for (let i = 0; i < length; i++) to[at + i] = from[i]!
}
