/** Run with `--hot`: evaluated again when HOT_MODULE changes. Logs to LOG_FILE, has a store beside it and runs scripts of CGI_ROOT. */
import { readdirSync, readlinkSync } from 'node:fs'
import { Hono } from 'hono'
import { accessLog } from '../../../src/access-log/hono.ts'
import { cgi } from '../../../src/cgi/hono.ts'
import { openStore } from '../../../src/store/index.ts'

const { generation } = (await import(process.env.HOT_MODULE!)) as { generation: number }
const file = process.env.LOG_FILE!
const store = openStore({ url: `sqlite:${file}.sqlite` })
/** What a reload must not add to. */
function held(): { descriptors: number; stores: number; listeners: number } {
  const links = readdirSync('/proc/self/fd').map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`)
    } catch {
      return ''
    }
  })
  const events = ['exit', 'SIGHUP', 'SIGTERM', 'SIGINT']
  return {
    descriptors: links.filter((path) => path === file).length,
    stores: links.filter((path) => path.startsWith(`${file}.sqlite`)).length,
    listeners: events.reduce((sum, name) => sum + process.listenerCount(name), 0),
  }
}
/** Of the first evaluation. */
const once = globalThis as { stores?: number }
const scripts = cgi({ root: process.env.CGI_ROOT! })
const app: Hono = new Hono()
app.use(accessLog({ format: '%U %B', write: { file, reopen: 'SIGHUP' }, delay: 60_000 }))
app.get('/held', async (c) => {
  // The listeners of a script go just after its place is free.
  do await Bun.sleep(1)
  while (scripts.status().running > 0)
  await Bun.sleep(1)
  await store.labels()
  // A store closes by and by: its thread writes what waits.
  once.stores ??= held().stores
  for (let i = 0; i < 500 && held().stores > once.stores; i++) await Bun.sleep(10)
  return c.json({ generation, ...held() })
})
app.get('/slow', () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  process.once('SIGUSR2', resolve)
  return new Response(
    new ReadableStream({
      async pull(controller) {
        controller.enqueue(new TextEncoder().encode('begun\n'))
        await promise
        controller.close()
      },
    }),
  )
})
app.all('/cgi-bin/*', scripts)

setTimeout(() => console.log(`listening on ${process.env.PORT} generation ${generation}`), 100)
const server: { port: number; hostname: string; fetch: typeof app.fetch } = {
  port: Number(process.env.PORT),
  hostname: '127.0.0.1',
  fetch: app.fetch,
}

export default server
