import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { connect, type SecureVersion } from 'node:tls'
import { NODES, startNode } from '../lab/nodes.ts'
import { needs } from '../lab/privilege.ts'
import { RUNTIMES } from '../lab/runtimes.ts'
import { startServer, type TestServer } from '../lab/server.ts'
import { TEST_CERTIFICATE } from '../support/certificate.ts'
import { ResponseReader } from '../support/http.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const { file, remove } = temporaryDirectory()
afterAll(remove)

/** The answers of one connection, up to its end: `undefined` behind it. */
async function ask(port: number, version: SecureVersion, paths: readonly string[]): Promise<(string | undefined)[]> {
  const tls = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, minVersion: version, maxVersion: version })
  await new Promise((resolve, reject) => tls.once('secureConnect', resolve).once('error', reject))
  const reader = new ResponseReader()
  const ended = new Promise<undefined>((resolve) => tls.once('close', () => resolve(undefined)))
  const answers: (string | undefined)[] = []
  for (const path of paths) {
    if (answers.length > 0) await Bun.sleep(80)
    const answer = new Promise<string>((resolve) => {
      tls.on('data', function take(chunk: Buffer) {
        reader.push(chunk)
        const response = reader.next()
        if (response === undefined) return
        tls.off('data', take)
        resolve(response.text())
      })
    })
    if (tls.writable) tls.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n`)
    answers.push(await Promise.race([answer, ended]))
  }
  tls.destroy()
  return answers
}

const roundTripOf = (answer: string | undefined): number | undefined =>
  answer === undefined ? undefined : JSON.parse(answer).timing.tlsRoundTripMilliseconds

const SERVERS = [
  ...RUNTIMES.map((runtime) => ({
    name: runtime,
    reason: undefined,
    start: (words: string[]) => startServer(undefined, 'src/cli.ts', {}, { runtime, arguments: words }),
  })),
  ...NODES.map((node) => ({
    name: node.name,
    reason: node.reason,
    start: (words: string[]) =>
      startNode(node, undefined, {}, { script: 'node_modules/tcpfingerprint/dist/cli.js', arguments: words }),
  })),
]

for (const { name, reason, start } of SERVERS)
  needs({ reason }, 'linux').describe(`serve over TLS on ${name}`, () => {
    let server: TestServer
    beforeAll(async () => {
      writeFileSync(file('cert.pem'), TEST_CERTIFICATE.cert)
      writeFileSync(file('key.pem'), TEST_CERTIFICATE.key)
      server = await start(['serve', '--port', '0', '--tls-cert', file('cert.pem'), '--tls-key', file('key.pem')])
    })
    afterAll(async () => {
      await server?.stop()
    })

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      test(`${version}: the first request tells the round trip, one behind a health check does not`, async () => {
        const [first] = await ask(server.port, version, ['/json'])
        // With TLS 1.3 rustls sends session tickets at the client's Finished.
        if (name === 'deno' && version === 'TLSv1.3') expect(roundTripOf(first)).toBeUndefined()
        else expect(roundTripOf(first)).toBeGreaterThanOrEqual(0)
        const [health, second] = await ask(server.port, version, ['/healthz', '/json'])
        expect(health).toBe('ok')
        expect(roundTripOf(second)).toBeUndefined()
      })
    }
  })
