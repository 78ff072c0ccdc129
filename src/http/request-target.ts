/**
 * Path, query and host of a request, from its URL as the runtime gives it: absolute, or the bare target (HTTP/1.0 without Host).
 * @module
 */

/** The part of a URL from its path on: what the request line carried. */
export function requestTarget(url: string): string {
  if (url.charCodeAt(0) === 0x2f) return url
  const scheme = url.indexOf('://')
  if (scheme < 0) return url
  const slash = url.indexOf('/', scheme + 3)
  const query = url.indexOf('?', scheme + 3)
  if (slash >= 0 && (query < 0 || slash < query)) return url.slice(slash)
  return query < 0 ? '/' : `/${url.slice(query)}`
}

/** Path of a request target, still percent-encoded. */
export function targetPath(target: string): string {
  const end = target.search(/[?#]/)
  return end < 0 ? target : target.slice(0, end)
}

/** Query of a request target with its `?`, or nothing. */
export function targetQuery(target: string): string {
  const start = target.indexOf('?')
  if (start < 0) return ''
  const end = target.indexOf('#', start)
  return end < 0 ? target.slice(start) : target.slice(start, end)
}

/** The authority of an absolute URL, for requests that never had a `Host` field; empty for a bare target. */
export function urlAuthority(url: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(url)?.[1] ?? ''
}

/** Version of a request. Runtimes do not report it; a request without `Host` that they let through is HTTP/1.0. */
export function httpVersion(url: string, headers: { get(name: string): string | null }): 'HTTP/1.0' | 'HTTP/1.1' {
  // In this order, because Deno shows no headers of a request that was upgraded.
  return url.charCodeAt(0) === 0x2f && headers.get('host') === null ? 'HTTP/1.0' : 'HTTP/1.1'
}

/** Host of a `Host` field, or without one of a URL's authority: without the port, in lower case. */
export function hostOf(field: string | null, url: string): string | undefined {
  return (field || urlAuthority(url)).replace(/:\d*$/, '').toLowerCase() || undefined
}
