import { expect, test } from 'bun:test'
import { Hono } from 'hono'
import type { Fingerprint } from '../../src/connection/fingerprint.ts'
import { createMiddleware, type FingerprintVariables } from '../../src/hono/middleware.ts'

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
