/**
 * tcpfingerprint for Node: `fingerprint()` for Hono on `@hono/node-server`, `createFingerprinter()` for `node:http`, `https` and
 * `http2`, Express and Fastify, `cgi()` and `accessLog()`.
 *
 * ```ts
 * import { serve } from '@hono/node-server'
 * import { Hono } from 'hono'
 * import { fingerprint } from 'tcpfingerprint/node'
 *
 * const app = new Hono().use(fingerprint()).get('/', (c) => c.json(c.var.fingerprint))
 * serve(app)
 * ```
 *
 * Importing it has an effect, other than that of every other module: it subscribes to diagnostics channels, because a listener must
 * be armed before its first packet, and those that listen already are armed at once. Import it in the primary of a cluster, too.
 * @module
 */
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { Server } from 'node:net'
import type { Context } from 'hono'
import { memberMemo } from './base/member-memo.ts'
import { AcceptedCapture, acceptedCapture } from './capture/accepted.ts'
import type { Fingerprint } from './connection/fingerprint.ts'
import { apiOf, type FingerprinterApi } from './fingerprinter/api.ts'
import { Fingerprinter } from './fingerprinter/fingerprinter.ts'
import { createMiddleware, type VariablesMiddleware } from './fingerprinter/hono.ts'
import type { FingerprintOptions } from './fingerprinter/options.ts'
import { createSocketLookup } from './fingerprinter/socket-lookup.ts'
import { runtimeFor } from './runtime/current.ts'
import { withNodeHeaders } from './runtime/node-headers.ts'
import { nodeRequestOf } from './runtime/node-request.ts'

export * from './shared.ts'

/** A request of Node's: `node:http`, `node:https`, `node:http2`, Express's `req`, Fastify's `request.raw`. */
export type NodeRequest = IncomingMessage | Http2ServerRequest

/** A fingerprinter for plain handlers, and the status behind a middleware. */
export interface NodeFingerprinter extends FingerprinterApi<Server> {
  /** The fingerprint of a request, also after its client has gone. Never throws; takes anything that has the request as `raw`. */
  fromNode(request: NodeRequest | { readonly raw: NodeRequest }): Fingerprint
}

/** The Hono middleware with the fingerprinter behind it. */
export interface FingerprintMiddleware extends VariablesMiddleware {
  /** For `status()`. */
  readonly fingerprinter: NodeFingerprinter
}

const runtime = runtimeFor('node')
const openLibc = (path?: string): ReturnType<typeof runtime.openLibc> => runtime.openLibc(path)
// On another runtime there is nothing to arm.
const lookup = createSocketLookup(runtime.misplaced ? new AcceptedCapture(openLibc) : acceptedCapture(openLibc))

/**
 * Hono middleware that sets `c.var.fingerprint` and `c.var.fingerprintEnv`.
 *
 * @throws {TypeError} for an unknown option or a wrong value, when it is built
 * @example
 * const app = new Hono().use(fingerprint()).get('/', (c) => c.text(c.var.fingerprint.fingerprints?.muonfp ?? 'unknown'))
 */
export function fingerprint(options?: FingerprintOptions<Context>): FingerprintMiddleware {
  const fingerprinter = new Fingerprinter<Context>(runtime, options, lookup, memberMemo())
  return Object.assign(createMiddleware(fingerprinter), { fingerprinter: plain(fingerprinter) })
}

/**
 * A fingerprinter for handlers without Hono. `skip` gets Node's request.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 * @example
 * const fp = createFingerprinter()
 * createServer((request, response) => response.end(fp.fromNode(request).fingerprints?.muonfp))
 */
export function createFingerprinter(options?: FingerprintOptions<NodeRequest>): NodeFingerprinter {
  return plain(new Fingerprinter<NodeRequest>(runtime, options, lookup, memberMemo()))
}

function plain<Subject>(fingerprinter: Fingerprinter<Subject>): NodeFingerprinter {
  const { readsHeaders } = fingerprinter
  return {
    fromNode(given) {
      const request = nodeRequestOf(given)
      const headers = readsHeaders && request !== undefined ? withNodeHeaders(request) : undefined
      return fingerprinter.once(headers, request, request, request as Subject)
    },
    ...apiOf<Server, Subject>(fingerprinter),
  }
}
