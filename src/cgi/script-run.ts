/**
 * One script from start to end: its output becomes an answer as it comes, within limits, and nothing of it stays behind.
 * @module
 */

import type { Child, Spawn, SpawnOptions } from '../runtime/types.ts'
import { type CgiHead, CgiOutputError, findHeaderEnd, parseHead } from './response-head.ts'

/** What a script may use. Milliseconds and octets. */
export interface RunLimits {
  /** Until the header of the answer is complete. */
  readonly headerTime: number
  /** Until the script has ended. */
  readonly totalTime: number
  /** From SIGTERM to SIGKILL. */
  readonly graceTime: number
  /** Silence after the script has ended, while something that it started still holds its output. */
  readonly drainTime: number
  readonly headerSize: number
  readonly outputSize: number
  readonly errorSize: number
}

/** A script to run and who hears of it. */
export interface Run {
  readonly spawn: SpawnOptions
  readonly limits: RunLimits
  /** The request is over: nobody wants the answer any more. */
  readonly signal: AbortSignal
  /** Only the head of the answer is wanted. */
  readonly head: boolean
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
  | { readonly kind: 'local-redirect'; readonly target: string }
  | { readonly kind: 'failed'; readonly status: 404 | 500 | 502 | 503 | 504; readonly why: string }

/** Answers that must not have a body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304])

/** Scripts that run now, so that none outlives the server. */
export class RunningScripts {
  readonly #children: Set<Child> = new Set()
  readonly #watchEnd: () => () => void
  #unwatch: () => void = () => {}

  /**
   * @param watchEnd - has {@link killAll} called before the process ends, and returns how to take that back. In force only while a
   *   script runs: a handler that is forgotten, as at each reload of `bun --hot`, leaves nothing behind
   */
  constructor(watchEnd: () => () => void) {
    this.#watchEnd = watchEnd
  }

