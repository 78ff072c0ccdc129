/**
 * A request that has a script, from its body to its answer: loaded with the first handler, and not by every application that imports
 * this library.
 * @module
 */
import { requestTarget, targetPath, targetQuery } from '../http/request-target.ts'
import type { Runtime, SpawnOptions } from '../runtime/types.ts'
import { unmapAddress } from '../wire/sockaddr.ts'
import { type RequestBody, requestBody } from './body.ts'
import { applicationVariables, type CgiFacts, cgiVariables, redirectVariables } from './environment.ts'
import { type IdleTimeout, IdleTimeouts } from './idle-timeout.ts'
import type { CgiOptions, ResolvedCgiOptions } from './options.ts'
import { plain } from './plain-answer.ts'
import { clientRedirect, countDispatch, redirectedRequest, withFields } from './redirect.ts'
import type { RunningScripts } from './running-scripts.ts'
import { runScript } from './script-run.ts'
import { searchWords } from './search-words.ts'
import type { Semaphore } from './semaphore.ts'
import { findTarget, type Target } from './target.ts'

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

/** What the handler knows of a request before its script is looked for. */
export interface Asked<Subject> {
  readonly request: Request
  readonly subject: Subject
  readonly server: unknown
  readonly details: HandleDetails
  /** The client; `undefined` where the runtime does not know it. */
  readonly peer: HandleDetails['client']
  readonly uri: string
  readonly prefix: string
  readonly target: Target
  readonly user: ReturnType<NonNullable<CgiOptions<Subject>['user']>>
  /** Of the option and of the framework. */
  readonly variables: Readonly<Record<string, string | undefined>>
}

/** What the handler has for all its requests. */
export interface HandlerState<Subject> {
  readonly runtime: Runtime
  readonly options: ResolvedCgiOptions<Subject>
  readonly semaphore: Semaphore
  readonly running: RunningScripts
  /** Absolute path of the scripts' directory. */
  readonly root: string | undefined
  /** This process's own variables that scripts get. */
  readonly passed: Readonly<Record<string, string>>
  /** Tells the application of a script that failed. */
  readonly report: (script: string, what: string) => void
}

export class Exchanges<Subject> {
  readonly #state: HandlerState<Subject>
  readonly #idleTimeouts: IdleTimeouts

  constructor(state: HandlerState<Subject>) {
    this.#state = state
    this.#idleTimeouts = new IdleTimeouts(state.options.idleTimeout)
  }

  /** Answers a request. */
  async answer(asked: Asked<Subject>): Promise<Response> {
    const { request, subject, server, details, peer, uri, prefix, target, user } = asked
    const variables = applicationVariables(asked.variables)
    const body = await requestBody(request, details.body, this.#state.options.limits)
    // RFC 9110 sections 15.5.9 and 15.5.14: the rest of the body is not read.
    if (typeof body === 'number') return plain(body, { connection: 'close' })
    const { runtime, options } = this.#state
    const { documentRoot, serverName, serverPort, serverSoftware, protocol } = options
    const local = runtime.localOf(server)
    const localAddress = local.address ?? details.localAddress
    const facts: Exchange<Subject>['facts'] = {
      documentRoot,
      remoteAddress: peer && unmapAddress(peer.address),
      remotePort: peer?.port,
      localAddress: localAddress && unmapAddress(localAddress),
      localPort: local.port ?? details.localPort,
      serverName,
      serverPort,
      serverSoftware,
      protocol,
      user: user?.name,
      authType: user?.type,
    }
    const extend = (seconds: number): void => runtime.setIdleTimeout(request, server, seconds)
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
  }

  /** Runs a script and follows its local redirects. */
  async #answer(exchange: Exchange<Subject>, target: Target): Promise<Response> {
    const { request, body, idle, signal } = exchange
    const { limits } = this.#state.options
    if (!(await this.#acquire(idle, signal))) {
      body?.discard()
      if (!signal.aborted) this.#state.report(target.label, 'found no place to run in')
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
      this.#state.semaphore.release()
      body?.discard()
      throw error
    }
    const { runtime, running, options } = this.#state
    const outcome = await runScript(runtime, running, {
      spawn,
      limits,
      request,
      signal,
      late: body?.late,
      idle,
      nonParsedHeader: target.nonParsedHeader,
      onErrorLine: (line) => options.onStderr(line, { script: target.label }),
      onTrouble: (what) => this.#state.report(target.label, what),
      onEnd: () => {
        body?.discard()
        this.#state.semaphore.release()
      },
    })
    switch (outcome.kind) {
      case 'response':
        return outcome.response
      case 'failed':
        if (outcome.why !== undefined && !signal.aborted) this.#state.report(target.label, outcome.why)
        return plain(outcome.status, outcome.status === 408 ? { connection: 'close' } : {})
      case 'local-redirect':
        if (exchange.redirects >= limits.redirects) return this.#tooManyRedirects(target.label)
        return withFields(await this.#redirect(exchange, outcome.target, env), outcome.headers)
    }
  }

  /** True once the script may run. */
  async #acquire(idle: IdleTimeout, signal: AbortSignal): Promise<boolean> {
    const acquired = this.#state.semaphore.acquire(this.#state.options.limits.waitTime, signal)
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
    const next = findTarget(this.#state.options, this.#state.root, path, prefix)
    if (!('status' in next)) {
      return this.#answer({ ...exchange, request: again, body: undefined, redirects: redirects + 1, before }, next)
    }
    const { dispatch, limits } = this.#state.options
    if (dispatch !== undefined) {
      if (countDispatch(request, again, limits.redirects)) return dispatch(again, subject)
      return this.#tooManyRedirects(targetPath(exchange.uri))
    }
    return location.startsWith(`${prefix}/`) ? plain(next.status) : clientRedirect(location)
  }

  #tooManyRedirects(script: string): Response {
    this.#state.report(script, `is the end of more than ${this.#state.options.limits.redirects} local redirects`)
    return plain(502)
  }

  #environment(exchange: Exchange<Subject>, target: Target): Record<string, string> {
    const { request, before, body, facts, variables } = exchange
    const { scriptName, pathInfo, scriptFilename } = target
    const own: CgiFacts = { ...facts, scriptName, pathInfo, scriptFilename, contentLength: body?.length }
    const env: Record<string, string> = {
      ...this.#state.passed,
      ...(before === undefined ? undefined : redirectVariables(before)),
      ...cgiVariables(request, own),
    }
    if (before !== undefined) env.REQUEST_URI = exchange.uri
    if (target.interpreted || before !== undefined) env.REDIRECT_STATUS = '200'
    return Object.assign(env, variables, this.#state.options.env)
  }
}
