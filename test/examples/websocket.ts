import { createFingerprinter, type Fingerprint } from 'tcpfingerprint/bun'

const fp = createFingerprinter()
const server = Bun.serve<{ seen: Fingerprint }>({
  port: Number(process.env.PORT ?? 3000),
  fetch(request, server) {
    const seen = fp.fromBun(request, server) // after upgrade() Bun has forgotten the peer
    return server.upgrade(request, { data: { seen } }) ? undefined : new Response('WebSocket only', { status: 426 })
  },
  websocket: {
    open(socket) {
      socket.send(socket.data.seen.fingerprints?.muonfp ?? 'no SYN')
    },
    message() {},
  },
})
fp.arm(server)
console.log(`listening on port ${server.port}`)
