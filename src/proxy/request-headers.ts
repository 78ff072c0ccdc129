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
 * Makes `headers` and `clone()` of this very request answer with other headers, where the caller keeps the object that it has.
 * What a runtime does with the request inside (`fetch(request)`, `new Request(request)`) still sees the old ones: on Deno a plain
 * handler that sends the request on has to write `new Request(request, { headers: request.headers })`.
 */
export function hideHeaders(request: Request, headers: Headers): Request {
  const clone = request.clone.bind(request)
  Object.defineProperties(request, {
    headers: { value: headers, configurable: true, enumerable: true },
    clone: { value: () => hideHeaders(clone(), new Headers(headers)), configurable: true },
  })
  return request
}
