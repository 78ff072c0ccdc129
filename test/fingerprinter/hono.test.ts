import { expect, test } from 'bun:test'
import { type Context, Hono } from 'hono'
import type { Fingerprint } from '../../src/connection/fingerprint.ts'
import { createMiddleware, type FingerprintVariables } from '../../src/fingerprinter/hono.ts'

/** A fingerprinter that finds the same for every request. */
const finding = (found: Fingerprint): Parameters<typeof createMiddleware>[0] => ({
  of: () => found as never,
  takeHeaders: () => {},
  takesHeaders: false,
})
/** A fingerprint of these fields, getters kept. */
const literal = (fields: Partial<Fingerprint>): Fingerprint =>
  Object.assign(fields, { timing: {}, envOptions: {} }) as Partial<Fingerprint> as Fingerprint

test('createMiddleware sets what the fingerprinter finds, and asks for the environment only when it is looked into', async () => {
  let asked = 0
  const found = literal({
    available: true,
    get source() {
      asked++
      return 'kernel' as const
    },
  })
  const middleware = createMiddleware(finding(found))
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
  app.use(createMiddleware(finding(literal({}))))
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
  const { handler } = createMiddleware(finding(inner))
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
    .use('/outer', createMiddleware(finding(outer)))
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

test('fingerprintEnv is a plain record, computed once, however it is read', async () => {
  let made = 0
  const found = literal({
    get source() {
      made++
      return 'kernel' as const
    },
  })
  const app = new Hono<{ Variables: FingerprintVariables }>().use(createMiddleware(finding(found)))
  app.get('/', (c) => {
    c.set('other' as never, 'x' as never)
    expect(Object.keys(c.var)).toEqual(['other', 'fingerprint', 'fingerprintEnv'])
    expect(made).toBe(0)
    expect(c.var.fingerprintEnv).toBe(c.get('fingerprintEnv'))
    expect({ ...c.var }.fingerprintEnv).toBe(c.var.fingerprintEnv)
    expect(structuredClone(c.var.fingerprintEnv)).toEqual({ FINGERPRINT_SOURCE: 'kernel' })
    expect(JSON.stringify(c.var.fingerprintEnv)).toBe('{"FINGERPRINT_SOURCE":"kernel"}')
    c.var.fingerprintEnv.C = '3'
    expect({ ...c.get('fingerprintEnv') }).toEqual({ FINGERPRINT_SOURCE: 'kernel', C: '3' })
    const read = c.var as Record<string, unknown>
    read.fingerprintEnv = read.other = 'y'
    expect([read.fingerprintEnv, read.other, c.var.fingerprintEnv.C]).toEqual(['y', 'y', '3'])
    c.set('fingerprintEnv', { D: '4' })
    expect(c.var.fingerprintEnv).toEqual({ D: '4' })
    expect(made).toBe(1)
    return c.text('ok')
  })
  expect(await (await app.request('/')).text()).toBe('ok')
})

test('fingerprintEnv goes to Bun.spawn and Bun.$, as it is and spread', async () => {
  const found = literal({ source: 'kernel', reason: 'not-saved' })
  const app = new Hono<{ Variables: FingerprintVariables }>().use(createMiddleware(finding(found)))
  app.get('/', async (c) => {
    const { stdout } = Bun.spawnSync(['/usr/bin/env'], { env: c.var.fingerprintEnv })
    const shell = await Bun.$`/usr/bin/env`.env({ ...c.var.fingerprintEnv, C: '3' }).text()
    return c.text(`${stdout}${shell}`)
  })
  const own = 'FINGERPRINT_SOURCE=kernel\nFINGERPRINT_REASON=not-saved\n'
  expect(await (await app.request('/')).text()).toBe(`${own}${own}C=3\n`)
})
