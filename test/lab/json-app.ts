/**
 * The Hono application of the test servers, the same on every runtime: `/json` and every other path, `/env`, `/alone`, `/large`,
 * `/status`, `/healthz`.
 * @module
 */
import { Hono } from 'hono'
import type { FingerprintVariables, Status, VariablesMiddleware } from '../../src/bun.ts'

/** `middleware` is what `fingerprint()` of the runtime gives. */
export function jsonApp(
  middleware: VariablesMiddleware,
  fingerprinter: { status(): Status },
): Hono<{ Variables: FingerprintVariables }> {
  const app = new Hono<{ Variables: FingerprintVariables }>()
  app.get('/healthz', (c) => c.text('ok'))
  app.get(
    '/alone',
    middleware.handler((c) => c.json(c.var.fingerprint.toJSON())),
  )
  app.get('/status', (c) => c.json(fingerprinter.status()))
  app.use(middleware)
  app.get('/env', (c) =>
    c.text(
      Object.entries(c.var.fingerprintEnv)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    ),
  )
  app.get('/large', (c) => c.text('x'.repeat(Number(c.req.query('octets')))))
  app.get('*', (c) => c.json({ ...c.var.fingerprint.toJSON(), env: c.var.fingerprintEnv }))
  return app
}
