/**
 * Access logs without a framework: what to log of a request and its answer, and when the answer is over.
 *
 * The runtime (files, sizes of bodies, who the peer is) comes in as {@link AccessLogRuntime}.
 * @module
 */
import * as v from 'valibot'
import { checkOptions } from '../base/options.ts'
import { plainAddress } from '../http/address.ts'
import type { LogFormatUses } from './directives.ts'
import { ALL_USES, type AppendLine, compileLineAppender, lineOf, NAMED_LOG_FORMATS } from './format.ts'
import type { AccessRecord, HeaderReader } from './record.ts'

/** A file to append lines to. */
export interface LogFileOptions {
  /** Path; made where it is missing. */
  readonly file: string
  /** Permissions of a new file. Default 0o644, less the umask. */
  readonly mode?: number | undefined
  /** Signal at which the path is opened again, for logrotate; false for none. Default `'SIGHUP'`. */
  readonly reopen?: string | false | undefined
}

/** How and where to log. `Subject` is what the callbacks get: Hono's context, or a {@link LoggedExchange}. */
export interface AccessLogOptions<Subject> {
  /**
   * An Apache 2.4 LogFormat string, a name (`'common'`, `'combined'`, `'vhost_combined'`), `'json'`, or a function that makes
   * the line; no line where it returns `undefined`. Default `'combined'`.
   */
  readonly format?: string | ((record: AccessRecord) => string | undefined) | undefined
  /**
   * `'stdout'`, `'stderr'`, a file, or a function that gets each line without its end: the way into another logger.
   * Default `'stdout'`.
   */
  readonly write?: 'stdout' | 'stderr' | LogFileOptions | ((line: string, record: AccessRecord) => void) | undefined
  /** Milliseconds that a line waits at most before it is written with others. 0 writes each at once. Default 10. */
  readonly delay?: number | undefined
  /** Characters kept while a file cannot be written; what comes then is dropped and counted. Default 8388608. */
  readonly maxPending?: number | undefined
  /** Requests that leave no line. Asked when the answer is there. */
  readonly skip?: ((subject: Subject) => boolean) | undefined
  /** Who the user is, for `%u`, in the application's own view. */
  readonly user?: ((subject: Subject) => string | undefined) | undefined
  /** Members of the record that the application knows better: the client's address behind a proxy, a file name ... */
  readonly facts?: ((subject: Subject) => Partial<AccessRecord> | undefined) | undefined
  /** Canonical name of the server, for `%v`. Default: the name that the request used. */
  readonly serverName?: string | undefined
  /** Canonical port of the server, for `%p`. Default: the port that the server listens on. */
  readonly serverPort?: number | undefined
  /** What `%H` and `%r` say, since no runtime tells. Default `'HTTP/1.1'`. */
  readonly protocol?: string | undefined
  /** Hears of trouble, once per kind. It never reaches a request. Default: `console.error`. */
  readonly onError?: ((error: Error) => void) | undefined
}

/** A request and its answer, for callbacks of plain handlers. */
export interface LoggedExchange {
  readonly request: Request
  /** `undefined` where the connection was upgraded. */
  readonly response: Response | undefined
  /** What the handler got beside the request: Bun's server, Deno's `info`. */
  readonly server: unknown
}

/** A place for lines, with what a graceful stop and a rotation need. */
export interface LineSink {
  /** Takes one line, without its line end. */
  line(text: string): void
  /** Takes the line that `append` makes of `record`, in pieces. Throws what `append` throws. */
  append(append: AppendLine, record: AccessRecord): void
  /** Writes what waits. */
  flush(): void
  /** Opens the file again. */
  reopen(): void
  /** Writes what waits, closes the file and takes the signal listeners back. */
  close(): void
}

/** {@link LogFileOptions} with every default filled in. */
interface LogFile {
  readonly file: string
  readonly mode: number
  readonly reopen: string | false
}

/** Where a sink writes and how. */
export interface LineSinkOptions {
  /** A file, standard output (1) or standard error (2). */
  readonly to: LogFile | 1 | 2
  readonly delay: number
  readonly maxPending: number
  readonly onError: (error: Error) => void
}

/** One end of a connection. */
export interface Endpoint {
  readonly address: string
  readonly port: number | undefined
}

