#!/usr/bin/env bun
/**
 * The attribution run as a script, against any server that answers `/json`: by default one that it starts for itself.
 *
 * @example npm run bench -- attribution --connections 20000 --concurrency 300 --seed 7
 * @example npm run bench -- attribution --host 127.0.0.1 --port 3000
 * @module
 */
import { parseArgs } from 'node:util'
import { runAttribution } from '../lab/raw-client.ts'
import { startServer } from '../lab/server.ts'

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string' },
      path: { type: 'string', default: '/json' },
      connections: { type: 'string', default: '20000' },
      concurrency: { type: 'string', default: '300' },
      reuse: { type: 'string', default: '0.5' },
      'keep-alive': { type: 'string', default: '4' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    },
  })
  const own =
    values.port === undefined
      ? await startServer(undefined, 'src/cli.ts', {}, { arguments: ['serve', '--host', values.host, '--port', '0'] })
      : undefined
  const result = await runAttribution({
    host: values.host,
    port: own?.port ?? Number(values.port),
    path: values.path,
    connections: Number(values.connections),
    concurrency: Number(values.concurrency),
    reuseTuples: Number(values.reuse),
    keepAliveRequests: Number(values['keep-alive']),
    seed: Number(values.seed),
  }).finally(() => own?.stop())
  console.log(JSON.stringify(result, null, 1))
  process.exitCode = result.wrong + result.missing + result.failed + result.miscounted === 0 ? 0 : 1
}
