/**
 * A Node request's headers, as code for Web requests reads and removes them.
 * @module
 */

/** What is used of an `IncomingMessage` and an `Http2ServerRequest`. */
interface NodeMessage {
  readonly headers: Record<string, string | string[] | undefined>
  readonly headersDistinct?: Record<string, string[] | undefined>
  readonly rawHeaders?: string[]
}

/** The three calls of `Headers` that are made. Later readers of `headers` and `rawHeaders` see the removal. */
class NodeHeaders {
  readonly #message: NodeMessage

  constructor(message: NodeMessage) {
    this.#message = message
  }

  /** Values of a repeated field are joined by a comma, as Node and `Headers` both do. */
  get(name: string): string | null {
    const value = this.#message.headers[name.toLowerCase()]
    return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value
  }

  has(name: string): boolean {
    return this.get(name) !== null
  }

  delete(name: string): void {
    const lower = name.toLowerCase()
    const { headers, headersDistinct, rawHeaders } = this.#message
    delete headers[lower]
    if (headersDistinct !== undefined) delete headersDistinct[lower]
    if (rawHeaders === undefined) return
    for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
      if (rawHeaders[i]!.toLowerCase() === lower) rawHeaders.splice(i, 2)
    }
  }
}

const known = new WeakMap<object, Request>()

/** An object with the request's headers in place of a Web request: the same one for the same request. */
export function withNodeHeaders(message: object): Request {
  let request = known.get(message)
  if (request === undefined) {
    request = { headers: new NodeHeaders(message as NodeMessage) } as unknown as Request
    known.set(message, request)
  }
  return request
}
