/**
 * CGI/1.1 (RFC 3875) for handlers of web-standard requests: find the script, run it, answer.
 * @module
 */

import { blockFor } from '../base/block-for.ts'
import { answeredAtOnce, ignoreRejection, toError } from '../base/report-once.ts'
import { requestTarget, targetPath, targetQuery } from '../http/request-target.ts'
import { currentRuntime } from '../runtime/current.ts'
import { absolutePath } from '../runtime/files.ts'
import { onProcessEnd } from '../runtime/process-end.ts'
import type { PermissionError, Runtime, SpawnOptions } from '../runtime/types.ts'
import { unmapAddress } from '../wire/sockaddr.ts'
import { type RequestBody, requestBody } from './body.ts'
import { applicationVariables, type CgiFacts, cgiVariables, redirectVariables } from './environment.ts'
import { type IdleTimeout, IdleTimeouts } from './idle-timeout.ts'
import { type CgiOptions, type ResolvedCgiOptions, resolveCgiOptions } from './options.ts'
import { clientRedirect, countDispatch, redirectedRequest, withFields } from './redirect.ts'
import { RunningScripts } from './running-scripts.ts'
import { runScript } from './script-run.ts'
import { searchWords } from './search-words.ts'
import { Semaphore } from './semaphore.ts'
import { findTarget, type Target } from './target.ts'

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

/** What a framework knows of a request. */
export interface HandleDetails {
  /** URL path before the script, if the options name none. */
  readonly prefix?: string | undefined
  /** Variables that the framework's context holds. */
  readonly variables?: Readonly<Record<string, string | undefined>> | undefined
  /** The client, if it is not the peer of the connection: a trusted proxy has named it. */
  readonly client?: { readonly address: string; readonly port?: number | undefined } | undefined
  /** The address and port that the request came to, if the runtime does not say: a listener may have all addresses. */
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** The body, if a middleware has read it from the request before. */
  readonly body?: Uint8Array | undefined
}

/** One request on its way through scripts. */
interface Exchange<Subject> {
  readonly request: Request
  readonly subject: Subject
  readonly prefix: string
  readonly facts: Omit<CgiFacts, 'scriptName' | 'pathInfo'>
  readonly variables: Readonly<Record<string, string>>
  readonly body: RequestBody | undefined
  readonly idle: IdleTimeout
  readonly signal: AbortSignal
  /** Local redirects that have led here. */
  readonly redirects: number
  /** Environment of the script that redirected here. */
  readonly before: Readonly<Record<string, string>> | undefined
  /** The target that the client asked for. */
  readonly uri: string
}

const REASONS = {
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  413: 'Content Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
} as const

