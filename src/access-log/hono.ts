/**
 * `accessLog()` for Hono: a line for every answer, with `%{FINGERPRINT_...}g` from `c.var.fingerprintEnv`.
 * @module
 */
import type { Context, MiddlewareHandler } from 'hono'
import { toHex } from '../base/bytes.ts'
import { requestContext } from '../runtime/request-context.ts'
import { ALL_USES } from './format.ts'
import { AccessLogger, type AccessLogOptions, type AccessLogRuntime, LogEntry } from './logger.ts'
import type { AccessRecord } from './record.ts'

/** The middleware, with what a graceful stop and a rotation need. */
export interface AccessLogMiddleware extends MiddlewareHandler {
  /** Writes what waits. */
  flush(): void
  /** Opens the file again, as the signal does. */
  reopen(): void
  /** Writes what waits, closes the file and takes the signal listeners back. */
  close(): void
}

/** What is read of `c.var.fingerprint`, if the middleware that sets it is there. */
interface SeenFingerprint {
  readonly syn?: { readonly hex?: string } | undefined
  readonly tcpInfoBytes?: Uint8Array | undefined
  readonly connection?: { readonly request: number } | undefined
  readonly peer?: { readonly address: string; readonly port: number } | undefined
  readonly local?: { readonly port: number } | undefined
}

/** What context variables of other middleware tell a line, each read when the format asks. */
class HonoEntry extends LogEntry {
  readonly c: Context
  readonly rawDumps: boolean
  /** Octets of the body that `c.text()` and its like were given last, and the answer they made of it. */
  made: Response | undefined
  size: number | undefined

  constructor(c: Context, rawDumps: boolean, ...rest: ConstructorParameters<typeof LogEntry>) {
    super(...rest)
    this.c = c
    this.rawDumps = rawDumps
  }
  get env(): AccessRecord['env'] {
    const env = this.c.get('fingerprintEnv') as Record<string, string> | undefined
    return env !== undefined && this.rawDumps ? withDumps(env, this.c.get('fingerprint')) : env
  }
  get logId(): string | undefined {
    const id: unknown = this.c.get('requestId')
    return typeof id === 'string' ? id : undefined
  }
  get keepAliveRequests(): number | undefined {
    const seen = this.c.get('fingerprint') as SeenFingerprint | undefined
    return seen?.connection === undefined ? undefined : seen.connection.request - 1
  }
  /** Deno says with the connection alone where a request came in. */
  override get localPort(): number | undefined {
    return super.localPort ?? (this.c.get('fingerprint') as SeenFingerprint | undefined)?.local?.port
  }
  note(name: string): unknown {
    return this.c.get(name)
  }
}

/** A log may name the raw dumps whether or not the environment of scripts gets them. */
function withDumps(env: Record<string, string>, seen: SeenFingerprint | undefined): Record<string, string> {
  const dumps: Record<string, string> = {}
  if (seen?.syn?.hex !== undefined) dumps.FINGERPRINT_SAVED_SYN = seen.syn.hex
  if (seen?.tcpInfoBytes !== undefined) dumps.FINGERPRINT_TCP_INFO = toHex(seen.tcpInfoBytes)
  return { ...dumps, ...env }
}

/**
 * Hono middleware that logs each answer.
 *
 * Mount it first, before `fingerprint()`: then no other middleware's time or answer is missed, and the variables of
 * `fingerprint()` are there when the line is made.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 */
export function createAccessLogMiddleware(
  runtime: AccessLogRuntime,
  options: AccessLogOptions<Context> = {},
): AccessLogMiddleware {
  const log = new AccessLogger<Context>(runtime, options)
  const { uses } = log
  const rawDumps =
    uses !== ALL_USES &&
    uses.variables.some((name) => name === 'FINGERPRINT_SAVED_SYN' || name === 'FINGERPRINT_TCP_INFO')
  // Not an async function: that would cost every request another turn of its state machine.
  const accessLog: MiddlewareHandler = (c, next) => {
    const entry = new HonoEntry(c, rawDumps, log, c.req.raw, requestContext(c.env))
    observe(c, entry, runtime)
    return next().then(
      () => {
        const response = c.res
        const size = entry.size !== undefined && sameBody(entry.made!, response) ? entry.size : undefined
        const answer = log.answered(entry, response, c, size)
        if (answer !== response) replace(c, answer)
      },
      (error: unknown) => {
        // Hono turns errors into answers itself; what comes here is thrown by something that is no error.
        log.ended(entry, 500, c)
        throw error
      },
    )
  }
  return Object.assign(accessLog, {
    flush: () => log.flush(),
    reopen: () => log.reopen(),
    close: () => log.close(),
  })
}

/** Hono would merge the headers of the old answer into the new one, which has them already. */
function replace(c: Context, answer: Response): void {
  c.res = undefined
  c.res = answer
}

/** Whether `answer` is the one made, or the same body with other headers, as later `c.header()` calls make it. */
function sameBody(made: Response, answer: Response): boolean {
  return made === answer || (made.body !== null && made.body === answer.body)
}

type BodyMaker = (data: unknown, status?: unknown, headers?: unknown) => Response | Promise<Response>
type Makers = { text: BodyMaker; html: BodyMaker; body: BodyMaker; json: BodyMaker }

/**
 * Notes what `c.text()`, `c.html()`, `c.json()` and `c.body()` are given: a body that lies ready need not be watched, which
 * would cost more than everything else here, and nothing else tells its length cheaply.
 */
function observe(c: Context, entry: HonoEntry, runtime: AccessLogRuntime): void {
  const makers = c as unknown as Makers
  const { text, html, body, json } = makers
  makers.text = (data, status, headers) => noted(entry, text(data, status, headers), data)
  makers.html = (data, status, headers) => noted(entry, html(data, status, headers), data)
  makers.body = (data, status, headers) => noted(entry, body(data, status, headers), data)
  makers.json = (data, status, headers) => {
    const answer = json(data, status, headers)
    if (answer instanceof Response) {
      entry.made = answer
      entry.size = runtime.textSize(answer)
    }
    return answer
  }
}

function noted<Answer extends Response | Promise<Response>>(entry: HonoEntry, answer: Answer, data: unknown): Answer {
  if (answer instanceof Response) {
    entry.made = answer
    entry.size = sizeOf(data)
  }
  return answer
}

const encoder = new TextEncoder()

function sizeOf(data: unknown): number | undefined {
  if (typeof data === 'string') return utf8Length(data)
  if (data === null || data === undefined) return 0
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return data.byteLength
  return undefined
}

/** Octets of a string in UTF-8. Short texts, the common case, are counted without making them. */
function utf8Length(text: string): number {
  if (text.length > 256) return encoder.encode(text).length
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code >= 0x80) return encoder.encode(text).length
  }
  return text.length
}
