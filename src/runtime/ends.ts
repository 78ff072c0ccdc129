/**
 * The two ends of a request's connection, from what Bun's and Deno's servers give their handlers.
 * @module
 */

/** What is used of `Bun.Server` and of Deno's `ServeHandlerInfo`. */
interface ServerParts {
  readonly requestIP?: (request: Request) => { readonly address: string; readonly port: number } | null
  readonly address?: { readonly address: string; readonly port: number } | null
  readonly port?: number
  readonly remoteAddr?: { readonly hostname?: string; readonly port?: number }
}

/** The other end; `undefined` where the runtime does not know it (any more). */
export function peerEnd(request: Request, server: unknown): { address: string; port: number | undefined } | undefined {
  if (typeof server !== 'object' || server === null) return undefined
  const parts = server as ServerParts
  try {
    if (typeof parts.requestIP === 'function') return parts.requestIP(request) ?? undefined
    const { remoteAddr } = parts
    return typeof remoteAddr?.hostname === 'string'
      ? { address: remoteAddr.hostname, port: remoteAddr.port }
      : undefined
  } catch {
    // Deno throws once the request is closed.
    return undefined
  }
}

/** Address and port of the listener. One on every address does not know on which a connection came. */
export function localEnd(server: unknown): { address: string | undefined; port: number | undefined } | undefined {
  if (typeof server !== 'object' || server === null) return undefined
  const { address, port } = server as ServerParts
  if (typeof address !== 'object' || address === null) return { address: undefined, port }
  const wildcard = address.address === '::' || address.address === '0.0.0.0'
  return { address: wildcard ? undefined : address.address, port: port ?? address.port }
}
