/** A plain handler of Deno's that answers with the fields that it sees, and with those that another server gets of the request sent on. */
import { createFingerprinter } from '../../../src/deno.ts'

interface Socket {
  onopen: () => void
  close(code: number, reason: string): void
}

declare const Deno: {
  serve(
    options: { port: number; hostname: string; onListen: () => void },
    handler: (request: Request, info: never) => Response | Promise<Response>,
  ): { readonly addr: { readonly port: number } }
  upgradeWebSocket(request: Request): { readonly socket: Socket; readonly response: Response }
}

const fp = createFingerprinter({ trustedHeader: { header: 'X-Syn', kind: 'syn', from: ['192.0.2.1'] } })
const options = { port: 0, hostname: '127.0.0.1', onListen: () => {} }
const names = ({ headers }: Request): string => [...headers.keys()].filter((name) => name.startsWith('x-')).join()
const behind = Deno.serve(options, async (request) => new Response(`${names(request)} ${await request.text()}`))
const server = Deno.serve(options, async (request, info) => {
  fp.fromDeno(request, info)
  if (request.headers.get('upgrade') === 'websocket') {
    const { socket, response } = Deno.upgradeWebSocket(request)
    socket.onopen = () => socket.close(1000, names(request))
    return response
  }
  const clone = request.clone()
  const sentOn = await fetch(new Request(`http://127.0.0.1:${behind.addr.port}/`, request))
  return new Response([names(request), names(new Request(clone)), names(clone), await sentOn.text()].join(' | '))
})
console.log(`listening on port ${server.addr.port}`)
