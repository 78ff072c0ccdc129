/**
 * One line for each request: begins with the request, ends with the body of its answer.
 *
 * `hono.ts` and `plain.ts` say when.
 * @module
 */
import { answeredAtOnce, type Report, reportOnce, toError } from '../base/report-once.ts'
import type { ReadyBody } from '../runtime/ready-body.ts'
import type { Runtime } from '../runtime/types.ts'
import { type BodyEnd, countBody } from './counted-body.ts'
import type { LogFormatUses } from './directives.ts'
import type { EntrySource, LogEntry } from './entry.ts'
import { lineOf } from './format.ts'
import { type AccessLogOptions, type ResolvedOptions, resolveOptions, type WriteLine } from './options.ts'
import type { AccessRecord } from './record.ts'
import { type LineSink, openLogSink } from './sink.ts'

/** Makes lines of requests and answers, and hands them to a sink or a function. */
export class AccessLogger<Subject> implements EntrySource {
  readonly uses: LogFormatUses
  readonly constants: EntrySource['constants']
  readonly #options: ResolvedOptions<Subject>
  readonly #runtime: Runtime
  readonly #sink: LineSink | undefined
  readonly #measures: boolean
  readonly #report: Report
  /** Wall clock minus monotonic clock, milliseconds. */
  #offset = Number.NaN
  #lastServer: unknown
  #lastLocal: ReturnType<EntrySource['local']> | undefined

  /** @throws {TypeError} for an unknown option or a wrong value */
  constructor(runtime: Runtime, options: AccessLogOptions<Subject> = {}) {
    this.#options = resolveOptions(options)
    this.#runtime = runtime
    this.#report = reportOnce(this.#options.onError)
    const { write, delay, maxPending, uses, serverName, serverPort, protocol } = this.#options
    const { processId, threadId } = runtime
    this.uses = uses
    this.constants = { serverName, serverPort, protocol, processId, threadId }
    this.#measures = uses.duration || uses.firstByte
    if (typeof write === 'function') return
    const to = write === 'stdout' ? 1 : write === 'stderr' ? 2 : write
    this.#sink = openLogSink({ to, delay, maxLength: maxPending, onError: this.#options.onError })
  }

  now(): number {
    return this.#measures || this.uses.microseconds ? performance.now() : 0
  }

  /** Milliseconds since 1970, with the monotonic clock's fraction where the format prints it. Follows the wall clock when that is set. */
  timeOf(monotonic: number): number {
    const wall = Date.now()
    if (!this.uses.microseconds) return wall
    const time = this.#offset + monotonic
    if (time >= wall && time < wall + 1) return time
    this.#offset = wall - monotonic
    return wall
  }

  peer(request: Request, server: unknown): ReturnType<EntrySource['peer']> {
    const peer = this.#runtime.peerOf(request, server)
    return typeof peer === 'string' ? undefined : peer
  }

  /** Asked once for each server, because its end does not change while it listens. */
  local(server: unknown): ReturnType<EntrySource['local']> {
    if (this.#lastLocal === undefined || server !== this.#lastServer) {
      this.#lastServer = server
      this.#lastLocal = this.#runtime.localOf(server)
    }
    return this.#lastLocal
  }

  addedField(name: string, response: Response, body: ReadyBody | undefined, entry: LogEntry): string | undefined {
    return this.#runtime.addedField(name, response, entry.status, body, entry)
  }

  /** The answer is there. Returns the one to send: the same, or where it is a stream one whose body is counted as it is sent. */
  answered(entry: LogEntry, response: Response, subject: Subject): Response {
    try {
      entry.response = response
      entry.status = response.status
      entry.bytes = 0
      if (this.uses.end) {
        const body = entry.bodyOf(response, this.#runtime)
        if (body === 'stream') return this.#count(entry, response, subject)
        this.#describe(entry, body)
      }
      this.#upgraded(entry, response)
      entry.aborted = entry.status !== 101 && entry.signal?.aborted
    } catch (error) {
      this.failed(error)
    }
    this.#end(entry, subject)
    return response
  }

  /** The connection was upgraded, or the handler threw: there is no answer to look at. */
  ended(entry: LogEntry, status: number, subject: Subject): void {
    entry.status = status
    entry.bytes = 0
    this.#end(entry, subject)
  }

  /** Writes what waits. */
  flush(): void {
    this.#sink?.flushSync()
  }

  /** Opens the file again. */
  reopen(): void {
    this.#sink?.reopen()
  }

  /** Writes what waits, closes the file and removes the signal listeners. */
  close(): void {
    this.#sink?.close()
  }

  /** Puts down what the client receives of a body that lies ready. `undefined`: it cannot be known. */
  #describe(entry: LogEntry, body: ReadyBody | undefined): void {
    if (body === undefined) {
      entry.bytes = isBodiless(entry) ? 0 : undefined
      return
    }
    if (body.status !== undefined) entry.status = body.status
    entry.bytes = isBodiless(entry) ? 0 : body.octets
    entry.body = body
  }

