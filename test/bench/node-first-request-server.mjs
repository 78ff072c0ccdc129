/** `first-request-server.ts` on Node: times what `net.server.socket` and `fromNode` take of a connection's first request. */
import { channel, subscribe } from 'node:diagnostics_channel'
import { createServer } from 'node:http'

// The library reads a connection when it is accepted: what this channel's subscribers take is part of the first request.
const CHANNEL = 'net.server.socket'
let acceptedAt = 0
let accepting = 0
subscribe(CHANNEL, () => {
  acceptedAt = performance.now()
})
const { createFingerprinter } = await import('tcpfingerprint/node')
subscribe(CHANNEL, () => {
  accepting = performance.now() - acceptedAt
})
if (!channel(CHANNEL).hasSubscribers) throw new Error('no such channel')

const fp = createFingerprinter()
let times = []

const ANSWERS = {
  '/reset': () => {
    times = []
    return {}
  },
  '/figures': () => {
    const sorted = times.toSorted((a, b) => a - b)
    const mean = (sorted.reduce((sum, time) => sum + time, 0) / sorted.length) * 1000
    return { mean, p99: sorted[Math.floor(sorted.length * 0.99)] * 1000, probes: 0, status: fp.status() }
  },
}

const server = createServer({ keepAliveTimeout: 255_000 }, (request, response) => {
  const answer = ANSWERS[request.url]
  if (answer !== undefined) return response.end(JSON.stringify(answer()))
  const start = performance.now()
  const found = fp.fromNode(request)
  if (found.syn === undefined) throw new Error(`no SYN: ${found.reason}`)
  // Short connections come one after another: the last that was accepted is this one.
  if (request.url === '/') times.push(performance.now() - start + accepting)
  return response.end()
})
server.listen(0, '127.0.0.1', () => console.log(`listening on port ${server.address().port}`))
