/**
 * Options of CGI handlers, checked once when the handler is made.
 * @module
 */

import * as v from 'valibot'
import { aFunction, aNumber, anArray, aText, aTextLike, checkOptions, withoutNul } from '../base/options.ts'
import { escapeControls } from '../base/text.ts'

/** What a script may use. Times in milliseconds, sizes in octets. */
export interface CgiLimits {
  /** Until the header of the answer is complete; then 504. Default 60000. */
  readonly headerTime?: number | undefined
  /** Until the script has ended; then it is stopped. Default 300000. */
  readonly totalTime?: number | undefined
  /** From SIGTERM to SIGKILL. Default 2000. */
  readonly graceTime?: number | undefined
  /** Silence after the script has ended, while a process that it started still holds its output. Default 1000. */
  readonly drainTime?: number | undefined
  /** Header of the answer, interim ones of an `nph-` script included; then 502. Default 65536. */
  readonly headerSize?: number | undefined
  /** Body of the answer; then it is cut off. Default 4294967296. */
  readonly outputSize?: number | undefined
  /** Standard error of one run that is handed on. Default 65536. */
  readonly errorSize?: number | undefined
  /**
   * Spent waiting for the request's body, plus a second for every 500 octets of it; then 408, or the answer is cut off if it has begun.
   * On Bun `idleTimeout` of the server may close the connection before. Default 60000.
   */
  readonly bodyTime?: number | undefined
  /** Request body of unknown length (chunked), which has to be spooled to know it; then 413. Default 1073741824. */
  readonly chunkedSize?: number | undefined
  /** Scripts that run at once. Default 64. */
  readonly running?: number | undefined
  /** Requests that wait for a place; then 503. Default 1024. */
  readonly waiting?: number | undefined
  /** How long a request waits for a place; then 503. Default 30000. */
  readonly waitTime?: number | undefined
  /** Local redirects in a row; then 502. Default 10. */
  readonly redirects?: number | undefined
}

/** Which script a message is about. */
export interface ScriptNote {
  /** SCRIPT_FILENAME, or the program of `command`. */
  readonly script: string
}

/** How scripts are found and run. `Subject` is what callbacks get: Hono's context, or the request. */
export interface CgiOptions<Subject> {
  /** Directory of scripts. Either this or `command`. */
  readonly root?: string | undefined
  /** One program and its arguments for every request. */
  readonly command?: readonly [string, ...string[]] | undefined
  /**
   * URL path that leads to `root` or `command`, without the slash at its end: `'/cgi-bin'`. Default: in Hono what stands before
   * the `*` of the route, otherwise nothing.
   */
  readonly prefix?: string | undefined
  /**
   * Programs that run files of `root` by their extension: `{ '.php': ['/usr/bin/php-cgi'] }`. Such files need not be executable;
   * the program finds the file in SCRIPT_FILENAME and gets REDIRECT_STATUS.
   */
  readonly interpreters?: Readonly<Record<string, readonly [string, ...string[]]>> | undefined
  /** Names of this process's own variables that scripts get. Default `['PATH']`. */
  readonly passEnv?: readonly string[] | undefined
  /** Further variables for every script. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Further variables for one request. In Hono `c.var.fingerprintEnv` comes by itself. */
  readonly variables?: ((subject: Subject) => Readonly<Record<string, string | undefined>> | undefined) | undefined
  /** REMOTE_USER and AUTH_TYPE, for users that the application has checked. */
  readonly user?:
    | ((subject: Subject) => { readonly name: string; readonly type?: string | undefined } | undefined)
    | undefined
  /** DOCUMENT_ROOT, and what PATH_TRANSLATED begins with. Default: neither is set. */
  readonly documentRoot?: string | undefined
  /** Working directory. Default: that of the script. */
  readonly cwd?: string | undefined
  /** SERVER_NAME. Default: the host of the request if that is a host name or an address, else the local address. */
  readonly serverName?: string | undefined
  /** SERVER_PORT. Default: that of the listener. */
  readonly serverPort?: number | undefined
  /** SERVER_SOFTWARE. Default `'tcpfingerprint'`. */
  readonly serverSoftware?: string | undefined
  /** SERVER_PROTOCOL, since no runtime tells. Default `'HTTP/1.1'`. */
  readonly protocol?: string | undefined
  /**
   * Answers a local redirect that leads elsewhere than to this handler's own scripts, for instance
   * `(request, c) => app.fetch(request, c.env)`. Default: the client is told to go there (302).
   */
  readonly dispatch?: ((request: Request, subject: Subject) => Response | Promise<Response>) | undefined
  /**
   * Seconds of the server's own `idleTimeout`, on Bun, which does not tell it. A script that is silent for more than 20 ms has its
   * connection's timeout extended; afterwards this is what it is set to, until the next request. 0 to 255, 0 for none. Default 10,
   * that of `Bun.serve`.
   */
  readonly idleTimeout?: number | undefined
  readonly limits?: CgiLimits | undefined
  /** A line that a script wrote to standard error. Default: `console.error`. */
  readonly onStderr?: ((line: string, note: ScriptNote) => void) | undefined
  /** A script that failed: what the client gets a 5xx or half an answer for. Default: `console.error`. */
  readonly onError?: ((error: Error, note: ScriptNote) => void) | undefined
}

