/**
 * `accessLog()` and `createAccessLogger()` on Bun and Deno: one implementation, since files come through `node:fs` on both and
 * what differs is told by what came with the request.
 * @module
 */
import type { Context } from 'hono'
import { localEnd, peerEnd } from '../runtime/ends.ts'
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

/** What is used of Bun. */
interface BunParts {
  readonly inspect: (value: unknown) => string
  readonly peek: (value: unknown) => unknown
  readonly isMainThread?: boolean
  readonly file: (path: string) => Blob
}
/** The runtime this process is, as access logs see it. */
function accessLogRuntime(): AccessLogRuntime {
  const { Bun, process, Deno } = globalThis as {
    Bun?: BunParts
    process?: { readonly pid?: number }
    Deno?: { readonly pid: number }
  }
  const processId = process?.pid ?? Deno?.pid
  return {
    processId,
    // The kernel's number of the main thread is that of the process; of other threads nobody tells.
    threadId: Bun?.isMainThread === false ? undefined : processId,
    openSink: openLogSink,
    peer: peerEnd,
    local: localEnd,
    bodySize: Bun === undefined ? () => undefined : (response, request) => bunBodySize(Bun, response, request),
    textSize: Bun === undefined ? () => undefined : (response) => bunTextSize(Bun, response),
  }
}

const INSPECTED = /^Response \(([\d.]+) (bytes|KB|MB|GB)\)/

/**
 * Octets of a body that lies ready, on Bun: a string, bytes, a Blob, a file.
 *
 * Touching `body` would make a stream of it, and then files lose sendfile and large texts their Content-Length. What Bun
 * prints of a response is the one place that tells; where it prints something else, the body is watched instead.
 */
function bunBodySize(Bun: BunParts, response: Response, request: Request): ReturnType<AccessLogRuntime['bodySize']> {
  if (response.bodyUsed) return undefined
  const found = INSPECTED.exec(Bun.inspect(response))
  if (found === null) return undefined
  if (found[2] === 'bytes' && request.headers.get('range') === null) return Number(found[1])
  // "0 KB" is what a stream looks like, and an empty body.
  if (Number(found[1]) === 0) return undefined
  const blob = Bun.peek(response.clone().blob())
  if (!(blob instanceof Blob)) return undefined
  const { name } = blob as { name?: unknown }
  if (typeof name !== 'string' || response.status !== 200 || response.headers.has('content-range')) return blob.size
  return bunFileAnswer(request, blob.size, Bun.file(name).size)
}

/** What Bun answers with a file: all of it, the part that was sliced off, or the one range that was asked for. */
function bunFileAnswer(request: Request, size: number, whole: number): number | { status: number; octets: number } {
  if (size !== whole) return { status: 206, octets: size }
  const range = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(request.headers.get('range') ?? '')
  if (range === null || request.method !== 'GET' || request.headers.has('if-range')) return size
  const [, first = '', last = ''] = range
  if (first === '' && last === '') return size
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(last) < start) return size
  return start >= size ? { status: 416, octets: 0 } : { status: 206, octets: end - start + 1 }
}

/** Bun hands out the text of a ready body at once. */
function bunTextSize(Bun: BunParts, response: Response): number | undefined {
  const text = Bun.peek(response.clone().text())
  return typeof text === 'string' ? Buffer.byteLength(text) : undefined
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
