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
const MAX_BEHIND = 256
/** Milliseconds between counts, which also keep a stream open: Bun closes an idle connection after 10 s. */
const BEAT = 1000
/** Connections a second that get a row; the rest are counted. A row costs some 20 µs, a count far below one. */
export const ROWS_PER_SECOND = 40
/** Characters of a path or User-Agent that are kept. */
const MOST_CHARACTERS = 200

/** What the list keeps of a request besides its fingerprint. */
export interface LiveRequest {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly headers: Headers
  readonly tls: boolean
  readonly env: Readonly<Record<string, string>>
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
  readonly seen: string
  readonly fingerprint: Fingerprint
  readonly request: LiveRequest
}

/** How many were seen, and how many have a row. */
export interface LiveCounts {
  readonly connections: number
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

/** The last connections and the listeners. No timer runs without a listener. */
export class LiveList {
  readonly #entries = new Map<string, LiveEntry & SeenConnection>()
  /** Open streams and their clients, the oldest first. */
  readonly #listeners = new Map<ReadableStreamDefaultController<Uint8Array>, string>()
  readonly #clock: () => number
  #beat: ReturnType<typeof setInterval> | undefined
  #id = 0
  #connections = 0
  #requests = 0
  #unlisted = 0
  /** The second of the clock that is counted, and the rows that are left in it. */
  #second = -1
  #left = ROWS_PER_SECOND

  /** `clock` gives milliseconds. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  /** Listeners now. */
  get listeners(): number {
    return this.#listeners.size
  }

  /** The connections kept, the last changed first. */
  entries(): LiveEntry[] {
    return [...this.#entries.values()].reverse().map(({ id, key, cells, rtt }) => ({ id, key, cells, rtt }))
  }

  /** A connection of the list. */
  find(key: string): SeenConnection | undefined {
    return this.#entries.get(key)
  }

  /** What was seen since the start. */
  counts(): LiveCounts {
    return { connections: this.#connections, requests: this.#requests, unlisted: this.#unlisted }
  }

  /** True if there is a row left in this second. */
  #hasRoom(): boolean {
    const second = Math.floor(this.#clock() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#left = ROWS_PER_SECOND
    }
    return this.#left > 0
  }

  /**
   * Notes the connection of a request; nothing where the request has none. Above {@link ROWS_PER_SECOND} it is counted only, and
   * nothing of it is computed.
   *
   * @param request asked for where the connection gets a row
   */
  note(fingerprint: Fingerprint, request: () => LiveRequest): void {
    const { connection: own, hop } = fingerprint
    // A proxy's connection carries many clients: its header tells them apart.
    const connection = own ?? hop?.connection
    if (connection === undefined) return
    this.#requests += 1
    if (connection.request === 1) this.#connections += 1
    if (!this.#hasRoom()) {
      this.#unlisted += 1
      return
    }
    const { peer } = fingerprint
    if (peer === undefined) return
    this.#left -= 1
    const key = hop === undefined ? connection.cookie : `${peer.address} ${peer.port}`
    const seen = this.#entries.get(key)?.seen ?? new Date().toISOString().slice(11, 19)
    this.#entries.delete(key)
    if (this.#entries.size >= LIVE_CAPACITY) this.#entries.delete(this.#entries.keys().next().value!)
    const now = snapshot(fingerprint)
    const asked = request()
    const { label, syn, reason, timing } = now
    const { system, detail } = label?.name === undefined ? { system: '', detail: '' } : shortLabel(label)
    const unknown = syn === undefined ? `no SYN: ${reason ?? 'turned off'}` : 'unknown'
    const cut = (text: string): string => escapeControls(text.slice(0, MOST_CHARACTERS))
    const rtt = timing.handshakeRtt?.microseconds
    const entry = {
      id: ++this.#id,
      key,
      seen,
      rtt,
      fingerprint: now,
      request: asked,
      cells: [
        [seen, ''],
        [system === '' ? unknown : system, detail],
        [formatEndpoint(peer.address, peer.port), networkOf(peer.address)],
        [cut(`${asked.method} ${asked.path}`), `${asked.status}, no. ${connection.request}`],
        [cut(asked.headers.get('user-agent') ?? ''), ''],
        [rtt === undefined ? '' : duration(rtt), label === undefined ? '' : distanceOf(label)],
      ] as const,
    }
    this.#entries.set(key, entry)
    if (this.#listeners.size > 0) this.#report(encode(entry))
  }

  /**
   * Server-sent events (WHATWG HTML section 9.2) from the change after `after` on; `undefined` where other clients have all
   * places.
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
          // An id from before a restart is larger than any of this process: then everything is new.
          const known = after <= this.#id ? after : 0
          controller.enqueue(encoder.encode('retry: 2000\n\n'))
          for (const entry of this.#entries.values()) if (entry.id > known) controller.enqueue(encode(entry))
          this.#listeners.set(controller, client)
          controller.enqueue(this.#countsEvent())
          this.#beat ??= setInterval(() => this.#report(this.#countsEvent()), BEAT)
        },
        cancel: () => this.#drop(listener),
      },
      new CountQueuingStrategy({ highWaterMark: MAX_BEHIND }),
    )
  }

  #countsEvent(): Uint8Array {
    return encoder.encode(`event: counts\ndata: ${JSON.stringify(this.counts())}\n\n`)
  }

  #report(message: Uint8Array): void {
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
    clearInterval(this.#beat)
    this.#beat = undefined
  }

  /** Ends every stream and forgets every connection. */
  close(): void {
    for (const controller of this.#listeners.keys()) this.#end(controller)
    this.#entries.clear()
  }
}

function encode({ id, key, cells, rtt }: LiveEntry): Uint8Array {
  // JSON text holds no line end, so that an event is one data line.
  return encoder.encode(`id: ${id}\ndata: ${JSON.stringify({ key, cells, rtt })}\n\n`)
}

/** A fingerprint as it is now: its view would read the socket of a connection that may have ended. */
function snapshot(fingerprint: Fingerprint): Fingerprint {
  const { available, source, reason, peer, local, connection, syn, fingerprints, label, tcpInfo, tcpInfoBytes } =
    fingerprint
  const { timing, env, hop } = fingerprint
  const json = fingerprint.toJSON()
  return {
    available,
    source,
    reason,
    peer,
    local,
    connection,
    syn,
    fingerprints,
    label,
    tcpInfo,
    tcpInfoBytes,
    timing,
    env,
    hop: hop && snapshot(hop),
    toJSON: () => json,
  }
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