/** Options with every default filled in. */
export interface ResolvedCgiOptions<Subject> {
  readonly root: string | undefined
  readonly command: readonly [string, ...string[]] | undefined
  readonly prefix: string | undefined
  readonly interpreters: Readonly<Record<string, readonly [string, ...string[]]>>
  readonly passEnv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly variables: CgiOptions<Subject>['variables']
  readonly user: CgiOptions<Subject>['user']
  readonly documentRoot: string | undefined
  readonly cwd: string | undefined
  readonly serverName: string | undefined
  readonly serverPort: number | undefined
  readonly serverSoftware: string | undefined
  readonly protocol: string | undefined
  readonly dispatch: CgiOptions<Subject>['dispatch']
  readonly idleTimeout: number
  readonly limits: Required<{ readonly [name in keyof CgiLimits]: number }>
  readonly onStderr: (line: string, note: ScriptNote) => void
  readonly onError: (error: Error, note: ScriptNote) => void
}

const anArgument = () => withoutNul(aText())
const aCommand = () => anArray(anArgument(), 'a program and its arguments in an array')
const aName = () => aTextLike(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of a variable')
const aTime = () => aNumber(1, 2_147_483_647)
const aSize = () => aNumber(0)
const aCount = () => aNumber(0, 1_000_000)

const cgiOptionsSchema = () =>
  v.pipe(
    v.strictObject({
      root: v.optional(anArgument()),
      command: v.optional(aCommand()),
      prefix: v.optional(aTextLike(/^(?:\/[^/?#]+)*$/, 'a path like "/cgi-bin"')),
      interpreters: v.optional(v.record(aTextLike(/^\.[^/.]+$/, 'an extension like ".php"'), aCommand()), {}),
      passEnv: v.optional(v.array(aName()), ['PATH']),
      env: v.optional(v.record(aName(), withoutNul(v.string())), {}),
      variables: v.optional(aFunction()),
      user: v.optional(aFunction()),
      documentRoot: v.optional(anArgument()),
      cwd: v.optional(anArgument()),
      serverName: v.optional(anArgument()),
      serverPort: v.optional(aNumber(0, 65_535)),
      serverSoftware: v.optional(anArgument()),
      protocol: v.optional(anArgument()),
      dispatch: v.optional(aFunction()),
      idleTimeout: v.optional(aNumber(0, 255), 10),
      limits: v.optional(
        v.strictObject({
          headerTime: v.optional(aTime(), 60_000),
          totalTime: v.optional(aTime(), 300_000),
          graceTime: v.optional(aTime(), 2_000),
          drainTime: v.optional(aTime(), 1_000),
          bodyTime: v.optional(aTime(), 60_000),
          headerSize: v.optional(aSize(), 65_536),
          outputSize: v.optional(aSize(), 4_294_967_296),
          errorSize: v.optional(aSize(), 65_536),
          chunkedSize: v.optional(aSize(), 1_073_741_824),
          running: v.optional(aNumber(1, 1_000_000), 64),
          waiting: v.optional(aCount(), 1_024),
          waitTime: v.optional(aTime(), 30_000),
          redirects: v.optional(aCount(), 10),
        }),
        {},
      ),
      onStderr: v.optional(aFunction()),
      onError: v.optional(aFunction()),
    }),
    v.check(
      ({ root, command }) => (root === undefined) !== (command === undefined),
      'Expected either "root" or "command"',
    ),
  )

/**
 * Checks options and fills in the defaults.
 *
 * @throws {TypeError} naming the option, what was expected and what was seen
 */
export function resolveCgiOptions<Subject>(options: CgiOptions<Subject>): ResolvedCgiOptions<Subject> {
  const resolved = checkOptions('cgi', cgiOptionsSchema, options) as unknown as ResolvedCgiOptions<Subject>
  const { onStderr, onError } = options
  return {
    ...resolved,
    onStderr: onStderr ?? ((line, { script }) => console.error(`${script}: ${safeForTerminal(line)}`)),
    onError: onError ?? ((error) => console.error(`tcpfingerprint: ${safeForTerminal(error.message)}`)),
  }
}

/** Text without what a terminal would act on, but for tabs. */
function safeForTerminal(text: string): string {
  return text.split('\t').map(escapeControls).join('\t')
}
