/**
 * Options of an access log, checked once.
 * @module
 */

import * as v from 'valibot'
import { aFunction, aNumber, anObjectOr, aText, aValueThat, checkOptions } from '../base/options.ts'
import type { LogFormatUses } from './directives.ts'
import { ALL_USES, type AppendLine, compileLineAppender, NAMED_LOG_FORMATS } from './format.ts'
import type { AccessRecord } from './record.ts'

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
  /** Milliseconds that a line waits at most before it is written with others. 0: in the next turn of the event loop. Default 10. */
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
  /** What `%H` and `%r` say, because no runtime reports the version. Default `'HTTP/1.1'`. */
  readonly protocol?: string | undefined
  /** Called once for each kind of error. Errors never reach a request. Default: `console.error`. */
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

/** {@link LogFileOptions} with every default filled in. */
export interface LogFile {
  readonly file: string
  readonly mode: number
  readonly reopen: string | false
}

/** Receives each line in place of a file. */
export type WriteLine = (line: string, record: AccessRecord) => void

/** Checked options. */
export interface ResolvedOptions<Subject> {
  /** The application's own format; `undefined` where `append` makes the line. */
  readonly make: ((record: AccessRecord) => string | undefined) | undefined
  readonly append: AppendLine
  readonly uses: LogFormatUses
  readonly write: 'stdout' | 'stderr' | LogFile | WriteLine
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

const logFormatSchema = () =>
  v.pipe(
    v.string(),
    v.check(
      (format) => format === 'json' || Object.hasOwn(NAMED_LOG_FORMATS, format) || format.includes('%'),
      ({ input }) =>
        `Expected common, combined, vhost_combined, json or a string with % directives, received "${input}"`,
    ),
  )
const isSignalOrFalse = (value: unknown): boolean =>
  value === false || (typeof value === 'string' && value.startsWith('SIG'))

const accessLogOptionsSchema = () =>
  v.strictObject({
    format: v.optional(
      v.lazy((format) => (typeof format === 'function' ? aFunction<never>() : logFormatSchema())),
      'combined',
    ),
    write: v.optional(
      anObjectOr(
        v.strictObject({
          file: aText(),
          mode: v.optional(aNumber(0, 0o7777), 0o644),
          reopen: v.optional(aValueThat(isSignalOrFalse, 'false or a name like "SIGHUP"'), 'SIGHUP'),
        }),
        (write) => write === 'stdout' || write === 'stderr' || typeof write === 'function',
        '"stdout", "stderr", an object or a function',
      ),
      'stdout',
    ),
    delay: v.optional(aNumber(0, 60_000, false), 10),
    maxPending: v.optional(aNumber(1024, Number.POSITIVE_INFINITY, false), 8_388_608),
    skip: v.optional(aFunction()),
    user: v.optional(aFunction()),
    facts: v.optional(aFunction()),
    serverName: v.optional(aText()),
    serverPort: v.optional(aNumber(0, 65_535)),
    protocol: v.optional(aText()),
    onError: v.optional(aFunction()),
  })

/**
 * Checks options, fills in defaults and compiles the format.
 *
 * @throws {TypeError} for an unknown option, a wrong value, or a format that does not compile
 */
export function resolveOptions<Subject>(options: AccessLogOptions<Subject>): ResolvedOptions<Subject> {
  const checked = checkOptions('access log', accessLogOptionsSchema, options)
  type Checked = Omit<ResolvedOptions<Subject>, 'make' | 'append' | 'uses'> & Required<AccessLogOptions<Subject>>
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

/** A custom format function may read any member, so all are collected. */
const OWN_FORMAT = { append: () => 0, uses: ALL_USES } as const
