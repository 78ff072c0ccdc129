/** An app as most are written: nothing but the default export says that there is a server. */
import { Hono } from 'hono'
import { type FingerprintVariables, fingerprint } from '../../../src/bun.ts'

const app: Hono<{ Variables: FingerprintVariables }> = new Hono<{ Variables: FingerprintVariables }>()
app.use(fingerprint())
app.get('/', (c) => c.json(c.var.fingerprint))

setTimeout(() => console.log(`listening on ${process.env.PORT}`), 100)
const server: { port: number; hostname: string | undefined; fetch: typeof app.fetch } = {
  port: Number(process.env.PORT),
  hostname: process.env.HOST,
  fetch: app.fetch,
}

export default server
