/**
 * Answers that take a minute: TCP_INFO of the caller's own connection once a second.
 * @module
 */
import { unrefTimer } from '../runtime/timers.ts'
import type { TcpInfo } from '../wire/tcp-info.ts'
import { SAMPLES } from './timing-curves.ts'

/** Streams at once, and of one client. */
const MOST_STREAMS = 32
const MOST_OF_A_CLIENT = 4
/** Chunks that a client may be behind before its stream ends. */
const MOST_BEHIND = 8
const PERIOD = 1000

/** How an answer is made of samples. */
export interface TimingForm {
  begin(): string
  /** After each sample. */
  step(infos: readonly TcpInfo[]): string
  end(infos: readonly TcpInfo[]): string
}

const encoder = new TextEncoder()

/** The streams of an inspector. No timer runs without one. */
export class TimingStreams {
  readonly #period: number
  /** What ends each, with its client. */
  readonly #open = new Map<() => void, string>()

  /** `period` between two samples, milliseconds. */
  constructor(period: number = PERIOD) {
    this.#period = period
  }

  /** A stream for a client; `undefined` where there are too many. `read` gives TCP_INFO now; the stream ends where there is none. */
  open(client: string, read: () => TcpInfo | undefined, form: TimingForm): ReadableStream<Uint8Array> | undefined {
    let own = 0
    for (const one of this.#open.values()) if (one === client) own++
    if (this.#open.size >= MOST_STREAMS || own >= MOST_OF_A_CLIENT) return undefined
    const infos: TcpInfo[] = []
    let timer: ReturnType<typeof setTimeout> | undefined
    let drop = (): void => {}
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const end = (): void => {
            drop()
            try {
              controller.enqueue(encoder.encode(form.end(infos)))
              controller.close()
            } catch {
              // Closed by the client in between.
            }
          }
          drop = () => {
            clearTimeout(timer)
            this.#open.delete(end)
          }
          const sample = (): void => {
            const info = read()
            if (info === undefined || (controller.desiredSize ?? 0) <= 0) return end()
            infos.push(info)
            controller.enqueue(encoder.encode(form.step(infos)))
            if (infos.length === SAMPLES) return end()
            timer = setTimeout(sample, this.#period)
            unrefTimer(timer)
          }
          this.#open.set(end, client)
          controller.enqueue(encoder.encode(form.begin()))
          sample()
        },
        cancel: () => drop(),
      },
      new CountQueuingStrategy({ highWaterMark: MOST_BEHIND }),
    )
  }

  /** Ends every stream. */
  close(): void {
    for (const end of this.#open.keys()) end()
  }
}
