/**
 * The connections that a server saw last, and the streams that report changes.
 * @module
 */
import { escapeControls, formatEndpoint } from '../base/text.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { distanceOf, shortLabel } from '../explain/label.ts'
import { duration } from '../explain/units.ts'

/** Connections kept. */
export const LIVE_CAPACITY = 100
/** Listeners at once. */
export const MAX_LISTENERS = 32
/** Listeners of a client at once: as many connections as browsers open to a host. */
export const MAX_LISTENERS_PER_CLIENT = 6
/** Messages that a listener may be behind before its stream is closed. */
const MAX_BEHIND = 16
/** Milliseconds between messages, which also keep a stream open: Bun closes an idle connection after 10 s. */
const PERIOD = 1000
/** Requests a second that get a row, and as many at once after a quiet second; the rest are counted. A row costs some 40 µs. */
export const ROWS_PER_SECOND = 20
/** Milliseconds between two rows of a busy server. */
const ROW_GAP = 1000 / ROWS_PER_SECOND
/** Characters of a path or User-Agent that are kept. */
const MOST_CHARACTERS = 200

/** What the list keeps of a request besides its fingerprint. */
export interface LiveRequest {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly headers: Headers
  readonly tls: boolean
}

/** A cell: what stands large, and what stands small below. */
export type LiveCell = readonly [text: string, small: string]

/** One connection as the table shows it. */
export interface LiveEntry {
  /** Grows with every change: a listener wants the entries above the last id that it saw. */
  readonly id: number
  /** Names the connection, also in the link to its page. */
  readonly key: string
  /** As {@link LIVE_COLUMNS}. */
  readonly cells: readonly LiveCell[]
  /** Handshake RTT, microseconds. */
  readonly rtt: number | undefined
}

/** A connection of the list, as its page shows it. */
export interface SeenConnection {
  /** The time of its first row, UTC. */
  readonly seen: string
  readonly fingerprint: Fingerprint
  readonly request: LiveRequest
}

/** What was seen since the start. */
export interface LiveCounts {
  readonly requests: number
  /** Requests that were counted only. */
  readonly unlisted: number
}

/** Heads of the table. Groups are made of the second (label) and of the small part of the third (network). */
export const LIVE_COLUMNS = ['Time', 'Looks like', 'Client', 'Request', 'User-Agent', 'Round trip'] as const

/** What rows can be grouped by. */
export type LiveGroup = 'none' | 'label' | 'network'

/** The group of an entry; the empty string without groups. */
export function groupOf({ cells }: LiveEntry, group: LiveGroup): string {
  return group === 'label' ? (cells[1]?.[0] ?? '') : group === 'network' ? (cells[2]?.[1] ?? '') : ''
}

/** Entries that hold a text, in any case of letters, in the order of their groups, of which the first seen comes first. */
export function arrange(entries: readonly LiveEntry[], text: string, group: LiveGroup): LiveEntry[] {
  const wanted = text.toLowerCase()
  const groups = new Map<string, LiveEntry[]>()
  for (const entry of entries) {
    if (!entry.cells.some((cell) => cell.join(' ').toLowerCase().includes(wanted))) continue
    const name = groupOf(entry, group)
    const list = groups.get(name)
    if (list === undefined) groups.set(name, [entry])
    else list.push(entry)
  }
  return [...groups.values()].flat()
}

const encoder = new TextEncoder()

/** A connection of the list: its row is made when it is first asked for. */
class Seen implements SeenConnection {
  readonly id: number
  readonly key: string
  readonly seen: string
  readonly fingerprint: Fingerprint
  readonly request: LiveRequest
  #entry: LiveEntry | undefined

  constructor(id: number, key: string, seen: string, fingerprint: Fingerprint, request: LiveRequest) {
    this.id = id
    this.key = key
    this.seen = seen
    this.fingerprint = fingerprint
    this.request = request
  }

