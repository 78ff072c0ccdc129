/** Three threads of one process, each with a server of its own on the same port (SO_REUSEPORT). */
import { createFingerprinter } from '../../../src/bun.ts'

declare const self: Worker

function start(port: number): number {
  const fp = createFingerprinter()
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port,
    reusePort: true,
    fetch: (request, server) => Response.json(fp.fromBun(request, server as never)),
  })
  fp.arm(server as never)
  return server.port!
}

if (Bun.isMainThread) {
  const port = start(0)
  const workers = [1, 2].map(() => new Worker(import.meta.url))
  await Promise.all(
    workers.map(
      (worker) =>
        new Promise<void>((resolve) => {
          worker.onmessage = () => resolve()
          worker.postMessage(port)
        }),
    ),
  )
  console.log(`listening on ${port}`)
} else {
  self.onmessage = (event) => {
    start(event.data)
    self.postMessage('ready')
  }
}