/** What differs from runtime to runtime. */
export interface AccessLogRuntime {
  readonly processId?: number | undefined
  readonly threadId?: number | undefined
  openSink(options: LineSinkOptions): LineSink
  /** The peer of a request; `server` is what came with it. Called before anything else looks at the request. */
  peer(request: Request, server: unknown): Endpoint | undefined
  /** The listener's address and port. */
  local(server: unknown): { readonly address?: string | undefined; readonly port?: number | undefined } | undefined
  /**
   * Octets of a body that lies ready as a whole; `undefined` for one that streams. Must leave it as it is. With a status where
   * the runtime will send another one than the answer has: it serves ranges of files by itself.
   */
  bodySize(response: Response, request: Request): number | { status: number; octets: number } | undefined
  /** The same, cheaper, for a body that is known to be a text that lies ready. */
  textSize(response: Response): number | undefined
}

const aFunction = v.custom<(...args: never[]) => unknown>((value) => typeof value === 'function', 'Expected a function')

const LogFormatSchema = v.pipe(
  v.string(),
  v.check(
    (format) => format === 'json' || Object.hasOwn(NAMED_LOG_FORMATS, format) || format.includes('%'),
    (issue) =>
      `Expected common, combined, vhost_combined, json or a string with % directives, received "${issue.input}"`,
  ),
)
const PortSchema = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535))
const AccessLogOptionsSchema = v.strictObject({
  format: v.optional(v.union([LogFormatSchema, aFunction]), 'combined'),
  write: v.optional(
    v.union([
      v.picklist(['stdout', 'stderr']),
      v.strictObject({
        file: v.pipe(v.string(), v.nonEmpty()),
        mode: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o7777)), 0o644),
        reopen: v.optional(v.union([v.pipe(v.string(), v.startsWith('SIG')), v.literal(false)]), 'SIGHUP'),
      }),
      aFunction,
    ]),
    'stdout',
  ),
  delay: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(60_000)), 10),
  maxPending: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1024)), 8_388_608),
  skip: v.optional(aFunction),
  user: v.optional(aFunction),
  facts: v.optional(aFunction),
  serverName: v.optional(v.pipe(v.string(), v.nonEmpty())),
  serverPort: v.optional(PortSchema),
  protocol: v.optional(v.pipe(v.string(), v.nonEmpty())),
  onError: v.optional(aFunction),
})

type Write = (line: string, record: AccessRecord) => void

/** Checked options. */
interface Resolved<Subject> {
  /** Makes the line, where that is the application's own affair. */
  readonly make: ((record: AccessRecord) => string | undefined) | undefined
  readonly append: AppendLine
  readonly uses: LogFormatUses
  readonly write: 'stdout' | 'stderr' | LogFile | Write
  readonly delay: number
  readonly maxPending: number
  readonly skip: ((subject: Subject) => boolean) | undefined
  readonly user: ((subject: Subject) => string | undefined) | undefined
  readonly facts: ((subject: Subject) => Partial<AccessRecord> | undefined) | undefined
  readonly serverName: string | undefined
  readonly serverPort: number | undefined
  readonly protocol: string | undefined
  readonly onError: (error: Error) => void
}

function resolve<Subject>(options: AccessLogOptions<Subject>): Resolved<Subject> {
  const checked = checkOptions('access log', AccessLogOptionsSchema, options)
  type Checked = Omit<Resolved<Subject>, 'make' | 'append' | 'uses'> & Required<AccessLogOptions<Subject>>
  const { format, onError, ...rest } = checked as unknown as Checked
  const { append, uses } = typeof format === 'string' ? compileLineAppender(format) : OWN_FORMAT
  return {
    ...rest,
    make: typeof format === 'string' ? undefined : format,
    append,
    uses,
    onError: onError ?? ((error) => console.error(`tcpfingerprint: ${error.message}`)),
  }
}
/** What a format function reads is its own affair. */
const OWN_FORMAT = { append: () => 0, uses: ALL_USES } as const

/** What all requests of a logger have in common. */
interface Common {
  readonly serverName: string | undefined
  readonly serverPort: number | undefined
  readonly protocol: string | undefined
  readonly processId: number | undefined
  readonly threadId: number | undefined
  local(server: unknown): { readonly address?: string | undefined; readonly port?: number | undefined }
}

