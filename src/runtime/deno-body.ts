/**
 * Bodies of answers on Deno.
 *
 * Touching `body`, or cloning the answer, makes a stream of it, which is then sent in chunks without a Content-Length. Deno keeps
 * what an answer was made from in properties with symbols for names. Where they are not found, nothing is known, and the answer
 * is left alone.
 * @module
 */
import { type ReadyBody, utf8Length } from './ready-body.ts'

/** The part of an answer's inner body that is read (Deno 2.9, `ext/fetch/22_body.js`). */
interface InnerBody {
  /** The body as it was given, or the stream that was made of it. */
  readonly streamOrStatic: ReadableStream | { readonly body: string | Uint8Array }
  /** What the body was made from; null for a stream. */
  readonly source: string | Uint8Array | Blob | null
}

/** Names of Deno's own properties of an answer. */
interface Keys {
  readonly response: symbol
  /** Where the body of a simple answer waits until it is needed. */
  readonly lazy: symbol | undefined
}

const EMPTY: ReadyBody = { octets: 0 }
let keys: Keys | undefined

/** See `Runtime.bodyOf`. */
export function denoBody(response: Response): ReadyBody | 'stream' | undefined {
  const own = response as unknown as Record<symbol, unknown>
  keys = keys !== undefined && keys.response in own ? keys : findKeys(response)
  if (keys === undefined) return undefined
  if (keys.lazy !== undefined) {
    const lazy = sizeOf(own[keys.lazy])
    if (lazy !== undefined) return lazy
  }
  const { body } = own[keys.response] as { readonly body?: InnerBody | null }
  if (body === null) return EMPTY
  if (typeof body !== 'object' || typeof body.streamOrStatic !== 'object' || body.streamOrStatic === null) {
    return undefined
  }
  if (!(body.streamOrStatic instanceof ReadableStream)) return sizeOf(body.streamOrStatic.body)
  const { source } = body
  if (source === null || source === undefined) return 'stream'
  const ready = source instanceof Blob ? { octets: source.size } : sizeOf(source)
  return ready === undefined ? 'stream' : { ...ready, chunked: true }
}

/** See `Runtime.addedField`. */
export function denoAddedField(
  name: string,
  _response: Response,
  status: number,
  body: ReadyBody | undefined,
): string | undefined {
  if (name !== 'content-length' || body === undefined || body.chunked === true) return undefined
  return status < 200 || status === 204 || status === 205 || status === 304 ? undefined : `${body.octets}`
}

/**
 * See `Runtime.onGone`. Not by the request's signal: Deno aborts that when an answer was sent as well, and warns about it on
 * standard error when it is first looked at.
 */
export function denoOnGone(_request: Request, info: unknown, run: () => void): () => void {
  const { completed } = (info ?? {}) as { readonly completed?: Promise<unknown> }
  completed?.then(run, run)
  return () => {}
}

function sizeOf(body: unknown): ReadyBody | undefined {
  if (typeof body === 'string') return { octets: utf8Length(body) }
  return ArrayBuffer.isView(body) ? { octets: body.byteLength } : undefined
}

function findKeys(response: Response): Keys | undefined {
  const symbols = Object.getOwnPropertySymbols(response)
  const named = (name: string): symbol | undefined => symbols.find(({ description }) => description === name)
  const inner = named('response')
  return inner === undefined ? undefined : { response: inner, lazy: named('lazy static body') }
}
