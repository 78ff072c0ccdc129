/**
 * Requests with other headers, for runtimes that do not let the headers of a request be changed.
 * @module
 */

/**
 * A request that is the same but for its headers, its body taken over. The very same object, see {@link hideHeaders}, where
 * there is no other way: Deno upgrades only the request that it gave, and a body that is being read cannot be taken over.
 */
export function withHeaders(request: Request, headers: Headers): Request {
  if (headers.get('upgrade')?.toLowerCase() === 'websocket') return hideHeaders(request, headers)
  try {
    return new Request(request, { headers })
  } catch {
    return hideHeaders(request, headers)
  }
}

/**
 * Makes this very request answer with other headers, where the caller keeps the object that it has: `headers`, `clone()`, and on Deno
 * what `new Request(request)` and `fetch(request)` read.
 */
export function hideHeaders(request: Request, headers: Headers): Request {
  const clone = request.clone.bind(request)
  Object.defineProperties(request, {
    headers: { value: headers, configurable: true, enumerable: true },
    clone: { value: () => hideHeaders(clone(), new Headers(headers)), configurable: true },
  })
  // Deno keeps what it gave in a property with a symbol for name (Deno 2.9, `ext/fetch/23_request.js`).
  for (const symbol of Object.getOwnPropertySymbols(request)) {
    const inner: unknown = (request as unknown as Record<symbol, unknown>)[symbol]
    if (symbol.description !== 'request' || typeof inner !== 'object' || inner === null) continue
    Object.defineProperty(inner, 'headerList', { value: [...headers], configurable: true })
  }
  return request
}
