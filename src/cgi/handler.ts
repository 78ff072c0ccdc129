/**
 * CGI/1.1 (RFC 3875) for handlers of web-standard requests: find the script, run it, answer.
 * @module
 */
import { plainAddress } from '../http/address.ts'
import { requestTarget, targetPath } from '../http/request-target.ts'
import type { SpawnOptions } from '../runtime/types.ts'
import { type CgiFacts, cgiVariables } from './environment.ts'
import { type CgiOptions, type ResolvedCgiOptions, resolveCgiOptions } from './options.ts'
import type { CgiRuntime } from './runtime-parts.ts'
import { findScript, joinSegments, pathSegments } from './script-path.ts'
import { RunningScripts, runScript } from './script-run.ts'
import { Slots } from './semaphore.ts'

/** A CGI handler, with what a graceful stop and metrics need. */
export interface CgiHandler<Subject> {
  /** Answers a request. Never rejects; `server` is what came with the request, for its addresses. */
  handle(request: Request, subject: Subject, server: unknown, details?: HandleDetails): Promise<Response>
  /** Scripts that run and requests that wait. */
  status(): CgiStatus
  /** Stops every script: SIGTERM, then SIGKILL. Resolves when all are gone; later requests get 503. */
  close(): Promise<void>
}

/** How busy a handler is. */
export interface CgiStatus {
  readonly running: number
  readonly waiting: number
}

/** What a framework knows of a request. */
export interface HandleDetails {
  /** URL path before the script, where the options name none. */
  readonly prefix?: string | undefined
  /** Variables that the framework's context holds. */
  readonly variables?: Readonly<Record<string, string | undefined>> | undefined
  /** The port that the request came to, where the runtime does not say. */
  readonly localPort?: number | undefined
  /** The body, where somebody has read it from the request before. */
  readonly body?: Uint8Array | undefined
}

/** What is to be run for a request. */
interface Target {
  readonly label: string
  readonly command: readonly [string, ...string[]]
  readonly cwd: string
  readonly facts: Pick<CgiFacts, 'scriptName' | 'pathInfo' | 'scriptFilename'>
  /** Another program reads the script: php-cgi wants to know that a server has sent it. */
  readonly interpreted: boolean
}

const REASONS: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Content Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/
/** What no variable of a request may hold: NUL ends it, line ends could pass for another variable. */
const UNSAFE = /[\u0000\r\n]/g

function plain(status: number): Response {
  return new Response(`${status} ${REASONS[status]}\n`, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
  })
}

/**
 * Makes a CGI handler.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 */
export function createCgiHandler<Subject>(runtime: CgiRuntime, options: CgiOptions<Subject>): CgiHandler<Subject> {
  const resolved = resolveCgiOptions(options)
  return new Handler(runtime, resolved)
}

class Handler<Subject> implements CgiHandler<Subject> {
  readonly #runtime: CgiRuntime
  readonly #options: ResolvedCgiOptions<Subject>
  readonly #slots: Slots
  readonly #running: RunningScripts
  readonly #root: string | undefined
  readonly #passed: Readonly<Record<string, string>>
  #closed = false

  constructor(runtime: CgiRuntime, options: ResolvedCgiOptions<Subject>) {
    this.#runtime = runtime
    this.#options = options
    this.#slots = new Slots(options.limits.running, options.limits.waiting)
    this.#root = options.root === undefined ? undefined : runtime.absolutePath(options.root)
    const passed: Record<string, string> = {}
    for (const name of options.passEnv) {
      const value = runtime.environment(name) ?? (name === 'PATH' ? '/usr/local/bin:/usr/bin:/bin' : undefined)
      if (value !== undefined) passed[name] = value
    }
    this.#passed = passed
    const grace = Math.min(200, options.limits.graceTime)
    this.#running = new RunningScripts(() => runtime.beforeExit(() => this.#running.killAll(runtime.pause, grace)))
  }

