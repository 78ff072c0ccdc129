/**
 * Octets of a response's body on Bun, out of the text that `Bun.inspect` makes of the response.
 *
 * Touching `body` would turn it into a stream, and then files lose sendfile and large texts their Content-Length. The text of
 * `Bun.inspect` is the only place where Bun tells the size without that. Its form is not documented: `test/runtime/bun-body-size.test.ts`
 * fails where a new Bun prints something else, and until then the access log counts the octets of the stream instead.
 * @module
 */
import type { BunGlobal } from './globals.ts'
import type { SentBody } from './types.ts'

const INSPECTED = /^Response \(([\d.]+) (bytes|KB|MB|GB)\)/
/** A file is printed as such, and without a size before anything has asked for it. */
const FILE = /\n {2}FileRef \("/

/** See `Runtime.bodySize`. A string, octets, a Blob or a file has a size; a stream has none. */
export function bunBodySize(Bun: BunGlobal, response: Response, request: Request): number | SentBody | undefined {
  if (response.bodyUsed) return undefined
  const text = Bun.inspect(response)
  if (!FILE.test(text)) {
    const found = INSPECTED.exec(text)
    if (found === null) return undefined
    if (found[2] === 'bytes') return Number(found[1])
    // Bun prints "0 KB" for a stream and for an empty body.
    if (Number(found[1]) === 0) return undefined
  }
  const blob = Bun.peek(response.clone().blob())
  if (!(blob instanceof Blob)) return undefined
  const { name } = blob as { name?: unknown }
  if (typeof name !== 'string' || response.status !== 200 || response.headers.has('content-range')) return blob.size
  return fileAnswer(request, blob.size, Bun.file(name).size)
}

/** What Bun answers with a file: all of it, the part that was sliced off, or the one range that was asked for. */
function fileAnswer(request: Request, size: number, whole: number): number | SentBody {
  if (size !== whole) return { status: 206, octets: size }
  const range = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(request.headers.get('range') ?? '')
  if (range === null || request.method !== 'GET' || request.headers.has('if-range')) return size
  const [, first = '', last = ''] = range
  if (first === '' && last === '') return size
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(last) < start) return size
  return start >= size ? { status: 416, octets: 0 } : { status: 206, octets: end - start + 1 }
}

/** See `Runtime.textSize`. Bun hands out the text of a ready body at once. */
export function bunTextSize(Bun: BunGlobal, response: Response): number | undefined {
  const text = Bun.peek(response.clone().text())
  return typeof text === 'string' ? Buffer.byteLength(text) : undefined
}
