/**
 * A TCP client in userspace, behind a TUN device of a network namespace. The whole network beyond the namespace is this
 * client: any source address, any SYN, any delay of any segment.
 *
 * @example
 * await using ns = createNetns()
 * const peer = createTunPeer(ns)
 * const server = await startServer(ns, 'test/net/server.ts')
 * // At once: a handshake of 30 ms, the request 100 ms after it.
 * const { connection, response } = await peer.exchange(
 *   { destination: { address: peer.ipv4, port: server.port }, syn: { ttl: 51 }, ackDelayMs: 30, dataDelayMs: 100 },
 *   'GET /json HTTP/1.1\r\nHost: x\r\n\r\n',
 * )
 * connection.savedSyn // the octets TCP_SAVED_SYN must hold
 * // Step by step:
 * const conn = peer.open({ destination: { address: peer.ipv6, port: server.port }, manual: true })
 * conn.sendSyn()
 * await conn.waitSynAck()
 * conn.sendAck({ ttl: 52 })
 * conn.send('GET / HTTP/1.1\r\n', { ttl: 53, segmentSize: 5 })
 * conn.rst()
 *
 * How exact: the peer sleeps in `ppoll`, as a real-time thread where it may be one, and sends prepared packets; `npm run bench -- peer-latency` prints the figures.
 * While a timer or a `wait` is pending it holds the JavaScript thread in slices of at most 0.5 ms, with connections
 * open it looks every 4 ms, and with none nothing runs.
 * @module
 */
import { type HttpResponse, ResponseReader } from '../support/http.ts'
import { buffer, C, close, ioctl, LibcError, open, pollReadable, readInto, setRealTime, writeFrom } from './libc.ts'
import type { Netns } from './netns.ts'
import {
  addressBytes,
  buildPacket,
  concat,
  type Endpoint,
  FLAG,
  familyOf,
  linuxOptions,
  option,
  type PacketFields,
  parsePacket,
  type Segment,
  tcpOptions,
} from './packet.ts'

/** The fields of a SYN; what is left out is what a current Linux client sends. */
export type SynFields = Omit<PacketFields, 'source' | 'destination'>

/** How a connection behaves. Delays are milliseconds, fractions count. */
export interface ConnectOptions {
  readonly destination: Endpoint
  /** Default: an address and port of its own for every connection. */
  readonly source?: Endpoint
  readonly syn?: SynFields
  /** The whole SYN packet, sent as it is; `source`, `destination` and `syn` are read from it. */
  readonly raw?: Uint8Array
  /** From the arrival of a SYN-ACK to the ACK that answers it. Default 0. */
  readonly ackDelayMs?: number
  /**
   * The way of everything after the SYN to the server, in order: with 30 the path has a round-trip time of 30 ms, and what
   * the client answers to anything arrives 30 ms after it. `ackDelayMs` and the others add to it. Default 0.
   */
  readonly pathDelayMs?: number
  /** The bare ACK never arrives: data completes the handshake. */
  readonly ackLost?: boolean
  /** TTL of the handshake ACK. Default: the SYN's. */
  readonly ackTtl?: number
  /** TOS of the handshake ACK. Default: the SYN's without its ECN bits. */
  readonly ackTos?: number
  /** Sends the SYN again, each number so long after the first. */
  readonly resendSynMs?: readonly number[]
  /** SYN-ACKs that get lost on the way. Our own SYN is not repeated then, unless `resendSynMs` says so. */
  readonly dropSynAcks?: number
  /** First data, sent `dataDelayMs` after the handshake ACK. */
  readonly data?: string | Uint8Array
  readonly dataDelayMs?: number
  /** TTL of data and of later ACKs. Default: the SYN's. */
  readonly dataTtl?: number
  /** From the arrival of a data segment to its ACK, the same for all or by number (0 is the first). Default 0. */
  readonly dataAckDelayMs?: number | ((index: number) => number)
  /** Most payload octets of a segment. Default: the server's MSS, less the timestamps. */
  readonly segmentSize?: number
  /** Window field of segments after the SYN. Default: the SYN's, 64,240 octets at least, scaled when scaling is on. */
  readonly window?: number
  /** Loses data segments of the server, by number (0 is the first): they count, and nothing else happens. */
  readonly dropData?: (index: number) => boolean
  /** Sends nothing by itself: every step of the handshake is called. ACKs of data are automatic all the same. */
  readonly manual?: boolean
  /** Repeats a SYN after 1 s and data after 1 s without an answer. Default true. */
  readonly retransmit?: boolean
}

/** How to send data or an ACK. */
export interface SendOptions {
  readonly ttl?: number
  readonly tos?: number
  readonly segmentSize?: number
  /** Sum of `FLAG` values; default ACK, and PSH on the last segment of data. */
  readonly flags?: number
  readonly urgentPointer?: number
}

/** Something happened in the kernel between these two times, milliseconds on the clock of `performance.now()`. */
export interface Moment {
  readonly from: number
  readonly to: number
}

/**
 * When things really happened, as far as the peer can tell. On a busy machine a packet may go out later than it was set
 * to; a test that compares the kernel's figures with these bounds is right all the same.
 */
