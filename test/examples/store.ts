import { Hono } from 'hono'
import { fingerprint } from 'tcpfingerprint/bun'
import { openStore } from 'tcpfingerprint/store'

const store = openStore({
  url: process.env.STORE ?? 'sqlite:observations.sqlite',
  retention: { observations: '14 days', daily: '400 days' },
  onError: (error) => console.error(error.message),
})

const app = new Hono<{ Variables: { user?: string } }>()
  .use(fingerprint(), store.record({ account: (c) => c.get('user') }))
  .use(async (c, next) => {
    // Your session's user.
    const user = c.req.header('X-User')
    if (user !== undefined) c.set('user', user)
    await next()
  })
  .get('/', (c) => c.text('Hello\n'))
  // For operators: put your own authentication before these.
  .get('/hosts/:address', async (c) => c.json(await store.hosts(c.req.param('address'), { days: 7 })))
  .get('/stacks/:account', async (c) => c.json(await store.stacks(c.req.param('account'), { days: 30 })))
  .get('/labels', async (c) => c.json(await store.labels({ days: 1 })))
  .delete('/accounts/:account', async (c) => c.json(await store.forget({ account: c.req.param('account') })))
  .get('/status', (c) => c.json(store.status()))

const server = Bun.serve({ port: process.env.PORT ?? 3000, fetch: app.fetch })
console.log(`listening on ${server.url}`)
