/** Two servers of one process, and a third that nobody announces, started by a request to the first. */
import { createFingerprinter, type DenoInfo, type DenoServer } from '../../../src/deno.ts'

declare const Deno: {
  readonly args: readonly string[]
  serve(
    options: object,
    handler: (request: Request, info: DenoInfo) => Response,
  ): DenoServer & { shutdown(): Promise<void> }
}

const fp = createFingerprinter()
const options = { hostname: '127.0.0.1', port: 0, onListen: () => {} }
const answer = (request: Request, info: DenoInfo): Response => Response.json(fp.fromDeno(request, info))
const first = Deno.serve(options, (request, info) => {
  if (request.url.endsWith('/status')) return Response.json(fp.status())
  if (request.url.endsWith('/late')) return Response.json(Deno.serve(options, answer).addr)
  return answer(request, info)
})
const second = Deno.serve(options, answer)
fp.arm(first)
fp.arm(second)
console.log(`second ${second.addr.port}\nlistening on port ${first.addr.port}`)
