/**
 * Requests without some of their headers, for runtimes that do not let the headers of a request be changed. What is hidden is copied
 * when it is read: most handlers read no header, and on Deno a copy takes longer than the rest of a request.
 * @module
 */

/** Takes headers away. */
export type Remove = (headers: Headers) => void

/** Deno keeps what it gave in a property with a symbol for name (Deno 2.9, `ext/fetch/23_request.js`). */
let innerKey: symbol | undefined

/** What Deno makes `new Request(request)` and `fetch(request)` from. */
function innerOf(request: Request): object | undefined {
  if (innerKey === undefined || !(innerKey in request)) {
    innerKey = Object.getOwnPropertySymbols(request).find((symbol) => symbol.description === 'request')
  }
  const inner: unknown = innerKey && (request as unknown as Record<symbol, unknown>)[innerKey]
  return typeof inner === 'object' && inner !== null ? inner : undefined
}

/** True for Deno's requests, whose headers cannot be changed: to try takes 10 µs. */
export function hasInnerRequest(request: Request): boolean {
  return innerOf(request) !== undefined
}

/**
 * A request that is the same without some headers, its body taken over. The very same object, see {@link hideHeaders}, where there is
 * no need for another, or no other way: a body that is being read cannot be taken over.
 */
export function withoutHeaders(request: Request, remove: Remove): Request {
  if (hasInnerRequest(request)) return hideHeaders(request, remove)
  const headers = new Headers(request.headers)
  remove(headers)
  try {
    return new Request(request, { headers })
  } catch {
    return replaceHeaders(request, () => headers)
  }
}

/**
 * Makes this very request answer without some headers, where the caller keeps the object that it has: `headers`, `clone()`, and on Deno
 * what `new Request(request)` and `fetch(request)` read.
 */
export function hideHeaders(request: Request, remove: Remove): Request {
  const { headers: given } = request
  return replaceHeaders(request, () => {
    const headers = new Headers(given)
    remove(headers)
    return headers
  })
}

/** Where a request, and what Deno has behind it, keep what was replaced. */
const REPLACED = Symbol('tcpfingerprint.headers')

type Replaced = Request & { [REPLACED]: ReplacedHeaders }

/** Headers in place of a request's own, made when they are first read. */
class ReplacedHeaders {
  readonly #inner: object | undefined
  readonly #listBefore: PropertyDescriptor | undefined
  readonly #make: () => Headers
  #made: Headers | undefined

  constructor(inner: object | undefined, make: () => Headers) {
    this.#inner = inner
    this.#make = make
    if (inner === undefined) return
    this.#listBefore = Object.getOwnPropertyDescriptor(inner, 'headerList')
    Object.defineProperty(inner, REPLACED, { value: this, configurable: true })
    Object.defineProperty(inner, 'headerList', LIST)
  }

  get headers(): Headers {
    const inner = this.#inner
    if (this.#made !== undefined) return this.#made
    // Deno's headers come from there when they are first read.
    if (inner !== undefined) Reflect.deleteProperty(inner, 'headerList')
    if (this.#listBefore !== undefined) Object.defineProperty(inner!, 'headerList', this.#listBefore)
    this.#made = this.#make()
    if (inner !== undefined) Object.defineProperty(inner, 'headerList', LIST)
    return this.#made
  }
}

// Getters of each object's own would make a class of objects each, for V8, and cost a request 20 µs.
const LIST: PropertyDescriptor = {
  get(this: Replaced) {
    return [...this[REPLACED].headers]
  },
  configurable: true,
}
const HEADERS: PropertyDescriptor = {
  get(this: Replaced) {
    return this[REPLACED].headers
  },
  configurable: true,
  enumerable: true,
}

function replaceHeaders(request: Request, make: () => Headers): Request {
  const clone = request.clone.bind(request)
  Object.defineProperty(request, REPLACED, { value: new ReplacedHeaders(innerOf(request), make), configurable: true })
  Object.defineProperty(request, 'headers', HEADERS)
  Object.defineProperty(request, 'clone', {
    value: () => {
      const copy = new Headers(request.headers)
      return replaceHeaders(clone(), () => copy)
    },
    configurable: true,
  })
  return request
}
