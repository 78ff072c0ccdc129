/**
 * Runs under Deno: scripts and access logs on `Deno.serve`, what came of it printed as JSON. `deno run -A fixture-deno.ts ROOT LOG`.
 * @module
 */
import { Hono } from 'hono'
import { accessLog } from '../../src/access-log/hono.ts'
import { cgi } from '../../src/cgi/hono.ts'

interface DenoParts {
  readonly args: readonly [string, string]
  serve(
    options: { port: number; hostname: string; onListen: () => void },
    handler: (request: Request, info: object) => Response | Promise<Response>,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> }
}
const { Deno } = globalThis as unknown as { Deno: DenoParts }
const [root, file] = Deno.args
const scripts = cgi({
  root,
  env: { FINGERPRINT_IP_TTL: '64' },
  limits: { headerTime: 500, drainTime: 200, graceTime: 200 },
  onError() {},
  onStderr() {},
})
const log = accessLog({ format: '%h %>s %B %X "%r" %{X-Odd}i', write: { file } })
const app = new Hono()
app.use(log)
app.all('/cgi-bin/*', scripts)
app.get('/', (c) => c.text('héllo'))
const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen() {} }, app.fetch)
const base = `http://127.0.0.1:${server.addr.port}`
const answers: Record<string, [number, string]> = {}
for (const path of ['/', '/cgi-bin/env', '/cgi-bin/silent', '/cgi-bin/holder', '/cgi-bin/mute', '/cgi-bin/none']) {
  const response = await fetch(base + path)
  answers[path] = [response.status, await response.text()]
}
const odd = await fetch(`${base}/cgi-bin/odd`, { headers: { 'x-odd': '\u00c3\u00a9 \u00e9"' } })
answers['/cgi-bin/odd'] = [odd.status, await odd.text()]
const posted = await fetch(`${base}/cgi-bin/cat`, { method: 'POST', body: 'x'.repeat(300_000) })
answers['/cgi-bin/cat'] = [posted.status, `${(await posted.text()).length}`]
const idle = async (): Promise<void> => {
  for (let waited = 0; scripts.status().running > 0 && waited < 5_000; waited += 10) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
const head = await fetch(`${base}/cgi-bin/worker`, { method: 'HEAD' })
answers['/cgi-bin/worker'] = [head.status, await head.text()]
await idle()
const abort = new AbortController()
const endless = await fetch(`${base}/cgi-bin/endless`, { signal: abort.signal })
await endless.body!.getReader().read()
abort.abort()
await idle()
const { running } = scripts.status()
await server.shutdown()
await scripts.close()
log.close()
console.log(JSON.stringify({ answers, running }))