  status(): CgiStatus {
    return { running: this.#slots.taken, waiting: this.#slots.waiting }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#running.stopAll(this.#options.limits.graceTime)
  }

  async handle(request: Request, subject: Subject, server: unknown, details: HandleDetails = {}): Promise<Response> {
    // Both before the first await: the runtime forgets the peer of a request that was aborted.
    const peer = this.#runtime.peer(request, server)
    this.#runtime.keepOpen(request, server)
    if (this.#closed) return plain(503)
    try {
      const prefix = this.#options.prefix ?? details.prefix ?? ''
      const target = this.#find(pathOf(request), prefix)
      if ('status' in target) return plain(target.status)
      const body = await this.#body(request, details.body)
      if (body === 'too-large') return plain(413)
      const local = this.#runtime.local(server)
      const user = this.#options.user?.(subject)
      const facts: Omit<CgiFacts, 'scriptName' | 'pathInfo'> = {
        documentRoot: this.#options.documentRoot,
        remoteAddress: peer === undefined ? undefined : plainAddress(peer.address),
        remotePort: peer?.port,
        localAddress: local?.address,
        localPort: local?.port ?? details.localPort,
        serverName: this.#options.serverName,
        serverPort: this.#options.serverPort,
        serverSoftware: this.#options.serverSoftware,
        protocol: this.#options.protocol,
        user: user?.name,
        authType: user?.type,
      }
      const own = { ...details.variables, ...this.#options.variables?.(subject) }
      return await this.#answer({ request, subject, prefix, facts, own, signal: request.signal }, target, body, 0, {})
    } catch (error) {
      if (!request.signal.aborted) this.#fail(pathOf(request), error instanceof Error ? error.message : String(error))
      return plain(500)
    }
  }

  /** What a path leads to: a script, the fixed command, or nothing. */
  #find(path: string, prefix: string): Target | { readonly status: 403 | 404 } {
    const { command, interpreters, cwd } = this.#options
    // Slashes in a row count as one, as for Apache: "//cgi-bin//env" is "/cgi-bin/env".
    const merged = path.replace(/\/{2,}/g, '/')
    if (merged !== prefix && !merged.startsWith(`${prefix}/`)) return { status: 404 }
    const rest = merged.slice(prefix.length)
    const decodedPrefix = decodePath(prefix)
    if (decodedPrefix === undefined) return { status: 404 }
    if (command !== undefined) {
      const parsed = pathSegments(rest)
      if (parsed === undefined) return { status: 404 }
      return {
        label: command[0],
        command,
        cwd: cwd ?? '/',
        facts: {
          scriptName: decodedPrefix,
          pathInfo: joinSegments(parsed.segments, parsed.trailing),
          scriptFilename: command[0],
        },
        interpreted: true,
      }
    }
    const interpreter = (filename: string): readonly [string, ...string[]] | undefined => {
      const extension = /\.[^./]+$/.exec(filename)?.[0]
      return extension !== undefined && Object.hasOwn(interpreters, extension) ? interpreters[extension] : undefined
    }
    const script = findScript(this.#runtime, this.#root!, rest, (filename) => interpreter(filename) !== undefined)
    if ('status' in script) return script
    const program = interpreter(script.filename)
    return {
      label: script.filename,
      command: program ?? [script.realPath],
      cwd: cwd ?? (script.realPath.slice(0, script.realPath.lastIndexOf('/')) || '/'),
      facts: { scriptName: decodedPrefix + script.name, pathInfo: script.pathInfo, scriptFilename: script.filename },
      interpreted: program !== undefined,
    }
  }

  /** The request's body and its length. Without a length of its own it is put aside first: a script has to be told. */
  async #body(request: Request, ready: Uint8Array | undefined): Promise<Body | 'too-large'> {
    if (ready !== undefined) {
      return { length: ready.length, stream: ready.length === 0 ? undefined : streamOf(ready), discard() {} }
    }
    const header = request.headers.get('content-length')
    if (request.body === null) return { length: header === '0' ? 0 : undefined, stream: undefined, discard() {} }
    if (header !== null && /^\d{1,15}$/.test(header)) {
      const { body } = request
      return { length: Number(header), stream: body, discard: () => void body.cancel().catch(() => {}) }
    }
    const spool = this.#runtime.openSpool()
    const reader = request.body.getReader()
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        if (spool.length + value.length > this.#options.limits.chunkedSize) {
          spool.discard()
          await reader.cancel().catch(() => {})
          return 'too-large'
        }
        spool.append(value)
      }
    } catch (error) {
      spool.discard()
      throw error
    }
    const { length } = spool
    let read = false
    return {
      length,
      get stream() {
        read = true
        return length === 0 ? undefined : spool.read()
      },
      discard() {
        if (!read || length === 0) spool.discard()
      },
    }
  }