/**
 * The record of a request under way. Faces derive from it what they know better.
 *
 * Small on purpose: one is made for every request, and most members are read from elsewhere when a format asks for them.
 */
export class LogEntry implements AccessRecord {
  readonly request: Request
  readonly server: unknown
  /** Milliseconds since 1970, with microseconds where the format prints them. */
  readonly time: number
  /** `performance.now()` at the beginning, where something is measured. */
  readonly started: number
  readonly peer: Endpoint | undefined
  readonly common: Common
  status = 0
  response: Response | undefined
  bytes: number | undefined
  endTime: number | undefined
  duration: number | undefined
  firstByte: number | undefined
  user: string | undefined
  /** The answer's stream was cut off. */
  cut = false

  /** A request has come. To be made before anything else looks at it. */
  constructor(log: AccessLogger<never>, request: Request, server: unknown) {
    this.request = request
    this.server = server
    this.common = log.common
    this.started = log.now()
    this.time = log.timeOf(this.started)
    this.peer = log.peer(request, server)
  }
  get method(): string {
    return this.request.method
  }
  get url(): string {
    return this.request.url
  }
  get remoteAddress(): string | undefined {
    return this.peer === undefined ? undefined : plainAddress(this.peer.address)
  }
  get remotePort(): number | undefined {
    return this.peer?.port
  }
  get localAddress(): string | undefined {
    return this.common.local(this.server).address
  }
  get localPort(): number | undefined {
    return this.common.local(this.server).port
  }
  get serverName(): string | undefined {
    return this.common.serverName
  }
  get serverPort(): number | undefined {
    return this.common.serverPort
  }
  get protocol(): string | undefined {
    return this.common.protocol
  }
  get processId(): number | undefined {
    return this.common.processId
  }
  get threadId(): number | undefined {
    return this.common.threadId
  }
  get requestHeaders(): HeaderReader {
    return this.request.headers
  }
  get responseHeaders(): HeaderReader {
    return this.response?.headers ?? NO_HEADERS
  }
  get aborted(): boolean {
    return this.cut || this.request.signal.aborted
  }
  get closing(): boolean {
    const own = this.responseHeaders.get('connection') ?? this.request.headers.get('connection')
    return own === null ? false : /(?:^|,)\s*close\s*(?:,|$)/i.test(own)
  }
}

const NO_HEADERS: HeaderReader = { get: () => null }
/** Answers that have no body whatever the handler put there. */
function bodiless({ status, request }: LogEntry): boolean {
  return status < 200 || status === 204 || status === 205 || status === 304 || request.method === 'HEAD'
}

/** Makes lines of requests and answers. The faces for Hono and for plain handlers are built on it. */
export class AccessLogger<Subject> {
  /** What records must hold. */
  readonly uses: LogFormatUses
  readonly common: Common
  readonly #options: Resolved<Subject>
  readonly #runtime: AccessLogRuntime
  readonly #sink: LineSink | undefined
  readonly #timed: boolean
  readonly #reported = new Set<string>()
  #offset = Number.NaN

  /** @throws {TypeError} for an unknown option or a wrong value */
  constructor(runtime: AccessLogRuntime, options: AccessLogOptions<Subject> = {}) {
    this.#options = resolve(options)
    this.#runtime = runtime
    const { write, delay, maxPending, uses, serverName, serverPort, protocol } = this.#options
    const { processId, threadId } = runtime
    this.uses = uses
    this.common = { serverName, serverPort, protocol, processId, threadId, local: rememberLocal(runtime) }
    this.#timed = uses.duration || uses.firstByte
    if (typeof write === 'function') return
    const to = write === 'stdout' ? 1 : write === 'stderr' ? 2 : write
    this.#sink = runtime.openSink({ to, delay, maxPending, onError: (error) => this.#tell(error) })
  }

  /** The monotonic clock, where the format asks for something that it measures. */
  now(): number {
    return this.#timed || this.uses.microseconds ? performance.now() : 0
  }

