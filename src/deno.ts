/**
 * tcpfingerprint for Deno: `fingerprint()` for Hono, `createFingerprinter()` for plain `Deno.serve` handlers, `cgi()` and
 * `accessLog()`. Run with `--allow-net --allow-ffi`.
 *
 * ```ts
 * import { Hono } from 'hono'
 * import { fingerprint } from 'tcpfingerprint/deno'
 *
 * const app = new Hono().use(fingerprint()).get('/', (c) => c.json(c.var.fingerprint))
 * Deno.serve(app.fetch)
 * ```
 * @module
 */
import type { Context } from 'hono'
import { openLibc } from '../ffi/libc.deno.ts'
import { ANY_PORT } from './capture/server.ts'
import type { Fingerprint } from './connection/fingerprint.ts'
import {
  createFace,
  createFindOnce,
  createFingerprintMiddleware,
  type FingerprinterFace,
} from './fingerprinter/face.ts'
import { Fingerprinter, type Runtime } from './fingerprinter/fingerprinter.ts'
import type { VariablesMiddleware } from './fingerprinter/hono.ts'
import type { FingerprintOptions } from './fingerprinter/options.ts'
import { requestContext } from './runtime/request-context.ts'

export * from './shared.ts'

/** What is used of `Deno.ServeHandlerInfo`, the second argument of a handler. */
export interface DenoInfo {
  readonly remoteAddr: { readonly transport?: string; readonly hostname?: string; readonly port?: number }
}

/** What is used of `Deno.HttpServer`. */
export interface DenoServer {
  readonly addr: { readonly transport?: string; readonly port?: number }
}

/** A fingerprinter for plain handlers, and the status behind a middleware. */
export interface DenoFingerprinter extends FingerprinterFace<DenoServer> {
  /**
   * The fingerprint of a request. Call it first in the handler, before any `await`: Deno forgets the peer once the response is
   * sent or the client has gone. Never throws; `info` may be `undefined`.
   */
  fromDeno(request: Request, info: DenoInfo | undefined): Fingerprint
  /** The same by `info` alone, for fingerprinters without the options `skip` and `trustedHeader`, which look at the request. */
  fromDeno(info: DenoInfo): Fingerprint
}

/** The Hono middleware with the fingerprinter behind it. */
export interface FingerprintMiddleware extends VariablesMiddleware {
  /** For `arm()` and `status()`. */
  readonly fingerprinter: DenoFingerprinter
}

/**
 * Hono middleware that sets `c.var.fingerprint` and `c.var.fingerprintEnv`. Mount it first, on the root app: the peer is
 * known only until the response is sent. Listeners are armed by themselves.
 *
 * @throws {TypeError} for an unknown option or a wrong value, when it is built
 * @example
 * const app = new Hono().use(fingerprint()).get('/', (c) => c.text(c.var.fingerprint.fingerprints?.muonfp ?? 'unknown'))
 */
export function fingerprint(options?: FingerprintOptions<Context>): FingerprintMiddleware {
  const core = new Fingerprinter<Context>(RUNTIME, options)
  const middleware = createFingerprintMiddleware(core, (c) => {
    const info = requestContext(c.env)
    return lookUp(core, c.req.raw, isInfo(info) ? info : undefined)
  })
  return Object.assign(middleware, { fingerprinter: face(core) })
}

/**
 * A fingerprinter for handlers without Hono.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 * @example
 * const fp = createFingerprinter()
 * const server = Deno.serve((request, info) => Response.json(fp.fromDeno(request, info)))
 * fp.arm(server)
 */
export function createFingerprinter(options?: FingerprintOptions): DenoFingerprinter {
  const core = new Fingerprinter<Request>(RUNTIME, options)
  core.armSoon()
  return face(core)
}

function face<Subject>(core: Fingerprinter<Subject>): DenoFingerprinter {
  const findOnce = createFindOnce(core)
  return {
    fromDeno(first: Request | DenoInfo, second?: DenoInfo) {
      const request = isInfo(first) ? undefined : first
      const info = isInfo(first) ? first : second
      return findOnce(info ?? request, request, () => lookUp(core, request, info))
    },
    ...createFace(core, portOf),
  }
}

/** Asks the prototype, not the value: `remoteAddr` throws once the request is answered. */
function isInfo(value: unknown): value is DenoInfo {
  return typeof value === 'object' && value !== null && 'remoteAddr' in value
}

/** `undefined` for a unix socket. */
function portOf(server: DenoServer): number | undefined {
  return server.addr.transport === 'tcp' ? server.addr.port : undefined
}

function lookUp<Subject>(
  core: Fingerprinter<Subject>,
  request: Request | undefined,
  info: DenoInfo | undefined,
): Fingerprint {
  let remote: DenoInfo['remoteAddr']
  try {
    if (info === undefined) return core.miss('no-connection')
    remote = info.remoteAddr
  } catch {
    return core.miss('no-connection')
  }
  const { transport, hostname, port } = remote
  if (transport === 'unix' || transport === 'unixpacket') return core.behind(core.miss('unix-socket'), request, null)
  if (transport !== undefined && transport !== 'tcp') return core.miss('not-tcp')
  if (typeof hostname !== 'string' || typeof port !== 'number') return core.miss('no-connection')
  return core.find(SOME_SERVER, request, { address: hostname, port }, undefined)
}

/** Deno does not say which server a request came to: one stand-in for all of them. */
const SOME_SERVER = {}

const RUNTIME: Runtime = {
  openLibc,
  outlivesPeer: true,
  facts: () => ({ port: ANY_PORT, address: undefined, tls: false }),
  warn: (message) => console.warn(`tcpfingerprint: ${message}`),
}