  add(child: Child): void {
    if (this.#children.size === 0) this.#unwatch = this.#watchEnd()
    this.#children.add(child)
  }
  remove(child: Child): void {
    if (this.#children.delete(child) && this.#children.size === 0) this.#unwatch()
  }
  /** Ends every group at once: SIGTERM, a moment, SIGKILL. For the end of the process, so it blocks. */
  killAll(pause: (milliseconds: number) => void, graceTime: number): void {
    const left = [...this.#children].filter((child) => child.signal('SIGTERM'))
    for (let waited = 0; waited < graceTime && left.some((child) => child.signal(0)); waited += 5) pause(5)
    for (const child of left) child.signal('SIGKILL')
    this.#children.clear()
  }
  /** Ends every group, SIGKILL after `graceTime`. */
  async stopAll(graceTime: number): Promise<void> {
    await Promise.all([...this.#children].map((child) => stopGroup(child, graceTime)))
  }
}

/** SIGTERM to the group, SIGKILL after `graceTime` to what is left of it. Resolves when nobody is. */
async function stopGroup(child: Child, graceTime: number): Promise<void> {
  if (!child.signal('SIGTERM')) return
  const end = performance.now() + graceTime
  for (let wait = 1; performance.now() < end; wait = Math.min(wait * 2, 50)) {
    await sleep(Math.min(wait, graceTime))
    if (!child.signal(0)) return
  }
  child.signal('SIGKILL')
  // The kernel takes a moment; a process in uninterruptible sleep may take longer than is worth waiting for.
  for (let wait = 1; wait < 256 && child.signal(0); wait *= 2) await sleep(wait)
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Why a script's output ends before it has ended it. */
type Cut = 'header-time' | 'total-time' | 'gone' | 'output-size' | 'drained'

/**
 * Starts a script and waits for the head of its answer.
 *
 * The body follows as it is read; a client that reads slowly slows the script down. `onEnd` comes when the script and, where it
 * had to be stopped, its whole process group have ended.
 */
export async function runScript(spawn: Spawn, running: RunningScripts, run: Run): Promise<Outcome> {
  let child: Child
  try {
    child = spawn(run.spawn)
  } catch (error) {
    run.onEnd()
    return notStarted(error)
  }
  running.add(child)
  return new ScriptRun(child, running, run).head()
}

function notStarted(error: unknown): Outcome {
  const code = (error as { code?: unknown } | undefined)?.code
  const message = error instanceof Error ? error.message : String(error)
  // It was there when its path was looked up, or its interpreter is missing; or the system is out of processes.
  const status = code === 'ENOENT' ? 404 : code === 'EAGAIN' || code === 'EMFILE' || code === 'ENFILE' ? 503 : 500
  return { kind: 'failed', status, why: `cannot be started: ${message}` }
}

class ScriptRun {
  readonly #child: Child
  readonly #running: RunningScripts
  readonly #run: Run
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #onAbort: () => void
  #cut: Cut | undefined
  /** Ends the read that waits, whatever the runtime's stream does when it is cancelled. */
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

  constructor(child: Child, running: RunningScripts, run: Run) {
    this.#child = child
    this.#running = running
    this.#run = run
    this.#reader = child.stdout.getReader()
    this.#onAbort = () => {
      // After its output a script may go on with work of its own.
      if (!this.#outputOver) this.#end('gone')
    }
    run.signal.addEventListener('abort', this.#onAbort)
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
    for (;;) {
      const from = octets.length
      const chunk = await this.#read()
      if (chunk === undefined) return this.#failed(octets)
      octets = from === 0 ? chunk : joined(octets, chunk)
      const found = findHeaderEnd(octets, from)
      if ((found?.end ?? octets.length) > this.#run.limits.headerSize) {
        return this.#refused(`sent a header of more than ${this.#run.limits.headerSize} octets`)
      }
      if (found === undefined) continue
      clearTimeout(this.#headerTimer)
      try {
        return this.#answer(parseHead(octets.subarray(0, found.end)), octets.subarray(found.body))
      } catch (error) {
        if (!(error instanceof CgiOutputError)) throw error
        return this.#refused(`sent ${error.message}`)
      }
    }
  }

  #answer(head: CgiHead, rest: Uint8Array): Outcome {
    if (head.kind === 'local-redirect') {
      void this.#discard()
      return head
    }
    const { status, statusText, headers } = head
    const empty = BODILESS.has(status)
    if (empty || this.#run.head) {
      void this.#discard()
      if (empty) headers.delete('content-length')
      return { kind: 'response', response: new Response(null, { status, statusText, headers }) }
    }
    // The runtime knows the length of what it sends; a script may be wrong about it.
    headers.delete('content-length')
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
          if (trouble === undefined) controller.close()
          else {
            if (this.#cut !== 'gone') this.#run.onTrouble(trouble)
            // An answer that is cut short must not look complete.
            controller.error(new Error(`The script ${trouble}`))
          }
        },
        cancel: () => this.#end('gone'),
      },
      { highWaterMark: 0 },
    )
  }

  /** Reads on without keeping anything: a script that is not listened to any more may still have work to do. */
  async #discard(): Promise<void> {
    for (;;) {
      const chunk = await this.#read()
      if (chunk === undefined) return
      this.#octets += chunk.length
      if (this.#octets > this.#run.limits.outputSize) this.#end('output-size')
    }
  }

  /** The next octets, `undefined` at the end, be it the script's own or not. */
  #read(): Promise<Uint8Array | undefined> {
    if (this.#cut !== undefined || this.#outputOver) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const settle = (value: Uint8Array | undefined): void => {
        if (this.#wake === undefined) return
        this.#wake = undefined
        clearTimeout(this.#drainTimer)
        this.#drainTimer = undefined
        if (value === undefined) this.#over()
        resolve(value)
      }
      this.#wake = settle
      if (this.#exited) this.#awaitDrain()
      this.#reader.read().then(
        ({ done, value }) => settle(done ? undefined : value),
        () => settle(undefined),
      )
    })
  }

  /** The script has ended, its output has not: somebody holds it. Whoever says nothing for a while is not waited for. */
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
    const timer = setTimeout(() => this.#stopErrors(), this.#stopping === undefined ? this.#run.limits.drainTime : 0)
    await this.#errorOver
    clearTimeout(timer)
    await this.#child.exited
    clearTimeout(this.#totalTimer)
    // The place is free when the script has ended; what it has left behind may take the time that SIGTERM gives.
    this.#run.onEnd()
    await this.#stopping
    this.#running.remove(this.#child)
  }

  /** Why the output is not whole; `undefined` where it is. Output that was held by a grandchild is taken for whole. */
  #trouble(): string | undefined {
    const { limits } = this.#run
    switch (this.#cut) {
      case 'header-time':
        return `sent no header within ${limits.headerTime} ms`
      case 'total-time':
        return `did not end within ${limits.totalTime} ms`
      case 'output-size':
        return `sent more than ${limits.outputSize} octets`
      case 'gone':
        return 'was stopped because the client has gone'
      default:
        return undefined
    }
  }

  #failed(octets: Uint8Array): Outcome {
    clearTimeout(this.#headerTimer)
    const trouble = this.#trouble()
    const late = this.#cut === 'header-time' || this.#cut === 'total-time'
    const what = octets.length === 0 ? 'ended without any output' : 'ended before the end of its header'
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
    let stop: (value: { done: true; value: undefined }) => void = () => {}
    const stopped = new Promise<{ done: true; value: undefined }>((resolve) => {
      stop = resolve
    })
    this.#stopErrors = () => {
      stop({ done: true, value: undefined })
      reader.cancel().catch(() => {})
    }
    const lines = new ErrorLines(this.#run.limits.errorSize, this.#run.onErrorLine)
    try {
      for (;;) {
        const { done, value } = await Promise.race([reader.read(), stopped])
        if (done) break
        lines.add(value)
      }
    } catch {
      // The pipe is gone: there is no more to read.
    }
    lines.end()
  }
}

/** Octets of standard error as lines, bounded. */
class ErrorLines {
  readonly #decoder = new TextDecoder()
  readonly #hand: (line: string) => void
  #left: number
  #line = ''

  constructor(bound: number, hand: (line: string) => void) {
    this.#left = bound
    this.#hand = hand
  }
  add(octets: Uint8Array): void {
    if (this.#left <= 0) return
    const taken = octets.subarray(0, this.#left)
    this.#left -= taken.length
    const lines = (this.#line + this.#decoder.decode(taken, { stream: true })).split(/\r?\n/)
    this.#line = lines.pop()!
    for (const line of lines) this.#tell(line)
    if (this.#left <= 0) {
      this.end()
      this.#tell('(more was written to standard error and dropped)')
    }
  }
  end(): void {
    if (this.#line !== '') this.#tell(this.#line)
    this.#line = ''
  }
  #tell(line: string): void {
    if (line === '') return
    try {
      this.#hand(line)
    } catch {
      // Whoever listens must not break the script.
    }
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
