/**
 * What the runtime gave with a request, out of Hono's context.
 * @module
 */

/** `Bun.serve({ fetch: app.fetch })` and `Deno.serve(app.fetch)` pass it whole as `c.env`; others put it into the bindings. */
export function serverOf(env: unknown): unknown {
  return typeof env === 'object' && env !== null && 'server' in env ? env.server : env
}
