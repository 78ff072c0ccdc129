/**
 * What is known of the body of an answer without touching it.
 * @module
 */

/** A body that lies ready as a whole. */
export interface ReadyBody {
  /** Octets that are sent. */
  readonly octets: number
  /** What it was made from, where that decides the media type that the runtime gives to an answer without one. */
  readonly made?: 'text' | 'octets' | undefined
  /** Status that is sent, where the runtime changes it: Bun serves ranges of files by itself. */
  readonly status?: number | undefined
  /** True if the runtime sends it in chunks, without a Content-Length, although it knows the size. */
  readonly chunked?: boolean | undefined
}

/** A body that was counted as it was sent. */
export interface CountedBody {
  /** The request's method. */
  readonly method: string
  readonly bytes: number | undefined
  /** What came with the request: Bun's server, Deno's `info`, Node's request and answer. */
  readonly server: unknown
}

/** What a runtime makes of answers. */
export interface ResponseFacts {
  /**
   * The body of an answer: ready, a stream, or `undefined` where the runtime does not tell. Leaves the answer as it is, so that
   * it is sent as it would be.
   */
  bodyOf(response: Response, request: Request): ReadyBody | 'stream' | undefined
  /** The same, cheaper, for a body that is known to be a text that lies ready. */
  textBody(response: Response): ReadyBody | undefined
  /**
   * Value of a field that the runtime adds to an answer with this body, which lacks it; `undefined` where it adds none.
   *
   * @param name - in lower case
   * @param status - as it is sent
   * @param body - `undefined` for a stream
   * @param counted - of a stream that has ended: its octets, and what came with the request
   */
  addedField(
    name: string,
    response: Response,
    status: number,
    body: ReadyBody | undefined,
    counted?: CountedBody,
  ): string | undefined
  /** True if the connection of a request that asks for an upgrade has been upgraded, or will be where it is answered by an empty 200. */
  isUpgraded(request: Request, server: unknown): boolean
  /** Calls `run` when the client has gone, or the request is over otherwise. Returns how to take it back. */
  onGone(request: Request, server: unknown, run: () => void): () => void
  /** Resolves when what a body's stream gave has been written: in a later turn of the event loop. */
  afterWriting(): Promise<void>
}

/** Octets of a text in UTF-8. Short texts of ASCII, the common case, are counted without encoding them. */
export function utf8Length(text: string): number {
  if (text.length > 256) return encoder.encode(text).length
  for (let i = 0; i < text.length; i += 1) {
    if (text.charCodeAt(i) >= 0x80) return encoder.encode(text).length
  }
  return text.length
}
const encoder = new TextEncoder()
