/**
 * Bodies of answers on Bun, out of the text that `Bun.inspect` makes of an answer.
 *
 * Touching `body` would turn it into a stream, and then files lose sendfile and large texts their Content-Length. The text of
 * `Bun.inspect` is the only place where Bun tells the size without that. Its form is not documented: `test/runtime/bun-body.test.ts`
 * fails where a new Bun prints something else, and until then the access log counts the octets of the stream instead.
 *
 * What a body was made from, Bun does not tell. It follows from the memory that Bun holds for the answer, which the same test guards.
 * @module
 */
import { type BunGlobal, processGlobal } from './globals.ts'
import { type ReadyBody, utf8Length } from './ready-body.ts'

const INSPECTED = /^Response \(([\d.]+) (bytes|KB|MB|GB)\)/
/** A stream that is known as one. Fields of the answer stand deeper, and in quotes. */
const STREAM = /\n {2}ReadableStream \{/
/** A file is printed as such, and without a size before anything has asked for it. */
const FILE = /\n {2}FileRef \("/
/** A type among the fields. */
const TYPED = /\n {4}"content-type": /
const EMPTY: ReadyBody = { octets: 0 }
const TEXT_TYPE = 'text/plain;charset=utf-8'
/** Octets of a Blob that are read at most. */
const MOST_OF_BLOB = 65_536

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
  const { blob, made } = copyOf(Bun, response, FILE.test(text) || TYPED.test(text))
  if (blob === undefined) return 'stream'
  const { name } = blob as { name?: unknown }
  if (typeof name !== 'string' || response.status !== 200 || response.headers.has('content-range')) {
    return { octets: blob.size, made }
  }
  return fileAnswer(request, blob.size, Bun.file(name).size)
}

/** Octets of memory that Bun holds for the body of an answer without fields of the body; `undefined` where this Bun does not tell. */
function heldFor(response: Response, like: Response): number | undefined {
  type Measure = { estimateShallowMemoryUsageOf?(value: object): number }
  const jsc = processGlobal()?.getBuiltinModule?.('bun:jsc') as Measure | undefined
  if (typeof jsc?.estimateShallowMemoryUsageOf !== 'function') return undefined
  return jsc.estimateShallowMemoryUsageOf(response) - jsc.estimateShallowMemoryUsageOf(new Response(null, like))
}

/**
 * The body as a Blob, and what it was made from, where the answer has no type.
 *
 * Bun holds a text in one or two octets a character, an array in as many as it has, and a Blob elsewhere. The copy of a text of
 * ASCII is held as text, every other copy as a Blob. Copying another text makes octets of the original: it gets the type that Bun
 * would have added to a text.
 */
function copyOf(Bun: BunGlobal, response: Response, isTyped: boolean): { blob?: Blob; made?: ReadyBody['made'] } {
  const held = isTyped ? undefined : heldFor(response, response)
  const copy = response.clone()
  const heldForCopy = held === undefined ? 0 : heldFor(copy, response)!
  const blob = Bun.peek(copy.blob())
  if (!(blob instanceof Blob)) return {}
  if (held === undefined) return { blob }
  if (heldForCopy > 0) return { blob, made: 'text' }
  if (held === 0) return { blob, made: hasAsciiOnly(Bun, blob) ? undefined : 'octets' }
  if (held === blob.size && !hasPairsOnly(Bun, blob)) return { blob, made: 'octets' }
  response.headers.set('content-type', TEXT_TYPE)
  return { blob, made: 'text' }
}

/** True if no octet at the beginning of a Blob is above 127. Of such Bun takes some for text: it does not tell which. */
function hasAsciiOnly(Bun: BunGlobal, blob: Blob): boolean {
  const octets = Bun.peek(blob.slice(0, MOST_OF_BLOB).bytes())
  return !(octets instanceof Uint8Array) || octets.every((octet) => octet < 0x80)
}

/** True if every character has two octets in UTF-8, as it has in the memory of a text. */
function hasPairsOnly(Bun: BunGlobal, blob: Blob): boolean {
  const arePairs = (part: Blob): boolean => {
    const octets = Bun.peek(part.bytes())
    if (!(octets instanceof Uint8Array) || octets.length % 2 !== 0) return false
    return octets.every((octet, i) => octet >> (i % 2 === 0 ? 5 : 6) === (i % 2 === 0 ? 6 : 2))
  }
  return arePairs(blob.slice(0, 64)) && arePairs(blob)
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
export function bunAddedField(
  Bun: BunGlobal,
  name: string,
  response: Response,
  status: number,
  body: ReadyBody | undefined,
): string | undefined {
  if (body === undefined || status < 200 || status === 204 || status === 304) return undefined
  if (name === 'content-length') {
    return response.headers.has('transfer-encoding') ? undefined : `${body.octets}`
  }
  if (name !== 'content-type' || body.octets === 0 || response.bodyUsed) return undefined
  const made = body.made ?? copyOf(Bun, response, false).made
  return made === undefined ? undefined : made === 'text' ? TEXT_TYPE : 'application/octet-stream'
}