  get entry(): LiveEntry {
    return (this.#entry ??= entryOf(this))
  }
}

function entryOf({ id, key, seen, fingerprint, request }: Seen): LiveEntry {
  const { label, syn, reason, timing, peer, connection, hop } = fingerprint
  const { system, detail } = label?.name === undefined ? { system: '', detail: '' } : shortLabel(label)
  const unknown = syn === undefined ? `no SYN: ${reason ?? 'turned off'}` : 'unknown'
  const cut = (text: string): string => escapeControls(text.slice(0, MOST_CHARACTERS))
  const rtt = timing.handshakeRtt?.microseconds
  const number = (connection ?? hop?.connection)?.request
  const cells: readonly LiveCell[] = [
    [seen, ''],
    [system === '' ? unknown : system, detail],
    peer === undefined ? ['', ''] : [formatEndpoint(peer.address, peer.port), networkOf(peer.address)],
    [cut(`${request.method} ${request.path}`), `${request.status}, no. ${number}`],
    [cut(request.headers.get('user-agent') ?? ''), ''],
    [rtt === undefined ? '' : duration(rtt), label === undefined ? '' : distanceOf(label)],
  ]
  return { id, key, cells, rtt }
}

/** The last connections and the listeners. No timer runs without a listener. */
export class LiveList {
  /** The last changed last. */
  readonly #seen = new Map<string, Seen>()
  /** Open streams and their clients, the oldest first. */
  readonly #listeners = new Map<ReadableStreamDefaultController<Uint8Array>, string>()
  readonly #clock: () => number
  readonly #period: number
  #timer: ReturnType<typeof setInterval> | undefined
  #id = 0
  /** The id of the last row that listeners have. */
  #reported = 0
  #requests = 0
  #unlisted = 0
  /** When the next row may be made, by the clock. In the past where rows were not used, at most a second's. */
  #nextRow = Number.NEGATIVE_INFINITY

  /** `clock` gives milliseconds, `period` is the time between messages in milliseconds. */
  constructor(clock: () => number = () => performance.now(), period: number = PERIOD) {
    this.#clock = clock
    this.#period = period
  }

  /** Listeners now. */
  get listeners(): number {
    return this.#listeners.size
  }

