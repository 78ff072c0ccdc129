/**
 * Bodies of answers on Bun, out of the text that `Bun.inspect` makes of an answer.
 *
 * Touching `body` would turn it into a stream, and then files lose sendfile and large texts their Content-Length. The text of
 * `Bun.inspect` is the only place where Bun tells the size without that. Its form is not documented: `test/runtime/bun-body.test.ts`
 * fails where a new Bun prints something else, and until then the access log counts the octets of the stream instead.
 * @module
 */
import type { BunGlobal } from './globals.ts'
import { type ReadyBody, utf8Length } from './ready-body.ts'

const INSPECTED = /^Response \(([\d.]+) (bytes|KB|MB|GB)\)/
/** A stream that is known as one. Fields of the answer stand deeper, and in quotes. */
const STREAM = /\n {2}ReadableStream \{/
/** A file is printed as such, and without a size before anything has asked for it. */
const FILE = /\n {2}FileRef \("/
const EMPTY: ReadyBody = { octets: 0 }

/** See `Runtime.bodyOf`. */
export function bunBody(Bun: BunGlobal, response: Response, request: Request): ReadyBody | 'stream' | undefined {
  if (response.bodyUsed) return undefined
  // The answer of another server, handed on: Bun prints the octets that have come so far.
  if (response.url !== '') return 'stream'
  const text = Bun.inspect(response)
  if (STREAM.test(text)) return 'stream'
  if (!FILE.test(text)) {
    const found = INSPECTED.exec(text)
    if (found === null) return 'stream'
    if (found[2] === 'bytes') return { octets: Number(found[1]) }
    if (Number(found[1]) === 0) return EMPTY
  }
  const blob = Bun.peek(response.clone().blob())
  if (!(blob instanceof Blob)) return 'stream'
  const { name } = blob as { name?: unknown }
  if (typeof name !== 'string' || response.status !== 200 || response.headers.has('content-range')) {
    return { octets: blob.size }
  }
  return fileAnswer(request, blob.size, Bun.file(name).size)
}

/** See `Runtime.textBody`. Bun hands out the text of a ready body at once. */
export function bunTextBody(Bun: BunGlobal, response: Response): ReadyBody | undefined {
  const text = Bun.peek(response.clone().text())
  return typeof text === 'string' ? { octets: utf8Length(text), made: 'text' } : undefined
}

/**
 * What Bun answers with a file: all of it, or the one range that was asked for. A part that was sliced off is sent with the
 * status 200 once the answer was inspected; Bun makes it 206 with `Content-Range: bytes 5-99/*` otherwise.
 */
function fileAnswer(request: Request, size: number, whole: number): ReadyBody {
  if (size !== whole) return { octets: size }
  const range = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(request.headers.get('range') ?? '')
  if (range === null || request.method !== 'GET' || request.headers.has('if-range')) return { octets: size }
  const [, first = '', last = ''] = range
  if (first === '' && last === '') return { octets: size }
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(last) < start) return { octets: size }
  return start >= size ? { octets: 0, status: 416 } : { octets: end - start + 1, status: 206 }
}

/** See `Runtime.addedField`. */
export function bunAddedField(name: string, response: Response, status: number, body: ReadyBody): string | undefined {
  if (status < 200 || status === 204 || status === 304) return undefined
  if (name === 'content-length') {
    return response.headers.has('transfer-encoding') ? undefined : `${body.octets}`
  }
  if (name !== 'content-type' || body.made === undefined || body.octets === 0) return undefined
  return body.made === 'text' ? 'text/plain;charset=utf-8' : 'application/octet-stream'
}

/** See `Runtime.onGone`. Bun aborts the signal of a request only when its client has gone. */
export function bunOnGone(request: Request, _server: unknown, run: () => void): () => void {
  const { signal } = request
  signal.addEventListener('abort', run)
  return () => signal.removeEventListener('abort', run)
}
