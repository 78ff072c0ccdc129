/**
 * `createAccessLogger()` for handlers without a framework.
 * @module
 */
import { currentRuntime } from '../runtime/current.ts'
import { LogEntry } from './entry.ts'
import { ALL_USES } from './format.ts'
import { AccessLogger } from './logger.ts'
import type { AccessLogOptions, LoggedExchange } from './options.ts'

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
 * Access logs for handlers without Hono.
 *
 * @throws {TypeError} for an unknown option, a wrong value, or a format that does not compile
 * @example
 * const log = createAccessLogger({ format: 'common' })
 * Bun.serve({ fetch: log.wrap((request, server) => new Response('hello')) })
 */
export function createAccessLogger(options: PlainAccessLogOptions = {}): PlainAccessLog {
  const { env, ...rest } = options
  if (env !== undefined && typeof env !== 'function') {
    throw new TypeError('Invalid access log options: "env": Expected a function')
  }
  const log = new AccessLogger<LoggedExchange>(currentRuntime(), rest)
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
