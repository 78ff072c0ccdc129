/** The server of `soak.ts` and `memory.ts`: `bare` or `fingerprint`, with `/state` for what it holds. */
import { heapStats } from 'bun:jsc'
import { readdirSync } from 'node:fs'
import { createFingerprinter } from '../../src/bun.ts'

const fp = process.argv[2] === 'bare' ? undefined : createFingerprinter()
let sink = 0

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 255,
  fetch(request, server) {
    if (request.url.endsWith('/state')) {
      Bun.gc(true)
      return Response.json({
        rss: process.memoryUsage.rss(),
        // `extraMemorySize`, what objects hold outside of the heap, is in it.
        heap: heapStats().heapSize,
        descriptors: readdirSync('/proc/self/fd').length,
        status: fp?.status(),
      })
    }
    sink += fp?.fromBun(request, server as never).syn?.tcp.mss ?? 0
    return new Response('')
  },
})
fp?.arm(server as never)
console.log(`listening on port ${server.port}`)
process.on('SIGTERM', () => process.exit(sink < 0 ? 1 : 0))