export interface PeerTimes {
  syn: Moment | undefined
  /** The kernel sent the SYN-ACK that was answered first. */
  synAck: Moment | undefined
  /** The kernel got the handshake ACK (or would have, had it not been lost). */
  ack: Moment | undefined
  firstData: Moment | undefined
}

/** Least and most time from one moment to another, milliseconds. @throws {Error} when one of them did not come */
export function between(first: Moment | undefined, second: Moment | undefined): Moment {
  if (first === undefined || second === undefined) throw new Error('Cannot tell the time between: one did not happen')
  return { from: Math.max(0, second.from - first.to), to: second.to - first.from }
}

/** How far `value` lies outside of the bounds; 0 inside. */
export function outside(value: number, bounds: Moment): number {
  return Math.max(0, bounds.from - value, value - bounds.to)
}

/** Why a wait ended without what it waited for. */
export class PeerError extends Error {
  override readonly name = 'PeerError'
  readonly reason: 'reset' | 'timeout' | 'closed'
  constructor(reason: 'reset' | 'timeout' | 'closed', message: string) {
    super(message)
    this.reason = reason
  }
}

interface Timer {
  at: number
  /** An exact timer makes the loop sleep in `ppoll` until it; a lazy one may be some milliseconds late. */
  readonly exact: boolean
  run: (() => void) | undefined
}

/** Times in order; a cancelled timer stays until its time, without a function. */
class Timers {
  readonly #heap: Timer[] = []
  exact = 0

  add(at: number, exact: boolean, run: () => void): Timer {
    const timer: Timer = { at, exact, run }
    const heap = this.#heap
    if (exact) this.exact += 1
    let i = heap.push(timer) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (heap[parent]!.at <= at) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = timer
    return timer
  }

  cancel(timer: Timer | undefined): void {
    if (timer?.run === undefined) return
    timer.run = undefined
    if (timer.exact) this.exact -= 1
  }

  /** The time of the first live timer, Infinity when there is none. */
  get next(): number {
    while (this.#heap[0] !== undefined && this.#heap[0].run === undefined) this.#pop()
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Runs what is due. */
  run(): void {
    while (this.next <= performance.now()) {
      const timer = this.#pop()
      const action = timer.run
      timer.run = undefined
      if (timer.exact) this.exact -= 1
      action?.()
    }
  }

  #pop(): Timer {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) {
      let i = 0
      for (;;) {
        let child = 2 * i + 1
        if (child >= heap.length) break
        if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child += 1
        if (heap[child]!.at >= last.at) break
        heap[i] = heap[child]!
        i = child
      }
      heap[i] = last
    }
    return first
  }
}

interface Waiter {
  check(): boolean
  fail(error: PeerError): void
}

/** What the peer gives its connections. */
interface Wire {
  readonly timers: Timers
  /** Writes a packet, tells `onSent` when, and reads at once what the kernel answered. */
  send(packet: Uint8Array, onSent?: (moment: Moment) => void): void
  waiting(change: 1 | -1): void
  attach(connection: PeerConnection): void
  detach(connection: PeerConnection): void
}

const after = (a: number, b: number): boolean => ((a - b) | 0) > 0
const SLICE_MS = 0.5
const SPIN_MS = 0.08
const LINGER_MS = 50
const RETRY_MS = 1000

interface Outgoing {
  readonly sequence: number
  readonly length: number
  readonly payload: Uint8Array
  readonly flags: number
  readonly options: SendOptions
  sent: boolean
}

/** One connection of the peer. Made by `open`, `connect` or `exchange` of {@link TunPeer}. */
export class PeerConnection {
  readonly source: Endpoint
  readonly destination: Endpoint
  /** The SYN packet as it goes out, payload included. */
  readonly syn: Uint8Array
  /** The SYN without its payload: what TCP_SAVED_SYN must hold. */
  readonly savedSyn: Uint8Array
  /** The SYN's fields. */
  readonly synFields: Segment
  /** Every SYN-ACK that came, the dropped ones included. */
  readonly synAcks: Segment[] = []
  /** When things happened. */
  readonly times: PeerTimes = { syn: undefined, synAck: undefined, ack: undefined, firstData: undefined }
  state: 'new' | 'syn-sent' | 'syn-acked' | 'established' | 'closed' | 'reset' = 'new'
  /** Every SYN-ACK that was answered by itself, and when the kernel got the ACK of it. */
  readonly handshakeAcks: { readonly synAck: Moment; readonly ack: Moment }[] = []
  /** When data came and when its ACK was got, for the first thousand segments that were acknowledged. */
  readonly dataAcks: { readonly data: Moment; readonly ack: Moment }[] = []
  /** Data segments that came. */
  dataSegments = 0
  /** Payload octets that have come, in all segments. */
  dataOctets = 0
  /** Of these, what had come before. */
  repeated = { segments: 0, octets: 0 }
  #highest: number | undefined
  #window: number | undefined

