/**
 * One script from start to end: its output becomes an answer as it comes, within limits, and its processes end with it.
 *
 * What cannot be noticed: a process that the script started and that has closed the script's standard output. It lives on, as under
 * Apache. What is noticed late: a client that goes while its request's body lies unread, because the runtime does not read
 * the socket then. `headerTime` and `totalTime` bound that.
 * @module
 */

import { toError } from '../base/report-once.ts'
import type { Child, Runtime, SpawnOptions } from '../runtime/types.ts'
import { isNotModified } from './conditional.ts'
import { ErrorLines } from './error-lines.ts'
import type { IdleTimeout } from './idle-timeout.ts'
import type { CgiLimits } from './options.ts'
import { type CgiHead, CgiOutputError, findHeaderEnd, parseHead, parseNonParsedHead } from './response-head.ts'
import { type RunningScripts, stopGroup } from './running-scripts.ts'

/** What a script may use: see {@link CgiLimits}. */
export type RunLimits = Required<{
  readonly [name in keyof CgiLimits as Exclude<
    name,
    'bodyTime' | 'chunkedSize' | 'running' | 'waiting' | 'waitTime' | 'redirects'
  >]: number
}>

/** A script to run, for a request. */
export interface Run {
  readonly spawn: SpawnOptions
  readonly limits: RunLimits
  readonly request: Request
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal
  /** Aborted when the client has not sent the request's body in time. */
  readonly late: AbortSignal | undefined
  readonly idle: IdleTimeout
  /** True if the script prints a status line and fields: its name begins with `nph-`. */
  readonly nonParsedHeader: boolean
  /** A line that the script wrote to standard error. */
  readonly onErrorLine: (line: string) => void
  /** Something went wrong after the answer began. */
  readonly onTrouble: (what: string) => void
  /** The script has ended and everything is cleaned up. Called once. */
  readonly onEnd: () => void
}

/** What came of it. */
export type Outcome =
  | { readonly kind: 'response'; readonly response: Response }
  | { readonly kind: 'local-redirect'; readonly target: string; readonly headers: Headers }
  /** Without `why` it is the client's fault. */
  | { readonly kind: 'failed'; readonly status: 404 | 408 | 500 | 502 | 503 | 504; readonly why?: string | undefined }

/** Answers that must not have a body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304])

/** Why a script's output ends before the script has ended it. */
type Cut = 'header-time' | 'total-time' | 'body-time' | 'gone' | 'output-size' | 'drained'

/**
 * Starts a script and waits for the head of its answer.
 *
 * The body follows as it is read; a client that reads slowly slows the script down. `onEnd` is called when the script and, if it
 * had to be stopped, its whole process group have ended.
 */
export async function runScript(
  runtime: Pick<Runtime, 'spawn' | 'name'>,
  running: RunningScripts,
  run: Run,
): Promise<Outcome> {
  let child: Child
  try {
    child = runtime.spawn(run.spawn)
  } catch (error) {
    run.onEnd()
    return notStarted(error)
  }
  running.add(child)
  return new ScriptRun(child, running, run, runtime.name === 'node').head()
}

function notStarted(error: unknown): Outcome {
  const code = (error as { code?: unknown } | undefined)?.code
  const message = toError(error).message
  // Its file was there when the path was looked up, or its interpreter is missing; or the system is out of processes.
  const status = code === 'ENOENT' ? 404 : code === 'EAGAIN' || code === 'EMFILE' || code === 'ENFILE' ? 503 : 500
  return { kind: 'failed', status, why: `cannot be started: ${message}` }
}

class ScriptRun {
  readonly #child: Child
  readonly #running: RunningScripts
  readonly #run: Run
  readonly #isOnNode: boolean
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #onAbort: () => void
  readonly #onLate = (): void => this.#end('body-time')
  #cut: Cut | undefined
  /** Settles the read that waits, because a runtime's stream may not do so when it is cancelled. */
  #wake: ((value: undefined) => void) | undefined
  #headerTimer: ReturnType<typeof setTimeout> | undefined
  #totalTimer: ReturnType<typeof setTimeout> | undefined
  #drainTimer: ReturnType<typeof setTimeout> | undefined
  #exited = false
  #outputOver = false
  #errorOver: Promise<void>
  #stopErrors: () => void = () => {}
  #stopping: Promise<void> | undefined
  #octets = 0
  #discarding = false
  /** True until the first octet of output. */
  #silent = true

