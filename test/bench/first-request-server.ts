/** The server of `first-request.ts`: times every `fromBun`, answers `/figures` with what it measured since `/reset`. */
import { createFingerprinter } from '../../src/bun.ts'

const fp = createFingerprinter()
let times: number[] = []
let probes = 0

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 255,
  fetch(request, server) {
    const { pathname } = new URL(request.url)
    if (pathname === '/reset') {
      times = []
      probes = fp.status().probes
      return new Response('')
    }
    if (pathname === '/figures') {
      const sorted = times.toSorted((a, b) => a - b)
      const mean = sorted.reduce((sum, time) => sum + time, 0) / sorted.length / 1000
      const status = fp.status()
      return Response.json({
        mean,
        p99: sorted[Math.floor(sorted.length * 0.99)]! / 1000,
        probes: (status.probes - probes) / sorted.length,
        status,
      })
    }
    const start = Bun.nanoseconds()
    const found = fp.fromBun(request, server as never)
    if (found.syn === undefined) throw new Error(`no SYN: ${found.reason}`)
    if (pathname === '/') times.push(Bun.nanoseconds() - start)
    return new Response('')
  },
})
fp.arm(server as never)
console.log(`listening on port ${server.port}`)
