/**
 * `createAccessLogger()` for handlers without a framework.
 * @module
 */
import { answeredAtOnce } from '../base/report-once.ts'
import { currentRuntime } from '../runtime/current.ts'
import { LogEntry, type NamedEnds } from './entry.ts'
import { ALL_USES } from './format.ts'
import { AccessLogger } from './logger.ts'
import type { AccessLogOptions, LoggedExchange } from './options.ts'
import type { AccessRecord } from './record.ts'

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
  /** Writes what waits, closes the file and removes the signal listeners. */
  close(): void
}

type Variables = Readonly<Record<string, string | undefined>>

/** What is read of a fingerprint: any of `fromBun()` and `fromDeno()` will do. */
export interface LoggedFingerprint extends NamedEnds {
  readonly env: Variables
  readonly tcpInfo?: AccessRecord['tcpInfo']
  readonly delivery?: AccessRecord['delivery']
}

/** Options of plain handlers: what a context knows is told by functions. Both are called before the handler. */
export interface PlainAccessLogOptions extends AccessLogOptions<LoggedExchange> {
  /**
   * The fingerprint of a request, for `%{...}g`, and for the client's address behind a trusted proxy:
   * `(request, server) => fp.fromBun(request, server)`.
   */
  readonly fingerprint?: ((request: Request, server: unknown) => LoggedFingerprint | undefined) | undefined
  /** The `FINGERPRINT_*` variables alone: `(request, server) => fp.env(fp.fromBun(request, server))`. They win over those of `fingerprint`. */
  readonly env?: ((request: Request, server: unknown) => Variables | undefined) | undefined
}

class PlainEntry extends LogEntry {
  fingerprint: LoggedFingerprint | undefined
  ownEnv: Variables | undefined

  get env(): Variables | undefined {
    return this.ownEnv ?? this.fingerprint?.env
  }
  get tcpInfo(): AccessRecord['tcpInfo'] {
    return this.fingerprint?.tcpInfo
  }
  get delivery(): AccessRecord['delivery'] {
    return this.fingerprint?.delivery
  }
}

/**
 * Access logs for handlers without Hono.
 *
 * @throws {TypeError} for an unknown option, a wrong value, or a format that does not compile
 * @example
 * const log = createAccessLogger({ format: 'common' })
 * Bun.serve({ fetch: log.wrap((request, server) => new Response('hello')) })
 */
export function createAccessLogger(options: PlainAccessLogOptions = {}): PlainAccessLog {
  const { env, fingerprint, ...rest } = options
  for (const [name, value] of Object.entries({ env, fingerprint })) {
    if (value === undefined || typeof value === 'function') continue
    throw new TypeError(`Invalid access log options: "${name}": Expected a function`)
  }
  const log = new AccessLogger<LoggedExchange>(currentRuntime(), rest)
  const wantsEnv = log.uses === ALL_USES || log.uses.variables.length > 0
  /** Takes what a function of the application gives. Where it throws the line is made without it. */
  const take = (step: () => void): void => {
    try {
      step()
    } catch (error) {
      log.failed(error)
    }
  }
  const begin = (request: Request, server: unknown): PlainEntry => {
    const entry = new PlainEntry(log, request, server)
    take(() => {
      if (!wantsEnv && !log.uses.connection) return
      const found = fingerprint && answeredAtOnce('fingerprint', fingerprint(request, server))
      if (log.uses.connection) entry.takeEnds(found)
      entry.fingerprint = found
    })
    take(() => {
      if (wantsEnv) entry.ownEnv = env && answeredAtOnce('env', env(request, server))
    })
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
