/**
 * The twin of `http-server.ts` for Deno: `deno run --allow-net --allow-ffi http-server-deno.ts VARIANT [HOSTNAME]`.
 * Prints its port when it listens.
 * @module
 */
import { getConnInfo } from 'hono/deno'
import { fingerprint } from '../../src/deno.ts'
import { appOf, sink } from './http-apps.ts'

declare const Deno: {
  readonly args: readonly string[]
  serve(options: object, handler: unknown): { readonly addr: { readonly port: number } }
}

const [variant = 'bare', hostname] = Deno.args
const app = appOf(variant, { fingerprint, getConnInfo })
const server = Deno.serve({ port: 0, ...(hostname ? { hostname } : {}), onListen: () => {} }, app.fetch)
console.log(server.addr.port)
if (sink < 0) console.log(sink)
