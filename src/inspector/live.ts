/**
 * The connections that a server saw last, and who listens for news of them.
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
/** Messages that a listener may be behind before it is let go. */
const MAX_BEHIND = 256
/** Between two signs of life, milliseconds: below the 10 s after which Bun closes what is idle. */
const BEAT = 4000

/** One connection as the table shows it. */
export interface LiveEntry {
  /** Grows with every change: what came after the last one seen is news. */
  readonly id: number
  /** The connection's own name. */
  readonly key: string
  /** Time, client, label, MuonFP, handshake RTT, distance, requests. */
  readonly cells: readonly string[]
}

const encoder = new TextEncoder()

/** The last connections and the listeners. Nothing runs while nobody listens. */
export class LiveList {
  readonly #entries = new Map<string, LiveEntry & { readonly seen: string }>()
  readonly #listeners = new Set<ReadableStreamDefaultController<Uint8Array>>()
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

  /** Notes a request's connection. Requests without one are not noted. */
  note(fingerprint: Fingerprint): void {
    const { peer, label, fingerprints, timing, syn, reason, hop } = fingerprint
    // A proxy's connection carries many clients: they are told apart by what its header says of them.
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
    if (this.#listeners.size > 0) this.#tell(encode(entry))
  }

  /**
   * Server-sent events (WHATWG HTML section 9.2) from the change after `after` on; `undefined` where there are too many
   * listeners already.
   */
  listen(after: number): ReadableStream<Uint8Array> | undefined {
    if (this.#listeners.size >= MAX_LISTENERS) return undefined
    let own: ReadableStreamDefaultController<Uint8Array>
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          own = controller
          // An id from before a restart is larger than any of ours: then everything is news.
          const known = after <= this.#id ? after : 0
          controller.enqueue(encoder.encode('retry: 2000\n\n'))
          for (const entry of this.#entries.values()) if (entry.id > known) controller.enqueue(encode(entry))
          this.#listeners.add(controller)
          this.#beat ??= setInterval(() => this.#tell(encoder.encode(':\n\n')), BEAT)
        },
        cancel: () => this.#drop(own),
      },
      new CountQueuingStrategy({ highWaterMark: MAX_BEHIND }),
    )
  }

  #tell(message: Uint8Array): void {
    for (const controller of this.#listeners) {
      try {
        // Who does not read is let go, and asks again for what was missed.
        if ((controller.desiredSize ?? 0) <= 0) controller.close()
        else {
          controller.enqueue(message)
          continue
        }
      } catch {
        // Closed by the other side in between.
      }
      this.#drop(controller)
    }
  }

  #drop(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#listeners.delete(controller)
    if (this.#listeners.size > 0) return
    clearInterval(this.#beat)
    this.#beat = undefined
  }

  /** Ends every stream and forgets every connection. */
  close(): void {
    for (const controller of this.#listeners) {
      try {
        controller.close()
      } catch {
        // Closed by the other side.
      }
      this.#drop(controller)
    }
    this.#entries.clear()
  }
}

function encode({ id, key, cells }: LiveEntry): Uint8Array {
  // JSON has no line ends of its own, so that one event is one data line.
  return encoder.encode(`id: ${id}\ndata: ${JSON.stringify({ key, cells })}\n\n`)
}
