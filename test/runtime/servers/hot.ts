/** Run with `--hot`: evaluated again when the file named by HOT_FILE changes. */
import { Hono } from 'hono'
import { type FingerprintVariables, fingerprint } from '../../../src/bun.ts'

const generation = await Bun.file(process.env.HOT_FILE!).text()
await import(process.env.HOT_MODULE!)
const middleware = fingerprint()
const app: Hono<{ Variables: FingerprintVariables }> = new Hono<{ Variables: FingerprintVariables }>()
app.use(middleware)
app.get('/', (c) => c.json({ ...c.var.fingerprint.toJSON(), generation }))

setTimeout(() => console.log(`listening on ${process.env.PORT} generation ${generation}`), 100)
const server: { port: number; hostname: string | undefined; fetch: typeof app.fetch } = {
  port: Number(process.env.PORT),
  hostname: '127.0.0.1',
  fetch: app.fetch,
}

export default server
