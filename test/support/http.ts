/**
 * A small incremental HTTP/1.1 response reader for the test clients: bytes in, whole responses out.
 *
 * @example
 * const reader = new ResponseReader()
 * reader.push(bytes)
 * const response = reader.next() // undefined until a whole response is there
 * @module
 */

/** One whole response. */
export interface HttpResponse {
  readonly status: number
  /** Names in lower case; values of repeated headers joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** The body as UTF-8. */
  text(): string
  /** The body as JSON, typed by the caller. */
  json<T = any>(): T
}

const decoder = new TextDecoder()
const EMPTY = new Uint8Array(0)

function makeResponse(status: number, headers: Record<string, string>, body: Uint8Array): HttpResponse {
  return {
    status,
    headers,
    body,
    text: () => decoder.decode(body),
    json: () => JSON.parse(decoder.decode(body)),
  }
}

/** Collects octets and gives them back as responses, in order. */
export class ResponseReader {
  #bytes: Uint8Array = EMPTY
  #ended = false

  /** Octets not yet taken by a response. */
  get buffered(): number {
    return this.#bytes.length
  }

  push(bytes: Uint8Array): void {
    if (this.#bytes.length === 0) {
      this.#bytes = bytes
      return
    }
    const joined = new Uint8Array(this.#bytes.length + bytes.length)
    joined.set(this.#bytes)
    joined.set(bytes, this.#bytes.length)
    this.#bytes = joined
  }

  /** Says that nothing follows: completes a response that lasts until the connection closes. */
  end(): void {
    this.#ended = true
  }

  /**
   * The next whole response, without interim (1xx) ones; `undefined` when more is needed.
   * @param head whether it answers a HEAD request, which has no body
   * @throws {Error} when the octets are not HTTP/1
   */
  next(head: boolean = false): HttpResponse | undefined {
    for (;;) {
      const bytes = this.#bytes
      const headEnd = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf('\r\n\r\n')
      if (headEnd < 0) return undefined
      const lines = Buffer.from(bytes.buffer, bytes.byteOffset, headEnd).toString('latin1').split('\r\n')
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(lines[0] ?? '')?.[1]
      if (status === undefined) throw new Error(`Cannot read the response: it begins "${lines[0]?.slice(0, 60)}"`)
      const headers: Record<string, string> = {}
      for (const line of lines.slice(1)) {
        const colon = line.indexOf(':')
        const name = line.slice(0, colon).toLowerCase()
        const value = line.slice(colon + 1).trim()
        headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
      }
      const code = Number(status)
      const bodyAt = headEnd + 4
      if (code >= 100 && code < 200 && code !== 101) {
        this.#bytes = bytes.subarray(bodyAt)
        continue
      }
      if (head || code === 204 || code === 304 || code === 101) return this.#take(code, headers, EMPTY, bodyAt)
      if (headers['transfer-encoding']?.toLowerCase().includes('chunked')) return this.#chunked(code, headers, bodyAt)
      const length = headers['content-length']
      if (length === undefined) {
        return this.#ended ? this.#take(code, headers, bytes.slice(bodyAt), bytes.length) : undefined
      }
      const end = bodyAt + Number(length)
      return bytes.length < end ? undefined : this.#take(code, headers, bytes.slice(bodyAt, end), end)
    }
  }

  #take(status: number, headers: Record<string, string>, body: Uint8Array, end: number): HttpResponse {
    this.#bytes = this.#bytes.subarray(end)
    return makeResponse(status, headers, body)
  }

  #chunked(status: number, headers: Record<string, string>, bodyAt: number): HttpResponse | undefined {
    const whole = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length)
    const parts: Buffer[] = []
    let at = bodyAt
    for (;;) {
      const lineEnd = whole.indexOf('\r\n', at)
      if (lineEnd < 0) return undefined
      const size = Number.parseInt(whole.toString('latin1', at, lineEnd), 16)
      if (Number.isNaN(size)) throw new Error('Cannot read the response: a chunk has no size')
      at = lineEnd + 2
      if (size === 0) {
        // Trailers, if any, end with an empty line.
        if (whole.indexOf('\r\n', at) === at) return this.#take(status, headers, Buffer.concat(parts), at + 2)
        const end = whole.indexOf('\r\n\r\n', at)
        return end < 0 ? undefined : this.#take(status, headers, Buffer.concat(parts), end + 4)
      }
      if (whole.length < at + size + 2) return undefined
      parts.push(whole.subarray(at, at + size))
      at += size + 2
    }
  }
}
