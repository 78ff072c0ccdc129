/**
 * A handler on Deno, plain, of Hono (`HANDLER=hono`) or behind one that made a request of its own (`made`), that answers with the fields that it sees, and with those that another server gets
 * of the request sent on.
 */
import { type Context, Hono } from 'hono'
import { createFingerprinter, fingerprint } from '../../../src/deno.ts'

interface Socket {
  onopen: () => void
  close(code: number, reason: string): void
}

declare const Deno: {
  serve(
    options: { port: number; hostname: string; onListen: () => void },
    handler: (request: Request, info: never) => Response | Promise<Response>,
  ): { readonly addr: { readonly port: number } }
  readonly env: { get(name: string): string | undefined }
  upgradeWebSocket(request: Request): { readonly socket: Socket; readonly response: Response }
}

const trustedHeader = { header: 'X-Syn', kind: 'syn', from: ['192.0.2.1'] } as const
const options = { port: 0, hostname: '127.0.0.1', onListen: () => {} }
const names = ({ headers }: Request): string => [...headers.keys()].filter((name) => name.startsWith('x-')).join()
const behind = Deno.serve(options, async (request) => new Response(`${names(request)} ${await request.text()}`))
const handle = async (request: Request): Promise<Response> => {
  if (request.headers.get('upgrade') === 'websocket') {
    const { socket, response } = Deno.upgradeWebSocket(request)
    socket.onopen = () => socket.close(1000, names(request))
    return response
  }
  const clone = request.clone()
  const sentOn = await fetch(new Request(`http://127.0.0.1:${behind.addr.port}/`, request))
  return new Response([names(request), names(new Request(clone)), names(clone), await sentOn.text()].join(' | '))
}
const plain = (): ((request: Request, info: never) => Promise<Response>) => {
  const fp = createFingerprinter({ trustedHeader })
  return (request, info) => {
    fp.fromDeno(request, info)
    return handle(request)
  }
}
const ofItsOwn = (): ((request: Request, info: never) => Promise<Response>) => {
  const inner = plain()
  return (request, info) => inner(request.headers.has('upgrade') ? request : new Request(request), info)
}
const app = new Hono().use(fingerprint({ trustedHeader })).all('/', (c: Context) => handle(c.req.raw))
const server = Deno.serve(
  options,
  { plain, made: ofItsOwn, hono: () => app.fetch }[Deno.env.get('HANDLER') as 'plain'](),
)
console.log(`listening on port ${server.addr.port}`)