  /** The wall clock's millisecond, with the monotonic clock's fraction where that is printed; follows the wall clock when it is set. */
  timeOf(monotonic: number): number {
    const wall = Date.now()
    if (!this.uses.microseconds) return wall
    const time = this.#offset + monotonic
    if (time >= wall && time < wall + 1) return time
    this.#offset = wall - monotonic
    return wall
  }

  /** The peer, where the format names it. */
  peer(request: Request, server: unknown): Endpoint | undefined {
    return this.uses.connection ? this.#runtime.peer(request, server) : undefined
  }

  /**
   * The answer is there. Returns the one to give on: the same, or one whose body is watched until it ends.
   *
   * @param size - octets of the body, where the face knows them
   */
  answered(entry: LogEntry, response: Response, subject: Subject, size?: number): Response {
    entry.response = response
    entry.status = response.status
    entry.bytes = 0
    if (this.uses.end && !bodiless(entry)) {
      const ready = size ?? this.#runtime.bodySize(response, entry.request)
      if (typeof ready === 'object') entry.status = ready.status
      const octets = typeof ready === 'object' ? ready.octets : ready
      if (octets === undefined && response.body !== null) return this.#watch(entry, response, subject)
      entry.bytes = octets ?? 0
    }
    if (entry.bytes === 0 && !(size! > 0)) this.#upgraded(entry)
    this.#end(entry, subject)
    return response
  }

  /** The connection was upgraded, or the handler threw: there is no answer to look at. */
  ended(entry: LogEntry, status: number, subject: Subject): void {
    entry.status = status
    entry.bytes = 0
    this.#end(entry, subject)
  }

  flush(): void {
    this.#sink?.flush()
  }
  reopen(): void {
    this.#sink?.reopen()
  }
  close(): void {
    this.#sink?.close()
  }

  /** Frameworks answer an upgrade with an empty 200; the runtime has forgotten the peer by then. */
  #upgraded(entry: LogEntry): void {
    if (entry.status !== 200 || entry.request.headers.get('upgrade')?.toLowerCase() !== 'websocket') return
    if (this.#runtime.peer(entry.request, entry.server) === undefined) entry.status = 101
  }

  /** The same answer with a body that is counted as it is read, at the pace at which it is read. */
  #watch(entry: LogEntry, response: Response, subject: Subject): Response {
    const reader = response.body!.getReader()
    let octets = 0
    let open = true
    const end = (cut: boolean): void => {
      if (!open) return
      open = false
      signal.removeEventListener('abort', abort)
      entry.bytes = octets
      entry.cut = cut
      this.#end(entry, subject)
    }
    // An answer that is never read, because the client has gone before, is not cancelled either.
    const abort = (): void => end(true)
    const { signal } = entry.request
    signal.addEventListener('abort', abort)
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          try {
            const { done, value } = await reader.read()
            if (done) {
              end(false)
              controller.close()
              return
            }
            if (octets === 0 && open) entry.firstByte = microsecondsSince(entry.started)
            octets += typeof value === 'string' ? new TextEncoder().encode(value).length : value.byteLength
            controller.enqueue(value)
          } catch (error) {
            end(true)
            throw error
          }
        },
        cancel(reason) {
          end(true)
          return reader.cancel(reason)
        },
      },
      { highWaterMark: 0 },
    )
    return new Response(body, response)
  }

  /** Makes the line and hands it on. Nothing that happens here reaches the request. */
  #end(entry: LogEntry, subject: Subject): void {
    const { make, append, write, skip, user, facts } = this.#options
    try {
      if (skip?.(subject)) return
      if (this.#timed) {
        entry.duration = microsecondsSince(entry.started)
        entry.firstByte ??= entry.duration
      }
      if (this.uses.duration && !this.uses.microseconds) entry.endTime = Date.now()
      if (user !== undefined) entry.user = user(subject)
      const known = facts?.(subject)
      const record: AccessRecord = known === undefined ? entry : over(entry, known)
      if (make === undefined && this.#sink !== undefined) {
        this.#sink.append(append, record)
        return
      }
      const line = make === undefined ? lineOf(append, record) : make(record)
      if (line === undefined) return
      if (this.#sink !== undefined) this.#sink.line(line)
      else this.#handOver(write as Write, line, record)
    } catch (error) {
      this.#once(error)
    }
  }

  #handOver(write: Write, line: string, record: AccessRecord): void {
    const result = write(line, record) as unknown
    if (result instanceof Promise) result.catch((error: unknown) => this.#once(error))
  }

  #once(error: unknown): void {
    const real = error instanceof Error ? error : new Error(String(error))
    if (this.#reported.has(real.message) || this.#reported.size >= 64) return
    this.#reported.add(real.message)
    this.#tell(new Error(`Cannot log a request: ${real.message}`, { cause: error }))
  }

  #tell(error: Error): void {
    try {
      this.#options.onError(error)
    } catch {
      // The listener's own trouble must not become the request's.
    }
  }
}