  readonly #options: ConnectOptions
  readonly #wire: Wire
  readonly #waiters = new Set<Waiter>()
  readonly #out: Outgoing[] = []
  readonly #in: Uint8Array[] = []
  readonly #reader = new ResponseReader()
  readonly #timers = new Set<Timer>()
  #retry: Timer | undefined
  #dropsLeft: number
  #sendNext: number
  #sendUnacked: number
  #receiveNext = 0
  /** The highest acknowledgment number that has gone out: a delayed ACK must not be overtaken by our own data. */
  #acknowledged = 0
  #timestampsOn = false
  #timestampEcho = 0
  #peerWindow = 0xffff
  #scale = 0
  #serverShift = 0
  #peerMss = 536
  #firstDataIsAck = false
  #lineUntil = 0
  readonly #onLine: { readonly packet: Uint8Array; readonly onSent: ((moment: Moment) => void) | undefined }[] = []
  /** Counted as a waiter of the peer: a SYN-ACK must be seen the moment it comes. */
  #awaitsSynAck = false
  #ended = false
  #finSent = false

  constructor(options: ConnectOptions, syn: Uint8Array, wire: Wire) {
    const fields = parsePacket(syn)
    if (fields === undefined) throw new RangeError('Cannot open a connection with these octets: not a TCP packet')
    this.#options = options
    this.#wire = wire
    this.syn = syn
    this.savedSyn = syn.slice(0, fields.headerLength)
    this.synFields = fields
    this.source = fields.source
    this.destination = fields.destination
    this.#dropsLeft = options.dropSynAcks ?? 0
    this.#sendUnacked = fields.sequence
    this.#sendNext = (fields.sequence + 1 + fields.payload.length) >>> 0
  }

