import fastify from 'fastify'
import { createFingerprinter } from 'tcpfingerprint/node'

/** `request.fingerprint`, looked up when a handler reads it. */
async function fingerprints(app, options) {
  const fp = createFingerprinter(options)
  app.decorateRequest('fingerprint', {
    getter() {
      return fp.fromNode(this.raw)
    },
  })
}
// Not in a scope of its own.
fingerprints[Symbol.for('skip-override')] = true

const app = fastify()
app.register(fingerprints, { syn: true })
app.get('/', (request) => request.fingerprint)
const url = await app.listen({ port: Number(process.env.PORT ?? 3000) })
console.log(`listening on ${url}/`)
