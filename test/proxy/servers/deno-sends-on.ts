/**
 * A handler on Deno that answers with the fields that it sees, and with those that another server gets of the request sent on; `/late`
 * with those of the request before, which has been answered. `HANDLER` is `plain`; `hono`; `twice`, with two fingerprinters; or behind
 * one that has `read` all headers, `made` a request of its own, or `cloned` it.
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

const trustedHeader = [
  { header: 'X-Syn', kind: 'syn', from: ['192.0.2.1'] },
  { header: 'X-Rtt', kind: 'rtt', from: ['192.0.2.1'] },
] as const
const options = { port: 0, hostname: '127.0.0.1', onListen: () => {} }
const names = ({ headers }: Request): string => [...headers.keys()].filter((name) => name.startsWith('x-')).join()
const behind = Deno.serve(options, async (request) => new Response(`${names(request)} ${await request.text()}`))
let before: Request | undefined
const handle = async (request: Request): Promise<Response> => {
  if (new URL(request.url).pathname === '/late') return new Response(names(before!))
  before = request
  if (request.headers.get('upgrade') === 'websocket') {
    const { socket, response } = Deno.upgradeWebSocket(request)
    socket.onopen = () => socket.close(1000, names(request))
    return response
  }
  const clone = request.clone()
  const sentOn = await fetch(new Request(`http://127.0.0.1:${behind.addr.port}/`, request))
  return new Response([names(request), names(new Request(clone)), names(clone), await sentOn.text()].join(' | '))
}
type Handler = (request: Request, info: never) => Promise<Response>
const using = (...trusted: object[]): Handler => {
  const each = trusted.map((one) => createFingerprinter({ trustedHeader: one } as never))
  return (request, info) => {
    for (const fp of each) fp.fromDeno(request, info)
    return handle(request)
  }
}
const plain = using(trustedHeader)
/** What an upgrade needs is Deno's own request. */
const after =
  (make: (request: Request) => Request): Handler =>
  (request, info) =>
    plain(request.headers.has('upgrade') ? request : make(request), info)
const app = new Hono().use(fingerprint({ trustedHeader })).all('*', (c: Context) => handle(c.req.raw))
const handlers: Readonly<Record<string, Handler>> = {
  plain,
  hono: async (request, info) => await app.fetch(request, info),
  twice: using(...trustedHeader),
  read: after((request) => {
    request.headers.forEach(() => {})
    return request
  }),
  made: after((request) => new Request(request)),
  cloned: after((request) => request.clone()),
}
const server = Deno.serve(options, handlers[Deno.env.get('HANDLER')!]!)
console.log(`listening on port ${server.addr.port}`)
