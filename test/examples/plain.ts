import { createFingerprinter } from 'tcpfingerprint/bun'

const fp = createFingerprinter()
const server = Bun.serve({
  port: Number(process.env.PORT ?? 3000),
  fetch(request, server) {
    const seen = fp.fromBun(request, server) // first, before any await
    return Response.json(seen)
  },
})
fp.arm(server) // before the first packet
console.log(`listening on port ${server.port}`)