  /** The SYN-ACK that was answered. */
  get synAck(): Segment | undefined {
    return this.times.synAck === undefined ? undefined : this.synAcks[this.#options.dropSynAcks ?? 0]
  }

  /** `address port address port`: the key of the peer's table. */
  get key(): string {
    return keyOf(this.source, this.destination)
  }

  /** Sends the SYN; again with the same octets when called again. */
  sendSyn(): void {
    const first = this.state === 'new'
    if (first) {
      this.state = 'syn-sent'
      this.#wire.attach(this)
      const start = performance.now()
      this.#awaitsSynAck = true
      this.#wire.waiting(1)
      for (const delay of this.#options.resendSynMs ?? []) {
        this.#later(start + delay, true, () => {
          if (this.state === 'syn-sent' || this.state === 'syn-acked') this.#wire.send(this.syn)
        })
      }
      if ((this.#options.dropSynAcks ?? 0) === 0 && this.#options.resendSynMs === undefined) this.#armRetry()
    }
    this.#wire.send(this.syn, (moment) => {
      this.times.syn ??= moment
    })
  }

  /** The SYN-ACK, as soon as one is there that did not get lost. @throws {PeerError} */
  waitSynAck(timeoutMs: number = 10_000): Promise<Segment> {
    return this.#wait('a SYN-ACK', timeoutMs, () => this.synAck)
  }

  /** Waits until the client has sent the handshake ACK, on its way or lost. @throws {PeerError} */
  async waitEstablished(timeoutMs: number = 10_000): Promise<void> {
    await this.#wait('the handshake', timeoutMs, () => (this.state === 'established' ? true : undefined))
  }

  /** Sends the handshake ACK now, with `data` in it where given. */
  sendAck(options: SendOptions & { readonly data?: string | Uint8Array } = {}): void {
    this.#acknowledged = this.#receiveNext
    const { data, ...rest } = options
    if (data === undefined) {
      this.#emit(this.#ackPacket(performance.now(), rest), (moment) => this.#ackSent(moment))
      this.#establish()
      return
    }
    // The first data is the ACK.
    this.#firstDataIsAck = true
    this.#establish()
    this.send(data, { ttl: this.#options.ackTtl ?? this.synFields.ttl, ...rest })
  }

  /**
   * Queues data; it goes out at once, in segments, as far as the server's window allows.
   * @throws {PeerError} before the SYN-ACK (data of the SYN is `syn.payload`) and after the end
   */
  send(data: string | Uint8Array, options: SendOptions = {}): void {
    if (this.state !== 'established' && this.state !== 'syn-acked') {
      const reason = this.state === 'reset' ? 'reset' : 'closed'
      throw new PeerError(reason, `Cannot send on ${this}: its state is "${this.state}"`)
    }
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
    const size = options.segmentSize ?? this.#options.segmentSize ?? this.#peerMss - (this.#timestampsOn ? 12 : 0)
    for (let at = 0; at < bytes.length; at += size) {
      const payload = bytes.subarray(at, at + size)
      const last = at + size >= bytes.length
      this.#queue(payload, payload.length, options.flags ?? (last ? FLAG.ACK | FLAG.PSH : FLAG.ACK), options)
    }
    this.#pump()
  }

  /** What has come since the last read, or `null` at the end. @throws {PeerError} after a reset or too long a wait */
  read(timeoutMs: number = 10_000): Promise<Uint8Array | null> {
    return this.#wait('data', timeoutMs, () => {
      if (this.#in.length > 0) return concat(...this.#in.splice(0))
      return this.#ended ? null : undefined
    })
  }

  /**
   * Sends a request and reads the response to it.
   * @throws {PeerError} when the connection ends first
   */
  async request(text: string | Uint8Array, options: SendOptions = {}): Promise<HttpResponse> {
    this.send(text, options)
    const head = (typeof text === 'string' ? text : new TextDecoder('latin1').decode(text)).startsWith('HEAD ')
    return await this.response(head)
  }

  /** The next response. */
  async response(head: boolean = false, timeoutMs: number = 10_000): Promise<HttpResponse> {
    for (;;) {
      const found = this.#reader.next(head)
      if (found !== undefined) return found
      const bytes = await this.read(timeoutMs)
      if (bytes !== null) {
        this.#reader.push(bytes)
        continue
      }
      this.#reader.end()
      const last = this.#reader.next(head)
      if (last !== undefined) return last
      throw new PeerError('closed', `${this} ended with ${this.#reader.buffered} octets of a response`)
    }
  }

  /** Sends FIN after everything queued. */
  fin(options: SendOptions = {}): void {
    if (this.#finSent) return
    this.#finSent = true
    this.#queue(new Uint8Array(0), 1, options.flags ?? FLAG.FIN | FLAG.ACK, options)
    this.#pump()
  }

  /** Sends RST and forgets the connection. */
  rst(options: SendOptions = {}): void {
    if (this.state !== 'new' && this.state !== 'closed' && this.state !== 'reset') {
      const flags = this.state === 'syn-sent' ? FLAG.RST : FLAG.RST | FLAG.ACK
      this.#wire.send(this.#packet(this.#sendNext, this.#acknowledged, flags, new Uint8Array(0), options))
    }
    this.#finish('closed')
  }

  /** FIN, and waits for the server's FIN and for the ACK of ours. @throws {PeerError} */
  async close(timeoutMs: number = 10_000): Promise<void> {
    if (this.state === 'closed' || this.state === 'reset') return
    this.fin()
    await this.#wait('the end', timeoutMs, () => (this.state === 'closed' ? true : undefined))
  }

  /** Waits for the server's FIN or RST: which of them it was. @throws {PeerError} when neither comes */
  async waitEnd(timeoutMs: number = 10_000): Promise<'fin' | 'reset'> {
    try {
      await this.#wait('the end', timeoutMs, () => (this.#ended ? true : undefined))
      return 'fin'
    } catch (error) {
      if (error instanceof PeerError && error.reason === 'reset') return 'reset'
      throw error
    }
  }

  toString(): string {
    return `connection ${this.source.address} ${this.source.port} > ${this.destination.address} ${this.destination.port}`
  }

  /** Called by the peer for each segment of this connection, `at` being when the kernel sent it. */
  receive(segment: Segment, at: Moment): void {
    if ((segment.flags & FLAG.RST) !== 0) {
      this.#finish('reset')
      return
    }
    if ((segment.flags & (FLAG.SYN | FLAG.ACK)) === (FLAG.SYN | FLAG.ACK)) this.#receiveSynAck(segment, at)
    else if (this.times.synAck !== undefined) this.#receiveData(segment, at)
    this.#wake()
  }

  #receiveSynAck(segment: Segment, at: Moment): void {
    if (after(segment.acknowledgment, this.#sendNext) || !after(segment.acknowledgment, this.synFields.sequence)) return
    this.synAcks.push(segment)
    if (this.#dropsLeft > 0) {
      this.#dropsLeft -= 1
      return
    }
    if (this.times.synAck === undefined) {
      this.times.synAck = { from: Math.max(at.from, this.times.syn?.from ?? 0), to: at.to }
      this.#stopAwaiting()
      this.state = 'syn-acked'
      this.#receiveNext = (segment.sequence + 1) >>> 0
      this.#acknowledged = this.#receiveNext
      this.#timestampsOn = this.synFields.timestamps !== undefined && segment.timestamps !== undefined
      this.#scale = segment.windowScale === undefined ? 0 : Math.min(14, this.synFields.windowScale ?? 0)
      this.#peerMss = segment.mss ?? 536
      this.#serverShift = segment.windowScale !== undefined ? Math.min(14, segment.windowScale) : 0
      this.#peerWindow = segment.window
      this.#sendUnacked = segment.acknowledgment
      // Payload of the SYN that was not taken is sent again as ordinary data.
      const taken = (segment.acknowledgment - this.synFields.sequence - 1) >>> 0
      this.#sendNext = segment.acknowledgment
      const rest = this.synFields.payload.subarray(taken)
      if (rest.length > 0) this.#queue(rest, rest.length, FLAG.ACK | FLAG.PSH, {})
      this.#disarmRetry()
    }
    this.#timestampEcho = segment.timestamps?.value ?? 0
    if (this.#options.manual) return
    const due = Math.max(at.from, this.times.syn?.from ?? 0) + (this.#options.ackDelayMs ?? 0)
    const first = this.state !== 'established'
    const packet = this.#options.ackLost ? undefined : this.#ackPacket(due, {}, (segment.sequence + 1) >>> 0)
    const answer = (): void => {
      const done = (moment: Moment): void => {
        this.handshakeAcks.push({ synAck: at, ack: moment })
        if (first) this.#ackSent(moment)
      }
      if (packet !== undefined) this.#emit(packet, done)
      this.#establish()
      const now = performance.now()
      if (packet === undefined) done({ from: now, to: now })
    }
    this.#later(due, true, answer)
  }

  #receiveData(segment: Segment, at: Moment): void {
    if ((segment.flags & FLAG.ACK) !== 0) {
      this.#peerWindow = segment.window * 2 ** this.#serverShift
      if (after(segment.acknowledgment, this.#sendUnacked) && !after(segment.acknowledgment, this.#sendNext)) {
        this.#sendUnacked = segment.acknowledgment
        while (
          this.#out[0] !== undefined &&
          !after((this.#out[0].sequence + this.#out[0].length) >>> 0, this.#sendUnacked)
        ) {
          this.#out.shift()
        }
        this.#disarmRetry()
        if (this.#out.length > 0) this.#armRetry()
      }
      this.#pump()
    }
    const fin = (segment.flags & FLAG.FIN) !== 0
    const length = segment.payload.length + (fin ? 1 : 0)
    if (length === 0) {
      if (this.#ended) this.#maybeClosed()
      return
    }
    if (segment.payload.length > 0) {
      this.#count(segment)
      if (this.#options.dropData?.(this.dataSegments - 1) === true) return
    }
    const skip = (this.#receiveNext - segment.sequence) | 0
    if (skip >= 0 && skip < length && !this.#ended) {
      if (!after(segment.sequence, this.#receiveNext) && segment.timestamps !== undefined) {
        this.#timestampEcho = segment.timestamps.value
      }
      if (skip < segment.payload.length) this.#in.push(segment.payload.subarray(skip))
      this.#receiveNext = (segment.sequence + length) >>> 0
      if (fin) this.#ended = true
    }
    const { dataAckDelayMs = 0 } = this.#options
    const delay = typeof dataAckDelayMs === 'number' ? dataAckDelayMs : dataAckDelayMs(this.dataSegments - 1)
    const number = this.#receiveNext
    // Never before the handshake ACK: a server may send in answer to Fast Open data.
    const due = Math.max(
      at.from + delay,
      this.state === 'established' ? 0 : (this.times.synAck?.from ?? 0) + (this.#options.ackDelayMs ?? 0),
    )
    const acknowledge = (): void => {
      if (this.state === 'closed' || this.state === 'reset') return
      if (after(number, this.#acknowledged)) this.#acknowledged = number
      this.#emit(this.#packet(this.#sendNext, number, FLAG.ACK, new Uint8Array(0), {}), (moment) => {
        if (this.dataAcks.length < 1000) this.dataAcks.push({ data: at, ack: moment })
      })
      this.#maybeClosed()
      this.#wake()
    }
    if (due <= performance.now()) acknowledge()
    else this.#later(due, true, acknowledge)
  }

  #count({ sequence, payload }: Segment): void {
    this.dataSegments += 1
    this.dataOctets += payload.length
    const end = (sequence + payload.length) >>> 0
    if (this.#highest === undefined || after(end, this.#highest)) this.#highest = end
    else {
      this.repeated.segments += 1
      this.repeated.octets += payload.length
    }
  }

  /** Announces a window of so many octets from now on, `undefined` for the usual one. When that was. */
  announceWindow(octets: number | undefined): number {
    this.#window = octets === undefined ? undefined : octets >>> this.#scale
    this.#emit(this.#packet(this.#sendNext, this.#acknowledged, FLAG.ACK, new Uint8Array(0), {}))
    return performance.now()
  }

  #establish(): void {
    if (this.state === 'established') return
    this.state = 'established'
    this.#pump()
    this.#wake()
    if (this.#options.data !== undefined && this.#path > 0) this.#sendFirst(performance.now())
  }

  /** The handshake ACK has reached the server. */
  #ackSent(ack: Moment): void {
    if (this.times.ack !== undefined) return
    this.times.ack = ack
    if (this.#options.data !== undefined && this.#path === 0) this.#sendFirst(ack.from)
  }

  #sendFirst(from: number): void {
    const { data = '', dataDelayMs = 0 } = this.#options
    this.#later(from + dataDelayMs, true, () => this.send(data))
  }

  get #path(): number {
    return this.#options.pathDelayMs ?? 0
  }

  /** Puts a packet on the way to the server. */
  #emit(packet: Uint8Array, onSent?: (moment: Moment) => void): void {
    if (this.#path === 0) this.#wire.send(packet, onSent)
    else {
      this.#lineUntil = Math.max(this.#lineUntil, performance.now() + this.#path)
      this.#onLine.push({ packet, onSent })
      // Timers of the same time have no order: each takes the oldest packet.
      this.#later(this.#lineUntil, true, () => {
        const next = this.#onLine.shift()!
        this.#wire.send(next.packet, next.onSent)
        this.#maybeClosed()
      })
    }
  }

  #stopAwaiting(): void {
    if (this.#awaitsSynAck) this.#wire.waiting(-1)
    this.#awaitsSynAck = false
  }

  #maybeClosed(): void {
    const finAcked = this.#finSent && this.#out.length === 0 && this.#onLine.length === 0
    if (this.#ended && finAcked && this.#acknowledged === this.#receiveNext) this.#finish('closed')
  }

  #finish(state: 'closed' | 'reset'): void {
    this.state = state
    for (const timer of this.#timers) this.#wire.timers.cancel(timer)
    this.#timers.clear()
    this.#disarmRetry()
    this.#stopAwaiting()
    this.#wire.detach(this)
    this.#wake()
    for (const waiter of this.#waiters) {
      waiter.fail(
        state === 'reset'
          ? new PeerError('reset', `${this} was reset by the server`)
          : new PeerError('closed', `${this} is closed`),
      )
    }
  }

  /** Ends the connection without a packet, when the peer goes. */
  abandon(): void {
    if (this.state !== 'closed' && this.state !== 'reset') this.#finish('closed')
  }

  #queue(payload: Uint8Array, length: number, flags: number, options: SendOptions): void {
    this.#out.push({ sequence: this.#sendNext, length, payload, flags, options, sent: false })
    this.#sendNext = (this.#sendNext + length) >>> 0
  }

  #pump(): void {
    if (this.state !== 'established') return
    for (const item of this.#out) {
      if (item.sent) continue
      if (((item.sequence + item.length - this.#sendUnacked) | 0) > Math.max(this.#peerWindow, 1)) break
      this.#transmit(item)
    }
  }

  #transmit(item: Outgoing): void {
    item.sent = true
    this.#armRetry()
    const packet = this.#packet(item.sequence, this.#acknowledged, item.flags, item.payload, item.options)
    this.#emit(packet, (moment) => {
      if (item.payload.length > 0) this.times.firstData ??= moment
      if (this.#firstDataIsAck) this.times.ack ??= moment
    })
  }

  #armRetry(): void {
    if (this.#options.retransmit === false || this.#retry !== undefined) return
    this.#retry = this.#wire.timers.add(performance.now() + RETRY_MS, false, () => {
      this.#retry = undefined
      const first = this.#out[0]
      if (this.state === 'syn-sent') this.sendSyn()
      else if (first?.sent === true) this.#transmit(first)
      else return
      this.#armRetry()
    })
  }

  #disarmRetry(): void {
    this.#wire.timers.cancel(this.#retry)
    this.#retry = undefined
  }

  #later(at: number, exact: boolean, run: () => void): void {
    const timer = this.#wire.timers.add(at, exact, () => {
      this.#timers.delete(timer)
      run()
    })
    this.#timers.add(timer)
  }

  #ackPacket(at: number, options: SendOptions, number?: number): Uint8Array {
    const { ackTtl, ackTos } = this.#options
    const fields: SendOptions = {
      ...(ackTtl === undefined ? {} : { ttl: ackTtl }),
      ...(ackTos === undefined ? {} : { tos: ackTos }),
      ...options,
    }
    const flags = fields.flags ?? FLAG.ACK
    return this.#packet(this.#sendUnacked, number ?? this.#acknowledged, flags, new Uint8Array(0), fields, at)
  }

  #packet(
    sequence: number,
    acknowledgment: number,
    flags: number,
    payload: Uint8Array,
    options: SendOptions,
    at: number = performance.now(),
  ): Uint8Array {
    const { synFields: syn } = this
    const value = ((syn.timestamps?.value ?? 0) + Math.floor(at - (this.times.syn?.from ?? at))) >>> 0
    const window = this.#window ?? this.#options.window ?? Math.max(syn.window, 64_240) >>> this.#scale
    return buildPacket({
      source: this.source,
      destination: this.destination,
      ttl: options.ttl ?? this.#options.dataTtl ?? syn.ttl,
      tos: options.tos ?? syn.tos & 0xfc,
      flowLabel: syn.flowLabel,
      sequence,
      acknowledgment: (flags & FLAG.ACK) === 0 ? 0 : acknowledgment,
      flags,
      window,
      urgentPointer: options.urgentPointer ?? 0,
      options: this.#timestampsOn
        ? tcpOptions(option.nop(), option.nop(), option.timestamps(value, this.#timestampEcho))
        : new Uint8Array(0),
      payload,
    })
  }

  #wait<T>(what: string, timeoutMs: number, look: () => T | undefined): Promise<T> {
    const now = look()
    if (now !== undefined) return Promise.resolve(now)
    if (this.state === 'reset' || this.state === 'closed') {
      const reason = this.state
      return Promise.reject(new PeerError(reason, `${this} is ${reason}, and ${what} did not come`))
    }
    return new Promise<T>((resolve, reject) => {
      const done = (): void => {
        this.#waiters.delete(waiter)
        this.#wire.timers.cancel(limit)
        this.#wire.waiting(-1)
      }
      const waiter: Waiter = {
        check: () => {
          const found = look()
          if (found === undefined) return false
          done()
          resolve(found)
          return true
        },
        fail: (error) => {
          done()
          reject(error)
        },
      }
      const limit = this.#wire.timers.add(performance.now() + timeoutMs, false, () => {
        waiter.fail(new PeerError('timeout', `${this}: ${what} did not come within ${timeoutMs} ms`))
      })
      this.#waiters.add(waiter)
      this.#wire.waiting(1)
    })
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter.check()
  }
}

