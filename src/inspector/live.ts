/**
 * The connections that a server saw last, and the streams that report changes.
 * @module
 */
import { formatEndpoint } from '../base/text.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { labelName } from '../explain/label.ts'
import { duration } from '../explain/units.ts'

/** Connections kept. */
export const LIVE_CAPACITY = 100
/** Listeners at once. */
export const MAX_LISTENERS = 32
/** Listeners of a client at once: as many connections as browsers open to a host. */
export const MAX_LISTENERS_PER_CLIENT = 6
/** Messages that a listener may be behind before its stream is closed. */
const MAX_BEHIND = 256
/** Milliseconds between comments that keep a stream open: below the 10 s after which Bun closes an idle connection. */
const BEAT = 4000

/** One connection as the table shows it. */
export interface LiveEntry {
  /** Grows with every change: a listener wants the entries above the last id that it saw. */
  readonly id: number
  /** Names the connection. */
  readonly key: string
  /** Time, client, label, MuonFP, handshake RTT, distance, requests. */
  readonly cells: readonly string[]
}

const encoder = new TextEncoder()

/** The last connections and the listeners. No timer runs without a listener. */
export class LiveList {
  readonly #entries = new Map<string, LiveEntry & { readonly seen: string }>()
  /** Open streams and their clients, the oldest first. */
  readonly #listeners = new Map<ReadableStreamDefaultController<Uint8Array>, string>()
  #beat: ReturnType<typeof setInterval> | undefined
  #id = 0

  /** Listeners now. */
  get listeners(): number {
    return this.#listeners.size
  }

  /** The connections kept, the last changed first. */
  entries(): LiveEntry[] {
    return [...this.#entries.values()].reverse().map(({ id, key, cells }) => ({ id, key, cells }))
  }

  /** Notes the connection of a request; nothing where the request has none. */
  note(fingerprint: Fingerprint): void {
    const { peer, label, fingerprints, timing, syn, reason, hop } = fingerprint
    // A proxy's connection carries many clients: its header tells them apart.
    const connection = fingerprint.connection ?? hop?.connection
    if (connection === undefined || peer === undefined) return
    const key = hop === undefined ? connection.cookie : `${peer.address} ${peer.port}`
    const seen = this.#entries.get(key)?.seen ?? new Date().toISOString().slice(11, 19)
    this.#entries.delete(key)
    if (this.#entries.size >= LIVE_CAPACITY) this.#entries.delete(this.#entries.keys().next().value!)
    const entry = {
      id: ++this.#id,
      key,
      seen,
      cells: [
        seen,
        formatEndpoint(peer.address, peer.port),
        labelName(label) ?? (syn === undefined ? `no SYN: ${reason ?? 'turned off'}` : 'unknown'),
        fingerprints?.muonfp ?? '',
        timing.handshakeRtt === undefined ? '' : duration(timing.handshakeRtt.microseconds),
        label === undefined ? '' : `${label.distance}`,
        `${connection.request}`,
      ],
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
          this.#beat ??= setInterval(() => this.#report(encoder.encode(':\n\n')), BEAT)
        },
        cancel: () => this.#drop(listener),
      },
      new CountQueuingStrategy({ highWaterMark: MAX_BEHIND }),
    )
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

function encode({ id, key, cells }: LiveEntry): Uint8Array {
  // JSON text holds no line end, so that an event is one data line.
  return encoder.encode(`id: ${id}\ndata: ${JSON.stringify({ key, cells })}\n\n`)
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
