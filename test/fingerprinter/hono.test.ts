import { expect, test } from 'bun:test'
import { type Context, Hono } from 'hono'
import type { Fingerprint } from '../../src/connection/fingerprint.ts'
import { createMiddleware, type FingerprintVariables } from '../../src/fingerprinter/hono.ts'

const literal = (fields: Partial<Fingerprint>): Fingerprint => ({ timing: {}, ...fields }) as Fingerprint

test('createMiddleware sets what the probe gives, and asks for the environment only when it is looked into', async () => {
  let asked = 0
  const found = literal({ available: true, source: 'kernel' })
  const middleware = createMiddleware({
    fingerprint: () => found,
    env: (fingerprint) => {
      asked++
      return { FINGERPRINT_SOURCE: fingerprint.source }
    },
  })
  const app = new Hono<{ Variables: FingerprintVariables }>()
  app.use(middleware)
  app.get('/same', (c) => c.json(c.var.fingerprint === found))
  app.get('/env', (c) => c.json(c.var.fingerprintEnv))
  expect(await (await app.request('/same')).json()).toBe(true as never)
  expect(asked).toBe(0)
  expect(await (await app.request('/env')).json()).toEqual({ FINGERPRINT_SOURCE: 'kernel' } as never)
  expect(asked).toBe(1)
})

test('createMiddleware leaves errors of handlers to Hono', async () => {
  const app = new Hono<{ Variables: FingerprintVariables }>()
  app.use(createMiddleware({ fingerprint: () => literal({}), env: () => ({}) }))
  app.get('/', () => {
    throw new Error('handler')
  })
  app.onError((error, c) => c.text(error.message, 418))
  const response = await app.request('/')
  expect(response.status).toBe(418)
  expect(await response.text()).toBe('handler')
})

test('handler() sets the same around a lone handler, passes `next` on, and leaves errors to Hono and what an outer one set', async () => {
  const outer = literal({ source: 'header' })
  const inner = literal({ source: 'kernel' })
  const { handler } = createMiddleware({
    fingerprint: () => inner,
    env: ({ source }) => ({ FINGERPRINT_SOURCE: source }),
  })
  const app = new Hono<{ Variables: { user: string } }>()
    .get(
      '/alone/:id',
      handler((c) => c.json([c.var.fingerprint === inner, { ...c.var.fingerprintEnv }, c.req.param('id')])),
    )
    .get(
      '/next',
      handler((_, next) => next()),
      (c) => c.text('after'),
    )
    .get(
      '/throws',
      handler((): Response => {
        throw new Error('handler')
      }),
    )
    .use('/outer', createMiddleware({ fingerprint: () => outer, env: () => ({}) }))
    .get(
      '/outer',
      handler((c) => c.json(c.var.fingerprint === outer)),
    )
    .get(
      '/typed/:id',
      handler((c: Context<{ Variables: { user: string } & FingerprintVariables }, '/typed/:id'>) => {
        const id: string = c.req.param('id')
        return c.text(`${c.var.user ?? 'nobody'} ${id}`)
      }),
    )
    .onError((error, c) => c.text(error.message, 418))
  const text = async (path: string): Promise<string> => (await app.request(path)).text()
  expect(JSON.parse(await text('/alone/7'))).toEqual([true, { FINGERPRINT_SOURCE: 'kernel' }, '7'])
  expect(await text('/next')).toBe('after')
  expect(await text('/throws')).toBe('handler')
  expect(await text('/outer')).toBe('true')
  expect(await text('/typed/8')).toBe('nobody 8')
})
