/**
 * The Deno twin of `test/lab/json-server.ts`: the same variables choose the same things, the same paths answer.
 *
 * `FACE` `hono` (default) or `plain`; `HOSTNAME_TO_BIND` default `::`; `DEFER_ACCEPT` `clear` (default) or `keep`;
 * `RESOLVE` `request` (default) or `read`; `TCP_INFO` as the option `tcpInfo`; `TLS` `1` (HTTP/2 comes with it);
 * `PORT_TO_BIND` a fixed port; `UNIX` a path; `LIBC` the option `libc`; `DELAY` milliseconds before a look-up, of `plain`. Variables that Deno may not read are unset.
 * @module
 */
import {
  createFingerprinter,
  type DenoInfo,
  type DenoServer,
  type FingerprintOptions,
  fingerprint,
} from '../../../src/deno.ts'
import { jsonApp } from '../../lab/json-app.ts'
import { TEST_CERTIFICATE } from '../../support/certificate.ts'

type Choice = NonNullable<FingerprintOptions['tcpInfo']>

/** What is used of Deno here: the checkout has the types of Bun only. */
declare const Deno: {
  readonly env: { get(name: string): string | undefined }
  readonly args: readonly string[]
  serve(
    options: object,
    handler: (request: Request, info: DenoInfo) => Response | Promise<Response>,
  ): DenoServer & { readonly finished: Promise<void> }
}

/** From the environment, or from an argument `NAME=value` where the permission is missing. */
function variable(name: string): string | undefined {
  const given = Deno.args.find((one) => one.startsWith(`${name}=`))
  if (given !== undefined) return given.slice(name.length + 1)
  try {
    return Deno.env.get(name)
  } catch {
    return undefined
  }
}

const options = {
  deferAccept: variable('DEFER_ACCEPT') === 'keep' ? 'keep' : 'clear',
  resolve: variable('RESOLVE') === 'read' ? 'read' : 'request',
  tcpInfo: (variable('TCP_INFO') ?? 'request') as Choice,
  env: { savedSyn: true, tcpInfo: true },
  libc: variable('LIBC'),
  ...(variable('QUIET') === '1' ? {} : { onError: (error: Error) => console.error(`onError: ${error.message}`) }),
} as const
const unix = variable('UNIX')
const listener = {
  ...(unix === undefined
    ? { hostname: variable('HOSTNAME_TO_BIND') ?? '::', port: Number(variable('PORT_TO_BIND') ?? 0) }
    : { path: unix }),
  ...(variable('TLS') === '1' ? TEST_CERTIFICATE : {}),
  onListen: () => {},
}
if (variable('FACE') === 'plain') {
  const fp = createFingerprinter(options)
  const delay = Number(variable('DELAY') ?? 0)
  const server = Deno.serve(listener, async (request, info) => {
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay))
    const path = new URL(request.url, 'http://unknown').pathname
    if (path === '/healthz') return new Response('ok')
    if (path === '/status') return Response.json(fp.status())
    const found = path === '/info' ? fp.fromDeno(info) : fp.fromDeno(request, info)
    return Response.json({ ...found.toJSON(), env: fp.env(found) })
  })
  fp.arm(server)
  console.log(`listening on port ${server.addr.port ?? 0}`)
} else {
  const middleware = fingerprint(options)
  const app = jsonApp(middleware, middleware.fingerprinter)
  const server = Deno.serve(listener, app.fetch)
  middleware.fingerprinter.arm(server)
  console.log(`listening on port ${server.addr.port ?? 0}`)
}
