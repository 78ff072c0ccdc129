#!/usr/bin/env bun
/**
 * The attribution run as a script, against any server that answers `/json`: by default one that it starts for itself, on Bun or with
 * `RUNTIME=deno`, or `RUNTIME=node-24` and the like on Node. There streams of HTTP/2 and upgrades come at the same time, and `WORKERS=2` makes it a cluster.
 *
 * @example npm run bench -- attribution --connections 20000 --concurrency 300 --seed 7
 * @example npm run bench -- attribution --host 127.0.0.1 --port 3000
 * @module
 */
import { parseArgs } from 'node:util'
import { startNode } from '../lab/nodes.ts'
import { runAttribution } from '../lab/raw-client.ts'
import { startServer, type TestServer } from '../lab/server.ts'
import { TEST_CERTIFICATE } from '../support/certificate.ts'
import { freePort } from '../support/free-port.ts'
import { OtherProtocols } from './attribution-protocols.ts'
import { chosenNodes, runtimeName } from './measured.ts'

if (import.meta.main) {
  const { values: given } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      listen: { type: 'string' },
      port: { type: 'string' },
      path: { type: 'string', default: '/json' },
      connections: { type: 'string', default: '20000' },
      concurrency: { type: 'string', default: '300' },
      reuse: { type: 'string', default: '0.5' },
      'keep-alive': { type: 'string', default: '4' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    },
  })
  const values = { ...given, listen: given.listen ?? given.host }
  const [node] = chosenNodes()
  const runtime = process.env.RUNTIME === 'deno' ? 'deno' : 'bun'
  // Of HTTP/2, which a cluster's workers share by its number.
  const secure = freePort()
  const start = (): Promise<TestServer> =>
    node === undefined
      ? startServer(
          undefined,
          'src/cli.ts',
          {},
          { runtime, arguments: ['serve', '--host', values.listen, '--port', '0'] },
        )
      : startNode(node, undefined, {
          HOST: values.listen,
          SECURE: String(secure),
          CERT: TEST_CERTIFICATE.cert,
          KEY: TEST_CERTIFICATE.key,
          WORKERS: process.env.WORKERS ?? '0',
        })
  const own = values.port === undefined ? await start() : undefined
  const others = node && own && new OtherProtocols(values.host, own.port, secure)
  const running = others?.run()
  try {
    const result = await runAttribution({
      host: values.host,
      port: own?.port ?? Number(values.port),
      path: values.path,
      connections: Number(values.connections),
      concurrency: Number(values.concurrency),
      reuseTuples: Number(values.reuse),
      keepAliveRequests: Number(values['keep-alive']),
      seed: Number(values.seed),
    })
    others?.stop()
    await running
    console.log(`${runtime === 'deno' ? 'Deno' : runtimeName()}, ${values.listen} asked at ${values.host}`)
    console.log(JSON.stringify({ ...result, ...(others && { otherProtocols: others.tally }) }, null, 1))
    const { wrong, missing, failed, miscounted, countedGone } = result
    // Deno also reports requests of clients that have gone.
    const miscounts = miscounted - (runtime === 'deno' ? countedGone : 0)
    process.exitCode = wrong + missing + failed + miscounts + (others?.tally.wrong ?? 0) === 0 ? 0 : 1
  } finally {
    await own?.stop()
  }
}
