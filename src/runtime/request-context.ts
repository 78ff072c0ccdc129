/**
 * What the runtime gave with a request, out of what frameworks hand on.
 * @module
 */

/** True if the value is Bun's server or Deno's information about a request. Asks for names, because Deno's getter may throw. */
function tellsPeer(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('requestIP' in value || 'remoteAddr' in value)
}

/**
 * The server or information in Hono's `c.env`: `Bun.serve({ fetch: app.fetch })` and `Deno.serve(app.fetch)` pass it whole; other
 * callers put it into the bindings, as `server` or `info`. Where `c.env` is none of these, `c.env` itself. Never throws, whatever
 * a test or a proxy object passes.
 */
export function requestContext(env: unknown): unknown {
  try {
    // The bindings of @hono/node-server.
    if ((env as { readonly incoming?: unknown } | null | undefined)?.incoming !== undefined) return env
    if (tellsPeer(env) || typeof env !== 'object' || env === null) return env
    const { server, info } = env as { readonly server?: unknown; readonly info?: unknown }
    return tellsPeer(server) ? server : tellsPeer(info) ? info : env
  } catch {
    return undefined
  }
}
