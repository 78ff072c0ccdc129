/**
 * Local redirects (RFC 3875 section 6.2.2): a script names another path, and the server answers with that.
 * @module
 */

/** Fields that describe the body, which is not sent again. */
const OF_THE_BODY = ['content-length', 'content-type', 'transfer-encoding', 'content-encoding'] as const
/** How many local redirects have led to a request that the application dispatched. */
const DISPATCHED: WeakMap<Request, number> = new WeakMap()

/** The request again, as a GET of another path, or a HEAD if it was one. */
export function redirectedRequest(request: Request, target: string): Request {
  const headers = new Headers(request.headers)
  for (const name of OF_THE_BODY) headers.delete(name)
  const origin = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(request.url)?.[0] ?? 'http://localhost'
  return new Request(origin + target, { method: request.method === 'HEAD' ? 'HEAD' : 'GET', headers })
}

/** Counts a redirect that the application answers. False if more than `limit` have led there, one after the other. */
export function countDispatch(from: Request, to: Request, limit: number): boolean {
  const count = (DISPATCHED.get(from) ?? 0) + 1
  DISPATCHED.set(to, count)
  return count <= limit
}

/** Sends the client there (302). `//host/path` would lead to another host, so that the slashes become one. */
export function clientRedirect(target: string): Response {
  return new Response(null, { status: 302, headers: { location: target.replace(/^\/{2,}/, '/') } })
}

/** Adds the fields of the scripts that led to an answer, Set-Cookie above all: Apache keeps them too. */
export function withFields(response: Response, fields: Headers): Response {
  if ([...fields.keys()].length === 0) return response
  const headers = new Headers(fields)
  for (const [name, value] of response.headers) headers.append(name, value)
  const { status, statusText, body } = response
  return new Response(body, { status, statusText, headers })
}
