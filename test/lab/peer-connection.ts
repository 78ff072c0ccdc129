/**
 * One connection of the TUN peer: a TCP client in user space whose every step and delay a test chooses.
 * @module
 */
import { type HttpResponse, ResponseReader } from '../support/http.ts'
import type { ConnectOptions, SendOptions } from './connect-options.ts'
import type { Moment, PeerTimes } from './moments.ts'
import { buildPacket, concat, type Endpoint, FLAG, option, parsePacket, type Segment, tcpOptions } from './packet.ts'
import type { Timer, Timers } from './timers.ts'
import { PeerError, Waiters } from './waiters.ts'

/** What the peer gives its connections. */
export interface Wire {
  readonly timers: Timers
  /** Writes a packet, tells `onSent` when, and reads at once what the kernel answered. */
  send(packet: Uint8Array, onSent?: (moment: Moment) => void): void
  waiting(change: 1 | -1): void
  attach(connection: PeerConnection): void
  detach(connection: PeerConnection): void
}

const after = (a: number, b: number): boolean => ((a - b) | 0) > 0
/** From a SYN or data without an answer to the next try. */
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
  readonly #waiters: Waiters
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
    this.#waiters = new Waiters(`${this}`, wire.timers, wire.waiting)
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
    const message = state === 'reset' ? `${this} was reset by the server` : `${this} is closed`
    this.#waiters.fail(new PeerError(state, message))
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
    return this.#waiters.wait(what, timeoutMs, look)
  }

  #wake(): void {
    this.#waiters.wake()
  }
}

/** The key of a connection in the table of the peer. */
export function keyOf(here: Endpoint, there: Endpoint): string {
  return `${here.address} ${here.port} ${there.address} ${there.port}`
}
