import { expect, test } from 'bun:test'
import { Hono } from 'hono'
import { type FingerprintVariables, fingerprint } from '../../src/bun.ts'
import { type RelaySign, signsOfRelay } from '../../src/connection/relay.ts'
import { type Verdict, verdicts } from '../../src/explain/verdicts.ts'
import { needs, program } from '../lab/privilege.ts'
import { TEST_CERTIFICATE } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-component-update',
  '--disable-sync',
  '--ignore-certificate-errors',
]

interface Answer {
  readonly request: number
  readonly signs: readonly RelaySign[]
  readonly verdicts: readonly Verdict[]
}

/** A server that says what it takes its client for. */
function startServer(tls?: typeof TEST_CERTIFICATE): Bun.Server<undefined> {
  const middleware = fingerprint()
  const app = new Hono<{ Variables: FingerprintVariables }>()
  app.use(middleware).get('/signs', (c) => {
    const { fingerprint: found } = c.var
    const { headers } = c.req.raw
    c.header('access-control-allow-origin', '*')
    return c.json({
      request: found.connection?.request ?? 0,
      signs: signsOfRelay(found),
      verdicts: verdicts(found, { headers, tls: tls !== undefined }),
    })
  })
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch, ...(tls && { tls }) })
  middleware.fingerprinter.arm(server)
  return server
}

/** A page that connects to a server in advance, asks it 700 ms later, and posts its answer. */
function startPages(to: string): { readonly url: string; readonly answer: Promise<Answer>; stop(): Promise<void> } {
  const { promise: answer, resolve } = Promise.withResolvers<Answer>()
  const page = `<!doctype html><link rel="preconnect" href="${to}" crossorigin><script>
    setTimeout(async () => {
      const answer = await (await fetch('${to}/signs')).text()
      await fetch('/answer', { method: 'POST', body: answer })
    }, 700)
  </script>`
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      if (request.method === 'POST') resolve((await request.json()) as Answer)
      return new Response(page, { headers: { 'content-type': 'text/html' } })
    },
  })
  return { url: `http://127.0.0.1:${server.port}/`, answer, stop: () => server.stop(true) }
}

needs('linux', 'chromium').describe('Chromium that connects in advance', () => {
  for (const protocol of ['http', 'https'] as const) {
    const sign = protocol === 'http' ? 'first-data-delay' : 'tls-round-trip'
    test(`is not called a relay over ${protocol}: ${sign} comes with what speaks against it`, async () => {
      const server = startServer(protocol === 'https' ? TEST_CERTIFICATE : undefined)
      const pages = startPages(`${protocol}://127.0.0.1:${server.port}`)
      using profile = temporaryDirectory()
      // Without Playwright, in whose contexts Chromium does not connect in advance.
      const browser = Bun.spawn([program('chromium'), ...FLAGS, `--user-data-dir=${profile.path}`, pages.url], {
        stdio: ['ignore', 'ignore', 'ignore'],
      })
      try {
        const answer = await Promise.race([pages.answer, browser.exited])
        if (typeof answer === 'number') throw new Error(`Chromium has ended with ${answer}`)
        expect(answer.request).toBe(1)
        expect(answer.signs.map(({ name }) => name)).toEqual([sign])
        expect(answer.signs[0]!.against).toContain('connected in advance')
        const figure = answer.signs[0]!.figures[protocol === 'http' ? 'firstDataDelay' : 'tlsRoundTrip']
        expect(figure).toBeGreaterThan(300)
        const timing = answer.verdicts.filter(({ topic }) => topic === 'timing')
        expect(timing.filter(({ tone }) => tone === 'warn')).toEqual([])
        expect(timing.map(({ text }) => text)).toContain('Waited before it spoke')
      } finally {
        browser.kill()
        await browser.exited
        await Promise.all([pages.stop(), server.stop(true)])
      }
    }, 60_000)
  }
})
