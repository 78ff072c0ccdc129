/**
 * One variant of the hello-world server that the HTTP benchmarks compare: `bun http-server.ts VARIANT [HOSTNAME]`.
 * Prints its port when it listens.
 * @module
 */
import { getConnInfo } from 'hono/bun'
import { fingerprint } from '../../src/bun.ts'
import { appOf, sink } from './http-apps.ts'

const [variant = 'bare', hostname] = process.argv.slice(2)
const app = appOf(variant, { fingerprint, getConnInfo })
const server = Bun.serve({ port: 0, fetch: app.fetch, ...(hostname ? { hostname } : {}) })
console.log(server.port)
process.on('SIGTERM', () => {
  if (sink < 0) console.log(sink)
  process.exit()
})
