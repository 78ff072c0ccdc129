/**
 * An answer whose body is counted while it is sent.
 * @module
 */

/** What became of a body. */
export interface BodyEnd {
  readonly octets: number
  /** True if the body was cut off: the client has gone, or its source failed. */
  readonly cut: boolean
}

/** Who is told about a body. */
export interface BodyListener {
  /** The first octets were read. */
  onFirst(): void
  /** The body has ended. Called once. */
  onEnd(end: BodyEnd): void
}

/** The answer to send in place of the given one, and a way to say that the client has gone. */
export interface CountedBody {
  readonly response: Response
  /** Ends the count where the runtime drops a body without reading or cancelling it. */
  abandon(): void
}

const encoder = new TextEncoder()

/** The same answer with a body that is counted as it is read, no faster than it is read. `response.body` must not be locked. */
export function countBody(response: Response, listener: BodyListener): CountedBody {
  const reader = response.body!.getReader()
  let octets = 0
  let open = true
  const end = (cut: boolean): void => {
    if (!open) return
    open = false
    listener.onEnd({ octets, cut })
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (done) {
            end(false)
            controller.close()
            return
          }
          if (octets === 0 && open) listener.onFirst()
          // Bun hands out what a handler enqueued as text as text.
          octets += typeof value === 'string' ? encoder.encode(value).length : value.byteLength
          controller.enqueue(value)
        } catch (error) {
          end(true)
          throw error
        }
      },
      cancel(reason) {
        end(true)
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
  return { response: new Response(body, response), abandon: () => end(true) }
}
