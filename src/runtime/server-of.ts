/**
 * What the runtime gave with a request, out of Hono's context.
 * @module
 */

/** Bun's server, or Deno's information about a request. */
function tellsPeer(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('requestIP' in value || 'remoteAddr' in value)
}

/**
 * `Bun.serve({ fetch: app.fetch })` and `Deno.serve(app.fetch)` pass it whole as `c.env`; others put it into the bindings, as
 * `server` or `info`. Whatever `c.env` is where it is none of these.
 */
export function serverOf(env: unknown): unknown {
  if (tellsPeer(env) || typeof env !== 'object' || env === null) return env
  const { server, info } = env as { readonly server?: unknown; readonly info?: unknown }
  return tellsPeer(server) ? server : tellsPeer(info) ? info : env
}