  /** Frameworks answer an upgrade with an empty 200. */
  #upgraded(entry: LogEntry, response: Response): void {
    if (response.status !== 200 || (entry.bytes ?? 1) !== 0) return
    if (entry.requestHeaders.get('upgrade')?.toLowerCase() !== 'websocket') return
    if (!this.#runtime.isUpgraded(entry.request, entry.server)) return
    entry.status = 101
  }

  /** Counts the body as it is sent. The line is made at its end. */
  #count(entry: LogEntry, response: Response, subject: Subject): Response {
    if (isBodiless(entry)) {
      this.#end(entry, subject)
      return response
    }
    const { headers } = response
    const isEmpty = response.body === null
    // At a look at the body `@hono/node-server` makes the answer anew, and its first release from the headers that it began with.
    if (response.headers !== headers) copyFields(headers, response.headers)
    // A stream that another reader holds cannot be counted, and what the runtime makes of it is the application's affair.
    if (isEmpty || response.bodyUsed || response.body!.locked) {
      this.#upgraded(entry, response)
      this.#end(entry, subject)
      return response
    }
    // A client that has gone by now is not told of again.
    const hasGone = entry.signal?.aborted === true
    let forget = (): void => {}
    const counted = countBody(response, {
      onFirst: () => {
        entry.firstByte = microsecondsSince(entry.started)
      },
      onEnd: ({ octets, cut }: BodyEnd) => {
        forget()
        entry.bytes = octets
        entry.aborted = cut || hasGone
        this.#end(entry, subject)
      },
    })
    forget = this.#runtime.onGone(entry.request, entry.server, () => counted.abandon())
    return counted.response
  }

  /** Makes the line and hands it on. No error of this reaches the request. */
  #end(entry: LogEntry, subject: Subject): void {
    const { make, append, write, skip, user, facts } = this.#options
    try {
      if (skip !== undefined && answeredAtOnce('skip', skip(subject))) return
      if (this.#measures) {
        entry.duration = microsecondsSince(entry.started)
        entry.firstByte ??= entry.duration
      }
      if (this.uses.duration && !this.uses.microseconds) entry.endTime = Date.now()
      if (user !== undefined) entry.user = answeredAtOnce('user', user(subject))
      const known = facts && answeredAtOnce('facts', facts(subject))
      const record: AccessRecord = known === undefined ? entry : withFacts(entry, known)
      if (make === undefined && this.#sink !== undefined) {
        this.#sink.append(append, record)
        return
      }
      const line = make === undefined ? lineOf(append, record) : answeredAtOnce('format', make(record))
      if (line === undefined) return
      if (this.#sink !== undefined) this.#sink.write(line)
      else this.#handOver(write as WriteLine, line, record)
    } catch (error) {
      this.failed(error)
    }
  }

  #handOver(write: WriteLine, line: string, record: AccessRecord): void {
    const result = write(line, record) as unknown
    if (result instanceof Promise) result.catch((error: unknown) => this.failed(error))
  }

  /** Tells `onError` of what kept a request from being logged, or a part of its line; once for each cause. */
  failed(thrown: unknown): void {
    this.#report(new Error(`Cannot log a request: ${toError(thrown).message}`, { cause: thrown }))
  }
}

/** True if no body is sent, whatever the handler put there (RFC 9110 sections 6.4.1, 9.3.2, 15.3.6). */
function isBodiless({ status, method }: LogEntry): boolean {
  return status < 200 || status === 204 || status === 205 || status === 304 || method === 'HEAD'
}

function copyFields(from: Headers, to: Headers): void {
  for (const name of new Set(to.keys())) to.delete(name)
  for (const [name, value] of from) to.append(name, value)
}

function microsecondsSince(started: number): number {
  return Math.max(0, Math.round((performance.now() - started) * 1000))
}

/** The record with some members replaced, getters of either kept. */
function withFacts(entry: LogEntry, known: Partial<AccessRecord>): AccessRecord {
  return Object.defineProperties(Object.create(entry) as AccessRecord, Object.getOwnPropertyDescriptors(known))
}