/** A server's own end does not change while it listens: asked for once. */
function rememberLocal(runtime: AccessLogRuntime): Common['local'] {
  let last: unknown
  let known: ReturnType<Common['local']> | undefined
  return (server) => {
    if (known === undefined || server !== last) {
      last = server
      known = runtime.local(server) ?? {}
    }
    return known
  }
}

function microsecondsSince(started: number): number {
  return Math.max(0, Math.round((performance.now() - started) * 1000))
}

/** The record with some members replaced, getters of either kept. */
function over(entry: LogEntry, known: Partial<AccessRecord>): AccessRecord {
  return Object.defineProperties(Object.create(entry) as AccessRecord, Object.getOwnPropertyDescriptors(known))
}

/** A handler of `Bun.serve` or `Deno.serve`. `undefined` is what Bun's handlers return after an upgrade. */
export type PlainHandler<Server> = (
  request: Request,
  server: Server,
) => Response | undefined | Promise<Response | undefined>

/** Access logs for plain handlers. */
export interface PlainAccessLog {
  /** The same handler, each of its answers leaving a line. */
  wrap<Server>(handler: PlainHandler<Server>): PlainHandler<Server>
  /** Writes what waits. */
  flush(): void
  /** Opens the file again, as the signal does. */
  reopen(): void
  /** Writes what waits, closes the file and takes the signal listeners back. */
  close(): void
}

/** Options of plain handlers: what a context knows is told by a function. */
export interface PlainAccessLogOptions extends AccessLogOptions<LoggedExchange> {
  /** The `FINGERPRINT_*` variables of a request, for `%{...}g`: `(request, server) => fp.env(fp.fromBun(request, server))`. Called before the handler. */
  readonly env?:
    | ((request: Request, server: unknown) => Readonly<Record<string, string | undefined>> | undefined)
    | undefined
}

class PlainEntry extends LogEntry {
  env: Readonly<Record<string, string | undefined>> | undefined
}

/**
 * Access logs for handlers without a framework.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 */
export function createPlainAccessLog(runtime: AccessLogRuntime, options: PlainAccessLogOptions = {}): PlainAccessLog {
  const { env, ...rest } = options
  if (env !== undefined && typeof env !== 'function') {
    throw new TypeError('Invalid access log options: "env": Expected a function')
  }
  const log = new AccessLogger<LoggedExchange>(runtime, rest)
  const wantsEnv = env !== undefined && (log.uses === ALL_USES || log.uses.variables.length > 0)
  const begin = (request: Request, server: unknown): PlainEntry => {
    const entry = new PlainEntry(log, request, server)
    if (wantsEnv) {
      try {
        entry.env = env(request, server)
      } catch {
        entry.env = undefined
      }
    }
    return entry
  }
  const finish = (entry: LogEntry, response: Response | undefined, server: unknown): Response | undefined => {
    const subject = { request: entry.request, response, server }
    if (response instanceof Response) return log.answered(entry, response, subject)
    log.ended(entry, 101, subject)
    return response
  }
  return {
    wrap: (handler) => (request, server) => {
      const entry = begin(request, server)
      const failed = (error: unknown): never => {
        log.ended(entry, 500, { request, response: undefined, server })
        throw error
      }
      let answer: ReturnType<typeof handler>
      try {
        answer = handler(request, server)
      } catch (error) {
        return failed(error)
      }
      if (answer instanceof Promise) return answer.then((response) => finish(entry, response, server), failed)
      return finish(entry, answer, server)
    },
    flush: () => log.flush(),
    reopen: () => log.reopen(),
    close: () => log.close(),
  }
}
