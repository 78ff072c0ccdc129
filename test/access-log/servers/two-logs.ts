/**
 * An app that logs to LOG_DIRECTORY: `combined.log` and `json.log`, opened again on SIGHUP.
 * @module
 */
import { join } from 'node:path'
import { Hono } from 'hono'
import { accessLog } from '../../../src/access-log/hono.ts'

const directory = process.env.LOG_DIRECTORY!
const app = new Hono()
  .use(accessLog({ write: { file: join(directory, 'combined.log') } }))
  .use(accessLog({ format: 'json', write: { file: join(directory, 'json.log') } }))
  .get('/small', (c) => c.text('hello'))
  .get('/large', (c) => c.body(new Uint8Array(70_000)))
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })
console.log(`listening on ${server.port}`)
