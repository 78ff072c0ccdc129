/** `soak-server.ts` on Node: `bare` or `fingerprint`, with `/state` for what it holds. Run with `--expose-gc`. */
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'

const fp = process.argv[2] === 'bare' ? undefined : (await import('tcpfingerprint/node')).createFingerprinter()
let sink = 0

function state() {
  // Weak maps let go of what they hold in the second pass.
  globalThis.gc()
  globalThis.gc()
  const { rss, heapUsed, external } = process.memoryUsage()
  return {
    rss,
    heap: heapUsed + external,
    descriptors: readdirSync('/proc/self/fd').length,
    status: fp?.status(),
  }
}

const server = createServer({ keepAliveTimeout: 255_000 }, (request, response) => {
  if (request.url === '/state') return response.end(JSON.stringify(state()))
  sink += fp?.fromNode(request).syn?.tcp.mss ?? 0
  return response.end()
})
server.listen(0, '127.0.0.1', () => console.log(`listening on port ${server.address().port}`))
process.on('SIGTERM', () => process.exit(sink < 0 ? 1 : 0))