  /** Runs a script and follows its local redirects. */
  async #answer(
    context: Context<Subject>,
    target: Target,
    body: Body | undefined,
    hops: number,
    before: Readonly<Record<string, string>>,
  ): Promise<Response> {
    const { request, subject } = context
    const { limits } = this.#options
    const place = this.#slots.take(limits.waitTime, context.signal)
    if (!(typeof place === 'boolean' ? place : await place)) {
      body?.discard()
      if (!context.signal.aborted) this.#fail(target.label, 'found no place to run in')
      const response = plain(503)
      response.headers.set('retry-after', '1')
      return response
    }
    let env: Record<string, string>
    let spawn: SpawnOptions
    try {
      env = this.#environment(context, target, body?.length, before)
      spawn = { command: target.command, cwd: target.cwd, env, stdin: body?.stream }
    } catch (error) {
      this.#slots.release()
      body?.discard()
      throw error
    }
    const outcome = await runScript(this.#runtime.spawn, this.#running, {
      spawn,
      limits,
      signal: context.signal,
      head: request.method === 'HEAD',
      onErrorLine: (line) => this.#options.onStderr(line, { script: target.label }),
      onTrouble: (what) => this.#fail(target.label, what),
      onEnd: () => {
        body?.discard()
        this.#slots.release()
      },
    })
    switch (outcome.kind) {
      case 'response':
        return outcome.response
      case 'failed':
        if (!context.signal.aborted) this.#fail(target.label, outcome.why)
        return plain(outcome.status)
      case 'local-redirect':
        if (hops >= limits.redirects) {
          this.#fail(target.label, `is the end of more than ${limits.redirects} local redirects`)
          return plain(502)
        }
        return await this.#redirect(context, outcome.target, subject, hops + 1, env)
    }
  }

  /** RFC 3875 section 6.2.2: the request again, as a GET of another path. */
  async #redirect(
    context: Context<Subject>,
    target: string,
    subject: Subject,
    hops: number,
    before: Readonly<Record<string, string>>,
  ): Promise<Response> {
    const { request } = context
    const headers = new Headers(request.headers)
    for (const name of ['content-length', 'content-type', 'transfer-encoding']) headers.delete(name)
    const again = new Request(originOf(request.url) + target, {
      method: request.method === 'HEAD' ? 'HEAD' : 'GET',
      headers,
    })
    const next = this.#find(targetPath(requestTarget(again.url)), context.prefix)
    if (!('status' in next)) {
      return this.#answer(
        { ...context, request: again, uri: requestTarget(request.url) },
        next,
        undefined,
        hops,
        before,
      )
    }
    if (this.#options.dispatch !== undefined) {
      const seen = (DISPATCHED.get(request) ?? 0) + 1
      if (seen > this.#options.limits.redirects) {
        this.#fail(pathOf(request), `is the end of more than ${this.#options.limits.redirects} local redirects`)
        return plain(502)
      }
      DISPATCHED.set(again, seen)
      return this.#options.dispatch(again, subject)
    }
    if (target.startsWith(`${context.prefix}/`)) return plain(next.status)
    // "//host/path" would lead to another host.
    return new Response(null, { status: 302, headers: { location: target.replace(/^\/{2,}/, '/') } })
  }

  #environment(
    context: Context<Subject>,
    target: Target,
    contentLength: number | undefined,
    before: Readonly<Record<string, string>>,
  ): Record<string, string> {
    const env: Record<string, string> = { ...this.#passed }
    for (const name in before) {
      if (!name.startsWith('REDIRECT_') && !name.startsWith('FINGERPRINT_')) env[`REDIRECT_${name}`] = before[name]!
    }
    const facts: CgiFacts = { ...context.facts, ...target.facts, contentLength }
    Object.assign(env, cgiVariables(context.request, facts))
    if (before.REQUEST_URI !== undefined) {
      env.REQUEST_URI = context.uri ?? before.REQUEST_URI
      env.REDIRECT_URL = (before.SCRIPT_NAME ?? '') + (before.PATH_INFO ?? '')
    }
    if (target.interpreted || before.REQUEST_URI !== undefined) env.REDIRECT_STATUS = '200'
    for (const name in context.own) {
      const value = context.own[name]
      if (value !== undefined && VARIABLE.test(name)) env[name] = value.replace(UNSAFE, '')
    }
    return Object.assign(env, this.#options.env)
  }

  #fail(script: string, what: string): void {
    try {
      this.#options.onError(new Error(`CGI script ${script} ${what}`), { script })
    } catch {
      // The listener's own trouble must not become the client's.
    }
  }
}

/** One request on its way through scripts. */
interface Context<Subject> {
  readonly request: Request
  readonly subject: Subject
  readonly prefix: string
  readonly facts: Omit<CgiFacts, 'scriptName' | 'pathInfo'>
  readonly own: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  /** The target that the client asked for, once a script has led elsewhere. */
  readonly uri?: string | undefined
}

/** A request's body. `stream` is taken once. */
interface Body {
  readonly length: number | undefined
  readonly stream: ReadableStream<Uint8Array> | undefined
  /** Throws away what nobody has read. */
  discard(): void
}

/** How many local redirects have led to a dispatched request. */
const DISPATCHED: WeakMap<Request, number> = new WeakMap()

function pathOf(request: Request): string {
  return targetPath(requestTarget(request.url))
}

function decodePath(text: string): string | undefined {
  const parsed = pathSegments(text)
  return parsed === undefined ? undefined : joinSegments(parsed.segments, false)
}

function originOf(url: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(url)?.[0] ?? 'http://localhost'
}

function streamOf(octets: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(octets)
      controller.close()
    },
  })
}
