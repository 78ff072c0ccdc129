/** An app as most are written: nothing but the default export says that there is a server. */
import { Hono } from 'hono'
import { fingerprint } from '../../../src/adapter/bun.ts'

const app = new Hono().use(fingerprint()).get('/', (c) => c.json(c.var.fingerprint))

setTimeout(() => console.log(`listening on ${process.env.PORT}`), 100)
export default { port: Number(process.env.PORT), hostname: process.env.HOST, fetch: app.fetch }
