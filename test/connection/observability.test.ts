import { expect } from 'bun:test'
import { needs } from '../lab/privilege.ts'
import { startServer, type TestServer } from '../lab/server.ts'

const linux = needs('linux')

async function start(name: string): Promise<TestServer> {
  const server = await startServer(undefined, `test/examples/${name}.ts`, { PORT: '0' })
  await Bun.sleep(500)
  return server
}

const get = (server: TestServer, path: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${server.port}${path}`, { headers: { connection: 'close' } })

linux.test('toAttributes on the span of @hono/otel', async () => {
  await using server = await start('otel')
  expect(await (await get(server, '/')).text()).toBe('hello\n')
  for (let i = 0; i < 100 && !server.stdout().includes('tcp.syn.mss'); i++) await Bun.sleep(20)
  const said = server.stdout()
  expect(said).toMatch(/["']http\.request\.method["']: ["']GET["']/)
  expect(said).toMatch(/["']client\.address["']: ["']127\.0\.0\.1["']/)
  expect(said).toMatch(/["']tcp\.fingerprint\.source["']: ["']kernel["']/)
  expect(said).toMatch(/["']tcp\.handshake_rtt["']: 0\.\d+/)
})

linux.test('labels of few values on the metrics of @hono/prometheus, and outcomes', async () => {
  await using server = await start('prometheus')
  for (let i = 0; i < 3; i++) await get(server, '/')
  const text = await (await get(server, '/metrics')).text()
  expect(text).toMatch(/^http_requests_total\{[^}]*client_family="linux"[^}]*rtt_provenance="handshake"[^}]*\} 3$/m)
  expect(text).toMatch(/^tcp_fingerprint_requests_total\{outcome="ok"\} 4$/m)
  expect(text).toMatch(/^tcp_fingerprint_requests_total\{outcome="denied"\} 0$/m)
})