  /** The connections kept, the last changed first. */
  entries(): LiveEntry[] {
    return Array.from(this.#seen.values(), ({ entry }) => entry).reverse()
  }

  /** A connection of the list. */
  find(key: string): SeenConnection | undefined {
    return this.#seen.get(key)
  }

  /** What was seen since the start. */
  counts(): LiveCounts {
    return { requests: this.#requests, unlisted: this.#unlisted }
  }

  /**
   * Counts a request. True if it gets a row, and {@link note} is to be called; nothing of the others is looked at. Above
   * {@link ROWS_PER_SECOND} rows are spread over the second.
   */
  count(): boolean {
    this.#requests += 1
    const now = this.#clock()
    if (this.#nextRow > now) {
      this.#unlisted += 1
      return false
    }
    this.#nextRow = Math.max(this.#nextRow, now - (ROWS_PER_SECOND - 1) * ROW_GAP) + ROW_GAP
    return true
  }

  /**
   * Notes the connection of a request that {@link count} gave a row; nothing where the request has none.
   *
   * @param request asked for where there is a connection
   */
  note(fingerprint: Fingerprint, request: () => LiveRequest): void {
    const { connection: own, hop, peer } = fingerprint
    // A proxy's connection carries many clients: its header tells them apart.
    const connection = own ?? hop?.connection
    if (connection === undefined || peer === undefined) {
      this.#nextRow -= ROW_GAP
      return
    }
    const key = hop === undefined ? connection.cookie : `${peer.address} ${peer.port}`
    const seen = this.#seen.get(key)?.seen ?? new Date().toISOString().slice(11, 19)
    this.#seen.delete(key)
    if (this.#seen.size >= LIVE_CAPACITY) this.#seen.delete(this.#seen.keys().next().value!)
    readAll(fingerprint)
    this.#seen.set(key, new Seen(++this.#id, key, seen, fingerprint, request()))
  }

  /**
   * Server-sent events (WHATWG HTML section 9.2) from the change after `after` on; `undefined` where other clients have all
   * places. Each is a {@link LiveCounts} with the `entries` that changed.
   *
   * @param client names the client: above {@link MAX_LISTENERS_PER_CLIENT} its oldest stream gives way
   */
  listen(after: number, client: string): ReadableStream<Uint8Array> | undefined {
    const own = [...this.#listeners].filter(([, one]) => one === client).map(([controller]) => controller)
    if (own.length < MAX_LISTENERS_PER_CLIENT && this.#listeners.size >= MAX_LISTENERS) return undefined
    for (const oldest of own.slice(0, Math.max(0, own.length + 1 - MAX_LISTENERS_PER_CLIENT))) {
      // The page that hears this does not ask again.
      this.#end(oldest, encoder.encode('event: replaced\ndata:\n\n'))
    }
    let listener: ReadableStreamDefaultController<Uint8Array>
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          listener = controller
          if (this.#listeners.size === 0) this.#reported = this.#id
          // An id from before a restart is larger than any of this process: then everything is new.
          controller.enqueue(encoder.encode(`retry: 2000\n${this.#message(after <= this.#id ? after : 0)}`))
          this.#listeners.set(controller, client)
          this.#timer ??= setInterval(() => this.#report(), this.#period)
        },
        cancel: () => this.#drop(listener),
      },
      new CountQueuingStrategy({ highWaterMark: MAX_BEHIND }),
    )
  }

  /** The event with the rows after an id. */
  #message(after: number): string {
    const entries = [...this.#seen.values()].filter(({ id }) => id > after).map(({ entry }) => entry)
    // JSON text holds no line end, so that an event is one data line.
    return `id: ${this.#id}\ndata: ${JSON.stringify({ ...this.counts(), entries })}\n\n`
  }

  /** Sends what changed since the last time, written once for all listeners. */
  #report(): void {
    const message = encoder.encode(this.#message(this.#reported))
    this.#reported = this.#id
    for (const controller of this.#listeners.keys()) {
      // A listener that does not read loses its stream, and asks again for what it missed.
      if ((controller.desiredSize ?? 0) <= 0) this.#end(controller)
      else controller.enqueue(message)
    }
  }

  #end(controller: ReadableStreamDefaultController<Uint8Array>, last?: Uint8Array): void {
    try {
      if (last !== undefined) controller.enqueue(last)
      controller.close()
    } catch {
      // Closed by the client in between.
    }
    this.#drop(controller)
  }

  #drop(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#listeners.delete(controller)
    if (this.#listeners.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Ends every stream and forgets every connection. */
  close(): void {
    for (const controller of this.#listeners.keys()) this.#end(controller)
    this.#seen.clear()
  }
}

/** Reads now what a fingerprint would read from its socket later, when the connection may have ended. The rest it keeps itself. */
function readAll(fingerprint: Fingerprint): void {
  void fingerprint.tcpInfoBytes
  void fingerprint.delivery
  if (fingerprint.hop !== undefined) readAll(fingerprint.hop)
}

/** The network of an address: 24 bits of IPv4, 64 of IPv6. */
function networkOf(address: string): string {
  if (address.includes(':')) return `${clientOf(address)}::/64`
  return `${address.split('.').slice(0, 3).join('.')}.0/24`
}

/** Names the client of an address: of IPv6 its network of 64 bits, within which a host takes as many addresses as it wants. */
export function clientOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const groups = (part: string | undefined): string[] => (part ? part.split(':') : [])
  const [before, after] = [groups(head), groups(tail)]
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  return [...before, ...zeros, ...after].slice(0, 4).join(':')
}