  constructor(child: Child, running: RunningScripts, run: Run, isOnNode: boolean) {
    this.#child = child
    this.#isOnNode = isOnNode
    this.#running = running
    this.#run = run
    this.#reader = child.stdout.getReader()
    this.#onAbort = () => {
      // After its output, or once it is answered, a script may go on with work of its own. Deno aborts when an answer was sent, too.
      if (!this.#outputOver && !this.#discarding) this.#end('gone')
    }
    run.signal.addEventListener('abort', this.#onAbort)
    run.late?.addEventListener('abort', this.#onLate)
    const { headerTime, totalTime } = run.limits
    this.#headerTimer = setTimeout(() => this.#end('header-time'), headerTime)
    this.#totalTimer = setTimeout(() => this.#end('total-time'), totalTime)
    this.#errorOver = this.#readErrors()
    child.exited.then(() => {
      this.#exited = true
      if (this.#wake !== undefined) this.#awaitDrain()
      if (this.#outputOver) void this.#cleanUp()
    })
    if (run.signal.aborted) this.#end('gone')
  }

  /** Reads up to the end of the header. */
  async head(): Promise<Outcome> {
    let octets: Uint8Array = new Uint8Array(0)
    /** Where no header end was found before. */
    let from = 0
    /** Octets of interim answers. */
    let before = 0
    for (let interim = false; ; ) {
      if (!interim) {
        from = octets.length
        const chunk = await this.#read()
        if (chunk === undefined) return this.#failed()
        octets = from === 0 ? chunk : joined(octets, chunk)
      }
      interim = false
      const found = findHeaderEnd(octets, from)
      if (before + (found?.end ?? octets.length) > this.#run.limits.headerSize) {
        return this.#refused(`sent a header of more than ${this.#run.limits.headerSize} octets`)
      }
      if (found === undefined) continue
      let head: CgiHead
      try {
        head = (this.#run.nonParsedHeader ? parseNonParsedHead : parseHead)(octets.subarray(0, found.end))
      } catch (error) {
        if (!(error instanceof CgiOutputError)) throw error
        return this.#refused(`sent ${error.message}`)
      }
      octets = octets.subarray(found.body)
      if (head.kind === 'interim') {
        interim = true
        from = 0
        before += found.body
        continue
      }
      clearTimeout(this.#headerTimer)
      return this.#answer(head, octets)
    }
  }

  #answer(head: Exclude<CgiHead, { kind: 'interim' }>, rest: Uint8Array): Outcome {
    if (head.kind === 'local-redirect') {
      void this.#discard()
      return head
    }
    const { status, statusText, headers } = head
    // The runtime knows the length of what it sends. A script may be wrong about it, also in answer to a HEAD.
    headers.delete('content-length')
    const notModified = status === 200 && !head.ownStatus && isNotModified(this.#run.request, headers)
    if (notModified || BODILESS.has(status)) {
      headers.delete('content-type')
      void this.#discard()
      const init = notModified ? { status: 304, headers } : { status, statusText, headers }
      return { kind: 'response', response: new Response(null, init) }
    }
    if (this.#run.request.method === 'HEAD') {
      void this.#discard()
      // Bun and Deno would send "Content-Length: 0", which a GET contradicts (RFC 9110 section 8.6). An empty stream has no length for
      // them. Hono makes it `null` again: then Bun goes by the field, which it leaves out over HTTP/2.
      headers.set('transfer-encoding', 'chunked')
      return { kind: 'response', response: new Response(emptyStream(), { status, statusText, headers }) }
    }
    return { kind: 'response', response: new Response(this.#body(rest), { status, statusText, headers }) }
  }

  /** The rest of the output, read at the pace of the client. */
  #body(first: Uint8Array): ReadableStream<Uint8Array> {
    let rest: Uint8Array | undefined = first.length > 0 ? first : undefined
    return new ReadableStream(
      {
        // Octets are handed over, not shared: that halves what is alive at a time.
        type: 'bytes',
        pull: async (controller: ReadableByteStreamController) => {
          let chunk = rest
          rest = undefined
          if (chunk === undefined) chunk = await this.#read()
          if (chunk !== undefined) {
            this.#octets += chunk.length
            if (this.#octets <= this.#run.limits.outputSize) {
              controller.enqueue(chunk as Uint8Array<ArrayBuffer>)
              return
            }
            this.#end('output-size')
          }
          const trouble = this.#trouble()
          // Of a client that has gone `@hono/node-server` would print the error.
          if (trouble === undefined || (this.#cut === 'gone' && this.#isOnNode)) controller.close()
          else {
            if (this.#cut !== 'gone' && this.#cut !== 'body-time') this.#run.onTrouble(trouble)
            // An answer that is cut short must not look complete.
            controller.error(new Error(`The script ${trouble}`))
          }
        },
        cancel: () => this.#end('gone'),
      },
      { highWaterMark: 0 },
    )
  }

  /** Reads on and drops everything, because a script may still have work to do after its answer. */
  async #discard(): Promise<void> {
    // The answer goes out now: the connection is no longer the script's.
    this.#discarding = true
    for (;;) {
      const chunk = await this.#read()
      if (chunk === undefined) return
      this.#octets += chunk.length
      if (this.#octets > this.#run.limits.outputSize) this.#end('output-size')
    }
  }

  /** The next octets, `undefined` at the end, whether the script or a limit made it. */
  #read(): Promise<Uint8Array | undefined> {
    if (this.#cut !== undefined || this.#outputOver) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const settle = (value: Uint8Array | undefined): void => {
        if (this.#wake === undefined) return
        this.#wake = undefined
        if (!this.#discarding) this.#run.idle.over()
        clearTimeout(this.#drainTimer)
        this.#drainTimer = undefined
        if (value === undefined) this.#over()
        else this.#silent = false
        resolve(value)
      }
      this.#wake = settle
      if (!this.#discarding) this.#run.idle.await()
      if (this.#exited) this.#awaitDrain()
      this.#reader.read().then(
        ({ done, value }) => settle(done ? undefined : value),
        () => settle(undefined),
      )
    })
  }

  /** The script has ended and its output has not, because a process that it started holds it. Silence is waited for `drainTime`. */
  #awaitDrain(): void {
    this.#drainTimer ??= setTimeout(() => this.#end('drained'), this.#run.limits.drainTime)
  }

  /** Cuts the output off and stops the group. */
  #end(cut: Cut): void {
    if (this.#cut !== undefined) return
    this.#cut = cut
    this.#stopping ??= stopGroup(this.#child, this.#run.limits.graceTime)
    this.#reader.cancel().catch(() => {})
    if (this.#wake !== undefined) this.#wake(undefined)
    else this.#over()
  }

  #over(): void {
    if (this.#outputOver) return
    this.#outputOver = true
    if (this.#exited || this.#stopping !== undefined) void this.#cleanUp()
  }

  #cleanedUp = false
  async #cleanUp(): Promise<void> {
    if (this.#cleanedUp) return
    this.#cleanedUp = true
    clearTimeout(this.#headerTimer)
    clearTimeout(this.#drainTimer)
    this.#run.signal.removeEventListener('abort', this.#onAbort)
    this.#run.late?.removeEventListener('abort', this.#onLate)
    const timer = setTimeout(() => this.#stopErrors(), this.#stopping === undefined ? this.#run.limits.drainTime : 0)
    await this.#errorOver
    clearTimeout(timer)
    await this.#child.exited
    clearTimeout(this.#totalTimer)
    // The permit is free when the script has ended. What it has left behind may take the time that SIGTERM gives.
    this.#run.onEnd()
    await this.#stopping
    this.#running.remove(this.#child)
  }

  /** Why the output is not whole; `undefined` if it is. Output that a grandchild held is taken for whole. */
  #trouble(): string | undefined {
    const { limits } = this.#run
    switch (this.#cut) {
      case 'header-time':
        return `sent no header within ${limits.headerTime} ms`
      case 'total-time':
        return `did not end within ${limits.totalTime} ms`
      case 'output-size':
        return `sent more than ${limits.outputSize} octets`
      case 'body-time':
        return 'was stopped because the client did not send the request body in time'
      case 'gone':
        return 'was stopped because the client has gone'
      default:
        return undefined
    }
  }

  #failed(): Outcome {
    clearTimeout(this.#headerTimer)
    if (this.#cut === 'body-time') return { kind: 'failed', status: 408 }
    const trouble = this.#trouble()
    const late = this.#cut === 'header-time' || this.#cut === 'total-time'
    const what = this.#silent ? 'ended without any output' : 'ended before the end of its header'
    return { kind: 'failed', status: late ? 504 : 502, why: trouble ?? what }
  }

  #refused(why: string): Outcome {
    clearTimeout(this.#headerTimer)
    this.#end('output-size')
    return { kind: 'failed', status: 502, why }
  }

  /** Hands standard error on, line by line, up to the bound; what comes after that is read and dropped. */
  async #readErrors(): Promise<void> {
    const reader = this.#child.stderr.getReader()
    let isStopped = false
    // Settled by each read or by the end: a race with one promise for all of them would keep everything that was read.
    const read = (): Promise<Uint8Array | undefined> =>
      new Promise((resolve) => {
        this.#stopErrors = () => {
          isStopped = true
          resolve(undefined)
          reader.cancel().catch(() => {})
        }
        // Of a pipe that is closed there is no more to read.
        reader.read().then(
          ({ value }) => resolve(value),
          () => resolve(undefined),
        )
      })
    const lines = new ErrorLines(this.#run.limits.errorSize, this.#run.onErrorLine)
    while (!isStopped) {
      const octets = await read()
      if (octets === undefined) break
      lines.add(octets)
    }
    lines.end()
  }
}

function emptyStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.close() }, { highWaterMark: 0 })
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
