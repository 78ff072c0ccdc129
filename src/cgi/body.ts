/**
 * The body of a request as a script's standard input, bounded in time.
 *
 * A script has to be told CONTENT_LENGTH first (RFC 3875 section 4.1.2). So a body without a length, as chunked ones are, is spooled.
 * @module
 */
import { Spool } from './spooled-body.ts'

/** Octets a second that a client has to send once its time is used up, as in Apache's `RequestReadTimeout body=20,MinRate=500`. */
const MIN_RATE = 500

/** The longest time that timers can wait, milliseconds: beyond it they run at once. */
const LONGEST_TIMER = 2_147_483_647

/** Bounds of a body. */
export interface BodyLimits {
  /** Milliseconds that may be spent waiting for the client, plus a second for every 500 octets. */
  readonly bodyTime: number
  /** Octets of a body that has to be spooled. */
  readonly chunkedSize: number
}

/** A request's body. */
export interface RequestBody {
  /** Octets; `undefined` if the request has no body and does not say so. */
  readonly length: number | undefined
  /** Taken once. `undefined` if there is nothing to read. */
  readonly stream: ReadableStream<Uint8Array> | undefined
  /** Aborted when the client has used up its time while the script reads. */
  readonly late: AbortSignal | undefined
  /** True while the script has read everything that came, and the client has not sent the rest. */
  clientAwaited(): boolean
  /** Throws away what was not read. */
  discard(): void
}

/** Why there is no body: HTTP statuses Request Timeout and Content Too Large. */
export type BodyRefused = 408 | 413

/**
 * The body of a request and its length.
 *
 * @param ready - the body, if a middleware has read it from the request before
 */
export async function requestBody(
  request: Request,
  ready: Uint8Array | undefined,
  limits: BodyLimits,
): Promise<RequestBody | BodyRefused> {
  if (ready !== undefined) return complete(ready.length, ready.length === 0 ? undefined : streamOf(ready))
  const header = request.headers.get('content-length')
  if (request.body === null) return complete(header === '0' ? 0 : undefined, undefined)
  const reader = new BoundedReader(request.body, limits.bodyTime)
  return header !== null && /^\d{1,15}$/.test(header)
    ? new StreamedBody(Number(header), reader)
    : await spooledBody(reader, limits.chunkedSize, new Spool())
}

function complete(length: number | undefined, stream: ReadableStream<Uint8Array> | undefined): RequestBody {
  return { length, stream, late: undefined, clientAwaited: () => false, discard() {} }
}

/** Reads everything first. */
async function spooledBody(reader: BoundedReader, sizeLimit: number, spool: Spool): Promise<RequestBody | BodyRefused> {
  try {
    for (;;) {
      const octets = await reader.read()
      if (octets === undefined) break
      if (octets !== 'late' && spool.length + octets.length <= sizeLimit) {
        spool.append(octets)
        continue
      }
      spool.discard()
      reader.cancel()
      return octets === 'late' ? 408 : 413
    }
  } catch (error) {
    spool.discard()
    throw error
  }
  const { length } = spool
  let taken = false
  return {
    length,
    get stream() {
      taken = true
      return length === 0 ? undefined : spool.read()
    },
    late: undefined,
    clientAwaited: () => false,
    discard() {
      if (!taken || length === 0) spool.discard()
    },
  }
}

/** A body that goes to the script as it comes. */
class StreamedBody implements RequestBody {
  readonly length: number
  readonly stream: ReadableStream<Uint8Array>
  readonly #reader: BoundedReader
  readonly #late: AbortController = new AbortController()

  constructor(length: number, reader: BoundedReader) {
    this.length = length
    this.#reader = reader
    this.stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const octets = await reader.read()
          if (octets === undefined) controller.close()
          else if (octets !== 'late') controller.enqueue(octets)
          else {
            this.#late.abort()
            controller.error(new Error('The client did not send the body in time'))
          }
        },
        cancel: () => reader.cancel(),
      },
      { highWaterMark: 0 },
    )
  }

  get late(): AbortSignal {
    return this.#late.signal
  }
  clientAwaited(): boolean {
    return this.#reader.awaiting
  }
  discard(): void {
    this.#reader.cancel()
  }
}

/** Reads a body and counts the time that is spent waiting for it. One timer for many reads, because each costs as much as a read. */
class BoundedReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  /** Milliseconds that the client may still be waited for. */
  #left: number
  #timer: ReturnType<typeof setTimeout> | undefined
  /** When the read that waits began. */
  #since: number | undefined
  #onLate: () => void = () => {}

  constructor(body: ReadableStream<Uint8Array>, milliseconds: number) {
    this.#reader = body.getReader()
    this.#left = milliseconds
  }

  /** True while a read waits for the client. */
  get awaiting(): boolean {
    return this.#since !== undefined
  }

  /** The next octets, `undefined` at the end, `'late'` if the client's time is used up. */
  read(): Promise<Uint8Array | undefined | 'late'> {
    const start = performance.now()
    this.#since = start
    this.#checkIn(this.#left)
    return new Promise((resolve, reject) => {
      this.#onLate = () => resolve('late')
      this.#reader.read().then(
        ({ value }) => {
          this.#left += ((value?.length ?? 0) * 1000) / MIN_RATE - (performance.now() - start)
          this.#settled(value === undefined)
          resolve(value)
        },
        (error) => {
          this.#settled(true)
          reject(error)
        },
      )
    })
  }

  cancel(): void {
    this.#settled(true)
    this.#reader.cancel().catch(() => {})
  }

  #settled(isLast: boolean): void {
    this.#since = undefined
    if (isLast) clearTimeout(this.#timer)
  }

  #checkIn(milliseconds: number): void {
    this.#timer ??= setTimeout(this.#check, Math.min(Math.max(1, milliseconds), LONGEST_TIMER))
  }

  readonly #check = (): void => {
    this.#timer = undefined
    if (this.#since === undefined) return
    const left = this.#left - (performance.now() - this.#since)
    if (left > 0) this.#checkIn(left)
    else {
      this.#onLate()
      this.cancel()
    }
  }
}

function streamOf(octets: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(octets)
      controller.close()
    },
  })
}
