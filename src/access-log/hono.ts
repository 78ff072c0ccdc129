/**
 * `accessLog()` for Hono: a line for every answer, with `%{FINGERPRINT_...}g` from `c.var.fingerprintEnv`.
 * @module
 */
import type { Context, MiddlewareHandler } from 'hono'
import { dumpNames, dumpsOf } from '../connection/facts.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { currentRuntime } from '../runtime/current.ts'
import { type ReadyBody, utf8Length } from '../runtime/ready-body.ts'
import { requestContext } from '../runtime/request-context.ts'
import type { Runtime } from '../runtime/types.ts'
import { type EntrySource, LogEntry, type NamedEnds } from './entry.ts'
import { ALL_USES } from './format.ts'
import { AccessLogger } from './logger.ts'
import type { AccessLogOptions } from './options.ts'
import type { AccessRecord } from './record.ts'

/** The middleware, with what a graceful stop and a rotation need. */
export interface AccessLogMiddleware extends MiddlewareHandler {
  /** Writes what waits. */
  flush(): void
  /** Opens the file again, as the signal does. */
  reopen(): void
  /** Writes what waits, closes the file and removes the signal listeners. */
  close(): void
}

/** What is read of `c.var.fingerprint`, if the middleware that sets it is there. */
type SeenFingerprint = NamedEnds & Pick<Fingerprint, 'syn' | 'tcpInfo' | 'delivery' | 'tcpInfoBytes' | 'connection'>

/** An entry with what context variables of other middleware say, each read when the format asks. */
class HonoEntry extends LogEntry {
  readonly c: Context
  readonly rawDumps: boolean
  /** The answer that `c.text()` and its like made last, and its body. */
  made: Response | undefined
  madeBody: ReadyBody | undefined

  constructor(c: Context, rawDumps: boolean, log: EntrySource) {
    super(log, c.req.raw, requestContext(c.env))
    this.c = c
    this.rawDumps = rawDumps
  }
  get env(): AccessRecord['env'] {
    const env = this.c.get('fingerprintEnv') as Record<string, string> | undefined
    const { seen } = this
    // A log may name the raw dumps whether or not the environment of scripts gets them.
    return env !== undefined && seen !== undefined && this.rawDumps ? { ...dumpsOf(seen), ...env } : env
  }
  get tcpInfo(): AccessRecord['tcpInfo'] {
    return this.seen?.tcpInfo
  }
  get delivery(): AccessRecord['delivery'] {
    return this.seen?.delivery
  }
  get logId(): string | undefined {
    const id: unknown = this.c.get('requestId')
    return typeof id === 'string' ? id : undefined
  }
  get keepAliveRequests(): number | undefined {
    const connection = this.seen?.connection
    return connection === undefined ? undefined : connection.request - 1
  }
  note(name: string): unknown {
    return this.c.get(name)
  }
  get seen(): SeenFingerprint | undefined {
    return this.c.get('fingerprint') as SeenFingerprint | undefined
  }

  /** What `c.text()` and its like were given comes before what the runtime tells. */
  override bodyOf(response: Response, runtime: Runtime): ReadyBody | 'stream' | undefined {
    // Hono sends none for HEAD.
    if (this.method === 'HEAD') return EMPTY
    if (response === this.made && this.madeBody !== undefined) return this.madeBody
    // A later c.header() makes another answer of the same body. Streams may be touched, as `body` does; ready ones may not.
    const found = super.bodyOf(response, runtime)
    if (found !== 'stream' || this.madeBody === undefined || response.body !== this.made?.body) return found
    // Bun no longer knows that the body of the copy was text.
    return { octets: this.madeBody.octets, made: 'octets' }
  }

  /** Takes over what `fingerprint()` knows better of the two ends. To be called before the answer is sent. */
  takeEndsOfContext(): void {
    // A look at the fingerprint may be a search, which is worth it only where it can change something.
    const behindProxy = this.c.get('fingerprintBehindProxy') === true
    if (behindProxy || this.localPort === undefined) this.takeEnds(this.seen)
  }
}

const EMPTY: ReadyBody = { octets: 0 }

/**
 * Hono middleware that logs each answer: Apache formats, JSON or your own.
 *
 * Mount it first, before `fingerprint()`: then no other middleware's time or answer is missed, and the variables of
 * `fingerprint()` are there when the line is made. The line is made when the body has ended, with its true octets and time;
 * `'combined'` to standard output unless told otherwise. Requests that the runtime refuses before any handler runs leave no line.
 *
 * @throws {TypeError} for an unknown option, a wrong value, or a format that does not compile
 * @example
 * app.use(accessLog({ format: '%h %t "%r" %>s %b %{FINGERPRINT_TCP_RTT}g', write: { file: 'access.log' } }))
 */
export function accessLog(options: AccessLogOptions<Context> = {}): AccessLogMiddleware {
  const runtime = currentRuntime()
  const log = new AccessLogger<Context>(runtime, options)
  const { uses } = log
  const rawDumps = uses !== ALL_USES && uses.variables.some((name) => dumpNames().includes(name))
  // Not an async function: that would cost every request another turn of its state machine.
  const middleware: MiddlewareHandler = (c, next) => {
    const entry = new HonoEntry(c, rawDumps, log)
    if (uses.end) observe(c, entry, runtime)
    return next().then(
      () => {
        if (uses.connection) {
          try {
            entry.takeEndsOfContext()
          } catch (error) {
            log.failed(error)
          }
        }
        const response = c.res
        const answer = log.answered(entry, response, c)
        if (answer !== response) replace(c, answer)
      },
      (error: unknown) => {
        // Hono turns errors into answers itself. What comes here was thrown and is no `Error`.
        log.ended(entry, 500, c)
        throw error
      },
    )
  }
  return Object.assign(middleware, {
    flush: () => log.flush(),
    reopen: () => log.reopen(),
    close: () => log.close(),
  })
}

/** Hono would merge the fields of the old answer into the new one, which has them already. */
function replace(c: Context, answer: Response): void {
  c.res = undefined
  c.res = answer
}

type BodyMaker = (data: unknown, status?: unknown, headers?: unknown) => Response | Promise<Response>
type Makers = { text: BodyMaker; html: BodyMaker; body: BodyMaker; json: BodyMaker }

/** Notes what `c.text()`, `c.html()`, `c.json()` and `c.body()` are given, because that costs less than a look at the answer. */
function observe(c: Context, entry: HonoEntry, runtime: Runtime): void {
  const makers = c as unknown as Makers
  const { text, html, body, json } = makers
  makers.text = (data, status, headers) => noted(entry, text(data, status, headers), data)
  makers.html = (data, status, headers) => noted(entry, html(data, status, headers), data)
  makers.body = (data, status, headers) => noted(entry, body(data, status, headers), data)
  makers.json = (data, status, headers) => {
    const answer = json(data, status, headers)
    if (answer instanceof Response) {
      entry.made = answer
      entry.madeBody = runtime.textBody(answer)
    }
    return answer
  }
}

function noted<Answer extends Response | Promise<Response>>(entry: HonoEntry, answer: Answer, data: unknown): Answer {
  if (answer instanceof Response) {
    entry.made = answer
    entry.madeBody = bodyOf(data)
  }
  return answer
}

function bodyOf(data: unknown): ReadyBody | undefined {
  if (typeof data === 'string') return { octets: utf8Length(data), made: 'text' }
  if (data === null || data === undefined) return EMPTY
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return { octets: data.byteLength, made: 'octets' }
  return undefined
}
