/**
 * `accessLog()` and `createAccessLogger()` on Bun and Deno: one implementation, since files come through `node:fs` on both and
 * what differs is told by what came with the request.
 * @module
 */
import type { Context } from 'hono'
import { currentRuntime } from '../runtime/current.ts'
import { type AccessLogMiddleware, createAccessLogMiddleware } from './hono.ts'
import {
  type AccessLogOptions,
  type AccessLogRuntime,
  createPlainAccessLog,
  type PlainAccessLog,
  type PlainAccessLogOptions,
} from './logger.ts'
import { openLogSink } from './sink.ts'

export type { AccessLogMiddleware } from './hono.ts'
export type {
  AccessLogOptions,
  LogFileOptions,
  LoggedExchange,
  PlainAccessLog,
  PlainAccessLogOptions,
  PlainHandler,
} from './logger.ts'
export type { AccessRecord, HeaderReader } from './record.ts'

/** The runtime this process is, as access logs see it. */
function accessLogRuntime(): AccessLogRuntime {
  const runtime = currentRuntime()
  return {
    processId: runtime.processId,
    threadId: runtime.threadId,
    openSink: openLogSink,
    peer(request, server) {
      const peer = runtime.peerOf(request, server)
      return typeof peer === 'string' ? undefined : peer
    },
    local: (server) => runtime.localOf(server),
    bodySize: (response, request) => runtime.bodySize(response, request),
    textSize: (response) => runtime.textSize(response),
  }
}

/**
 * Hono middleware that logs each answer: Apache formats, JSON or your own.
 *
 * Mount it first, before `fingerprint()`. The line is made when the body has ended, with its true octets and time; `'combined'`
 * to standard output unless told otherwise. Requests that the runtime refuses before any handler runs leave no line.
 *
 * @throws {TypeError} for an unknown option, a wrong value, or a format that does not compile
 * @example
 * app.use(accessLog({ format: '%h %t "%r" %>s %b %{FINGERPRINT_TCP_RTT}g', write: { file: 'access.log' } }))
 */
export function accessLog(options?: AccessLogOptions<Context>): AccessLogMiddleware {
  return createAccessLogMiddleware(accessLogRuntime(), options)
}

/**
 * Access logs for handlers without Hono.
 *
 * @throws {TypeError} for an unknown option, a wrong value, or a format that does not compile
 * @example
 * const log = createAccessLogger({ format: 'common' })
 * Bun.serve({ fetch: log.wrap((request, server) => new Response('hello')) })
 */
export function createAccessLogger(options?: PlainAccessLogOptions): PlainAccessLog {
  return createPlainAccessLog(accessLogRuntime(), options)
}
