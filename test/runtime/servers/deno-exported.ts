/** For `deno serve`: nothing but the default export says that there is a server. Its argument is the port, to be printed. */
import { type Context, Hono } from 'hono'
import { type FingerprintVariables, fingerprint } from '../../../src/deno.ts'

declare const Deno: { readonly args: readonly string[] }

const app: Hono<{ Variables: FingerprintVariables }> = new Hono<{ Variables: FingerprintVariables }>()
app.use(fingerprint())
app.get('*', (c: Context<{ Variables: FingerprintVariables }>) => c.json(c.var.fingerprint))

setTimeout(() => console.log(`listening on port ${Deno.args[0]}`), 300)
const server: { fetch: typeof app.fetch } = { fetch: app.fetch }

export default server