function plain(status: keyof typeof REASONS, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${status} ${REASONS[status]}\n`, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
  })
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
  readonly #idleTimeouts: IdleTimeouts
  readonly #root: string | undefined
  readonly #passed: Readonly<Record<string, string>>
  #closed = false

  constructor(runtime: Runtime, options: ResolvedCgiOptions<Subject>) {
    this.#runtime = runtime
    this.#options = options
    this.#idleTimeouts = new IdleTimeouts(options.idleTimeout)
    this.#semaphore = new Semaphore(options.limits.running, options.limits.waiting)
    this.#root = options.root === undefined ? undefined : absolutePath(options.root)
    const passed: Record<string, string> = {}
    for (const name of options.passEnv) {
      const value = variableOf(runtime, name) ?? (name === 'PATH' ? '/usr/local/bin:/usr/bin:/bin' : undefined)
      if (value !== undefined) passed[name] = value
    }
    this.#passed = passed
    const grace = Math.min(200, options.limits.graceTime)
    this.#running = new RunningScripts(() =>
      onProcessEnd(() => this.#running.killAll(blockFor, grace), { ifOthersListen: 'skip' }),
    )
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
      const own = answeredAtOnce('variables', this.#options.variables?.(subject))
      const variables = applicationVariables({ ...details.variables, ...own })
      const body = await requestBody(request, details.body, this.#options.limits)
      // RFC 9110 sections 15.5.9 and 15.5.14: the rest of the body is not read.
      if (typeof body === 'number') return plain(body, { connection: 'close' })
      const local = this.#runtime.localOf(server)
      const localAddress = local.address ?? details.localAddress
      const facts: Exchange<Subject>['facts'] = {
        documentRoot: this.#options.documentRoot,
        remoteAddress: peer && unmapAddress(peer.address),
        remotePort: peer?.port,
        localAddress: localAddress && unmapAddress(localAddress),
        localPort: local.port ?? details.localPort,
        serverName: this.#options.serverName,
        serverPort: this.#options.serverPort,
        serverSoftware: this.#options.serverSoftware,
        protocol: this.#options.protocol,
        user: user?.name,
        authType: user?.type,
      }
      const extend = (seconds: number): void => this.#runtime.setIdleTimeout(request, server, seconds)
      const idle = this.#idleTimeouts.of(extend, () => body.clientAwaited())
      return await this.#answer(
        {
          request,
          subject,
          prefix,
          facts,
          variables,
          body,
          idle,
          signal: request.signal,
          redirects: 0,
          before: undefined,
          uri,
        },
        target,
      )
    } catch (error) {
      if (!request.signal.aborted) this.#report(targetPath(uri), `was not run: ${toError(error).message}`)
      return plain(500)
    }
  }

  /** Runs a script and follows its local redirects. */
  async #answer(exchange: Exchange<Subject>, target: Target): Promise<Response> {
    const { request, body, idle, signal } = exchange
    const { limits } = this.#options
    if (!(await this.#acquire(idle, signal))) {
      body?.discard()
      if (!signal.aborted) this.#report(target.label, 'found no place to run in')
      return plain(503, { 'retry-after': '1' })
    }
    let env: Record<string, string>
    let spawn: SpawnOptions
    try {
      env = this.#environment(exchange, target)
      const words = target.interpreted
        ? []
        : searchWords(request.method, targetQuery(requestTarget(request.url)).slice(1))
      spawn = { command: [...target.command, ...words], cwd: target.cwd, env, stdin: body?.stream }
    } catch (error) {
      this.#semaphore.release()
      body?.discard()
      throw error
    }
    const outcome = await runScript(this.#runtime, this.#running, {
      spawn,
      limits,
      request,
      signal,
      late: body?.late,
      idle,
      nonParsedHeader: target.nonParsedHeader,
      onErrorLine: (line) => this.#options.onStderr(line, { script: target.label }),
      onTrouble: (what) => this.#report(target.label, what),
      onEnd: () => {
        body?.discard()
        this.#semaphore.release()
      },
    })
    switch (outcome.kind) {
      case 'response':
        return outcome.response
      case 'failed':
        if (outcome.why !== undefined && !signal.aborted) this.#report(target.label, outcome.why)
        return plain(outcome.status, outcome.status === 408 ? { connection: 'close' } : {})
      case 'local-redirect':
        if (exchange.redirects >= limits.redirects) return this.#tooManyRedirects(target.label)
        return withFields(await this.#redirect(exchange, outcome.target, env), outcome.headers)
    }
  }

  /** True once the script may run. */
  async #acquire(idle: IdleTimeout, signal: AbortSignal): Promise<boolean> {
    const acquired = this.#semaphore.acquire(this.#options.limits.waitTime, signal)
    if (typeof acquired === 'boolean') return acquired
    idle.await()
    try {
      return await acquired
    } finally {
      idle.over()
    }
  }

  /** RFC 3875 section 6.2.2: the request again, as a GET of another path. */
  async #redirect(
    exchange: Exchange<Subject>,
    location: string,
    before: Readonly<Record<string, string>>,
  ): Promise<Response> {
    const { request, subject, prefix, redirects } = exchange
    const again = redirectedRequest(request, location)
    const path = targetPath(requestTarget(again.url))
    const next = findTarget(this.#options, this.#root, path, prefix)
    if (!('status' in next)) {
      return this.#answer({ ...exchange, request: again, body: undefined, redirects: redirects + 1, before }, next)
    }
    const { dispatch, limits } = this.#options
    if (dispatch !== undefined) {
      if (countDispatch(request, again, limits.redirects)) return dispatch(again, subject)
      return this.#tooManyRedirects(targetPath(exchange.uri))
    }
    return location.startsWith(`${prefix}/`) ? plain(next.status) : clientRedirect(location)
  }

  #tooManyRedirects(script: string): Response {
    this.#report(script, `is the end of more than ${this.#options.limits.redirects} local redirects`)
    return plain(502)
  }

  #environment(exchange: Exchange<Subject>, target: Target): Record<string, string> {
    const { request, before, body, facts, variables } = exchange
    const { scriptName, pathInfo, scriptFilename } = target
    const own: CgiFacts = { ...facts, scriptName, pathInfo, scriptFilename, contentLength: body?.length }
    const env: Record<string, string> = {
      ...this.#passed,
      ...(before === undefined ? undefined : redirectVariables(before)),
      ...cgiVariables(request, own),
    }
    if (before !== undefined) env.REQUEST_URI = exchange.uri
    if (target.interpreted || before !== undefined) env.REDIRECT_STATUS = '200'
    return Object.assign(env, variables, this.#options.env)
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
