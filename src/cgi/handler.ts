/**
 * CGI/1.1 (RFC 3875) for handlers of web-standard requests: find the script, run it, answer.
 * @module
 */

import { blockFor } from '../base/block-for.ts'
import { answeredAtOnce, ignoreRejection, toError } from '../base/report-once.ts'
import { requestTarget, targetPath } from '../http/request-target.ts'
import { currentRuntime } from '../runtime/current.ts'
import { absolutePath } from '../runtime/files.ts'
import { onProcessEnd } from '../runtime/process-end.ts'
import type { PermissionError, Runtime } from '../runtime/types.ts'
import type { Exchanges, HandleDetails } from './exchange.ts'
import { type CgiOptions, type ResolvedCgiOptions, resolveCgiOptions } from './options.ts'
import { plain } from './plain-answer.ts'
import { RunningScripts } from './running-scripts.ts'
import { Semaphore } from './semaphore.ts'
import { findTarget } from './target.ts'

/** A CGI handler, with what a graceful stop and metrics need. */
export interface CgiHandler<Subject> {
  /** Answers a request. Never rejects. `server` is what the runtime gave with the request, for its addresses. */
  handle(request: Request, subject: Subject, server: unknown, details?: HandleDetails): Promise<Response>
  /** Scripts that run and requests that wait. */
  status(): CgiStatus
  /** Stops every script: SIGTERM, then SIGKILL. Resolves when all have ended; later requests get 503. */
  close(): Promise<void>
}

/** How busy a handler is. */
export interface CgiStatus {
  readonly running: number
  readonly waiting: number
}

/**
 * Makes a CGI handler.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 */
export function createCgiHandler<Subject>(options: CgiOptions<Subject>): CgiHandler<Subject> {
  return new Handler(currentRuntime(), resolveCgiOptions(options))
}

class Handler<Subject> implements CgiHandler<Subject> {
  readonly #runtime: Runtime
  readonly #options: ResolvedCgiOptions<Subject>
  readonly #semaphore: Semaphore
  readonly #running: RunningScripts
  readonly #root: string | undefined
  readonly #exchanges: Promise<Exchanges<Subject>>
  #closed = false

  constructor(runtime: Runtime, options: ResolvedCgiOptions<Subject>) {
    this.#runtime = runtime
    this.#options = options
    this.#semaphore = new Semaphore(options.limits.running, options.limits.waiting)
    this.#root = options.root === undefined ? undefined : absolutePath(options.root)
    const passed: Record<string, string> = {}
    for (const name of options.passEnv) {
      const value = variableOf(runtime, name) ?? (name === 'PATH' ? '/usr/local/bin:/usr/bin:/bin' : undefined)
      if (value !== undefined) passed[name] = value
    }
    const grace = Math.min(200, options.limits.graceTime)
    this.#running = new RunningScripts(() =>
      onProcessEnd(() => this.#running.killAll(blockFor, grace), { ifOthersListen: 'skip' }),
    )
    const [semaphore, running, root] = [this.#semaphore, this.#running, this.#root]
    const report = (script: string, what: string): void => this.#report(script, what)
    this.#exchanges = import('./exchange.ts').then(
      ({ Exchanges }) => new Exchanges({ runtime, options, semaphore, running, root, passed, report }),
    )
    // Requests tell.
    this.#exchanges.catch(() => {})
  }

  status(): CgiStatus {
    return { running: this.#semaphore.held, waiting: this.#semaphore.waiting }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#running.stopAll(this.#options.limits.graceTime)
  }

  async handle(request: Request, subject: Subject, server: unknown, details: HandleDetails = {}): Promise<Response> {
    // Before the first await, because the runtime forgets the peer of a request that was aborted.
    const client = details.client ?? this.#runtime.peerOf(request, server)
    const peer = typeof client === 'string' ? undefined : client
    if (this.#closed) return plain(503)
    const uri = requestTarget(request.url)
    try {
      const prefix = this.#options.prefix ?? details.prefix ?? ''
      const target = findTarget(this.#options, this.#root, targetPath(uri), prefix)
      if ('status' in target) return plain(target.status)
      // Before there is a body: what a callback throws must leave none open.
      const user = answeredAtOnce('user', this.#options.user?.(subject))
      const variables = { ...details.variables, ...answeredAtOnce('variables', this.#options.variables?.(subject)) }
      const exchanges = await this.#exchanges
      return await exchanges.answer({ request, subject, server, details, peer, uri, prefix, target, user, variables })
    } catch (error) {
      if (!request.signal.aborted) this.#report(targetPath(uri), `was not run: ${toError(error).message}`)
      return plain(500)
    }
  }

  #report(script: string, what: string): void {
    try {
      ignoreRejection(this.#options.onError(new Error(`CGI script ${script} ${what}`), { script }))
    } catch {
      // An application's listener must not change the answer.
    }
  }
}

/** One variable of this process. @throws {TypeError} if Deno's permissions forbid to read it; for PATH there is a default */
function variableOf(runtime: Runtime, name: string): string | undefined {
  try {
    return runtime.environment(name)
  } catch (error) {
    if (name === 'PATH') return undefined
    throw new TypeError(`Cannot pass variable "${name}" to scripts: run Deno with ${(error as PermissionError).flag}`)
  }
}