function keyOf(here: Endpoint, there: Endpoint): string {
  return `${here.address} ${here.port} ${there.address} ${there.port}`
}

/** How to make a peer. */
export interface TunPeerOptions {
  /** Addresses of the namespace's own side, at least one each. Default `10.66.0.1`, `10.66.0.2` and `fd66::1`, `fd66::2`. */
  readonly ipv4?: readonly string[]
  readonly ipv6?: readonly string[]
  /** Default 1500. */
  readonly mtu?: number
}

/** The far network of a namespace. */
export interface TunPeer {
  /** The namespace's first address: where servers listen. */
  readonly ipv4: string
  readonly ipv6: string
  /** All of the namespace's addresses on this device. */
  readonly addresses: readonly string[]
  /** A connection that has sent nothing yet. @throws {RangeError} for fields that make no packet */
  open(options: ConnectOptions): PeerConnection
  /** Opens a connection and waits until the handshake is over on our side. @throws {PeerError} */
  connect(options: ConnectOptions): Promise<PeerConnection>
  /** Opens a connection, sends `request` `dataDelayMs` after the handshake ACK, reads the response. @throws {PeerError} */
  exchange(options: ConnectOptions, request: string): Promise<{ connection: PeerConnection; response: HttpResponse }>
  /** Sends any octets as a packet. */
  inject(packet: Uint8Array): void
  /** Connections that are neither closed nor reset. */
  readonly size: number
  /** Takes the device away. The namespace does that too when it closes. */
  close(): void
}

/**
 * Makes the TUN device, gives the namespace its addresses on it and routes everything else to the peer.
 *
 * No offload is on: checksums are right in both directions and segments are as the kernel's TCP made them.
 * Needs root: guard the test with `needs('netns', 'tun')`.
 * @throws {LibcError} when the device cannot be made
 */
export function createTunPeer(netns: Netns, options: TunPeerOptions = {}): TunPeer {
  const { ipv4 = ['10.66.0.1', '10.66.0.2'], ipv6 = ['fd66::1', 'fd66::2'], mtu = 1500 } = options
  // Without TUNSETOFFLOAD the kernel segments and sums in software; without IFF_NAPI nothing is merged by GRO.
  const fd = netns.run(() => open('/dev/net/tun', C.O_RDWR | C.O_NONBLOCK | C.O_CLOEXEC))
  const request = buffer(40)
  new DataView(request.buffer).setUint16(16, C.IFF_TUN | C.IFF_NO_PI, true)
  try {
    ioctl(fd, C.TUNSETIFF, request, 'make a TUN device')
    const device = new TextDecoder().decode(request.subarray(0, request.indexOf(0)))
    netns.ip('link', 'set', device, 'mtu', String(mtu), 'txqueuelen', '20000', 'addrgenmode', 'none')
    for (const address of ipv4) netns.ip('addr', 'add', `${address}/32`, 'dev', device)
    for (const address of ipv6) netns.ip('-6', 'addr', 'add', `${address}/128`, 'dev', device, 'nodad')
    netns.ip('link', 'set', device, 'up')
    if (ipv4.length > 0) netns.ip('route', 'add', 'default', 'dev', device)
    if (ipv6.length > 0) netns.ip('-6', 'route', 'add', 'default', 'dev', device)
  } catch (error) {
    close(fd)
    throw error
  }

  const timers = new Timers()
  const connections = new Map<string, PeerConnection>()
  const incoming = buffer(65_536)
  let waiters = 0
  let scheduled: 'no' | 'soon' | 'later' = 'no'
  let laterTimer: Timer_ | undefined
  let closed = false
  let draining = false
  /** When the device was last seen empty: what is read next is younger. */
  let emptyAt = performance.now()
  let running = false
  let opened = 0
  let urgent = false
  let lastUrgent = 0

  /** While something is due or awaited this thread goes before the machine's ordinary work; it sleeps most of the time. */
  function setUrgent(on: boolean): void {
    if (on) lastUrgent = performance.now()
    // Not at every gap between two packets: an ordinary thread may have to wait long for its next turn.
    if (on === urgent || (!on && performance.now() - lastUrgent < LINGER_MS)) return
    urgent = on
    setRealTime(on)
  }

  function handle(packet: Uint8Array, at: Moment): void {
    const segment = parsePacket(packet)
    if (segment === undefined) return
    const connection = connections.get(keyOf(segment.destination, segment.source))
    if (connection !== undefined) connection.receive(segment, at)
    else if ((segment.flags & FLAG.RST) === 0) {
      // Nobody here: say so, as a host would, so that the server forgets it.
      const acked = (segment.flags & FLAG.ACK) !== 0
      const length = segment.payload.length + ((segment.flags & (FLAG.SYN | FLAG.FIN)) !== 0 ? 1 : 0)
      writeFrom(
        fd,
        buildPacket({
          source: segment.destination,
          destination: segment.source,
          flags: acked ? FLAG.RST : FLAG.RST | FLAG.ACK,
          sequence: acked ? segment.acknowledgment : 0,
          acknowledgment: acked ? 0 : (segment.sequence + length) >>> 0,
          window: 0,
        }),
      )
    }
  }

  function drain(): void {
    if (draining) return
    draining = true
    try {
      for (;;) {
        const start = performance.now()
        const n = readInto(fd, incoming)
        if (n <= 0) {
          emptyAt = start
          break
        }
        handle(incoming.subarray(0, n), { from: emptyAt, to: performance.now() })
      }
    } finally {
      draining = false
    }
  }

  /** Runs what is due, unless that is what we are doing. */
  function runDue(): void {
    if (running || draining) return
    running = true
    try {
      timers.run()
    } finally {
      running = false
    }
  }

  function tick(): void {
    scheduled = 'no'
    if (closed) return
    drain()
    runDue()
    if (waiters > 0 || timers.exact > 0) {
      const wait = Math.min(SLICE_MS, timers.next - performance.now() - SPIN_MS)
      if (wait > 0) pollReadable(fd, wait)
      while (timers.next - performance.now() < SPIN_MS && timers.next > performance.now()) {
        // The last stretch: sleeping would overshoot.
      }
      runDue()
      drain()
    }
    schedule()
  }

  function schedule(): void {
    if (closed) return
    const hot = waiters > 0 || timers.exact > 0
    setUrgent(hot)
    if (hot) {
      if (scheduled === 'soon') return
      if (laterTimer !== undefined) clearTimeout(laterTimer)
      scheduled = 'soon'
      setImmediate(tick)
    } else if ((connections.size > 0 || urgent) && scheduled === 'no') {
      scheduled = 'later'
      laterTimer = setTimeout(tick, 4)
      laterTimer.unref()
    }
  }

  const wire: Wire = {
    timers,
    send(packet, onSent) {
      if (closed) return
      // Everything older is taken out first, so that an answer to this packet is known to be younger than it.
      drain()
      const from = performance.now()
      const sent = writeFrom(fd, packet)
      if (sent < 0) throw new LibcError('write', -sent, `send a packet of ${packet.length} octets`)
      onSent?.({ from, to: performance.now() })
      drain()
      runDue()
      schedule()
    },
    waiting(change) {
      waiters += change
      schedule()
    },
    attach(connection) {
      setUrgent(true)
      connections.get(connection.key)?.abandon()
      connections.set(connection.key, connection)
    },
    detach(connection) {
      if (connections.get(connection.key) === connection) connections.delete(connection.key)
    },
  }

  const peer: TunPeer = {
    ipv4: ipv4[0] ?? '',
    ipv6: ipv6[0] ?? '',
    addresses: [...ipv4, ...ipv6],
    open(connect) {
      if (closed) throw new PeerError('closed', 'Cannot open a connection: the peer is closed')
      const n = (opened += 1)
      const version = familyOf(connect.destination.address)
      const host =
        version === 4
          ? `198.51.100.${10 + Math.floor(n / 40_000)}`
          : `2001:db8::${(16 + Math.floor(n / 40_000)).toString(16)}`
      const source = connect.source ?? { address: host, port: 20_000 + (n % 40_000) }
      const syn =
        connect.raw ??
        buildPacket({
          sequence: crypto.getRandomValues(new Uint32Array(1))[0]!,
          ipId: n & 0xffff,
          options: linuxOptions(version === 4 ? 1460 : 1440, 0x0a00_0000 + n),
          ...connect.syn,
          source,
          destination: connect.destination,
        })
      return new PeerConnection(connect, syn, wire)
    },
    async connect(connect) {
      const connection = peer.open(connect)
      connection.sendSyn()
      await connection.waitEstablished(10_000 + (connect.ackDelayMs ?? 0))
      return connection
    },
    async exchange(connect, text) {
      const connection = peer.open({ ...connect, data: text })
      connection.sendSyn()
      const limit = 10_000 + (connect.ackDelayMs ?? 0) + (connect.dataDelayMs ?? 0)
      const response = await connection.response(text.startsWith('HEAD '), limit)
      return { connection, response }
    },
    inject(packet) {
      wire.send(packet)
    },
    get size() {
      return connections.size
    },
    close() {
      if (closed) return
      closed = true
      lastUrgent = 0
      setUrgent(false)
      if (laterTimer !== undefined) clearTimeout(laterTimer)
      for (const connection of [...connections.values()]) connection.abandon()
      close(fd)
    },
  }
  netns.onClose(() => peer.close())
  return peer
}

type Timer_ = ReturnType<typeof setTimeout>

/** Whether two endpoints are the same, whatever way their addresses are written. */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && Buffer.compare(addressBytes(a.address), addressBytes(b.address)) === 0
}
